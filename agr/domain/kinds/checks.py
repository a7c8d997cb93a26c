"""Contradictions that several kinds of resources can have."""

from collections.abc import Iterator

from agr.domain.kinds.kind import Remark


def outside(initial_kwh: float, least_kwh: float, most_kwh: float, least: str, most: str) -> Iterator[Remark]:
    """Yield a remark where a device begins outside the band named by the columns; it returns as fast as it can."""
    if initial_kwh < least_kwh:
        yield (
            "initial_kwh",
            f"{initial_kwh:g} is less than {least} {least_kwh:g}; it is charged at once as fast as it can",
        )
    if initial_kwh > most_kwh:
        yield (
            "initial_kwh",
            f"{initial_kwh:g} is more than {most} {most_kwh:g}; it is emptied at once as fast as it can",
        )


def reserve_fits(reserve_kw: float, power_kw: float) -> Iterator[Remark]:
    """Yield a remark where more power is prequalified than the device has."""
    if reserve_kw > power_kw:
        yield "reserve_kw", f"{reserve_kw:g} is more than the device's power, {power_kw:g} kW"
