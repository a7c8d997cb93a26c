"""One planning problem as arrays with units, and the programs of its resources. Only here every class has its fields.

Shapes are checked once here and trusted afterwards.

Symbols: T ISPs of Δ hours; C congestion points; U units of a class; K reservations; L limits; B blocks.
Power in kW (consumption positive), energy in kWh, prices in EUR/MWh unless a name says otherwise.
Parameters marked (U,T)* may be given as (U,1) and are broadcast. The parts are in the packages `models.resources.*` and
`models.markets.*`; this module exports their names as well. Source: docs/reference/formulation.md §1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

import numpy as np

from models.arrays import (
    ADDED,
    NO_POINT,
    Bools,
    CasePart,
    Extent,
    Fields,
    Floats,
    Ints,
    PinnableArrays,
    Rows,
    TakenRows,
    UnitArrays,
    added,
    check_shape,
    unpinned,
)
from models.earlier_plan import Duals, FixedRemainder
from models.errors import CaseError
from models.markets.announced import Anchor
from models.markets.balancing_capacity import Direction, HeldAtMost, Reserve, held_freely
from models.markets.balancing_groups import BalancingGroups, EnergyMarkets, no_balancing_groups
from models.markets.connection_limits import NO_LIMIT, ConnectionLimits, no_connection_limits
from models.markets.connection_tariffs import NO_TARIFF, ConnectionTariffs, no_connection_tariffs
from models.markets.day_ahead import DayAhead
from models.markets.energy_products import EnergyProducts
from models.markets.imbalance import Imbalance
from models.markets.intraday import Intraday
from models.markets.limits import Limits
from models.markets.orders import Orders, no_orders
from models.markets.reservations import Reservations
from models.resources.curtailable import Curtailable
from models.resources.fixed import Fixed
from models.resources.shiftable import Shiftable
from models.resources.storage import Storage
from models.resources.switched import Switched, nothing_switched

__all__ = [
    "ADDED",
    "MARKET_NAMES",
    "NO_LIMIT",
    "NO_POINT",
    "NO_TARIFF",
    "POINT_TABLES",
    "UNIT_CLASSES",
    "Anchor",
    "BalancingGroups",
    "Bools",
    "Case",
    "ConnectionLimits",
    "ConnectionTariffs",
    "Curtailable",
    "DayAhead",
    "Direction",
    "Duals",
    "EnergyMarkets",
    "Fields",
    "Fixed",
    "FixedRemainder",
    "Floats",
    "Headroom",
    "HeldAtMost",
    "Imbalance",
    "Intraday",
    "Ints",
    "Limits",
    "Orders",
    "Programs",
    "Reservations",
    "Reserve",
    "Rows",
    "Shiftable",
    "Storage",
    "Switched",
    "held_freely",
    "no_balancing_groups",
    "no_connection_limits",
    "no_connection_tariffs",
    "no_orders",
    "nothing_switched",
]


_UNITS = {"holds": "the units of a resource class"}
_AT_POINTS = {"rows": "at congestion points"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One planning problem. Raises CaseError, naming the field, when shapes or values contradict each other."""

    isps: int
    isp_hours: float
    points: tuple[str, ...]
    fixed: Fixed = field(metadata=_UNITS)
    curtailable: Curtailable = field(metadata=_UNITS)
    storage: Storage = field(metadata=_UNITS)
    shiftable: Shiftable = field(metadata=_UNITS)
    limits: Limits = field(metadata=_AT_POINTS)
    reservations: Reservations = field(metadata=_AT_POINTS)
    day_ahead: DayAhead
    intraday: Intraday
    imbalance: Imbalance
    reserves: tuple[Reserve, ...] = field(default=())
    anchor: Anchor | None = None
    start: Duals | None = None  # prices of an earlier plan to begin from; they do not change which program is best
    switched: Switched = field(default_factory=nothing_switched, metadata=_UNITS)
    remainder: FixedRemainder | None = None  # given where only a part of a portfolio is planned
    brought_forward_eur: float = field(default=0.0, metadata=added(0.0))
    """What the Period before has credited for what it left to this one."""
    unmanaged_brought_forward_eur: float = field(default=0.0, metadata=added(0.0))
    """The same for its unmanaged program."""
    connection_limits: ConnectionLimits = field(default_factory=no_connection_limits, metadata=ADDED)
    orders: Orders = field(default_factory=no_orders, metadata=ADDED | _AT_POINTS)
    connection_tariffs: ConnectionTariffs = field(default_factory=no_connection_tariffs, metadata=ADDED)
    balancing_groups: BalancingGroups = field(default_factory=no_balancing_groups, metadata=ADDED)
    called_from: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64), metadata=ADDED)
    """(C,) ISP from which called programs of stores and generation at a congestion point heed no pins: the plan is kept
    there by choice, and they could still do otherwise. Empty: called programs heed all pins"""
    held_at_most: HeldAtMost = field(default_factory=held_freely, metadata=ADDED | _AT_POINTS)
    """What congestion points with an open offer may hold: what was sold there holds no more"""

    def __post_init__(self) -> None:
        if self.isps < 1 or self.isp_hours <= 0:
            raise CaseError("isps and isp_hours must be positive")
        extent = Extent(isps=self.isps, points=len(self.points), products=len(self.reserves))
        for where, part in _parts(self):
            part.check(where, extent)
        counts = tuple((name, len(self.units(name).point)) for name in UNIT_CLASSES)
        self.connection_limits.check_units("connection_limits", counts)
        self.connection_tariffs.check_units("connection_tariffs", counts)
        self.balancing_groups.check_units("balancing_groups", counts)
        self.balancing_groups.check_positions("balancing_groups", self.day_ahead, self.intraday)
        if self.called_from.size:
            check_shape("called_from", self.called_from, (len(self.points),))
        names = [reserve.name for reserve in self.reserves]
        if len(set(names)) < len(names):
            raise CaseError(f"reserves: names must be unique, got {names}")

    def units(self, name: str) -> UnitArrays:
        """Return the arrays of a resource class by its name, one of UNIT_CLASSES."""
        arrays: UnitArrays = getattr(self, name)
        return arrays

    def reserve_kw(self, name: str) -> Floats:
        """Return the prequalified reserve power of each unit (U,) of a resource class, kW; 0: it holds none."""
        units: Any = self.units(name)
        held: Floats = units.reserve_kw if name in Headroom.classes() else np.zeros(len(units.point))
        return held

    def pinnable(self) -> dict[str, PinnableArrays]:
        """Return the arrays of the classes whose units can be kept at any program, by name."""
        every = ((name, self.units(name)) for name in UNIT_CLASSES)
        return {name: units for name, units in every if isinstance(units, PinnableArrays)}

    def when_called(self) -> "Case":
        """Return the case as called programs obey it: without the pins that they need not heed."""
        if not self.called_from.size:
            return self
        free = np.append(self.called_from, self.isps)  # of units in no congestion point, the last entry counts
        units: dict[str, Any] = {name: unpinned(one, free, self.isps) for name, one in self.pinnable().items()}
        return replace(self, **units, called_from=self.called_from[:0])

    def leaf(self, name: str) -> Ints:
        """Return the innermost connection limit of each unit (U,) of a resource class, NO_LIMIT where there is none."""
        return self._number(name, self.connection_limits.leaf, NO_LIMIT)

    def energy_markets(self) -> tuple[EnergyMarkets, ...]:
        """Return what each balancing group trades on; one entry where the portfolio is balanced as a whole."""
        return self.balancing_groups.markets(self.day_ahead, self.intraday, self.imbalance, self.isp_hours)

    def energy_products(self) -> EnergyProducts:
        """Return the products in which the portfolio as a whole has positions."""
        return self.day_ahead.products()

    def balanced_in(self, name: str) -> Ints:
        """Return the balancing group of each unit (U,) of a resource class; 0 where there are no groups."""
        return self._number(name, self.balancing_groups.of_units, 0)

    def tariff(self, name: str) -> Ints:
        """Return the connection with a tariff of each unit (U,) of a resource class, NO_TARIFF where there is none."""
        return self._number(name, self.connection_tariffs.of_units, NO_TARIFF)

    def _number(self, name: str, of_units: tuple[Ints, ...], otherwise: int) -> Ints:
        """Return the number of each unit (U,) of a class; `otherwise` where the last classes have none."""
        place = UNIT_CLASSES.index(name)
        return of_units[place] if place < len(of_units) else np.full(len(self.units(name).point), otherwise)


UNIT_CLASSES: tuple[str, ...] = tuple(
    item.name for item in fields(Case) if item.metadata.get("holds") == _UNITS["holds"]
)
"""The names of the resource classes in the order of the case's fields; see models.resources.registry."""

POINT_TABLES: tuple[str, ...] = tuple(
    item.name for item in fields(Case) if item.metadata.get("rows") == _AT_POINTS["rows"]
)
"""The names of the case's fields whose rows are each about one congestion point, and about nothing else of a case."""

MARKET_NAMES: tuple[str, ...] = (
    "day_ahead", "intraday", "imbalance", "limits", "reservations", "balancing_capacity", "announced",
    "connection_limits", "connection_tariffs", "orders",
)  # fmt: skip
"""The names of the markets in the order in which they are stated and added up; see models.markets.registry.

Those with positions come before imbalance, which closes the balance with what they deliver."""


def _parts(case: Case) -> Iterator[tuple[str, CasePart]]:
    for item in fields(case):
        value: Any = getattr(case, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            if not isinstance(part, str) and isinstance(
                part, CasePart
            ):  # a protocol's look at a thousand names takes long
                yield item.name, part


@dataclass(frozen=True, kw_only=True, eq=False)
class Programs:
    """A program for every unit, in the order of the case's classes.

    Fields with a default are those of classes that outcomes of earlier versions did not have: no units, all ISPs.
    """

    curtailable_kw: Floats  # (U,T)
    charge_kw: Floats  # (U,T) storage pc
    discharge_kw: Floats  # (U,T) storage pd
    energy_kwh: Floats  # (U,T) at the end of the ISP
    unmet_kwh: Floats  # (U,T)
    excess_kwh: Floats  # (U,T)
    start: Ints  # (U,) chosen start of each shiftable run, ISP from 0
    switched_on: Bools = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_))  # (U,T) of switched units

    def __post_init__(self) -> None:
        isps = np.shape(self.curtailable_kw)[1:]
        for item in fields(self):
            values = getattr(self, item.name)
            if item.default_factory is not MISSING and np.shape(values) == (0, 0) and isps:
                object.__setattr__(self, item.name, np.zeros((0, *isps), dtype=values.dtype))

    def of(self, names: Iterable[str], units: Rows = slice(None)) -> Fields:
        """Return some fields of some units; their rows are taken when a field is read."""
        return TakenRows(self, tuple(names), units)

    @property
    def storage_kw(self) -> Floats:
        """Return the net storage program (U,T), kW."""
        return self.charge_kw - self.discharge_kw


@dataclass(frozen=True, kw_only=True, eq=False)
class Headroom:
    """Reserve power held per unit; the first axis follows Case.reserves (R)."""

    curtailable_up_kw: Floats  # (R,U,T)
    curtailable_down_kw: Floats  # (R,U,T)
    storage_up_kw: Floats  # (R,U,T)
    storage_down_kw: Floats  # (R,U,T)

    def of(self, name: str, side: Direction) -> Floats:
        """Return the reserve (R,U,T), kW, that units of a resource class hold on a side."""
        held: Floats = getattr(self, _held_field(name, side))
        return held

    @staticmethod
    def classes() -> tuple[str, ...]:
        """Return the resource classes that may hold reserve."""
        return tuple(name for name in UNIT_CLASSES if _held_field(name, Direction.UP) in Headroom.__dataclass_fields__)

    @staticmethod
    def by_class(held: Mapping[tuple[str, Direction], Floats]) -> "Headroom":
        """Return the headroom, given (R,U,T), kW, for each side of every resource class that may hold reserve."""
        return Headroom(**{_held_field(name, side): values for (name, side), values in held.items()})


def _held_field(name: str, side: Direction) -> str:
    return f"{name}_{side.value}_kw"
