"""What nobody gave: our newest forecasts of prices and powers stand in for it, and the plan's notes say so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agr.domain.faults import number_of, verb_of
from agr.domain.isp import Period
from agr.domain.kinds.quantities import POWER
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.settings import Markets
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]


class _Reader(Protocol):
    def forecast(self, series: str, period: Period, as_of: datetime) -> ForecastRun | None:
        """Return our newest forecast of a Period that was made by then."""


def fill_in(
    reader: _Reader, markets: Markets, period: Period, rows: Sequence[Price], now: datetime, notes: list[str]
) -> tuple[Price, ...]:
    """Return prices for the ISPs that have none; where everything is given, nothing is read and nothing changes.

    The day-ahead forecast stands in where neither forecast nor result is given; a capacity price where none is given.
    """
    wanted: dict[str, tuple[str, ...]] = {
        markets.day_ahead.forecast_series: (markets.day_ahead.series, markets.day_ahead.forecast_series)
    }
    wanted |= {product.series: (product.series,) for product in markets.capacity if product.max_mw > 0}
    found: list[Price] = []
    for target, given in wanted.items():
        known = [values_on(rows, name, period) for name in given]
        missing = [isp for isp in range(period.isp_count) if all(values[isp] is None for values in known)]
        if not missing:
            continue
        run = reader.forecast(given[0], period, now)
        if run is None:
            continue
        values = run.per_isp(period).tolist()
        found += [
            Price(
                series=target, start=period.isp_start(isp + 1), minutes=period.isp_minutes,
                value=values[isp],
            )
            for isp in missing
        ]  # fmt: skip
        made = run.made_at.astimezone(period.tz)
        words = f"{target}: {len(missing)} of {period.isp_count} ISPs {verb_of(len(missing))} not given"
        notes.append(f"{words}; forecast {run.id} by {run.model} stands in, made {made:%Y-%m-%d %H:%M}")
        notes += [f"forecast {run.id}: {note}" for note in run.notes]
    return tuple(found)


def missing_powers(
    runs: Mapping[str, ForecastRun], known: Mapping[tuple[str, str], Floats], period: Period, notes: list[str]
) -> dict[tuple[str, str], Floats]:
    """Return the powers, kW per ISP, that our forecasts have and nobody gave."""
    found = {
        (name, POWER.name): run.per_isp(period) for name, run in sorted(runs.items()) if (name, POWER.name) not in known
    }
    if found:
        used = [runs[name] for name, _ in found]
        models = ", ".join(sorted({run.model for run in used}))
        made = max(run.made_at for run in used).astimezone(period.tz)
        words = f"the power of {number_of(len(found), 'resource')} is not given"
        notes.append(f"{words}; our forecasts by {models} stand in, made {made:%Y-%m-%d %H:%M}")
    return found


def missing_heat(
    runs: Mapping[tuple[str, str], ForecastRun],
    known: Mapping[tuple[str, str], Floats],
    period: Period,
    notes: list[str],
) -> dict[tuple[str, str], Floats]:
    """Return demands of heat and COPs per ISP that our forecasts have and nobody gave."""
    found = {key: run.per_isp(period) for key, run in sorted(runs.items()) if key not in known}
    if found:
        made = max(runs[key].made_at for key in found).astimezone(period.tz)
        whose = number_of(len({name for name, _ in found}), "heat pump")
        models = ", ".join(sorted({runs[key].model for key in found}))
        words = f"heat demand or COP of {whose} is not given"
        notes.append(f"{words}; our forecasts by {models} stand in, made {made:%Y-%m-%d %H:%M}")
    return found
