"""The market day's timetable: which moment decides what, in local market time."""

from datetime import datetime, time, timedelta
from itertools import pairwise

from pydantic import Field, model_validator

from agr.domain.isp import Period
from agr.settings.section import MarketTime, Seconds, Section

_IN_ORDER = (
    "portfolio_query",
    "portfolio_last_call",
    "first_plan",
    "day_ahead_gate",
    "day_ahead_results",
    "prognosis_gate",
)


def _at(at: time, description: str, days_before: int = 1) -> MarketTime:
    found: MarketTime = Field(default=MarketTime(at=at, days_before=days_before), description=description)
    return found


class Timetable(Section):
    """Moments of the market day; each belongs to a Period and lies `days_before` it."""

    portfolio_query: MarketTime = _at(time(6, 30), "Ask every CRO for the congestion points of the Period.")
    portfolio_query_retry_s: Seconds = Field(
        default=600, description="Ask a CRO that has not answered again after this long."
    )
    portfolio_last_call: MarketTime = _at(
        time(6, 55), "Stop waiting for answers: raise an alarm and do what `planning.stale_portfolio` says."
    )
    first_plan: MarketTime = _at(time(7), "Make the first plan, with forecast prices.")
    day_ahead_gate: MarketTime = _at(time(12), "The day-ahead auction closes: positions are bid and fixed.")
    day_ahead_results: MarketTime = _at(time(12, 55), "Day-ahead results are expected: plan again with real prices.")
    prognosis_gate: MarketTime = _at(time(15), "Latest moment at which a DSO accepts a first D-Prognosis.")
    prognosis_last_safe_start_s: Seconds = Field(
        default=900, description="This long before `prognosis_gate` the last audited plan is sent, whatever happens."
    )
    retention_job: MarketTime = _at(time(3), "Delete what `retention` no longer allows us to keep.", days_before=0)

    @model_validator(mode="after")
    def _order_makes_sense(self) -> "Timetable":
        faults = []
        for earlier, later in pairwise(_IN_ORDER):
            first, second = getattr(self, earlier), getattr(self, later)
            if first.order >= second.order:
                faults.append(
                    f"{earlier} ({_words(first)}) must come before {later} ({_words(second)}); move one of them"
                )
        results, gate = self.day_ahead_results, self.prognosis_gate
        if not faults and results.seconds_until(gate) <= self.prognosis_last_safe_start_s:
            faults.append(
                f"prognosis_last_safe_start_s ({self.prognosis_last_safe_start_s:g}) reaches back to before "
                f"day_ahead_results ({_words(results)}), so no plan with real prices could be sent; make it smaller"
            )
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def moments(self, period: Period) -> list[tuple[str, datetime]]:
        """Return every named moment of the Period as (name, UTC instant), in the order of time.

        Besides the fields there is `prognosis_last_safe_start`.
        """
        named = [
            (name, moment.gate(name).instant(period))
            for name in type(self).model_fields
            if isinstance(moment := getattr(self, name), MarketTime)
        ]
        gate = self.prognosis_gate.gate("prognosis_gate").instant(period)
        named.append(("prognosis_last_safe_start", gate - timedelta(seconds=self.prognosis_last_safe_start_s)))
        return sorted(named, key=lambda item: item[1])


def _words(moment: MarketTime) -> str:
    return f"{moment.at:%H:%M:%S}, {moment.days_before} days before"
