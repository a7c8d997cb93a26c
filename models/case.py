"""One planning problem as arrays with units; shapes are checked once here and trusted afterwards.

Symbols: T ISPs of Δ hours; C congestion points; U units of a class; K reservations; L limits; B blocks.
Power in kW (consumption positive), energy in kWh, prices in EUR/MWh unless a name says otherwise.
Parameters marked (U,T)* may be given as (U,1) and are broadcast.
Source: docs/reference/formulation.md §1.
"""

from dataclasses import dataclass, field, fields
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from models.errors import CaseError
from models.resources.arrays import (
    NO_POINT,
    Bools,
    Curtailable,
    Fixed,
    Floats,
    Ints,
    Shiftable,
    Storage,
    Switched,
    nothing_switched,
)

__all__ = [
    "NO_POINT",
    "Anchor",
    "Bools",
    "Case",
    "Curtailable",
    "DayAhead",
    "Direction",
    "Duals",
    "Fixed",
    "FixedRemainder",
    "Floats",
    "Imbalance",
    "Intraday",
    "Ints",
    "Limits",
    "Reservations",
    "Reserve",
    "Shiftable",
    "Storage",
    "Switched",
    "check",
    "nothing_switched",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """Agreed bounds of a congestion point's program; soft, at a price."""

    point: Ints  # (L,)
    import_kw: Floats  # (L,T) upper bound, +inf where none
    export_kw: Floats  # (L,T) lower bound, −inf where none
    penalty_eur_per_mwh: Floats  # (L,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reservations:
    """FlexOption volumes still reserved. Negative: be able to consume that much less than the program."""

    name: tuple[str, ...]  # (K,) contract
    point: Ints  # (K,)
    reserved_kw: Floats  # (K,T) signed
    penalty_eur_per_mwh: Floats  # (K,) of non-delivery
    availability_eur_per_mw_h: Floats  # (K,) fee on |reserved|


@dataclass(frozen=True, kw_only=True, eq=False)
class DayAhead:
    """Day-ahead market, one position per product; a constant once its gate has closed."""

    price_eur_per_mwh: Floats  # (T,)
    max_buy_kw: Floats  # (T,)
    max_sell_kw: Floats  # (T,) >= 0
    product: Ints  # (T,) ISPs with the same number share one position
    committed_kw: Floats  # (T,) bought (+) or sold (−); NaN where still free


@dataclass(frozen=True, kw_only=True, eq=False)
class Intraday:
    """Intraday market: buys above, sells below, up to a depth."""

    buy_eur_per_mwh: Floats  # (T,) >= sell
    sell_eur_per_mwh: Floats  # (T,)
    buy_depth_kw: Floats  # (T,) 0 where closed
    sell_depth_kw: Floats  # (T,) 0 where closed
    committed_kw: Floats  # (T,) net bought, where the ISP is closed; NaN where free


@dataclass(frozen=True, kw_only=True, eq=False)
class Imbalance:
    """The last resort: what is consumed beyond (short) or below (long) all positions, at penal prices."""

    short_eur_per_mwh: Floats  # (T,) paid per MWh short
    long_eur_per_mwh: Floats  # (T,) paid per MWh long


@dataclass(frozen=True, kw_only=True, eq=False)
class Anchor:
    """The programs announced before: leaving them costs a little, so that equally good answers do not alternate."""

    point_kw: Floats  # (C,T) NaN where nothing was announced
    eur_per_mwh: float  # of distance |P − anchor|


class Direction(Enum):
    """Which way a reserve product moves the program."""

    UP = "up"  # less consumption, more production
    DOWN = "down"
    SYMMETRIC = "symmetric"


@dataclass(frozen=True, kw_only=True, eq=False)
class Reserve:
    """One balancing capacity product: Σ headroom >= bid in every ISP of a block."""

    name: str
    direction: Direction
    price_eur_per_mw: Floats  # (B,) for the whole block
    block: Ints  # (T,) block of each ISP, 0..B-1, or -1 where the product is not traded
    minimum_mw: float
    step_mw: float
    max_mw: Floats  # (B,) market depth
    sustain_h: float  # energy margin: headroom must be deliverable for this long
    committed_mw: Floats  # (B,) awarded; NaN where still free
    shortfall_eur_per_mwh: float  # of committed capacity that cannot be held


@dataclass(frozen=True, kw_only=True, eq=False)
class Duals:
    """A price for every coupling, EUR per kW of one ISP: what a bound is proven with and a search may begin from."""

    balance: Floats  # (T,) of covering one more kW of consumption
    program: Floats  # (C,T) of a congestion point's program, beyond the balance
    call: Floats  # (C,T) of called less planned program
    reserve: Floats  # (R,T) <= 0, of reserve held, planned
    called: Floats  # (R,T) <= 0, of reserve held when reservations are called
    bound_eur: float = float("nan")  # no program is worth more: what these prices prove; NaN where that was not kept


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedRemainder:
    """Units that are not in the case because they keep what an earlier plan gave them; their power is in `fixed`.

    Source: docs/explanation/optimisation.md §3.6.
    """

    held_kw: Floats  # (R,T) reserve they hold
    called_held_kw: Floats | None  # (R,T) and when all reservations are called; None: nobody there is called
    terms_eur: dict[str, float]  # what they earn, by term of the objective
    bids_mw: tuple[Floats, ...]  # per reserve product (B,), the bids of the whole portfolio so far
    dual_slack_eur: float = 0.0  # by how much they could do better at the prices `start`

    @property
    def when_called_kw(self) -> Floats:
        """What they hold when all reservations are called (R,T)."""
        return self.held_kw if self.called_held_kw is None else self.called_held_kw


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One planning problem. Raises CaseError, naming the field, when shapes or values contradict each other."""

    isps: int
    isp_hours: float
    points: tuple[str, ...]
    fixed: Fixed
    curtailable: Curtailable
    storage: Storage
    shiftable: Shiftable
    limits: Limits
    reservations: Reservations
    day_ahead: DayAhead
    intraday: Intraday
    imbalance: Imbalance
    reserves: tuple[Reserve, ...] = field(default=())
    anchor: Anchor | None = None
    start: Duals | None = None  # prices of an earlier plan to begin from; they change the way, not what is best
    switched: Switched = field(default_factory=nothing_switched)
    remainder: FixedRemainder | None = None  # where only a part of a portfolio is planned

    def __post_init__(self) -> None:
        check(self)


# Field → its dimensions; "T*" may be 1. Everything not named here is (U,).
_TWO = {
    "program_kw": "T", "forecast_kw": "T", "unmanaged_kw": "T", "pinned_kw": "T*", "charge_kw": "T*",
    "discharge_kw": "T*", "charge_efficiency": "T*", "energy_min_kwh": "T*", "energy_max_kwh": "T*",
    "demand_kwh": "T*", "import_kw": "T", "export_kw": "T", "reserved_kw": "T", "profile_kw": "any",
    "on_kw": "T*", "pinned_on": "T*", "window_first": "any", "window_end": "any", "least_on": "any", "most_on": "any",
}  # fmt: skip
_MAY_BE_NAN = {"pinned_kw", "pinned_on", "committed_kw", "committed_mw"}
_MAY_BE_INF = {"import_kw", "export_kw", "max_mw"}


def _fault(where: str, what: str) -> CaseError:
    return CaseError(f"{where}: {what}")


def _check_values(where: str, name: str, values: NDArray[np.generic]) -> None:
    if not np.issubdtype(values.dtype, np.floating):
        return
    if name not in _MAY_BE_NAN and bool(np.isnan(values).any()):
        raise _fault(where, f"has NaN at index {np.argwhere(np.isnan(values))[0].tolist()}")
    if name not in _MAY_BE_INF and bool(np.isinf(values).any()):
        raise _fault(where, f"has an infinite value at index {np.argwhere(np.isinf(values))[0].tolist()}")


def _check_class(case: Case, label: str) -> None:
    part = getattr(case, label)
    units = len(part.point)
    if units and not (part.point.min() >= NO_POINT and part.point.max() < len(case.points)):
        raise _fault(f"{label}.point", f"must be {NO_POINT}..{len(case.points) - 1}")
    for item in fields(part):
        values = getattr(part, item.name)
        where = f"{label}.{item.name}"
        if item.name == "name":
            if len(values) != units:
                raise _fault(where, f"has {len(values)} entries, expected {units}")
            continue
        kind = _TWO.get(item.name)
        widths = {None: None, "T": {case.isps}, "T*": {1, case.isps}, "any": None}[kind]
        if values.ndim != (1 if kind is None else 2) or len(values) != units:
            raise _fault(where, f"has shape {values.shape}, expected {units} rows")
        if widths is not None and values.shape[1] not in widths:
            raise _fault(where, f"has {values.shape[1]} ISPs, expected {case.isps}")
        _check_values(where, item.name, values)


def _check_market(case: Case, label: str) -> None:
    market = getattr(case, label)
    for item in fields(market):
        values = getattr(market, item.name)
        if values.shape != (case.isps,):
            raise _fault(f"{label}.{item.name}", f"has shape {values.shape}, expected ({case.isps},)")
        _check_values(f"{label}.{item.name}", item.name, values)


# What must not be negative: part → fields.
_NOT_NEGATIVE = {
    "curtailable": ("reserve_kw",),
    "storage": (
        "charge_kw",
        "charge_min_kw",
        "discharge_kw",
        "reserve_kw",
        "wear_eur_per_kwh",
        "shortfall_eur_per_kwh",
    ),
    "switched": ("start_eur", "shortfall_eur", "least_on"),
    "limits": ("penalty_eur_per_mwh",),
    "reservations": ("penalty_eur_per_mwh",),
    "day_ahead": ("max_buy_kw", "max_sell_kw"),
    "intraday": ("buy_depth_kw", "sell_depth_kw"),
}


def _check_signs(case: Case) -> None:
    for label, names in _NOT_NEGATIVE.items():
        for name in names:
            if bool((getattr(getattr(case, label), name) < 0).any()):
                raise _fault(f"{label}.{name}", "must not be negative")
    if bool((case.curtailable.forecast_kw > 0).any()):
        raise _fault("curtailable.forecast_kw", "production is negative; a positive value was given")
    for label in ("limits", "reservations"):
        if bool((getattr(case, label).point == NO_POINT).any()):
            raise _fault(f"{label}.point", "must name a congestion point")


def _check_storage(storage: Storage) -> None:
    for name in ("charge_efficiency", "discharge_efficiency", "retention"):
        if bool((getattr(storage, name) <= 0).any()):
            raise _fault(f"storage.{name}", "must be positive")
    if bool((storage.energy_min_kwh > storage.energy_max_kwh).any()):
        raise _fault("storage.energy_min_kwh", "above energy_max_kwh, the energy band is empty")


def _check_runs(runs: Shiftable, isps: int) -> None:
    if bool((runs.length > runs.profile_kw.shape[1]).any() or (runs.length < 1).any()):
        raise _fault("shiftable.length", f"must be 1..{runs.profile_kw.shape[1]}, the width of profile_kw")
    if bool((runs.first_start < 0).any()):
        raise _fault("shiftable.first_start", "before the first ISP")
    if bool((runs.last_start < runs.first_start).any() or (runs.last_start + runs.length > isps).any()):
        raise _fault("shiftable.last_start", "before first_start, or the run would end after the last ISP")


def _check_switched(units: Switched, isps: int) -> None:
    for name in ("min_run", "min_rest"):
        if bool((getattr(units, name) < 1).any()):
            raise _fault(f"switched.{name}", "must be at least one ISP")
    if bool((units.before == 0).any()):
        raise _fault("switched.before", "must not be 0: a unit has been on (+) or off (−) for at least one ISP")
    shapes = {getattr(units, name).shape for name in ("window_first", "window_end", "least_on", "most_on")}
    if len(shapes) > 1:
        raise _fault("switched.window_first", f"windows and their bounds have different shapes: {sorted(shapes)}")
    first, end = units.window_first, units.window_end
    there = end > first
    if bool((there & ((first < 0) | (end > isps))).any()):
        raise _fault("switched.window_first", f"windows must lie within the Period's {isps} ISPs")
    for one in range(first.shape[1]):
        for other in range(one):
            both = there[:, one] & there[:, other]
            if bool((both & (first[:, one] < end[:, other]) & (first[:, other] < end[:, one])).any()):
                raise _fault("switched.window_first", "windows of a unit overlap; join them")
    if bool((units.least_on > units.most_on).any()):
        raise _fault("switched.least_on", "above most_on")
    pinned = units.pinned_on
    if not bool((np.isnan(pinned) | (pinned == 0) | (pinned == 1)).all()):
        raise _fault("switched.pinned_on", "must be 1 (on), 0 (off) or NaN (free)")
    if bool(((pinned == 1) & (np.cumsum(np.isnan(pinned), axis=1) > 0)).any()):
        raise _fault("switched.pinned_on", "is on behind a free ISP; only what has begun can be pinned on")


def _check_prices(case: Case) -> None:
    if bool((case.intraday.buy_eur_per_mwh < case.intraday.sell_eur_per_mwh).any()):
        raise _fault("intraday.buy_eur_per_mwh", "below the selling price; trading in circles would earn money")
    if bool((case.imbalance.short_eur_per_mwh + case.imbalance.long_eur_per_mwh < 0).any()):
        raise _fault("imbalance", "being short and long at once would earn money without end; raise a price")


def _check_reserve(reserve: Reserve, isps: int) -> None:
    where = f"reserve {reserve.name}"
    blocks = len(reserve.price_eur_per_mw)
    if reserve.block.shape != (isps,) or reserve.block.min() < -1 or reserve.block.max() >= blocks:
        raise _fault(f"{where}.block", f"must have {isps} ISPs numbered -1..{blocks - 1}")
    for name in ("price_eur_per_mw", "max_mw", "committed_mw"):
        values = getattr(reserve, name)
        if values.shape != (blocks,):
            raise _fault(f"{where}.{name}", f"has shape {values.shape}, expected ({blocks},)")
        _check_values(where, name, values)
    if reserve.step_mw <= 0 or min(reserve.minimum_mw, reserve.sustain_h, reserve.shortfall_eur_per_mwh) < 0:
        raise _fault(where, "step_mw must be positive; minimum_mw, sustain_h, shortfall_eur_per_mwh not negative")


def _check_anchor(case: Case) -> None:
    if case.anchor is None:
        return
    expected = (len(case.points), case.isps)
    if case.anchor.point_kw.shape != expected:
        raise _fault("anchor.point_kw", f"has shape {case.anchor.point_kw.shape}, expected {expected}")
    if case.anchor.eur_per_mwh < 0 or bool(np.isinf(case.anchor.point_kw).any()):
        raise _fault("anchor", "must have a price that is not negative, and finite programs")


def _check_start(case: Case) -> None:
    if case.start is None:
        return
    points, products = (len(case.points), case.isps), (len(case.reserves), case.isps)
    shapes = {"balance": (case.isps,), "program": points, "call": points, "reserve": products, "called": products}
    for name, shape in shapes.items():
        values = getattr(case.start, name)
        if values.shape != shape:
            raise _fault(f"start.{name}", f"has shape {values.shape}, expected {shape}")
        _check_values(f"start.{name}", name, values)


def _check_remainder(case: Case) -> None:
    if case.remainder is None:
        return
    expected = (len(case.reserves), case.isps)
    for name in ("held_kw", "called_held_kw"):
        values = getattr(case.remainder, name)
        if values is not None and values.shape != expected:
            raise _fault(f"remainder.{name}", f"has shape {values.shape}, expected {expected}")
        if values is not None:
            _check_values(f"remainder.{name}", name, values)


def check(case: Case) -> None:
    """Raise CaseError naming the first field whose shape or value contradicts the rest."""
    if case.isps < 1 or case.isp_hours <= 0:
        raise CaseError("isps and isp_hours must be positive")
    for label in ("fixed", "curtailable", "storage", "shiftable", "switched", "limits", "reservations"):
        _check_class(case, label)
    for label in ("day_ahead", "intraday", "imbalance"):
        _check_market(case, label)
    _check_signs(case)
    _check_storage(case.storage)
    _check_runs(case.shiftable, case.isps)
    _check_switched(case.switched, case.isps)
    _check_prices(case)
    names = [reserve.name for reserve in case.reserves]
    if len(set(names)) < len(names):
        raise CaseError(f"reserves: names must be unique, got {names}")
    for reserve in case.reserves:
        _check_reserve(reserve, case.isps)
    _check_anchor(case)
    _check_start(case)
    _check_remainder(case)
