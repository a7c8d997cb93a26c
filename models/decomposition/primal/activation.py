"""Called programs beside planned ones, kept for the units that may have any, and the power of both per point."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import per_point, slices
from models.case import Case, Floats, Ints
from models.outcome import Programs
from models.resources.fixed import fixed_program_kw
from models.resources.shiftable import run_program_kw
from models.resources.switched import of_units, switched_program_kw

SPARSE = ("unmet_kwh", "excess_kwh")  # zero for most units: memory that is not written to is not taken
STORED = ("charge_kw", "discharge_kw", "energy_kwh", *SPARSE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """Called programs of the units that may have other ones than planned, and who they are within their classes."""

    units: dict[str, Ints]  # by class
    programs: Programs  # of these units

    def everywhere(self, planned: Programs) -> Programs:
        """Return the programs of all units: the others keep their plan."""
        found: dict[str, Any] = {}
        for label, names in FIELDS.items():
            for name in names:
                values, mine, units = getattr(planned, name), getattr(self.programs, name), self.units[label]
                found[name] = _sparse_copy(values) if name in SPARSE else values.copy()
                other = (mine != values[units]).any(axis=1) if name in SPARSE else np.ones(len(units), dtype=np.bool_)
                found[name][units[other]] = mine[other]
        return Programs(**found)


FIELDS = {"curtailable": ("curtailable_kw",), "storage": STORED, "shiftable": ("start",), "switched": ("switched_on",)}
"""Fields of Programs by class."""


def _sparse_copy(values: Floats) -> Floats:
    """Return a copy (U,T) that takes memory for rows that are not zero only."""
    result = np.zeros(values.shape, dtype=values.dtype)  # zeros_like would write them
    for few in slices(len(values)):
        rows = few.start + np.flatnonzero(values[few].any(axis=1))
        result[rows] = values[rows]
    return result


def point_kw(case: Case, done: Programs) -> Floats:
    """Return P_c (C+1,T), the last row for units in no congestion point."""
    return (
        fixed_program_kw(case)
        + per_point(case, case.curtailable.point, done.curtailable_kw)
        + _stored_kw(case, case.storage.point, done)
        + per_point(case, case.shiftable.point, run_program_kw(case, done.start))
        + per_point(case, case.switched.point, switched_program_kw(case.switched, done.switched_on))
    )


def _stored_kw(case: Case, point: Ints, done: Programs) -> Floats:
    """Return Σ of storage programs (C+1,T), a few units at a time."""
    result = np.zeros((len(case.points) + 1, case.isps))
    for few in slices(len(point)):
        np.add.at(result, point[few], done.charge_kw[few] - done.discharge_kw[few])
    return result


def moved_kw(case: Case, called: Activation, planned: Programs) -> Floats:
    """Return called less planned program per congestion point (C+1,T)."""
    units, programs = called.units, called.programs
    curtailable, storage, runs, switched = (getattr(case, label).point[units[label]] for label in FIELDS)
    earlier: dict[str, Any] = {name: getattr(planned, name)[units[label]] for label in FIELDS for name in FIELDS[label]}
    before = Programs(**earlier)
    start = planned.start.copy()
    start[units["shiftable"]] = programs.start
    run_kw = (run_program_kw(case, start) - run_program_kw(case, planned.start))[units["shiftable"]]
    mine = of_units(case.switched, units["switched"])
    on_kw = switched_program_kw(mine, programs.switched_on) - switched_program_kw(mine, before.switched_on)
    return (
        per_point(case, curtailable, programs.curtailable_kw - before.curtailable_kw)
        + _stored_kw(case, storage, programs)
        - _stored_kw(case, storage, before)
        + per_point(case, runs, run_kw)
        + per_point(case, switched, on_kw)
    )


def as_planned(case: Case, called: Activation, planned: Programs, points: Ints) -> None:
    """Let called programs keep the plan at some points: nothing is delivered there, and nothing broken."""
    for label, names in FIELDS.items():
        units = called.units[label]
        mine = np.flatnonzero(np.isin(getattr(case, label).point[units], points))
        for name in names:
            getattr(called.programs, name)[mine] = getattr(planned, name)[units[mine]]
