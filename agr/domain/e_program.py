"""The e-program: what a balance responsible party (BRP) is told of our connections for one Period. Frozen values."""

from dataclasses import dataclass

from agr.domain.isp import Period

Watts = tuple[int, ...]
"""Whole W, averaged over each ISP."""


@dataclass(frozen=True, kw_only=True)
class EProgram:
    """Whole W per ISP. Consumption and purchases are positive, and `power_w` is the sum of the three others."""

    power_w: Watts  # what its connections take
    day_ahead_w: Watts  # bought for it on the day-ahead market
    intraday_w: Watts  # bought for it intraday, and from BRPs that are balanced together with it
    imbalance_w: Watts  # taken, but bought by nobody; positive: short

    def differs(self, other: "EProgram", threshold_w: int) -> bool:
        """Say whether any part differs in any ISP by a threshold or more, or has other ISPs."""
        parts = zip(vars(self).values(), vars(other).values(), strict=True)
        return any(
            len(a) != len(b) or any(abs(x - y) >= threshold_w for x, y in zip(a, b, strict=True)) for a, b in parts
        )


def mwh_of(power_w: float, period: Period) -> float:
    """Return the energy of an average power over one ISP, in MWh."""
    return power_w * period.isp_hours / 1e6
