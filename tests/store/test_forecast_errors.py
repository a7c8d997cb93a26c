"""Errors of past forecasts are read as they could be known: as early before their day, and received by now."""

from datetime import date, datetime, timedelta

import numpy as np

from agr.domain.isp import Period
from agr.forecasting.days import Observed
from agr.forecasting.error_days import error_days
from agr.store import actuals, forecast_errors, forecast_runs
from agr.store.actuals import Actual
from agr.store.engine import Store
from agr.store.forecast_runs import ForecastRun

PERIOD = Period(date(2026, 4, 2))
NOW = PERIOD.start - timedelta(hours=15)
LOAD = "power_kw load"


def run(day: date, value: float, made_before_h: float, model: str = "alike days") -> ForecastRun:
    period = Period(day)
    made = period.start - timedelta(hours=made_before_h)
    return ForecastRun(
        series=LOAD, model=model, made_at=made, period=day, minutes=60, mean=np.full(period.isp_count // 4, value)
    )


def happened(day: date, value: float, received: datetime | None = None) -> list[Actual]:
    period = Period(day)
    return [
        Actual(
            series=LOAD, observed=Observed(start=start, minutes=60, value=value), received_at=received or period.end
        )
        for start in period.starts()[::4]
    ]  # fmt: skip


def test_only_what_was_known_counts_and_nights_of_clock_changes_have_no_error_of_their_own(
    store: Store,
) -> None:
    days = [date(2026, 3, d) for d in (27, 28, 29, 30)]  # the 29th has 23 hours
    with store.transaction() as tx:
        for k, day in enumerate(days):
            forecast_runs.put(tx, run(day, 10.0 + k, 16), NOW)
            forecast_runs.put(tx, run(day, 99.0, 14), NOW)  # later before its day than now is before the Period
            actuals.put(tx, happened(day, 12.0 + k))
        forecast_runs.put(tx, run(date(2026, 3, 31), 10.0, 16), NOW)
        actuals.put(tx, happened(date(2026, 3, 31), 500.0, NOW + timedelta(minutes=1)))
        actuals.put(tx, happened(days[0], 15.0, NOW + timedelta(hours=1)))  # corrected later
        known = forecast_errors.past(tx, [LOAD], PERIOD, NOW, 30)
        none = forecast_errors.past(tx, [LOAD], PERIOD, NOW, 2)
    found = error_days(known.predicted, known.observed, PERIOD, 4)
    assert found.days == tuple(days)
    assert found.errors[LOAD].shape == (4, 24)
    assert found.errors[LOAD][[0, 1, 3]].tolist() == [[2.0] * 24] * 3
    skipped = found.errors[LOAD][2]
    assert skipped[[0, 1, 3]].tolist() == [2.0] * 3
    assert skipped[2] == 0.0
    assert found.on(LOAD, 0, PERIOD, 15).tolist() == [2.0] * 96
    assert error_days(known.predicted, known.observed, PERIOD, 5).certain == (LOAD,)
    assert none.observed == {}


def test_forecasts_made_at_the_usual_time_count_where_the_day_before_has_another_length(store: Store) -> None:
    """At 1:30 of the day with 25 hours; on other days 1:30 is an hour less before midnight."""
    after = Period(date(2026, 10, 26))
    now = after.previous().start + timedelta(hours=1, minutes=30)
    days = [date(2026, 10, d) for d in (20, 21, 22)]
    with store.transaction() as tx:
        for day in days:
            forecast_runs.put(tx, run(day, 10.0, 22.5), now)
        known = forecast_errors.past(tx, [LOAD], after, now, 30)
    assert [one.day for one in known.predicted[LOAD]] == days
    assert [one.day for one in known.before([LOAD], after, now, 30).predicted[LOAD]] == days
