"""Gives days the forecasts that others made of them, each as it was known at the same time of the day before.

A forecast of Wednesday that is made on Tuesday at 7:00 learns from earlier days with what was known of each at 7:00 of
the day before it, and not from what was told later: it would seem better than it can be.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from agr.domain.isp import Period
from agr.forecasting import Days
from agr.forecasting.inputs import INPUT_SERIES, on_slots
from agr.store import forecast_runs
from agr.store.engine import Tx
from agr.store.forecast_runs import ForecastRun

_SLACK = timedelta(hours=1)
"""How much later in the day than now a forecast of an earlier day may have come: feeds do not answer at the same minute
every day."""


def with_inputs(tx: Tx, days: Days, period: Period, as_of: datetime, begins: tuple[str, ...] = INPUT_SERIES) -> Days:
    """Return days with every series of others' forecasts known for the Period by a moment; unchanged for none."""
    names = [name for name in forecast_runs.series_known(tx, as_of) if name.startswith(begins)]
    rows = days.row(period.day) + 1
    found = []
    for name in names:
        lying = np.full((rows, days.slots), np.nan)
        for run in forecast_runs.between(tx, name, days.first, period.day, as_of):  # oldest first: the newest stays
            if _in_time(days, run, period, as_of):
                lying[days.row(run.period)] = on_slots(days, run.mean, run.minutes, run.period)
        found.append(lying)
    if not found:
        return days
    return replace(days, inputs=np.array(found), input_names=tuple(names))


def _in_time(days: Days, run: ForecastRun, period: Period, as_of: datetime) -> bool:
    """Say whether a forecast was known as early before its own day as `as_of` is before the Period."""
    of = days.period(days.row(run.period))
    return run.given and run.made_at <= period.as_early(as_of, of) + _SLACK
