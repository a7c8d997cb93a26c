"""Contradictions that several kinds of resources can have."""

from collections.abc import Iterator

from agr.domain.kinds.kind import Remark


def reserve_fits(reserve_kw: float, power_kw: float) -> Iterator[Remark]:
    """Yield a remark where more power is prequalified than the device has."""
    if reserve_kw > power_kw:
        yield "reserve_kw", f"{reserve_kw:g} is more than the device's power, {power_kw:g} kW"
