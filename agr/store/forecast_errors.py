"""Forecasts of past days, made as long before them as a Period is planned now, and what happened: for forecast errors.

Nothing that was made or received after `now` counts, nor does a forecast of a past day that was made closer to that day
than `now` is to the Period.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from agr.domain.isp import Period
from agr.forecasting.days import Observed
from agr.forecasting.error_days import PastForecasts, Predicted
from agr.forecasting.models.registry import GIVEN
from agr.store.engine import Tx
from agr.store.forecast_tables import actuals, forecast_runs, forecast_values

_AT_ONCE = 400
_R, _V, _A = forecast_runs.c, forecast_values.c, actuals.c


def past(tx: Tx, series: Sequence[str], period: Period, now: datetime, days: int) -> PastForecasts:
    """Return what is known of some series on the last `days` days before the Period."""
    first = Period(period.day - timedelta(days=days), period.zone_name, period.isp_minutes)
    predicted = dict[str, dict[date, Predicted]]()
    observed = dict[str, dict[datetime, Observed]]()
    for begin in range(0, len(series), _AT_ONCE):
        some = series[begin : begin + _AT_ONCE]
        _read_predicted(tx, some, first, period, now, predicted)
        _read_observed(tx, some, first, period, now, observed)
    return PastForecasts(
        predicted={name: list(found.values()) for name, found in predicted.items()},
        observed={name: list(found.values()) for name, found in observed.items()},
    )


def _read_predicted(
    tx: Tx, series: Sequence[str], first: Period, period: Period, now: datetime,
    found: dict[str, dict[date, Predicted]],
) -> None:  # fmt: skip
    """Of several forecasts the newest counts; a given one counts before ours, as in plans."""
    mine = sa.and_(_R.series.in_(series), _R.made_at <= now, _V.period >= first.day, _V.period < period.day)
    columns = (_R.series, _R.made_at, _V.period, _V.minutes, _V.quantiles, _V.data)
    joined = forecast_runs.join(forecast_values, _R.id == _V.run)
    ours_first = sa.case((_R.model == GIVEN, 1), else_=0)
    rows = tx.execute(sa.select(*columns).select_from(joined).where(mine).order_by(ours_first, _R.made_at, _R.id))
    for row in rows:
        of = Period(row.period, period.zone_name, period.isp_minutes)
        if row.made_at <= period.as_early(now, of):
            mean = np.frombuffer(row.data, "<f8").reshape(1 + row.quantiles, -1)[0]
            one = Predicted(day=row.period, made_at=row.made_at, minutes=row.minutes, mean=mean)
            found.setdefault(row.series, {})[row.period] = one


def _read_observed(
    tx: Tx, series: Sequence[str], first: Period, period: Period, now: datetime,
    found: dict[str, dict[datetime, Observed]],
) -> None:  # fmt: skip
    """Of corrected values the newest counts."""
    mine = sa.and_(_A.series.in_(series), _A.received_at <= now, _A.start >= first.start, _A.start < period.start)
    columns = (_A.series, _A.start, _A.minutes, _A.value)
    for row in tx.execute(sa.select(*columns).where(mine).order_by(_A.start, _A.received_at)):
        one = Observed(start=row.start, minutes=row.minutes, value=row.value)
        found.setdefault(row.series, {})[row.start] = one
