"""The decisions of a Period: when each is made, until when it still helps, and what stands in afterwards."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Period
from agr.settings import Settings

BID_LAST_SAFE_START, CAPACITY_BID = "bid_last_safe_start", "capacity_bid"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One decision of a Period: when it is made, until when it still helps, and what stands in afterwards."""

    name: str
    at: datetime
    latest: datetime
    fallback: str  # in words, for the log and the operator


def moments_of(settings: Settings, period: Period) -> list[Moment]:
    """Return the Period's decisions in order of time. Source: docs/reference/market-day.md.

    Until the Period begins a late query, plan or prognosis is better than none; the DSO decides what it takes.
    """
    at = dict(settings.timetable.moments(period))

    def moment(name: str, latest: datetime, fallback: str, when: datetime | None = None) -> Moment:
        return Moment(name=name, at=at[name] if when is None else when, latest=latest, fallback=fallback)

    found = [
        moment("retention_job", period.end, "the next day's"),
        moment("portfolio_query", period.start, "the list of the day before, where the settings allow it"),
        moment("portfolio_last_call", period.start, "nothing"),
        moment("first_plan", period.start, "no plan: nothing is sent"),
        moment("day_ahead_gate", period.end, "no day-ahead position"),
        moment("day_ahead_results", period.start, "the last audited plan"),
        moment("prognosis_last_safe_start", period.start, "no prognosis of ours"),
        moment("prognosis_gate", period.end, "nothing"),
    ]
    if settings.bids.channels_of(DAY_AHEAD):
        safe = at["day_ahead_gate"] - timedelta(seconds=settings.bids.last_safe_s)
        found.append(Moment(name=BID_LAST_SAFE_START, at=safe, latest=at["day_ahead_gate"], fallback="nothing is bid"))
    for product in settings.markets.capacity:
        opens = product.gate.gate(product.name).instant(period)
        found.append(moment(f"capacity_gate {product.name}", period.end, "no bid", when=opens))
        if settings.bids.channels_of(product.name):
            safe = opens - timedelta(seconds=settings.bids.last_safe_s)
            name = f"{CAPACITY_BID} {product.name}"
            found.append(Moment(name=name, at=safe, latest=opens, fallback="nothing is bid"))
    for brp in settings.brps:
        closes = brp.gate.gate(brp.name).instant(period)
        found.append(moment(f"nomination_gate {brp.name}", period.end, "nothing", when=closes))
    return sorted(found, key=lambda m: m.at)
