"""What of a Period can no longer be planned at an instant: ISPs, auctions, congestion points."""

from datetime import datetime, timedelta

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Period
from agr.domain.register import Portfolio
from agr.planning.ports import PlanningSettings


def closed_isps(settings: PlanningSettings, period: Period, now: datetime) -> int:
    """Count the ISPs whose intraday market has closed."""
    edge = now + timedelta(seconds=settings.markets.intraday.closes_before_s)
    return min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0


def closed_auctions(settings: PlanningSettings, period: Period, now: datetime) -> frozenset[str]:
    """Return the markets whose gate for a Period has closed."""
    gates = {DAY_AHEAD: dict(settings.timetable.moments(period))["day_ahead_gate"]}
    gates |= {one.name: one.gate.gate(one.name).instant(period) for one in settings.markets.capacity}
    return frozenset(market for market, gate in gates.items() if gate <= now)


def kept_points(known: Portfolio, movable: frozenset[str], now: datetime) -> frozenset[str]:
    """Return the congestion points that keep their program.

    They are those without intraday redispatch while the Period runs, and those outside `movable` if it names any.
    """
    day_runs = now >= known.period.start
    return frozenset(
        point.address
        for point in known.points
        if (day_runs and point.intraday_redispatch_by is None) or (movable and point.address not in movable)
    )
