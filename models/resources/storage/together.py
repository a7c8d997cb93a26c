"""Units that stand for several storage units each: whatever these can do together, the one can do at no higher cost.

Powers, bands and demands are added up. The best efficiencies, retention and wear of the group are taken; a statement of
the problem must let such a unit lose energy, since its members lose more. What is stored at the end is worth what the
first kWh is worth to any of them. Directions and least powers of single units are forgotten.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.case import (
    Bools,
    Case,
    Floats,
    Ints,
    no_balancing_groups,
    no_connection_limits,
    no_connection_tariffs,
)
from models.headroom import duration, has_margins
from models.resources.storage import Storage
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, PER_KW, owed_of
from models.resources.storage.reachability import meetable

_UNBOUNDED_KWH = 1e6
_SUMMED = ("energy_start_kwh", "reserve_kw")
_SUMMED_ISPS = ("demand_kwh", "unmanaged_kw")
_GREATEST = ("discharge_efficiency", "retention")
_LEAST_WORTH = 1e-6  # EUR per kWh, so that any constant can be said by the energy that counts as 0
_LEAST = ("wear_eur_per_kwh", "shortfall_eur_per_kwh")


def together(case: Case, groups: Sequence[Ints], point: Ints) -> Storage:
    """Return one unit for each of G groups of units (n,), at congestion points `point` (G,).

    Margins of reserve may count too much energy for a group; its band is wider by what they overstate. A group with a
    unit that must miss its band has none.
    """
    data, isps, missing = case.storage, case.isps, misses(case)

    def of(name: str) -> Floats:
        values: Floats = np.asarray(getattr(data, name), dtype=np.float64)
        return np.broadcast_to(values, (len(data.point), isps)) if values.ndim == 2 else values

    def each(name: str, how: np.ufunc) -> Floats:
        values = of(name)
        return np.array([how.reduce(values[group], axis=0) for group in groups])

    pins = of("pinned_kw")
    pinned = np.array([pins[group].sum(axis=0) for group in groups])  # NaN where one of them is free
    limits = {}
    for name, sign in (("charge_kw", 1.0), ("discharge_kw", -1.0)):
        limit = np.fmax(of(name), sign * pins)
        limits[name] = np.array([limit[group].sum(axis=0) for group in groups])
    empty_eur = np.array([float(data.worth_eur(g, np.zeros(len(g))).sum()) for g in groups])
    worth = np.maximum(each("end_value_eur_per_kwh", np.maximum), np.where(empty_eur != 0, _LEAST_WORTH, 0.0))
    one = Storage(
        point=point,
        end_value_eur_per_kwh=worth,
        worth_zero_kwh=np.divide(-empty_eur, worth, out=np.zeros(len(groups)), where=worth > 0),
        charge_efficiency=each("charge_efficiency", np.maximum),
        energy_min_kwh=each("energy_min_kwh", np.add),
        energy_max_kwh=each("energy_max_kwh", np.add),
        pinned_kw=pinned,
        charge_min_kw=np.zeros(len(groups)),
        **limits,
        **{name: each(name, np.add) for name in (*_SUMMED, *_SUMMED_ISPS)},
        **{name: each(name, np.maximum) for name in _GREATEST},
        **{name: each(name, np.minimum) for name in _LEAST},
    )
    return _with_room(case, groups, _unbound(one, np.array([missing[group].any() for group in groups])))


def misses(case: Case) -> Bools:
    """Return which units (U,) must miss their energy bands: they may miss more of them, to hold reserve."""
    return ~meetable(case.storage, case.isps, case.isp_hours)


def _unbound(one: Storage, groups: Bools) -> Storage:
    """Return the units, of which those in `groups` (G,) are bound by no band."""
    most_kwh = np.where(groups, _UNBOUNDED_KWH, 0.0)[:, None]
    return replace(one, energy_min_kwh=one.energy_min_kwh - most_kwh, energy_max_kwh=one.energy_max_kwh + most_kwh)


def _with_room(case: Case, groups: Sequence[Ints], one: Storage) -> Storage:
    """Return units `one` with bands so much wider that their reserve needs no more energy than that of their groups.

    A kW of a group's reserve takes `PER_KW` of its member, and its energy need not be there when an ISP begins where
    the member cannot reverse its flow.
    """
    lasts = [duration(reserve, case.isp_hours) for reserve in case.reserves]
    if not has_margins(case):
        return one
    longest_h = max((last.isps * last.most_h for last in lasts), default=0.0)
    begin_h = max((last.hours for last in lasts), default=0.0)
    alone = replace(
        case, storage=one, connection_limits=no_connection_limits(), connection_tariffs=no_connection_tariffs(),
        balancing_groups=no_balancing_groups(),
    )  # fmt: skip
    owed, first = owed_of(alone, np.arange(len(groups)))
    low, high = np.zeros((2, len(groups), 1))
    for g, group in enumerate(groups):
        members, begins = owed_of(case, group)
        held_kw = case.storage.reserve_kw[group][:, None]
        more = np.maximum(owed[g, PER_KW] - members[:, PER_KW], 0.0) * held_kw * longest_h
        late = owed[g, PER_KW] * held_kw * begin_h
        for row, wider in ((BEFORE_FLOOR, low), (BEFORE_CEILING, high)):
            only = np.isinf(members[:, row]) & np.isfinite(owed[g, row])
            wider[g] = (more + np.where(only, late, 0.0)).sum(axis=0).max()
        if first[g] > begins.min():  # with pins and the best efficiency it could not lose what its members lose
            high[g] += _UNBOUNDED_KWH
    return replace(one, energy_min_kwh=one.energy_min_kwh - low, energy_max_kwh=one.energy_max_kwh + high)
