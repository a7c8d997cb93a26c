"""Makes the instances that are measured: cases of 100 to 1,000,000 resources, the same on every machine.

A congestion point has fifty resources: 20 EVs, 8 batteries, 12 heat pumps and 10 PV systems. The day is a Dutch day in
October with 96 ISPs, after the day-ahead gate: the position is fixed, and intraday has a spread and limited depth, so
that the balance binds.

typical: every fifth congestion point has a binding evening import limit, every twentieth has a FlexOption reservation,
and three reserve products are open for bids. hard: every congestion point has such a limit, and so much upward reserve
has been awarded that holding it is difficult for most of the day. In both, steps of bids are so fine that wholeness
costs nothing.

bids: as typical, with what real markets ask for: bids are whole steps of 0.1 kW per resource, 1 MW at most, and reserve
must be sustained for an hour. single: as bids, with all resources at one limited congestion point.

fuses, peaks: as typical, with resources behind connections: benchmarks/homes.py.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.homes import HOMES, at_homes
from benchmarks.position import planned_kw
from benchmarks.units import Fleet, batteries, cars, heat_pumps, solar, storage_of
from models.case import (
    Case,
    DayAhead,
    Direction,
    Fixed,
    Floats,
    Imbalance,
    Intraday,
    Ints,
    Limits,
    Reservations,
    Reserve,
    Shiftable,
)

Kind: TypeAlias = Literal["typical", "hard", "bids", "single", "fuses", "peaks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RELAXED: tuple[Kind, ...] = ("typical", "hard")
"""The kinds in which wholeness of bids costs nothing, so that every engine solves the same linear program."""
AT_HOMES: tuple[Kind, ...] = ("fuses", "peaks")
"""The kinds, relaxed too, with connections: only the product and its reference formulation have them."""

ISPS, HOURS = 96, 0.25
PER_POINT = 50
COMPACT_FROM = 200_000  # resources from which (U,T) fields are float32: half the memory

# Netherlands, day-ahead auction for 2024-10-03, EUR/MWh. Origin: ev2gym 2.0.0 (PyPI, MIT),
# data/Netherlands_day-ahead-2015-2024.csv, after Ember's European wholesale prices.
DAY_AHEAD_EUR_PER_MWH = (
    66.00, 63.80, 79.90, 80.00, 80.10, 86.00, 88.67, 125.90, 143.48, 107.68, 70.10, 62.22,
    47.01, 34.99, 38.34, 47.13, 70.27, 99.90, 121.46, 140.00, 123.60, 101.00, 97.62, 90.00,
)  # fmt: skip

EVENING = slice(17 * 4, 24 * 4)  # ISPs in which congestion points are limited
PEAK = slice(17 * 4, 20 * 4)  # ISPs in which DSOs have reserved flexibility

# Between the least the needs of the evening allow (0) and what everybody charging at the cheapest hour takes (1).
_TIGHTNESS: dict[Kind, float] = {
    "typical": 0.20,
    "hard": 0.10,
    "bids": 0.20,
    "single": 0.20,
    "fuses": 0.20,
    "peaks": 0.20,
}
_EVERY: dict[Kind, int] = {
    "typical": 5,
    "hard": 1,
    "bids": 5,
    "single": 1,
    "fuses": 5,
    "peaks": 5,
}  # one point in this many is limited

# Capacity prices per MW and hour, of the order of FCR and aFRR in Germany and the Netherlands in 2024/25.
_PRODUCTS = (("FCR", Direction.SYMMETRIC, 12.0), ("aFRR up", Direction.UP, 9.0), ("aFRR down", Direction.DOWN, 6.0))
_STEP_MW = 1e-4  # so fine that integer bids cost nothing: every engine solves the same problem
_WHOLE_STEP_MW = 1e-4  # per resource, where bids are whole
_LARGEST_STEP_MW = 1.0
_DEPTH_KW = {"FCR": 0.25, "aFRR up": 0.40, "aFRR down": 0.40}  # market depth per resource
_AWARDED = 0.92  # of what is prequalified: aFRR up, hard


def make_case(resources: int, kind: Kind = "typical", *, seed: int = 0, committed: bool = True) -> Case:
    """Return the case; with `committed` False, the day-ahead position is free (to compute the position)."""
    if resources < 1:
        raise ValueError(f"{resources} resources: at least one is needed")
    rng = np.random.default_rng([seed, resources])
    points = -(-resources // PER_POINT)
    point, place = np.divmod(np.arange(resources), PER_POINT)
    if kind == "single":
        points, point = 1, np.zeros(resources, dtype=np.int64)
    kinds = np.searchsorted([20, 28, 40], place, side="right")
    floats = np.dtype(np.float32 if resources >= COMPACT_FROM else np.float64)
    fleet = Fleet(isps=ISPS, hours=HOURS, floats=floats, rng=rng)
    storage, evening = storage_of(
        fleet, (cars, point[kinds == 0]), (batteries, point[kinds == 1]), (heat_pumps, point[kinds == 2]), EVENING
    )
    none = np.zeros(0, dtype=np.int64)
    case = Case(
        isps=ISPS,
        isp_hours=HOURS,
        points=tuple(f"ea1.2024-10.example.grid:{number:06d}" for number in range(points)),
        fixed=Fixed(point=none, program_kw=np.zeros((0, ISPS))),
        curtailable=solar(fleet, point[kinds == 3]),
        storage=storage,
        shiftable=Shiftable(
            point=none, profile_kw=np.zeros((0, 1)), length=none.copy(), first_start=none.copy(), last_start=none.copy()
        ),
        limits=_limits(kind, storage.point, evening, points),
        reservations=_reservations(points, storage.point, evening),
        day_ahead=_day_ahead(kind, resources, committed),
        intraday=_intraday(resources),
        imbalance=Imbalance(short_eur_per_mwh=np.full(ISPS, 600.0), long_eur_per_mwh=np.full(ISPS, 300.0)),
        reserves=_reserves(kind, resources, float(storage.reserve_kw.sum())),
    )
    if kind not in AT_HOMES:
        return case
    home = point * HOMES + place % HOMES
    of_class = {"storage": np.concatenate([home[kinds == k] for k in range(3)]), "curtailable": home[kinds == 3]}
    return at_homes(case, kind, of_class, evening, EVENING)


def _limits(kind: Kind, storage_point: Ints, evening: tuple[Floats, Floats], points: int) -> Limits:
    """Put the limit between the least mean power of the evening and the peak at its cheapest hour."""
    least, most = (np.bincount(storage_point, weights=kw, minlength=points) for kw in evening)
    limited = np.arange(0, points, _EVERY[kind])
    level = np.round(least + _TIGHTNESS[kind] * (most - least), 1)[limited]
    import_kw = np.full((len(limited), ISPS), np.inf)
    import_kw[:, EVENING] = level[:, None]
    return Limits(
        point=limited,
        import_kw=import_kw,
        export_kw=np.full(import_kw.shape, -np.inf),
        penalty_eur_per_mwh=np.full(len(limited), 1000.0),
    )


def _reservations(points: int, storage_point: Ints, evening: tuple[Floats, Floats]) -> Reservations:
    """Reserve a reduction in the evening peak at every twentieth congestion point; half of these have a limit."""
    number = np.arange(0, points, 20)
    number = np.minimum(number + np.where(np.arange(len(number)) % 2, 3, 0), points - 1)
    most = np.bincount(storage_point, weights=evening[1], minlength=points)[number]
    reserved = np.zeros((len(number), ISPS))
    reserved[:, PEAK] = -np.round(0.10 * most, 1)[:, None]
    return Reservations(
        name=tuple(f"FlexOption {i}" for i in number.tolist()),
        point=number,
        reserved_kw=reserved,
        penalty_eur_per_mwh=np.full(len(number), 2000.0),
        availability_eur_per_mw_h=np.full(len(number), 20.0),
    )


def _day_ahead(kind: Kind, resources: int, committed: bool) -> DayAhead:
    depth = np.full(ISPS, 20.0 * resources)
    bought = planned_kw(kind) * resources if committed else np.full(ISPS, np.nan)
    return DayAhead(
        price_eur_per_mwh=np.repeat(DAY_AHEAD_EUR_PER_MWH, 4),
        max_buy_kw=depth,
        max_sell_kw=depth.copy(),
        product=np.arange(ISPS) // 4,
        committed_kw=bought,
    )


def _intraday(resources: int) -> Intraday:
    """Return intraday prices: a saw-tooth per quarter-hour around the hourly price, noise, a spread of 8 EUR/MWh."""
    rng = np.random.default_rng(20241003)
    hourly = np.repeat(DAY_AHEAD_EUR_PER_MWH, 4)
    ramp = np.gradient(np.array(DAY_AHEAD_EUR_PER_MWH)).repeat(4) * np.tile([-0.3, -0.1, 0.1, 0.3], 24)
    mid = np.maximum(hourly + ramp + rng.normal(0, 5, ISPS), 10.0)
    depth = np.full(ISPS, 0.12 * resources + np.sqrt(resources))
    return Intraday(
        buy_eur_per_mwh=np.round(mid + 4, 2),
        sell_eur_per_mwh=np.round(mid - 4, 2),
        buy_depth_kw=depth,
        sell_depth_kw=depth.copy(),
        committed_kw=np.full(ISPS, np.nan),
    )


def _reserves(kind: Kind, resources: int, prequalified_kw: float) -> tuple[Reserve, ...]:
    block = np.arange(ISPS) // 16
    daily = np.array([0.9, 0.8, 1.1, 1.0, 1.3, 0.9])  # evenings are expensive
    relaxed = kind in (*RELAXED, *AT_HOMES)
    step_mw = _STEP_MW if relaxed else min(_WHOLE_STEP_MW * resources, _LARGEST_STEP_MW)
    return tuple(
        Reserve(
            name=name,
            direction=direction,
            price_eur_per_mw=np.round(price * 4 * daily, 2),
            block=block,
            minimum_mw=step_mw,
            step_mw=step_mw,
            max_mw=_in_steps(np.full(6, _DEPTH_KW[name] * resources)),
            sustain_h=0.0 if relaxed else 1.0,  # relaxed: prequalified units hold a margin back in the energy band
            committed_mw=_awarded(kind, direction, prequalified_kw),
            shortfall_eur_per_mwh=3000.0,
        )
        for name, direction, price in _PRODUCTS
    )


def _awarded(kind: Kind, direction: Direction, prequalified_kw: float) -> Floats:
    if kind == "hard" and direction is Direction.UP:
        return _in_steps(np.full(6, _AWARDED * prequalified_kw))
    return np.full(6, np.nan)


def _in_steps(kw: NDArray[np.float64]) -> Floats:
    """Return kW as MW in whole steps, rounded down."""
    return np.floor(kw / 1000 / _STEP_MW + 1e-9) * _STEP_MW
