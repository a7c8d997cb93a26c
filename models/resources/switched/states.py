"""States of units that are on or off: those settled already, their consequences, and the nearest possible ones."""

from dataclasses import dataclass, replace

import numpy as np

from models.case import Bools, Case, Floats, Ints, Switched
from models.compiled import compiled
from models.parameter_views import Tables, load, parameter_views
from models.resources.switched.kernel import begun, cheapest
from models.response import for_each_range

_SMALLEST = 256  # least units per thread


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """Chosen units of a case as compiled code reads them."""

    double: Tables  # on_kw, pinned_on of all units of the case
    single: Tables
    units: Ints  # (n,) the chosen ones
    times: Ints  # (n,4) least run, least rest, before, latest start
    windows: Ints  # (n,W,4) first, end, least, most
    scalars: Floats  # (n,3) EUR per start, EUR per missed ISP, whether no ISP may be missed

    @property
    def longest(self) -> int:
        """The number of counts that a window may have."""
        return int(np.max(self.windows[:, :, 1] - self.windows[:, :, 0], initial=0)) + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class CheapestPrograms:
    """The cheapest programs of the chosen units."""

    on: Bools  # (n,T)
    money_eur: Floats  # (n,2) own cost, cost with prices


def parameters(data: Switched, units: Ints) -> Parameters:
    """Return the parameters of units (n,), whose costs are still to be set."""
    double, single = parameter_views(data.on_kw, data.pinned_on)
    windows = np.stack([data.window_first, data.window_end, data.least_on, data.most_on], axis=2)[units]
    return Parameters(
        double=double,
        single=single,
        units=np.ascontiguousarray(units, dtype=np.int64),
        times=_times(data)[units],
        windows=np.ascontiguousarray(windows, dtype=np.int64),
        scalars=np.zeros((len(units), 3)),
    )


def _times(data: Switched) -> Ints:
    return np.column_stack([data.min_run, data.min_rest, data.before, data.latest_start]).astype(np.int64)


def cheapest_programs(
    given: Parameters, chosen: Ints, rows: Ints, power_eur_per_kw: Floats, *, threads: int = 0
) -> CheapestPrograms:
    """Return the cheapest programs of units at positions `chosen` (n,); rows (U,) are their rows of prices (G,T)."""
    n, isps = len(chosen), power_eur_per_kw.shape[1]
    on, money = np.zeros((n, isps), dtype=np.bool_), np.zeros((n, 2))
    power = np.ascontiguousarray(power_eur_per_kw, dtype=np.float64)

    def run(begin: int, end: int) -> None:
        _write(
            begin, end, chosen, given.double, given.single, given.units, given.times, given.windows, given.scalars,
            rows, power, given.longest, on, money,
        )  # fmt: skip

    for_each_range(n, n // _SMALLEST, run, threads=threads)
    return CheapestPrograms(on=on, money_eur=money)


def meetable(case: Case, units: Ints, *, threads: int = 0) -> Bools:
    """Return for units (n,) whether some program of each keeps the bounds of all its windows (n,)."""
    result: Bools = unavoidable_isps(case, units, threads=threads) == 0
    return result


def unavoidable_isps(case: Case, units: Ints, *, threads: int = 0) -> Floats:
    """Return for units (n,) the least number of ISPs (n,) by which a program misses the bounds of its windows."""
    given, everyone = parameters(case.switched, units), np.arange(len(units))
    given.scalars[:, 1] = 1.0
    least, most = given.windows[:, :, 2], given.windows[:, :, 3]
    bound = (least > 0) | (most < given.windows[:, :, 1] - given.windows[:, :, 0])
    asked = np.flatnonzero(bound.any(axis=1))
    missed = np.zeros(len(units))
    nothing = np.zeros((1, case.isps))
    found = cheapest_programs(given, asked, np.zeros(len(everyone), dtype=np.int64), nothing, threads=threads)
    missed[asked] = found.money_eur[:, 0]
    return missed


def priced(case: Case, units: Ints, *, called: bool = False, threads: int = 0) -> Parameters:
    """Return the parameters of units (n,) with their costs; a called program costs only its own comfort shortfall."""
    given = parameters(case.switched, units)
    given.scalars[:, 0] = 0.0 if called else case.switched.start_eur[units]
    given.scalars[:, 1] = case.switched.shortfall_eur[units]
    given.scalars[:, 2] = meetable(case, units, threads=threads)
    return given


def nearest(case: Case, units: Ints, share_on: Floats) -> Bools:
    """Return the possible programs (n,T) nearest to share_on (n,T), 0 to 1, of units (n,).

    Needs are met where they can be.
    """
    unitary = replace(case.switched, on_kw=np.ones((len(case.switched.point), 1)))
    given, everyone = parameters(unitary, units), np.arange(len(units))
    given.scalars[:, 2] = meetable(case, units)
    return cheapest_programs(given, everyone, everyone, 1.0 - 2.0 * share_on).on


def settled(case: Case, units: Ints) -> tuple[Bools, Ints]:
    """Return the states (n,T) that pins and earlier switching settle, and the first ISP after them (n,)."""
    data = case.switched
    on, first = np.zeros((len(units), case.isps), dtype=np.bool_), np.zeros(len(units), dtype=np.int64)
    pins = np.broadcast_to(data.pinned_on, (len(data.point), case.isps))
    times = _times(data)
    for n, u in enumerate(units.tolist()):
        first[n] = begun(np.ascontiguousarray(pins[u], dtype=np.float64), times[u], on[n])
    return on, first


def switched_program_kw(data: Switched, on: Bools) -> Floats:
    """Return the programs (U,T), kW, of all units for their states (U,T)."""
    return np.where(on, data.on_kw, 0.0).astype(np.float64)


def starts(data: Switched, on: Bools) -> Ints:
    """Return how often each unit (U,) is started, given states (U,T)."""
    before = np.column_stack([data.before > 0, on[:, :-1]])
    return np.asarray((on & ~before).sum(axis=1), dtype=np.int64)


def unmet_and_excess(data: Switched, on: Bools) -> tuple[Ints, Ints]:
    """Return the ISPs below the least and above the most of each window, (U,W) each, given states (U,T)."""
    total = np.zeros((len(on), on.shape[1] + 1), dtype=np.int16)
    np.cumsum(on, axis=1, out=total[:, 1:])
    there = data.window_end > data.window_first
    first, end = np.where(there, data.window_first, 0), np.where(there, data.window_end, 0)
    count = np.take_along_axis(total, end, axis=1) - np.take_along_axis(total, first, axis=1)
    unmet = np.where(there, np.maximum(data.least_on - count, 0), 0)
    return unmet, np.where(there, np.maximum(count - data.most_on, 0), 0)


def missed_isps(data: Switched, on: Bools) -> Ints:
    """Return the number of ISPs (U,) by which each unit misses the bounds of its windows, given states (U,T)."""
    return np.asarray(sum(part.sum(axis=1) for part in unmet_and_excess(data, on)), dtype=np.int64)


def unmanaged_on(case: Case) -> Bools:
    """Return the states (U,T) of a timer: on as early as possible, for as few ISPs as meet the needs, without pins."""
    data = case.switched
    everyone = np.arange(len(data.point))
    shape = (len(everyone), 1)
    given = parameters(replace(data, on_kw=np.ones(shape), pinned_on=np.full(shape, np.nan)), everyone)
    given.scalars[:] = 1e-9, 2.0 * case.isps, 0.0  # of equally early programs the one with the fewest starts
    early = 1.0 + np.arange(case.isps) / (case.isps + 1) ** 2
    return cheapest_programs(given, everyone, np.zeros(len(everyone), dtype=np.int64), early[None]).on


@compiled
def _write(
    begin: int, end: int, chosen: Ints, double: Tables, single: Tables, units: Ints, times: Ints, windows: Ints,
    scalars: Floats, rows: Ints, power: Floats, longest: int, on: Bools, money: Floats,
) -> None:  # fmt: skip
    """Write the programs of chosen[begin..end]."""
    isps = power.shape[1]
    table, cost, places = np.zeros((2, isps)), np.zeros(isps), np.zeros((2, isps), dtype=np.int64)
    value, switch = np.zeros((4, isps + 1, longest)), np.zeros((2, isps, longest), dtype=np.bool_)
    for n in range(begin, end):
        i = chosen[n]
        load(double, single, units[i], table)
        money[n, 0], money[n, 1] = cheapest(
            table[0], table[1], times[i], windows[i], scalars[i], power[rows[i]], cost, places, value, switch, on[n]
        )
