"""Turns mixed storage programs into programs with one direction per ISP. Compiled.

Source: docs/explanation/optimisation.md §3.5.
"""

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.compiled import compiled
from models.parameter_views import Tables, load, parameter_views
from models.response import BLOCK, for_each_range

_BOTH_KW = 1e-9
_TABLE = ("charge_kw", "discharge_kw", "charge_efficiency", "energy_max_kwh", "demand_kwh", "pinned_kw")
_CHARGE, _DISCHARGE, _EFFICIENCY, _HIGH, _DEMAND, _PINNED = range(6)


def one_way(
    case: Case, units: Ints, called: bool, charge_kw: Floats, discharge_kw: Floats, energy_kwh: Floats,
    slack_kwh: Floats,
) -> None:  # fmt: skip
    """Make every change of stored energy of units (n,) in one direction, in place.

    charge_kw, discharge_kw and energy_kwh (n,T), slack_kwh (2,n,T): unmet and excess energy.

    Planned programs keep their energy, and their power falls by the energy that mixing wasted. Called programs keep
    their power in ISPs with a reservation and their energy in all others, where surplus energy is given back.
    """
    data = case.storage
    double, single = parameter_views(*(getattr(data, name) for name in _TABLE))
    given = np.column_stack([data.discharge_efficiency, data.retention, data.energy_start_kwh])[units]
    keeps = np.zeros((len(case.points) + 1, case.isps), dtype=np.bool_)
    if called:
        np.logical_or.at(keeps, case.reservations.point, case.reservations.reserved_kw != 0)
    point = data.point[units]

    def run(begin: int, end: int) -> None:
        _one_way(
            begin, end, units, double, single, given.astype(np.float64), case.isp_hours, called, keeps, point,
            charge_kw, discharge_kw, energy_kwh, slack_kwh,
        )  # fmt: skip

    for_each_range(len(units), len(units) // BLOCK, run, threads=0)


@compiled
def _one_way(
    begin: int, end: int, units: Ints, double: Tables, single: Tables, given: Floats, hours: float, called: bool,
    keeps: Bools, point: Ints, charge_kw: Floats, discharge_kw: Floats, energy_kwh: Floats, slack_kwh: Floats,
) -> None:  # fmt: skip
    isps = charge_kw.shape[1]
    table = np.empty((6, isps))
    for n in range(begin, end):
        charge, discharge, both = charge_kw[n], discharge_kw[n], False
        for t in range(isps):
            both = both or min(charge[t], discharge[t]) > _BOTH_KW
            if 0.0 < min(charge[t], discharge[t]) <= _BOTH_KW:
                if charge[t] >= discharge[t]:
                    discharge[t] = 0.0
                else:
                    charge[t] = 0.0
        if not both:
            continue
        load(double, single, units[n], table)
        if called:
            _keep_power(
                table, given[n], hours, keeps[point[n]], charge, discharge, energy_kwh[n], slack_kwh[0, n],
                slack_kwh[1, n],
            )  # fmt: skip
            continue
        loss = given[n, 0]
        for t in range(isps):
            if min(charge[t], discharge[t]) > _BOTH_KW:
                gain = table[_EFFICIENCY, t]
                change = gain * charge[t] - discharge[t] / loss
                charge[t] = max(change, 0.0) / gain
                discharge[t] = max(-change, 0.0) * loss


@compiled
def _keep_power(
    table: Floats, given: Floats, hours: float, keeps: Bools, charge: Floats, discharge: Floats, energy: Floats,
    unmet: Floats, excess: Floats,
) -> None:  # fmt: skip
    """Rewrite a called program (T,) that charges and discharges at once."""
    drain, before = hours / given[0], given[2]
    for t in range(charge.shape[0]):
        gain, pin = table[_EFFICIENCY, t] * hours, table[_PINNED, t]
        into, out = table[_CHARGE, t], table[_DISCHARGE, t]
        if not np.isnan(pin):
            into, out = max(into, pin), max(out, -pin)
        net = charge[t] - discharge[t]
        idle = given[1] * before - table[_DEMAND, t] + unmet[t] - excess[t]
        change = (net * gain if net > 0.0 else net * drain) if keeps[t] else energy[t] - idle
        change = min(change, table[_HIGH, t] - idle)
        change = min(max(change, -out * drain), into * gain)
        charge[t], discharge[t] = max(change, 0.0) / gain, max(-change, 0.0) / drain
        before = idle + change
        energy[t] = before
