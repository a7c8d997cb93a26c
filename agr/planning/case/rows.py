"""A case under construction: what its units are made from, and the units of a class, one by one, as columns. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.kind import Quantity
from agr.domain.kinds.quantities import STORED
from agr.planning.case.inputs import Inputs
from agr.planning.case.later import DaysAhead, LaterPrice
from models.case import NO_POINT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PointIndex = Callable[[str], int | None]
"""Returns the index of a connection's congestion point, NO_POINT where it lies in none, or None where the connection is
not ours in this Period."""


def added_kw(pinned_kw: Floats, free_kw: Floats | float, isps: int) -> Floats:
    """Return the power (T,) of all units together where each has its pinned power (U,T)*, or `free_kw` if it is NaN."""
    power = np.where(np.isnan(pinned_kw), free_kw, pinned_kw).sum(axis=0)
    return np.asarray(power + np.zeros(isps))


@dataclass
class UnitRows:
    """The units of one class under construction: for each, values or rows of values by name."""

    names: list[str] = field(default_factory=list)
    units: list[dict[str, float | Floats]] = field(default_factory=list)

    def add(self, resource: str, **values: "float | Floats") -> None:
        """Add one unit."""
        self.names.append(resource)
        self.units.append(values)

    def vector(self, name: str, default: Floats | None = None) -> Floats:
        """Return one value per unit, (U,); units without it take that of `default` (U,)."""
        if default is None:
            return np.array([unit[name] for unit in self.units], dtype=float)
        return np.array([unit.get(name, other) for unit, other in zip(self.units, default, strict=True)], dtype=float)

    def points(self) -> NDArray[np.int64]:
        """Return the congestion point index of each unit."""
        return np.array([unit["point"] for unit in self.units], dtype=np.int64)

    def matrix(self, name: str, isps: int) -> Floats:
        """Return one row per unit, (U,T)."""
        values = [unit[name] for unit in self.units]
        table = np.empty((len(values), isps))
        if not any(isinstance(value, np.ndarray) for value in values):
            table[:] = np.array(values, dtype=float)[:, None]
            return table
        for row, value in zip(table, values, strict=True):
            row[:] = value
        return table

    def ints(self, name: str) -> Ints:
        """Return one whole number per unit, (U,)."""
        return self.vector(name).astype(np.int64)

    def padded(self, name: str, fill: float) -> Floats:
        """Return one row per unit, each filled up to the longest, (U,K); units without it have an empty row."""
        rows = [np.asarray(unit.get(name, ()), dtype=float) for unit in self.units]
        wide = np.full((len(rows), max((len(row) for row in rows), default=0)), fill)
        for row, values in zip(wide, rows, strict=True):
            row[: len(values)] = values
        return wide

    def ragged(self, name: str) -> list[Floats]:
        """Return one array per unit; lengths may differ."""
        return [np.asarray(unit[name], dtype=float) for unit in self.units]


@dataclass(frozen=True, kw_only=True, eq=False)
class Draft:
    """A case under construction: its units are being collected."""

    inputs: Inputs
    addresses: tuple[str, ...]  # of congestion points, in the order of the case
    notes: list[str]  # fall-backs used so far
    later: LaterPrice
    ahead: DaysAhead

    def later_price(self, isps: int) -> Floats:
        """Return the expected price (isps,) after the Period, EUR/MWh; notes once where today's had to stand in."""
        for following in self.later.unknown(isps):
            self.note_once(
                f"no day-ahead price of {following} yet: "
                "what is left for it is valued at today's of the same time of day"
            )
        return self.later.upto(isps)

    def note_once(self, note: str) -> None:
        """Add a note unless it is there."""
        if note not in self.notes:
            self.notes.append(note)

    def forecast(self, resource: str, quantity: Quantity, default: float = 0.0) -> Floats:
        """Return the forecast (T,); a missing one becomes `default` and is noted."""
        period = self.inputs.period
        values = self.inputs.forecasts.get((resource, quantity.name))
        if values is None or len(values) != period.isp_count:
            words = f"has no forecast {quantity.name} for {period}: {default:g} was used"
            self.notes.append(f"resource {resource} {words}")
            return np.full(period.isp_count, default)
        return values

    def start_kwh(self, resource: str, initial: float) -> float:
        """Return the energy with which the Period begins: measured, else left by the Period before, else `initial`."""
        measured = self.inputs.forecasts.get((resource, STORED.name))
        if measured is not None and len(measured):
            return float(measured[0])
        return self.inputs.carried_state.get(resource, initial)

    def until_off(self, resource: str, values: "float | Floats") -> Floats:
        """Return the values (T,), zero from the ISP in which the resource becomes unavailable."""
        isps = self.inputs.period.isp_count
        limited = np.empty(isps)
        limited[:] = values
        limited[self.inputs.unavailable_from.get(resource, isps) :] = 0.0
        return limited

    def frozen(self, point: int) -> bool:
        """Say whether nothing at a congestion point may change any more."""
        return point != NO_POINT and self.addresses[point] in self.inputs.frozen_points

    def reserve_kw(self, resource: str, point: int, prequalified_kw: float) -> float:
        """Return the most reserve that a unit may hold.

        Where an offer is open that is what it holds already: the program that was sold holds no more than that.
        """
        if point == NO_POINT or self.addresses[point] not in self.inputs.offered_points:
            return prequalified_kw
        return min(prequalified_kw, self.inputs.previous.held_kw.get(resource, 0.0))

    def pins(self, resource: str, point: int, ended: "Floats | float") -> Floats:
        """Return the program (T,) where it can no longer change, NaN elsewhere.

        `ended`: what it has done (T,)* in ISPs that have ended where no plan knew it: nobody steered it.
        """
        isps = self.inputs.period.isp_count
        pinned = np.full(isps, np.nan)
        program = self.inputs.previous.programs_kw.get(resource)
        if program is not None:
            closed = isps if self.frozen(point) else self.inputs.closed_isps
            reaction = self.inputs.reaction
            if reaction is not None and resource in reaction.resources and not self.frozen(point):
                closed = reaction.first
            pinned[:closed] = program[:closed]
        elif self.inputs.past_isps:
            pinned[: self.inputs.past_isps] = np.broadcast_to(ended, isps)[: self.inputs.past_isps]
        dictated = self.inputs.dictated_kw.get(resource)
        if dictated is not None:
            pinned = np.where(np.isnan(pinned), dictated, pinned)
        pinned[self.inputs.unavailable_from.get(resource, isps) :] = np.nan
        return pinned
