"""Programs of storage that are kept under new facts: the same power, with the energy that now follows from it."""

import numpy as np

from models.arrays import chosen_rows, of_rows
from models.case import Bools, Case, Floats, Ints, Storage
from models.outcome import Fields
from models.resources.storage.programs import FIELDS, SPARSE
from models.resources.storage.reachability import change_kwh, charge_limit_kw, discharge_limit_kw

_SLACK_KW, _SLACK = 1e-4, 1e-6  # tolerances in kW and as a share of the power, as in the audit
_SLACK_KWH = 1e-3
"""Energy that rounding may add up to over a Period: the powers of a plan are exact to the solver's tolerance only."""
_ENERGY = (
    "charge_efficiency", "discharge_efficiency", "retention", "energy_min_kwh", "energy_max_kwh", "energy_start_kwh",
    "demand_kwh",
)  # fmt: skip
"""What energy follows from, besides power."""
_POWER = ("charge_kw", "charge_min_kw", "discharge_kw")
"""What power is bounded by, besides pins."""


def resumed(case: Case, units: Ints, before: Case, rows: Ints, fields: Fields) -> tuple[Fields, Bools]:
    """Return the programs of units (n,), which had `fields` at rows (n,) of the case before, and which can run (n,).

    Charging and discharging stay as they were. Energy stays too where nothing that it follows from has changed;
    elsewhere it is computed again, and what its band lacks is unmet, what it cannot hold excess. A unit cannot run its
    program when that breaks a power limit, a minimum or a pin, or misses more energy than the program did before.
    """
    now: Storage = of_rows(case.storage, chosen_rows(units, len(case.storage.point)))
    was: Storage = of_rows(before.storage, chosen_rows(rows, len(before.storage.point)))
    taken = {name: np.array(fields[name]) for name in FIELDS}
    fits = runs(now, taken, same=_alike(now, was, _POWER, case.isps))
    moved = np.flatnonzero(~_alike(now, was, _ENERGY, case.isps))
    if not len(moved):
        return taken, fits
    missed = sum(taken[name][moved].sum(axis=1, dtype=np.float64) for name in SPARSE)
    energy, unmet, excess = _followed(case, of_rows(now, moved), *(taken[name][moved] for name in FIELDS[:2]))
    fits[moved] &= unmet.sum(axis=1) + excess.sum(axis=1) <= missed + _SLACK_KWH
    for name, values in zip(FIELDS[2:], (energy, unmet, excess), strict=True):
        taken[name][moved] = values
    return taken, fits


def runs(now: Storage, fields: Fields, same: Bools | None = None) -> Bools:
    """Return whether limits, minimum powers and pins of units (n,) allow the power of their programs.

    `same` (n,): units whose limits and minimum powers need not be looked at.
    """
    charge, discharge = fields["charge_kw"], fields["discharge_kw"]
    bounded = np.zeros(len(charge), dtype=np.bool_) if same is None else same.copy()
    some = np.flatnonzero(~bounded)
    bounded[some] = _bounded(of_rows(now, some), charge[some], discharge[some])
    result: Bools = bounded & _as_pinned(now, charge - discharge)
    return result


def followed(case: Case, units: Ints, programs: Fields) -> Fields:
    """Return energy, unmet and excess (n,T), kWh, that follow from the powers in the programs of units (n,)."""
    found = _followed(case, of_rows(case.storage, units), *(programs[name] for name in FIELDS[:2]))
    return dict(zip(FIELDS[2:], found, strict=True))


def _alike(now: Storage, was: Storage, names: tuple[str, ...], isps: int) -> Bools:
    """Return whether these facts of each unit (n,) are as they were."""
    same = np.ones(len(now.point), dtype=np.bool_)
    for name in names:
        new, old = getattr(now, name), getattr(was, name)
        equal = np.broadcast_to(new == old, (len(new), isps)) if new.ndim == 2 else (new == old)[:, None]
        same &= equal.all(axis=1)
    return same


def _slack_kw(power: Floats) -> Floats:
    return np.asarray(_SLACK_KW + _SLACK * np.abs(power), dtype=np.float64)


def _bounded(now: Storage, charge: Floats, discharge: Floats) -> Bools:
    """Return whether the limits and the minimum powers of units (n,) allow their powers (n,T)."""
    isps = charge.shape[1]
    floor = np.minimum(now.charge_min_kw[:, None], now.charge_kw)
    broken: Bools = charge > charge_limit_kw(now, isps) + _slack_kw(charge)
    broken |= discharge > discharge_limit_kw(now, isps) + _slack_kw(discharge)
    low = np.isnan(now.pinned_kw) & (charge > _slack_kw(charge)) & (charge < floor - _slack_kw(charge))
    fits: Bools = _in_no_isp(broken) & (low.sum(axis=1) <= 1)  # in one ISP it may charge for a part of the time
    return fits


def _as_pinned(now: Storage, power: Floats) -> Bools:
    """Return whether units (n,) do what they are pinned to with their powers (n,T)."""
    return _in_no_isp(np.abs(power - now.pinned_kw) > _slack_kw(power))  # False where nothing is pinned


def _in_no_isp(broken: Bools) -> Bools:
    """Return whether each unit (n,) breaks nothing in any ISP, (n,T)."""
    result: Bools = np.logical_not(broken.any(axis=1))
    return result


def _followed(case: Case, now: Storage, charge: Floats, discharge: Floats) -> tuple[Floats, Floats, Floats]:
    """Return energy, unmet and excess (n,T), kWh, that follow from powers (n,T)."""
    change = change_kwh(now, case.isp_hours, charge.astype(np.float64), discharge.astype(np.float64))
    low, high = (np.broadcast_to(band, change.shape) for band in (now.energy_min_kwh, now.energy_max_kwh))
    energy, unmet, excess = (np.zeros(change.shape) for _ in range(3))
    level = now.energy_start_kwh.astype(np.float64)
    for t in range(case.isps):
        reached = now.retention * level + change[:, t]
        unmet[:, t] = np.maximum(low[:, t] - reached, 0.0)
        excess[:, t] = np.maximum(reached - high[:, t], 0.0)
        energy[:, t] = level = np.clip(reached, low[:, t], high[:, t])
    return energy, unmet, excess
