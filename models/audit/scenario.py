"""The two situations a plan must hold in: as planned, and with every reservation called at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.audit.findings import Axis, numbered
from models.case import NO_POINT, UNIT_CLASSES, Bools, Case, Direction, Floats, Ints
from models.outcome import Headroom, Outcome, Programs


@dataclass(frozen=True, kw_only=True, eq=False)
class Situation:
    """Programs and headroom, as planned or when called."""

    word: str  # put before the names of units
    programs: Programs
    headroom: Headroom | None
    points: Bools  # (C+1,) whether units there are checked; the last entry stands for no point
    first: Mapping[str, int] = field(default_factory=dict)  # class → number of its first unit, where some are left out

    def units(self, kind: str) -> Axis:
        """Name the units of a class."""
        return numbered(f"{self.word}{kind}", self.first.get(kind, 0))

    def concerns(self, point: Ints) -> Bools:
        """Return whether each unit (U,) is checked, given its congestion point (U,)."""
        return self.points[point]


def reserved_points(case: Case) -> Bools:
    """Return whether each congestion point (C+1,) has a reservation."""
    result = np.zeros(len(case.points) + 1, dtype=np.bool_)
    for k, point in enumerate(case.reservations.point.tolist()):
        result[point] |= bool(np.any(case.reservations.reserved_kw[k] != 0))
    return result


def scenarios(case: Case, outcome: Outcome, first: Mapping[str, int] | None = None) -> Iterator[Situation]:
    """Yield the planned situation and, if the outcome has called programs, the called one."""
    begin = first or {}
    everywhere = np.ones(len(case.points) + 1, dtype=np.bool_)
    yield Situation(word="", programs=outcome.programs, headroom=outcome.headroom, points=everywhere, first=begin)
    if outcome.called is not None:
        yield Situation(
            word="called ",
            programs=outcome.called,
            headroom=outcome.called_headroom,
            points=reserved_points(case),
            first=begin,
        )


def obeyed(case: Case, situation: Situation) -> Case:
    """Return the case with the pins that programs of a situation heed: called ones only those before `called_from`."""
    return obeyed_when_called(case) if situation.word else case


def obeyed_when_called(case: Case) -> Case:
    """Return the case with the pins that called programs heed."""
    if not len(case.called_from):
        return case
    found: dict[str, Any] = {}
    for kind in UNIT_CLASSES:
        units: Any = case.units(kind)
        if not hasattr(units, "pinned_kw"):
            continue
        pins = np.array(np.broadcast_to(units.pinned_kw, (len(units.point), case.isps)))
        for unit, point in enumerate(units.point.tolist()):
            if point != NO_POINT:
                pins[unit, case.called_from[point] :] = np.nan
        found[kind] = replace(units, pinned_kw=pins)
    return replace(case, **found)


def by_point(case: Case, point: Ints, values: Floats) -> Floats:
    """Return the sums (C+1,…) of values (U,…) of units at points `point` (U,), the last row for units in none."""
    from scipy.sparse import csr_array  # imported here, because the daemon does without until there is a plan

    rows, units = len(case.points) + 1, np.arange(len(point))
    place = np.where(point == NO_POINT, len(case.points), point)
    order = np.lexsort((units, place))
    ends = np.searchsorted(place[order], np.arange(rows), side="right")
    adds = csr_array((np.ones(len(point)), order, np.concatenate([[0], ends])), shape=(rows, len(point)))
    summed = adds @ values.reshape(len(point), int(np.prod(values.shape[1:]))).astype(np.float64)
    return np.asarray(summed, dtype=np.float64).reshape(rows, *values.shape[1:])


def mwh(case: Case, kw: Floats) -> Floats:
    """Return the energy, MWh, of average power, kW, in each ISP; both of any shape."""
    return np.asarray(kw * case.isp_hours / 1000.0, dtype=np.float64)


def held_kw(headroom: Headroom, name: str, side: str) -> Floats:
    """Return the reserve (R,U,T), kW, that units of a class hold on a side, "up" or "down"."""
    held: Floats = getattr(headroom, f"{name}_{side}_kw")
    return held


def on_side(case: Case, side: str) -> Bools:
    """Return whether each product (R,) takes the side."""
    takers = (Direction(side), Direction.SYMMETRIC)
    return np.array([reserve.direction in takers for reserve in case.reserves], dtype=np.bool_)
