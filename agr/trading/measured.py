"""What our own meters say a congestion point drew, where they measure all of it."""

from datetime import timedelta

from agr.domain.isp import Period
from agr.store import executions, portfolio, register
from agr.store.engine import Tx

_WHOLE = frozenset({"measured", "interpolated", "no session"})
"""Qualities of an ISP that was measured as a whole."""
_W_PER_KW = 1000


def measured_w(tx: Tx, period: Period, congestion_point: str) -> dict[int, int]:
    """Return ISP → W of a congestion point, for the ISPs in which every resource there was measured as a whole.

    What became of plans (`executions`) has one row per resource and ISP; one resource without a meter leaves the point
    unknown. Resources lie behind the connections that the register names now.
    """
    if not executions.counts(tx, period.start, period.end):
        return {}  # nothing reports: the register, which may be large, need not be read
    at = portfolio.load(tx, period).point_of()
    behind = register.load(tx).connection_of()
    here = {resource for resource, connection in behind.items() if at.get(connection) == congestion_point}
    if not here:
        return {}
    last = period.end - timedelta(minutes=period.isp_minutes)
    kwh, counts = dict[int, float](), dict[int, int]()
    for row in executions.between(tx, period.start, last, here):
        if row.measured_kwh is None or row.quality not in _WHOLE:
            continue
        isp = period.isp_of(row.start)
        kwh[isp] = kwh.get(isp, 0.0) + row.measured_kwh
        counts[isp] = counts.get(isp, 0) + 1
    return {
        isp: round(energy / period.isp_hours * _W_PER_KW) for isp, energy in kwh.items() if counts[isp] == len(here)
    }
