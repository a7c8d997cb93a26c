"""Called programs of the units that may have one, and their power per congestion point."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.block import per_point, slices
from models.case import Case, Floats, Ints
from models.outcome import Fields, Programs
from models.resources.protocols import ResourceClass
from models.resources.registry import RESOURCES
from models.resources.totals import units_kw


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """Called programs of the units that may deviate from their plan, with these units' positions in their classes."""

    called: dict[str, tuple[Ints, Fields]]  # class → units (n,), the fields of their programs

    def everywhere(self, planned: Programs, into: Programs | None = None) -> Programs:
        """Return the called programs of all units; units without one of their own keep their plan.

        `into`: programs that already are such, but for the units with called ones of their own; they are written to.
        """
        found: dict[str, Any] = {}
        for resource in RESOURCES:
            sparse = _sparse(resource)
            units, mine = self.called.get(resource.name, (np.zeros(0, dtype=np.int64), {}))
            for name in resource.fields:
                if into is not None:
                    found[name] = getattr(into, name)
                    found[name][units] = mine[name]
                    continue
                values = getattr(planned, name)
                found[name] = _sparse_copy(values) if name in sparse else values.copy()
                if name in mine and name in sparse:
                    other = (mine[name] != values[units]).any(axis=1)
                    found[name][units[other]] = mine[name][other]
                elif name in mine:
                    found[name][units] = mine[name]
        return Programs(**found)


def _sparse(resource: ResourceClass) -> tuple[str, ...]:
    return () if resource.mixing is None else resource.mixing.sparse


def _sparse_copy(values: Floats) -> Floats:
    """Return a copy (U,T) that takes memory only for rows that are not zero."""
    result = np.zeros(values.shape, dtype=values.dtype)  # zeros_like would write the zeros, and so take the memory
    for few in slices(len(values)):
        rows = few.start + np.flatnonzero(values[few].any(axis=1))
        result[rows] = values[rows]
    return result


def moved_kw(case: Case, activation: Activation, planned: Programs) -> Floats:
    """Return called less planned power per congestion point (C+1,T), kW; the last row is for units in none."""
    total = np.zeros((len(case.points) + 1, case.isps))
    for resource in RESOURCES:
        if resource.name in activation.called:
            units, mine = activation.called[resource.name]
            before = planned.of(resource.fields, units)
            if _sparse(resource):  # these classes have many arrays: add both up apart, a few units at a time
                total += units_kw(case, resource, units, mine)
                total -= units_kw(case, resource, units, before)
            else:
                moved = resource.power_kw(case, units, mine) - resource.power_kw(case, units, before)
                total += per_point(case, resource.arrays(case).point[units], moved)
    return total


def as_planned(case: Case, activation: Activation, planned: Programs, points: Ints) -> None:
    """Let called programs at points (n,) keep the plan: nothing is delivered there, and no hard bound is broken."""
    for resource in RESOURCES:
        if resource.name in activation.called:
            units, fields = activation.called[resource.name]
            mine = np.flatnonzero(np.isin(resource.arrays(case).point[units], points))
            for name, values in fields.items():
                values[mine] = getattr(planned, name)[units[mine]]
