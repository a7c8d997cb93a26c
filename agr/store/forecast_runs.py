"""Forecasts with the moment they were made. Every query names `as_of`: what was made later does not exist for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from agr.domain.errors import InputError
from agr.domain.isp import Period
from agr.forecasting.models.registry import GIVEN
from agr.forecasting.quantiles import LEVELS
from agr.store import input_version
from agr.store.engine import Tx
from agr.store.forecast_tables import forecast_runs, forecast_values

Floats = NDArray[np.float64]
_AT_ONCE = 500
_R, _V = forecast_runs.c, forecast_values.c


POWER_SERIES = "power_kw "
"""Prefix of the series of a resource's power; the resource's name follows."""
HEAT_SERIES = ("heat_kw ", "cop ")
"""The same for a heat pump's heat demand and its COP."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastRun:
    """One forecast of a series for a Period. Values per interval of `minutes` from the Period's start."""

    series: str
    model: str
    made_at: datetime
    period: date
    minutes: int
    mean: Floats  # (T,)
    quantiles: Floats | None = None  # (L,T), at agr.forecasting.quantiles.LEVELS
    version: str = "1"
    known_until: datetime | None = None
    features_hash: str = ""
    notes: tuple[str, ...] = ()
    id: int = 0

    @property
    def given(self) -> bool:
        """Whether the user gave it."""
        return self.model == GIVEN

    def per_isp(self, period: Period) -> Floats:
        """Return the mean in each ISP of its Period (T,)."""
        if self.minutes < period.isp_minutes:
            return np.asarray(self.mean.reshape(period.isp_count, -1).mean(axis=1))
        return self.mean[np.arange(period.isp_count) * period.isp_minutes // self.minutes]


def put(tx: Tx, run: ForecastRun, now: datetime, *, planned_with: bool = True) -> int:
    """Store a forecast; return its number. Raises InputError for one from the future or with crossed quantiles.

    `planned_with`: plans may be made with it, so those in force no longer reflect everything that is known.
    """
    return put_all(tx, [run], now, planned_with=planned_with)[0]


def put_all(tx: Tx, runs: Sequence[ForecastRun], now: datetime, *, planned_with: bool = True) -> list[int]:
    """Store many forecasts as `put` does, at a third of the time each; return their numbers."""
    if not runs:
        return []
    parts = [_checked(run, now) for run in runs]
    heads = [
        {
            "series": run.series, "model": run.model, "version": run.version, "made_at": run.made_at,
            "known_until": run.known_until, "features_hash": run.features_hash, "notes": list(run.notes),
        }
        for run in runs
    ]  # fmt: skip
    insert = forecast_runs.insert().returning(_R.id, sort_by_parameter_order=True)
    numbers = [int(one) for one in tx.execute(insert, heads).scalars()]
    tx.execute(forecast_values.insert(), [
        {
            "run": number, "period": run.period, "minutes": run.minutes, "quantiles": len(part) - 1,
            "data": np.ascontiguousarray(part, "<f8").tobytes(),
        }
        for number, run, part in zip(numbers, runs, parts, strict=True)
    ])  # fmt: skip
    if planned_with and not all(run.given for run in runs):
        input_version.changed(tx)
    return numbers


def _checked(run: ForecastRun, now: datetime) -> Floats:
    """Return the mean and the quantiles of a run as rows. Raises InputError."""
    where = f"the forecast of {run.series} for {run.period} by {run.model}"
    if run.made_at > now:
        raise InputError(f"{where} says it was made at {run.made_at.isoformat()}, which is to come; check its clock")
    if not np.isfinite(run.mean).all():
        raise InputError(f"{where} has values that are not numbers; leave it out where it is not known")
    if run.quantiles is not None and (np.diff(run.quantiles, axis=0) < 0).any():
        raise InputError(f"{where} has crossed quantiles; give them in ascending order")
    parts = run.mean[None] if run.quantiles is None else np.vstack([run.mean[None], run.quantiles])
    if len(parts) not in (1, 1 + len(LEVELS)):
        raise InputError(f"{where} has {len(parts) - 1} quantiles; give {len(LEVELS)}, or none")
    return parts


def newest(tx: Tx, series: str, period: date, as_of: datetime, *, given: bool | None = None) -> ForecastRun | None:
    """Return the newest forecast of a Period that was made by then; `given`: only the user's, or only ours."""
    found = of_period(tx, series, period, as_of)
    chosen = [run for run in found if given is None or run.given == given]
    return chosen[-1] if chosen else None


def of_period(tx: Tx, series: str, period: date, as_of: datetime) -> list[ForecastRun]:
    """Return every forecast of a Period that was made by then, oldest first."""
    return between(tx, series, period, period, as_of)


def between(tx: Tx, series: str, first: date, last: date, as_of: datetime) -> list[ForecastRun]:
    """Return every forecast of the Periods from first to last that was made by then, oldest first."""
    mine = sa.and_(_R.series == series, _R.made_at <= as_of, _V.period >= first, _V.period <= last)
    joined = forecast_runs.join(forecast_values, _R.id == _V.run)
    rows = tx.execute(
        sa.select(forecast_runs, _V.period, _V.minutes, _V.quantiles, _V.data).select_from(joined).where(mine)
        .order_by(_R.made_at, _R.id)
    )  # fmt: skip
    return [_run(row) for row in rows]


def powers(tx: Tx, period: date, as_of: datetime) -> dict[str, ForecastRun]:
    """Return resource → our newest forecast of its power in a Period that was made by then."""
    found = newest_of(tx, POWER_SERIES, period, as_of)
    return {series.removeprefix(POWER_SERIES): run for series, run in found.items()}


def newest_of(tx: Tx, begins: str, period: date, as_of: datetime) -> dict[str, ForecastRun]:
    """Return series → our newest forecast of a Period that was made by then, of the series whose name begins so."""
    mine = sa.and_(
        _R.series.startswith(begins, autoescape=True), _R.model != GIVEN, _R.made_at <= as_of, _V.period == period
    )
    joined = forecast_runs.join(forecast_values, _R.id == _V.run)
    columns = (forecast_runs, _V.period, _V.minutes, _V.quantiles, _V.data)
    rows = tx.execute(sa.select(*columns).select_from(joined).where(mine).order_by(_R.made_at, _R.id))
    return {row.series: _run(row) for row in rows}


def newest_made(tx: Tx, period: date) -> datetime | None:
    """Return when the newest forecast of a Period was made."""
    joined = forecast_runs.join(forecast_values, _R.id == _V.run)
    found: datetime | None = tx.execute(
        sa.select(sa.func.max(_R.made_at)).select_from(joined).where(_V.period == period)
    ).scalar()
    return found


def series_known(tx: Tx, as_of: datetime) -> list[str]:
    """Return the series that have a forecast made by then, by name."""
    return list(tx.execute(sa.select(_R.series).where(_R.made_at <= as_of).distinct().order_by(_R.series)).scalars())


def delete_before(tx: Tx, day: date, begins: str = "") -> int:
    """Delete forecasts of Periods before a day, of series whose name begins so; return how many."""
    joined = forecast_runs.join(forecast_values, _R.id == _V.run)
    mine = sa.and_(_V.period < day, _R.series.startswith(begins, autoescape=True))
    old = list(tx.execute(sa.select(_R.id).select_from(joined).where(mine)).scalars())
    for first in range(0, len(old), _AT_ONCE):
        some = old[first : first + _AT_ONCE]
        tx.execute(forecast_values.delete().where(_V.run.in_(some)))
        tx.execute(forecast_runs.delete().where(_R.id.in_(some)))
    return len(old)


def _run(row: sa.Row[Any]) -> ForecastRun:
    found = row._mapping
    table = np.frombuffer(found["data"], "<f8").reshape(1 + found["quantiles"], -1)
    return ForecastRun(
        id=found["id"], series=found["series"], model=found["model"], version=found["version"],
        made_at=found["made_at"], known_until=found["known_until"], features_hash=found["features_hash"],
        notes=tuple(found["notes"]), period=found["period"], minutes=found["minutes"], mean=table[0],
        quantiles=table[1:] if len(table) > 1 else None,
    )  # fmt: skip


def same_values(one: ForecastRun | None, values: Sequence[float]) -> bool:
    """Say whether a forecast has just these values."""
    return one is not None and len(one.mean) == len(values) and bool((one.mean == np.array(values)).all())
