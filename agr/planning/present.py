"""What stores are measured to hold while a Period runs, beside what the plan in force wants them to hold by then. Pure.

Where a plan begins in the middle of its Period, it takes from here what stores really hold, and what the programs that
can no longer change can still do with that: an empty battery does not discharge, whatever was planned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.planning.case import MeasuredEnergy, storing
from agr.planning.case.unit_class import UnitClass
from agr.planning.difference import Solved
from models.case import NO_POINT


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a store was measured to hold."""

    resource: str
    at: datetime
    kwh: float
    planned_kwh: float | None  # by the plan in force at that instant; None: the plan does not know the store
    capacity_kwh: float

    @property
    def deviation_kwh(self) -> float:
        """Measured less planned; 0 for a store that the plan does not know."""
        return 0.0 if self.planned_kwh is None else self.kwh - self.planned_kwh


@dataclass(frozen=True, kw_only=True, eq=False)
class Present:
    """What a plan begins with in the middle of its Period."""

    held: Mapping[str, MeasuredEnergy]
    programs_kw: Mapping[str, NDArray[np.float64]]  # of stores that cannot run the one in force to the end any more


class Paths:
    """What the plan in force of a Period wants its stores to hold."""

    def __init__(self, solved: Solved | None, period: Period) -> None:
        self.period, self.solved = period, solved
        self._edges = np.array([border.timestamp() for border in (*period.starts(), period.end)])
        self._known = {} if solved is None else storing(solved.named)

    def unit(self, resource: str) -> tuple[UnitClass, int] | None:
        """Return the class of a store and its row in the plan's case; None where the plan does not know it."""
        return self._known.get(resource)

    def of(self, resource: str) -> NDArray[np.float64] | None:
        """Return what a store holds at the T+1 borders of the ISPs, kWh."""
        units, row = self._known.get(resource, (None, 0))
        if self.solved is None or units is None or units.path_kwh is None:
            return None
        return units.path_kwh(self.solved.named.case, self.solved.outcome.programs, row)

    def at(self, resource: str, instant: datetime) -> float | None:
        """Return what a store holds at an instant, kWh."""
        path = self.of(resource)
        return None if path is None else float(np.interp(instant.timestamp(), self._edges, path))

    def moves(self, resource: str, begin: datetime, end: datetime) -> float:
        """Return by how much its content changes from one instant to another, kWh; 0 for an unknown store."""
        first, last = self.at(resource, begin), self.at(resource, end)
        return 0.0 if first is None or last is None else last - first


def measured(
    contents: Mapping[str, tuple[datetime, float]], capacities_kwh: Mapping[str, float], paths: Paths
) -> list[Measured]:
    """Return what stores hold, by name; `contents`: resource → (instant within the Period, kWh)."""
    return [
        Measured(
            resource=name, at=at, kwh=kwh, planned_kwh=paths.at(name, at), capacity_kwh=capacities_kwh[name]
        )
        for name, (at, kwh) in sorted(contents.items())
    ]  # fmt: skip


def present(
    found: list[Measured], before: Solved | None, paths: Paths, closed_isps: int, frozen_points: frozenset[str]
) -> Present:  # fmt: skip
    """Return what stores hold at the end of the ISP in which they were measured, and what they can still do.

    Programs are kept in the first `closed_isps` ISPs, and in all at `frozen_points`.
    """
    held, programs = dict[str, MeasuredEnergy](), dict[str, NDArray[np.float64]]()
    period = paths.period
    for one in found:
        isps = min(int((one.at - period.start - timedelta(microseconds=1)) / period.isp_length) + 1, period.isp_count)
        border = period.start + isps * period.isp_length
        content = one.kwh + paths.moves(one.resource, one.at, border)
        known = MeasuredEnergy(isps=isps, kwh=min(max(content, 0.0), max(one.capacity_kwh, one.kwh)))
        held[one.resource] = known
        unit = paths.unit(one.resource)
        if before is None or unit is None or unit[0].able_kw is None:
            continue
        case, (units, row) = before.named.case, unit
        point = int(units.points(case)[row])
        frozen = point != NO_POINT and case.points[point] in frozen_points
        closed = range(known.isps, period.isp_count if frozen else closed_isps)
        planned, able = unit[0].able_kw(case, before.outcome.programs, row, known.kwh, one.capacity_kwh, closed)
        if np.abs(able - planned).max() > _NOISE_KW:
            programs[one.resource] = able
    return Present(held=held, programs_kw=programs)


_NOISE_KW = 1e-6
