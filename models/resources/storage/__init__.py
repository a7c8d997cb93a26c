"""Storage, such as batteries, EV sessions, heat buffers: its parameters. Source: docs/reference/formulation.md §2.3."""

from dataclasses import dataclass, field

import numpy as np

from models.arrays import NO_POINT, Extent, Floats, Ints, Width, Widths, added, check_not_negative, check_rows, fault

WIDTHS = {
    "charge_kw": Width.ISPS_OR_ONE,
    "discharge_kw": Width.ISPS_OR_ONE,
    "charge_efficiency": Width.ISPS_OR_ONE,
    "energy_min_kwh": Width.ISPS_OR_ONE,
    "energy_max_kwh": Width.ISPS_OR_ONE,
    "demand_kwh": Width.ISPS_OR_ONE,
    "unmanaged_kw": Width.ISPS,
    "pinned_kw": Width.ISPS_OR_ONE,
    "worth_step_eur_per_kwh": Width.ANY,
    "worth_from_kwh": Width.ANY,
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
    end_value_eur_per_kwh: Floats  # (U,) of energy left at the end of the Period, see worth_eur
    shortfall_eur_per_kwh: Floats  # (U,) price of unmet and excess energy: comfort before any market
    reserve_kw: Floats  # (U,) prequalified reserve power, 0 = takes no part
    unmanaged_kw: Floats  # (U,T) program if nobody steers it (the no-flexibility yardstick)
    pinned_kw: Floats  # (U,T)*: NaN where free
    charge_min_kw: Floats = field(default_factory=lambda: np.zeros(0))
    """(U,) pc is 0 or at least this, or the limit where that is lower; 0, the default, allows any power"""
    worth_step_eur_per_kwh: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=added(0.0))
    """(U,K) <= 0, added to end_value_eur_per_kwh from each energy of worth_from_kwh on; none, the default"""
    worth_from_kwh: Floats = field(default_factory=lambda: np.zeros((0, 0)), metadata=added(0.0))
    """(U,K) ascending"""
    worth_zero_kwh: Floats = field(default_factory=lambda: np.zeros(0), metadata=added(0.0))
    """(U,) the energy that counts 0 at the end: less counts as a cost, more as earned; 0, the default"""
    unmanaged_start_kwh: Floats = field(default_factory=lambda: np.zeros(0), metadata=added("energy_start_kwh"))
    """(U,) energy with which the unmanaged program begins; energy_start_kwh, the default"""

    def __post_init__(self) -> None:
        units = len(self.point)
        defaults = {  # for cases of versions that did not have the fields
            "charge_min_kw": np.zeros(units),
            "worth_step_eur_per_kwh": np.zeros((units, 0)),
            "worth_from_kwh": np.zeros((units, 0)),
            "worth_zero_kwh": np.zeros(units),
            "unmanaged_start_kwh": self.energy_start_kwh,
        }
        for name, values in defaults.items():
            if not len(getattr(self, name)):
                object.__setattr__(self, name, values)

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
        if self.worth_step_eur_per_kwh.shape != self.worth_from_kwh.shape:
            raise fault(f"{where}.worth_from_kwh", f"has shape {self.worth_from_kwh.shape}, unlike its steps")
        if bool((self.worth_step_eur_per_kwh > 0).any()):
            raise fault(f"{where}.worth_step_eur_per_kwh", "above 0: more energy cannot raise the worth of each kWh")
        if bool((np.diff(self.worth_from_kwh, axis=1) < 0).any()):
            raise fault(f"{where}.worth_from_kwh", "must ascend")

    def worth_eur(self, units: Ints | slice, energy_kwh: Floats) -> Floats:
        """Return what energy (n,), kWh, of units (n,) at the end is worth (n,), EUR.

        That is v·e + Σ_k step_k·max(e − from_k, 0), less the same at the energy that counts 0.
        """
        first, zero = self.end_value_eur_per_kwh[units], self.worth_zero_kwh[units]
        worth = first * energy_kwh - first * zero
        for step, begin in zip(self.worth_step_eur_per_kwh[units].T, self.worth_from_kwh[units].T, strict=True):
            worth = worth + step * (np.maximum(energy_kwh - begin, 0.0) - np.maximum(zero - begin, 0.0))
        return np.asarray(worth, dtype=np.float64)


def example(isps: int) -> Storage:
    """Return two batteries, one at the first congestion point and one, with a minimum power, at none."""

    def wide(*values: float) -> Floats:
        return np.array(values)[:, None] * np.ones(isps)

    return Storage(
        point=np.array([0, NO_POINT]),
        charge_kw=wide(5.0, 4.0),
        charge_min_kw=np.array([0.0, 1.0]),
        discharge_kw=wide(5.0, 4.0),
        charge_efficiency=wide(0.9, 0.95),
        discharge_efficiency=np.array([0.9, 0.95]),
        retention=np.array([0.999, 1.0]),
        energy_min_kwh=wide(0.0, 0.0),
        energy_max_kwh=wide(10.0, 8.0),
        energy_start_kwh=np.array([5.0, 4.0]),
        demand_kwh=wide(0.1, 0.0),
        wear_eur_per_kwh=np.array([0.01, 0.02]),
        end_value_eur_per_kwh=np.array([0.05, 0.06]),
        shortfall_eur_per_kwh=np.array([10.0, 10.0]),
        reserve_kw=np.array([3.0, 2.0]),
        unmanaged_kw=wide(0.0, 0.0),
        pinned_kw=wide(np.nan, np.nan),
    )
