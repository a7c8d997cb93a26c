"""One day that may come, as the inputs of a plan: forecasts with the errors of one past day. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.quantities import POWER
from agr.planning.case import Inputs, build
from agr.planning.probability.uncertain import Uncertain
from agr.planning.stand_ins import stand_ins
from agr.store.forecast_runs import POWER_SERIES, ForecastRun
from models.case import UNIT_CLASSES, Case

Floats = NDArray[np.float64]


def drawn(known: Uncertain, place: int) -> Inputs:
    """Return the inputs of the day whose errors are those of the place-th known day."""
    inputs, errors = known.inputs, known.errors
    producing = {row.resource for kind in KINDS if kind.produces for row in inputs.register.of(kind.row)}
    forecasts = dict(inputs.forecasts)
    for (name, quantity), values in inputs.forecasts.items():
        if quantity == POWER.name and POWER_SERIES + name in errors.errors:
            moved = values + errors.on(POWER_SERIES + name, place, inputs.period, inputs.period.isp_minutes)
            forecasts[name, quantity] = np.minimum(moved, 0.0) if name in producing else moved
    inputs = replace(inputs, forecasts=forecasts)
    if not known.session_runs:
        return inputs
    runs = {
        period: {series: _moved(known, run, place, period) for series, run in mine.items()}
        for period, mine in known.session_runs.items()
    }
    return stand_ins(inputs, runs, known.now, [])


def price_eur_per_mwh(known: Uncertain, balance_eur_per_mwh: Floats, place: int) -> Floats:
    """Return what a MWh is worth on that day (T,): what the plan proved, moved by the error of the price."""
    if known.price_series is None:
        return balance_eur_per_mwh
    period = known.inputs.period
    return balance_eur_per_mwh + known.errors.on(known.price_series, place, period, period.isp_minutes)


def _moved(known: Uncertain, run: ForecastRun, place: int, period: Period) -> ForecastRun:
    if run.series not in known.errors.errors:
        return run
    error = known.errors.on(run.series, place, period, run.minutes)
    return replace(run, mean=np.maximum(run.mean + error, 0.0))


class DrawnDays(Sequence[Case]):
    """The cases of some of the known days, each made when it is asked for: many days of many units fill the memory."""

    def __init__(self, known: Uncertain, places: Sequence[int]) -> None:
        self._known, self._places = known, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> Case: ...

    @overload
    def __getitem__(self, number: slice) -> "DrawnDays": ...

    def __getitem__(self, number: int | slice) -> "Case | DrawnDays":
        """Return one day, or some of them."""
        if isinstance(number, slice):
            return DrawnDays(self._known, self._places[number])
        return case_of(self._known, self._places[number])

    def __iter__(self) -> Iterator[Case]:
        return (case_of(self._known, place) for place in self._places)


def case_of(known: Uncertain, place: int) -> Case:
    """Return the case of a drawn day. Balancing capacity is left out where no unit here can hold any."""
    case = build(drawn(known, place)).case
    able = any(bool((case.reserve_kw(name) > 0).any()) for name in UNIT_CLASSES)
    return replace(case, anchor=None, start=None, reserves=case.reserves if able else ())
