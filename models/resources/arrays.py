"""Resources as arrays with units, class by class; `models.case` gives these names on.

Symbols: T ISPs of Δ hours; U units of a class. Power in kW (consumption positive), energy in kWh, prices in EUR/MWh
unless a name says otherwise. Parameters marked (U,T)* may be given as (U,1) and are broadcast.
Source: docs/reference/formulation.md §2.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

NO_POINT = -1
"""Congestion point index of a unit whose connection lies in none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fixed:
    """Units with one possible program."""

    point: Ints  # (U,) index into Case.points or NO_POINT
    program_kw: Floats  # (U,T)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curtailable:
    """Generation that may be reduced: forecast_kw <= p <= 0."""

    point: Ints  # (U,)
    forecast_kw: Floats  # (U,T) <= 0
    cost_eur_per_mwh: Floats  # (U,) of energy curtailed
    reserve_kw: Floats  # (U,) prequalified reserve power, 0 = takes no part
    pinned_kw: Floats  # (U,T) or (U,1): the program where it is already fixed, NaN where free


@dataclass(frozen=True, kw_only=True, eq=False)
class Storage:
    """Batteries, EV sessions, heat buffers: e[t] = a·e[t-1] + Δ·ηc·pc[t] − Δ·pd[t]/ηd − d[t] + unmet[t] − excess[t].

    e_min <= e <= e_max, p = pc − pd. `unmet` and `excess` are zero unless the bands cannot be met otherwise.
    """

    point: Ints  # (U,)
    charge_kw: Floats  # (U,T)* upper limit of pc
    discharge_kw: Floats  # (U,T)* upper limit of pd
    charge_efficiency: Floats  # (U,T)* ηc; a heat pump's COP
    discharge_efficiency: Floats  # (U,) ηd in (0, 1]
    retention: Floats  # (U,) a per ISP in (0, 1]
    energy_min_kwh: Floats  # (U,T)* at the end of the ISP
    energy_max_kwh: Floats  # (U,T)*
    energy_start_kwh: Floats  # (U,)
    demand_kwh: Floats  # (U,T)* energy drawn per ISP
    wear_eur_per_kwh: Floats  # (U,) on pc + pd
    end_value_eur_per_kwh: Floats  # (U,) of energy left at the end of the horizon
    shortfall_eur_per_kwh: Floats  # (U,) price of unmet and excess energy: comfort before any market
    reserve_kw: Floats  # (U,) prequalified reserve power, 0 = takes no part
    unmanaged_kw: Floats  # (U,T) program if nobody steers it (the no-flexibility yardstick)
    pinned_kw: Floats  # (U,T)*: NaN where free
    charge_min_kw: Floats = field(default_factory=lambda: np.zeros(0))
    """(U,) pc is 0 or at least this, or the limit where that is lower; 0, also where left out: any power"""

    def __post_init__(self) -> None:
        if not len(self.charge_min_kw):  # cases kept by versions that did not know it
            object.__setattr__(self, "charge_min_kw", np.zeros(len(self.point)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Shiftable:
    """Runs with one free start: p[t] = profile[t − s], s in first_start..last_start (ISPs from 0)."""

    point: Ints  # (U,)
    profile_kw: Floats  # (U,D) padded with 0 behind each run
    length: Ints  # (U,) ISPs of the profile
    first_start: Ints  # (U,)
    last_start: Ints  # (U,) >= first_start, last_start + length <= T


@dataclass(frozen=True, kw_only=True, eq=False)
class Switched:
    """Boilers, pumps, compressors: off, or on at a given power, for a while once started and off for a while after.

    Windows (W per unit, those with end <= first are none) are where it may be on, and for how long:
    least_on <= ISPs on in the window + unmet − excess <= most_on. What is pinned beats all other rules.
    """

    point: Ints  # (U,)
    on_kw: Floats  # (U,T)* power while on
    min_run: Ints  # (U,) >= 1, ISPs on once started
    min_rest: Ints  # (U,) >= 1, ISPs off once stopped
    start_eur: Floats  # (U,) of every start
    before: Ints  # (U,) ISPs for which it has been on (+) or off (−) when the Period begins; not 0
    window_first: Ints  # (U,W) first ISP of each window, no two of a unit overlap
    window_end: Ints  # (U,W) the ISP behind it
    least_on: Ints  # (U,W) ISPs it must be on in the window
    most_on: Ints  # (U,W) ISPs it may be on in the window
    shortfall_eur: Floats  # (U,) price of every ISP too few or too many: comfort before any market
    pinned_on: Floats  # (U,T)* 1 on, 0 off, NaN free; on only before the first free ISP


def nothing_switched() -> Switched:
    """Return no units of the class: what cases have that were kept by versions that did not know it."""
    none, nobody = np.zeros(0), np.zeros(0, dtype=np.int64)
    window = np.zeros((0, 0), dtype=np.int64)
    return Switched(
        point=nobody, on_kw=np.zeros((0, 1)), min_run=nobody, min_rest=nobody, start_eur=none, before=nobody,
        window_first=window, window_end=window, least_on=window, most_on=window, shortfall_eur=none,
        pinned_on=np.zeros((0, 1)),
    )  # fmt: skip
