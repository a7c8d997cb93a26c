"""Rules about the Period, its ISPs and the congestion point."""

from datetime import date, timedelta
from itertools import pairwise

from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import AGRPortfolioQueryResponse, FlexRequest, IspMessage, PeriodMessage, PointMessage

Dated = PeriodMessage | AGRPortfolioQueryResponse
InIsps = IspMessage | FlexRequest


def the_zone_is_agreed(message: Dated, day: RuleContext) -> Reason | None:
    """TimeZone rejected: its offset differs from the market's on that day. Source: message validation."""
    if message.time_zone in (None, day.zone_name) or message.period is None:
        return None
    ours = day.period(message.period)
    try:
        theirs = Period(message.period, str(message.time_zone), day.isp_minutes)
        same = (theirs.start, theirs.end) == (ours.start, ours.end)
    except InputError:
        same = False
    return None if same else "TimeZone rejected"


def the_period_is_in_bounds(message: Dated, day: RuleContext) -> Reason | None:
    """Period out of bounds: before today or beyond the horizon, in the market's zone. Source: message validation."""
    if message.period is None:
        return None
    return None if _in_bounds(message.period, day) else "Period out of bounds"


def _in_bounds(period: date, day: RuleContext) -> bool:
    return timedelta(0) <= period - day.today() <= timedelta(days=day.horizon_days)


def the_isp_duration_is_agreed(message: PointMessage, day: RuleContext) -> Reason | None:
    """ISP duration rejected; compared by value. Source: message validation."""
    return None if message.isp_duration == timedelta(minutes=day.isp_minutes) else "ISP duration rejected"


def isps_are_in_bounds(message: InIsps, day: RuleContext) -> Reason | None:
    """ISPs out of bounds: outside 1..N, N = 92, 96 or 100 of 15 minutes on DST days. Source: message validation."""
    last = day.period(message.period).isp_count
    fits = all(run.start >= 1 and run.duration >= 1 and run.stop - 1 <= last for run in message.isps)
    return None if fits else "ISPs out of bounds"


def isps_do_not_overlap(message: InIsps, day: RuleContext) -> Reason | None:
    """ISP conflict: an ISP is defined more than once. Source: message validation."""
    spans = sorted((run.start, run.stop) for run in message.isps)
    return "ISP conflict" if any(later[0] < earlier[1] for earlier, later in pairwise(spans)) else None


def the_congestion_point_is_ours(message: PointMessage, day: RuleContext) -> Reason | None:
    """Invalid CongestionPoint: not in the Period's list, if we have one. Source: message validation."""
    known = day.points is None or message.congestion_point in day.points
    return None if known else "Invalid CongestionPoint"
