"""How resources become units of one of the models' classes, and what is read from the programs of these units.

A class is registered in agr.planning.case.classes; the kinds of resources that become its units stand in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.kind import Kind, Look, Row
from agr.planning.case.inputs import Decision, Inputs
from agr.planning.case.rows import Draft, Floats, PointIndex, UnitRows
from models.case import Case
from models.outcome import Programs


@dataclass(frozen=True, kw_only=True)
class Conversion(Generic[Row]):
    """How rows of a kind become units."""

    kind: Kind[Row]
    add: Callable[[UnitRows, Draft, Row, int], None]
    """(rows, draft, resource, congestion point): adds its unit, none where the resource is not there in the Period"""


@dataclass(frozen=True, kw_only=True)
class UnitClass:
    """A class of units."""

    name: str  # as in models: the field of models.Case with its arrays
    shown: str  # in tables of results, for units of which nobody knows the kind
    look: Look  # of these
    conversions: tuple[Conversion[Any], ...]  # in the order in which the units stand in the case
    arrays: Callable[[UnitRows, Inputs], Any]
    """Of all units: the class of models.case"""
    power_kw: Callable[[Case, Programs], Floats]
    """Programs (U,T), consumption positive"""
    unmanaged_kw: Callable[[Case], Floats]
    """Programs (U,T) if nobody steers"""
    decided: Callable[[Case, Programs], Sequence[Decision]] | None = None
    """What later plans of the Period need to know of a unit besides its power"""
    carried: Callable[[Case, Programs], Sequence[float]] | None = None
    """State (U,) at the end of the Period with which the next begins, see Inputs.carried_state"""
    stored_kwh: Callable[[Programs], Floats] | None = None
    """Energy (U,T) at the end of each ISP"""
    unmet_kwh: Callable[[Case, Programs], Floats] | None = None
    """Comfort missed (U,T): too little"""
    excess_kwh: Callable[[Case, Programs], Floats] | None = None
    """Comfort missed (U,T): too much"""
    missed_kwh: Callable[[Case, Programs], float] | None = None
    """Both, of all units and ISPs"""

    def collect(self, draft: Draft, at: PointIndex) -> tuple[tuple[str, ...], Any]:
        """Return names and arrays of all units."""
        rows = UnitRows()
        for conversion in self.conversions:
            for resource in draft.inputs.register.of(conversion.kind.row):
                point = at(resource.connection)
                if point is not None:
                    conversion.add(rows, draft, resource, point)
        return tuple(rows.names), self.arrays(rows, draft.inputs)

    def points(self, case: Case) -> NDArray[np.int64]:
        """Return the congestion point index of each unit of a case."""
        found: NDArray[np.int64] = getattr(case, self.name).point
        return found
