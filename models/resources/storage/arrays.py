"""Parameters of storage: batteries, EV sessions, heat buffers. Source: docs/reference/formulation.md §2.3."""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import Extent, Floats, Ints, Width, Widths, check_not_negative, check_rows, fault

WIDTHS = {
    "charge_kw": Width.ISPS_OR_ONE,
    "discharge_kw": Width.ISPS_OR_ONE,
    "charge_efficiency": Width.ISPS_OR_ONE,
    "energy_min_kwh": Width.ISPS_OR_ONE,
    "energy_max_kwh": Width.ISPS_OR_ONE,
    "demand_kwh": Width.ISPS_OR_ONE,
    "unmanaged_kw": Width.ISPS,
    "pinned_kw": Width.ISPS_OR_ONE,
}


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
    """(U,) pc is 0 or at least this, or the limit where that is lower; 0, the default, allows any power"""

    def __post_init__(self) -> None:
        if not len(self.charge_min_kw):  # cases of versions that did not have the field
            object.__setattr__(self, "charge_min_kw", np.zeros(len(self.point)))

    @property
    def widths(self) -> Widths:
        """The second axis of the fields that have one."""
        return WIDTHS

    def check(self, where: str, extent: Extent) -> None:
        """Raise CaseError naming the first field that contradicts the case or another field."""
        check_rows(where, self, extent, WIDTHS, nan=("pinned_kw",))
        check_not_negative(
            where, self, "charge_kw", "charge_min_kw", "discharge_kw", "reserve_kw", "wear_eur_per_kwh",
            "shortfall_eur_per_kwh",
        )  # fmt: skip
        for name in ("charge_efficiency", "discharge_efficiency", "retention"):
            if bool((getattr(self, name) <= 0).any()):
                raise fault(f"{where}.{name}", "must be positive")
        if bool((self.energy_min_kwh > self.energy_max_kwh).any()):
            raise fault(f"{where}.energy_min_kwh", "above energy_max_kwh, the energy band is empty")
