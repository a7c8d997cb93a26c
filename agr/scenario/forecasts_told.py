"""What a run on forecasts reports: how good they were, and what each day earned with what came."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds.quantities import POWER
from agr.domain.price import values_on
from agr.forecasting.sessions import of_sessions
from agr.planning.ports import Solver
from agr.scenario.day import Step, in_force
from agr.scenario.losses import Loss, earlier_of, loss_of
from agr.scenario.own_forecasts import counted_on, forecast_runs
from agr.scenario.scenario import Scenario
from agr.store.forecast_runs import POWER_SERIES, ForecastRun

Floats = NDArray[np.float64]


def forecasts_told(scenario: Scenario, steps: Sequence[Step], solver: Solver) -> dict[str, object]:
    """Return every forecast with its error, and what days earned, planned, and would have earned knowing all, EUR."""
    days = sorted({step.period for step in steps}, key=lambda period: period.day)
    losses = [_loss(scenario, steps, period, solver) for period in days]
    return {"series": [told for period in days for told in _series(scenario, period)], "days": losses}


def _loss(scenario: Scenario, every: Sequence[Step], period: Period, solver: Solver) -> dict[str, object]:
    mine = [step for step in every if step.period == period]
    plan = in_force(mine)
    lost: Loss = loss_of(scenario, mine, earlier_of(every, plan), solver)
    sources = {name: None if value != value else value for name, value in lost.sources().items()}  # NaN: no bound
    return {
        "period": str(period), "planned_eur": mine[0].solved.outcome.objective_eur, "earned_eur": lost.plan_eur,
        "foresight_eur": lost.foresight_eur, **sources, "findings": list(lost.findings),
    }  # fmt: skip


def _series(scenario: Scenario, period: Period) -> Iterator[dict[str, object]]:
    for run in forecast_runs(scenario, period):
        came = _came(scenario, run, period)
        known = np.isfinite(came)
        yield {
            "period": str(period), "series": run.series, "model": run.model, "made_at": run.made_at.isoformat(),
            "mean": float(run.mean.mean()), "came": float(came[known].mean()) if known.any() else None,
            "mae": float(np.abs(run.mean - came)[known].mean()) if known.any() else None, "notes": list(run.notes),
        }  # fmt: skip


def _came(scenario: Scenario, run: ForecastRun, period: Period) -> Floats:
    """Return what came, per interval of the forecast, NaN where the tables do not say."""
    of = Period(period.day, period.zone_name, run.minutes)
    if of_sessions(run.series):
        return counted_on(scenario, run.series, of)
    if run.series.startswith(POWER_SERIES):
        key = (run.series.removeprefix(POWER_SERIES), POWER.name)
        values = scenario.forecasts.get(period.day, {}).get(key, np.full(period.isp_count, np.nan))
    else:
        found = values_on(scenario.register.prices, run.series, period)
        values = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
    if run.minutes < period.isp_minutes:
        return np.repeat(values, period.isp_minutes // run.minutes)
    mean: Floats = values.reshape(len(run.mean), -1).mean(axis=1)
    return mean
