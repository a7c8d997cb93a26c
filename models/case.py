"""One planning problem as arrays with units, and the programs of its resources. Only here every class has its fields.

Shapes are checked once here and trusted afterwards.

Symbols: T ISPs of Δ hours; C congestion points; U units of a class; K reservations; L limits; B blocks.
Power in kW (consumption positive), energy in kWh, prices in EUR/MWh unless a name says otherwise.
Parameters marked (U,T)* may be given as (U,1) and are broadcast. The parts are in the packages `models.resources.*` and
`models.markets.*`; this module exports their names as well. Source: docs/reference/formulation.md §1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np

from models.arrays import (
    ADDED,
    NO_POINT,
    Bools,
    Extent,
    Floats,
    Ints,
    Part,
    UnitArrays,
    added,
    check_shape,
)
from models.errors import CaseError
from models.markets.announced import Anchor
from models.markets.balancing_capacity import Direction, Reserve
from models.markets.balancing_groups import BalancingGroups, EnergyMarkets, no_balancing_groups
from models.markets.connection_limits import NO_LIMIT, ConnectionLimits, no_connection_limits
from models.markets.connection_tariffs import (
    NO_TARIFF,
    ConnectionTariffs,
    no_connection_tariffs,
)
from models.markets.day_ahead import DayAhead
from models.markets.imbalance import Imbalance
from models.markets.intraday import Intraday
from models.markets.limits import Limits
from models.markets.orders import Orders, no_orders
from models.markets.reservations import Reservations
from models.programs import Fields, Headroom, Programs, Rows
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
    "no_balancing_groups",
    "no_connection_limits",
    "no_connection_tariffs",
    "no_orders",
    "nothing_switched",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Duals:
    """A price for every coupling, EUR per kW of one ISP: a bound is proven with them, and a search may begin there."""

    balance: Floats  # (T,) of one more kW of consumption to be covered
    program: Floats  # (C,T) of a congestion point's program, on top of the balance
    call: Floats  # (C,T) of called less planned program
    reserve: Floats  # (R,T) <= 0, of reserve held in planned programs
    called: Floats  # (R,T) <= 0, of reserve held in called programs
    connections: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=ADDED)
    """(2S,T) of what counts at connections: S sums at import, then at export. Sums are those at limits of the plan (L),
    of the called programs (L), those at tariffs (N) and peak charges (P), which have a price at import only"""
    bound_eur: float = float("nan")  # upper bound of value that these prices prove; NaN where it was not kept
    groups: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=ADDED)
    """(G,T) like `balance`, of each balancing group; `balance` is that of the first"""

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field whose shape is not the case's."""
        points, products = (extent.points, extent.isps), (extent.products, extent.isps)
        check_shape(f"{where}.balance", self.balance, (extent.isps,))
        check_shape(f"{where}.program", self.program, points)
        check_shape(f"{where}.call", self.call, points)
        check_shape(f"{where}.reserve", self.reserve, products)
        check_shape(f"{where}.called", self.called, products)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedRemainder:
    """The units outside the case, which keep the programs of an earlier plan; their power is in `fixed`.

    Source: docs/explanation/optimisation.md §3.6.
    """

    held_kw: Floats  # (R,T) reserve that they hold
    called_held_kw: Floats | None  # (R,T) the same when all reservations are called; None: none of them is called
    terms_eur: dict[str, float]  # their earnings by term of the objective
    bids_mw: tuple[Floats, ...]  # per reserve product (B,), the bids of the whole portfolio so far
    dual_slack_eur: float = 0.0  # what they could gain at the prices `start`

    @property
    def when_called_kw(self) -> Floats:
        """Return the reserve (R,T), kW, that they hold when all reservations are called."""
        return self.held_kw if self.called_held_kw is None else self.called_held_kw

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field whose shape is not the case's."""
        for name, values in (("held_kw", self.held_kw), ("called_held_kw", self.called_held_kw)):
            if values is not None:
                check_shape(f"{where}.{name}", values, (extent.products, extent.isps))


_UNITS = {"holds": "the units of a resource class"}


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
    limits: Limits
    reservations: Reservations
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
    """The same of its unmanaged program."""
    connection_limits: ConnectionLimits = field(default_factory=no_connection_limits, metadata=ADDED)
    orders: Orders = field(default_factory=no_orders, metadata=ADDED)
    connection_tariffs: ConnectionTariffs = field(default_factory=no_connection_tariffs, metadata=ADDED)
    balancing_groups: BalancingGroups = field(default_factory=no_balancing_groups, metadata=ADDED)
    called_from: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64), metadata=ADDED)
    """(C,) ISP from which called programs of stores and generation at a congestion point heed no pins: the plan is kept
    there by choice, and they could still do otherwise. Empty: called programs heed all pins"""

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

    def when_called(self) -> "Case":
        """Return the case as called programs obey it: without the pins that they need not heed."""
        if not self.called_from.size:
            return self
        free = np.append(self.called_from, self.isps)  # of units in no congestion point, the last entry counts
        return replace(
            self, storage=_unpinned(self.storage, free, self.isps),
            curtailable=_unpinned(self.curtailable, free, self.isps), called_from=self.called_from[:0],
        )  # fmt: skip

    def leaf(self, name: str) -> Ints:
        """Return the innermost connection limit of each unit (U,) of a resource class, NO_LIMIT where there is none."""
        leaf, place = self.connection_limits.leaf, UNIT_CLASSES.index(name)
        return leaf[place] if place < len(leaf) else np.full(len(self.units(name).point), NO_LIMIT)

    def energy_markets(self) -> tuple[EnergyMarkets, ...]:
        """Return what each balancing group trades on; one entry where the portfolio is balanced as a whole."""
        return self.balancing_groups.markets(self.day_ahead, self.intraday, self.imbalance, self.isp_hours)

    def balanced_in(self, name: str) -> Ints:
        """Return the balancing group of each unit (U,) of a resource class; 0 where there are no groups."""
        of_units, place = self.balancing_groups.of_units, UNIT_CLASSES.index(name)
        return of_units[place] if place < len(of_units) else np.zeros(len(self.units(name).point), dtype=np.int64)

    def tariff(self, name: str) -> Ints:
        """Return the connection with a tariff of each unit (U,) of a resource class, NO_TARIFF where there is none."""
        of_units, place = self.connection_tariffs.of_units, UNIT_CLASSES.index(name)
        return of_units[place] if place < len(of_units) else np.full(len(self.units(name).point), NO_TARIFF)


UNIT_CLASSES: tuple[str, ...] = tuple(
    item.name for item in fields(Case) if item.metadata.get("holds") == _UNITS["holds"]
)
"""The names of the resource classes in the order of the case's fields; see models.resources.registry."""

MARKET_NAMES: tuple[str, ...] = (
    "day_ahead", "intraday", "imbalance", "limits", "reservations", "balancing_capacity", "announced",
    "connection_limits", "connection_tariffs", "orders",
)  # fmt: skip
"""The names of the markets in the order in which they are stated and added up; see models.markets.registry.

Those with positions come before imbalance, which closes the balance with what they deliver."""


_Pinned = TypeVar("_Pinned", Storage, Curtailable)


def _unpinned(units: _Pinned, free: Ints, isps: int) -> _Pinned:
    """Return units without their pins from ISP free[point] on."""
    since = free[units.point]
    if not len(since) or int(since.min()) >= isps:
        return units
    pinned = np.where(np.arange(isps) >= since[:, None], np.nan, units.pinned_kw)
    return replace(units, pinned_kw=pinned)


def _parts(case: Case) -> Iterator[tuple[str, Part]]:
    for item in fields(case):
        value: Any = getattr(case, item.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Part):
                yield item.name, part
