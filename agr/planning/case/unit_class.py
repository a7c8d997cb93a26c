"""How resources become units of a class in `models`, and what is read from the programs of these units.

A class is found by its name in agr.planning.case.classes, and lists the kinds of resources that become its units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.kind import Kind, Look, Row
from agr.planning.case.inputs import Decision, Inputs
from agr.planning.case.rows import Draft, Floats, Ints, PointIndex, UnitRows
from models.case import Case
from models.outcome import Programs


@dataclass(frozen=True, kw_only=True)
class Conversion(Generic[Row]):
    """How resources of a kind become units."""

    kind: Kind[Row]
    add: Callable[[UnitRows, Draft, Row, int], None]
    """(rows, draft, resource, index of its congestion point): adds its unit to the rows; adds none if the resource is
    absent from the Period"""


@dataclass(frozen=True, kw_only=True)
class UnitClass:
    """A class of units."""

    name: str  # as in models: the field of models.Case with its arrays
    shown: str  # name in result tables, for units whose kind is unknown
    look: Look  # of the same units
    conversions: tuple[Conversion[Any], ...]  # in the order in which the units stand in the case
    arrays: Callable[[UnitRows, Inputs], Any]
    """Returns the arrays of all units: the class in models.case"""
    power_kw: Callable[[Case, Programs], Floats]
    """Programs (U,T) in kW, consumption positive"""
    unmanaged_kw: Callable[[Case], Floats]
    """Programs (U,T) in kW if nobody steers the units"""
    range_kw: Callable[[Case, Ints], tuple[Floats, Floats]] | None = None
    """Lowest and highest consumption (T,), kW, of units (n,) together, each ISP taken by itself; None: not known, so
    trades are not limited to what resources can do"""
    unsteered_kw: Callable[[Case, Ints], tuple[Floats, Floats]] | None = None
    """(case, units (n,)): what each is taken to draw in the Period (n,T), kW, with what is pinned, where limits must
    leave room for cars; and what on a day like it (n,T). None: nothing"""
    tails_kw: Callable[[Case, Ints, int], Floats] | None = None
    """(case, units (n,), m): the most that what each begins in the Period, or leaves for later, can draw in each of
    the m ISPs after it (n,m), kW; None: what a day like the Period draws says it"""
    forecast_kw: Callable[[Case], Floats] | None = None
    """The forecasts (U,T) of power, kW, that programs follow or stay within; None: the class has none"""
    decided: Callable[[Case, Programs], Sequence[Decision]] | None = None
    """Decision of each unit that later plans of the Period need besides its power"""
    carried: Callable[[Case, Programs], Sequence[float]] | None = None
    """State (U,) with which the next Period begins, in the units of Inputs.carried_state"""
    left_terms: tuple[str, ...] = ()
    """Names of the terms that credit what its units leave to the next Period; the next Period debits the same
    amounts"""
    unmanaged_left: Callable[[Case], tuple[Sequence[float] | None, float]] | None = None
    """The state (U,) at the end of the unmanaged program (None: the next Period does not ask for it), and what that
    program credits for what it leaves, EUR"""
    path_kwh: Callable[[Case, Programs, int], Floats] | None = None
    """(case, programs, unit): what it really holds (T+1,), kWh, at the borders of ISPs, without the energy that its
    program misses; None: it stores nothing"""
    able_kw: Callable[[Case, Programs, int, float, float, range], tuple[Floats, Floats]] | None = None
    """(case, programs, unit, kWh held at the start of some ISPs, most kWh that it can hold, these ISPs): its program
    (T,), kW, and the same without what it cannot do in these ISPs; None: it stores nothing"""
    stored_kwh: Callable[[Programs], Floats] | None = None
    """Energy (U,T) in kWh at the end of each ISP"""
    unmet_kwh: Callable[[Case, Programs], Floats] | None = None
    """Energy (U,T) in kWh by which it falls short of comfort"""
    excess_kwh: Callable[[Case, Programs], Floats] | None = None
    """Energy (U,T) in kWh by which it exceeds comfort"""

    @property
    def missed(self) -> tuple[Callable[[Case, Programs], Floats], ...]:
        """The functions that return missing comfort (U,T) in kWh, one for each way in which units can miss it."""
        return tuple(missed for missed in (self.unmet_kwh, self.excess_kwh) if missed is not None)

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
        return case.units(self.name).point
