"""Units that stand for several storage units each: whatever these can do together, the one can do at no higher cost.

Powers, bands and demands are added up. The best efficiencies, retention and wear of the group are taken; a statement of
the problem must let such a unit lose energy, since its members lose more. What is stored at the end is worth what the
first kWh is worth to any of them. Directions and least powers of single units are forgotten.
"""

from collections.abc import Sequence

import numpy as np

from models.case import Case, Floats, Ints
from models.resources.storage import Storage

_SUMMED = ("energy_start_kwh", "reserve_kw")
_SUMMED_ISPS = ("demand_kwh", "unmanaged_kw")
_GREATEST = ("discharge_efficiency", "retention")
_LEAST_WORTH = 1e-6  # EUR per kWh, so that any constant can be said by the energy that counts as 0
_LEAST = ("wear_eur_per_kwh", "shortfall_eur_per_kwh")


def together(case: Case, groups: Sequence[Ints], point: Ints) -> Storage:
    """Return one unit per group of units, at congestion points `point` (G,).

    Margins of reserve count a group's greatest charge efficiency; its band is wider by what that overstates.
    """
    data, isps = case.storage, case.isps

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
    efficiency = of("charge_efficiency")
    sustain_h = max((reserve.sustain_h for reserve in case.reserves), default=0.0)
    extra = np.array(
        [((efficiency[g].max(axis=0) - efficiency[g]) * data.reserve_kw[g, None]).sum(axis=0) for g in groups]
    )
    empty_eur = np.array([float(data.worth_eur(g, np.zeros(len(g))).sum()) for g in groups])
    worth = np.maximum(each("end_value_eur_per_kwh", np.maximum), np.where(empty_eur != 0, _LEAST_WORTH, 0.0))
    return Storage(
        point=point,
        end_value_eur_per_kwh=worth,
        worth_zero_kwh=np.divide(-empty_eur, worth, out=np.zeros(len(groups)), where=worth > 0),
        charge_efficiency=each("charge_efficiency", np.maximum),
        energy_min_kwh=each("energy_min_kwh", np.add) - sustain_h * extra,
        energy_max_kwh=each("energy_max_kwh", np.add) + sustain_h * extra,
        pinned_kw=pinned,
        charge_min_kw=np.zeros(len(groups)),
        **limits,
        **{name: each(name, np.add) for name in (*_SUMMED, *_SUMMED_ISPS)},
        **{name: each(name, np.maximum) for name in _GREATEST},
        **{name: each(name, np.minimum) for name in _LEAST},
    )
