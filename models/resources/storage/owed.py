"""What a storage unit owes after each ISP, and what reserve takes from its store, for energy margins. Compiled.

Source: docs/reference/formulation.md §3.5.
"""

import numpy as np

from models.block import slices
from models.case import Case, Floats, Ints
from models.compiled import compiled
from models.parameter_views import Tables, load, parameter_views
from models.resources.storage.layout import CHARGE, DEMAND, DISCHARGE, EFFICIENCY, HIGH, LOW, PINNED, TABLE
from models.resources.storage.reachability import ROUNDING_KWH

FLOOR, CEILING, BEFORE_FLOOR, BEFORE_CEILING, PER_KW = range(5)
"""Rows of `owed` (5,T): the least and most energy at the end of the ISP and at its start, kWh, from which the unit can
still keep its energy band; infinite where the start does not count. Then the stored energy, kWh, that a kW of reserve
takes or adds in an hour."""


@compiled
def fill_owed(table: Floats, eta_d: float, retention: float, start: float, hours: float, owed: Floats) -> int:
    """Fill `owed` (5,T) of one unit with its table (7,T); return the first ISP in which it may hold reserve.

    A unit may leave its pinned program after an activation, so only its limits count. One that cannot keep its band
    holds reserve from the ISP after its last miss.
    """
    isps, drain, first = table.shape[1], hours / eta_d, 0
    low = high = start
    for t in range(isps):
        pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
        least, most = -drain * d, hours * table[EFFICIENCY, t] * c
        if not np.isnan(pin):
            least = most = hours * table[EFFICIENCY, t] * pin if pin > 0.0 else drain * pin
        low = max(retention * low + least - table[DEMAND, t], table[LOW, t])
        high = min(retention * high + most - table[DEMAND, t], table[HIGH, t])
        if low > high + ROUNDING_KWH:
            low = high = table[LOW, t] if high < table[LOW, t] else table[HIGH, t]
            first = t + 1
    for t in range(isps - 1, -1, -1):
        c, d = table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, table[PINNED, t]), max(d, -table[PINNED, t])
        gain, loss = table[EFFICIENCY, t], 1.0 / eta_d
        owed[PER_KW, t] = gain if d <= 0.0 else loss if c <= 0.0 else max(gain, loss)
        if t == isps - 1:
            owed[FLOOR, t], owed[CEILING, t] = table[LOW, t], table[HIGH, t]
        before = max(t - 1, 0)
        floor = max((owed[FLOOR, t] - hours * gain * c + table[DEMAND, t]) / retention, table[LOW, before])
        ceiling = min((owed[CEILING, t] + drain * d + table[DEMAND, t]) / retention, table[HIGH, before])
        if t > 0:
            owed[FLOOR, t - 1], owed[CEILING, t - 1] = floor, ceiling
        owed[BEFORE_FLOOR, t] = floor if d > 0.0 else -np.inf
        owed[BEFORE_CEILING, t] = ceiling if c > 0.0 else np.inf
    return first


@compiled
def _fill_all(
    units: Ints, double: Tables, single: Tables, given: Floats, hours: float, owed: Floats, first: Ints
) -> None:
    table = np.empty((7, owed.shape[2]))
    for n in range(len(units)):
        load(double, single, units[n], table)
        first[n] = fill_owed(table, given[n, 0], given[n, 1], given[n, 2], hours, owed[n])


def owed_of(case: Case, units: Ints) -> tuple[Floats, Ints]:
    """Return `owed` (n,5,T) of units (n,), and the first ISP (n,) in which each may hold reserve."""
    data = case.storage
    double, single = parameter_views(*(getattr(data, name) for name in TABLE))
    owed, first = np.empty((len(units), 5, case.isps)), np.empty(len(units), dtype=np.int64)
    for few in slices(len(units)):
        some = units[few]
        given = np.column_stack(
            [data.discharge_efficiency[some], data.retention[some], data.energy_start_kwh[some]]
        ).astype(np.float64)
        _fill_all(some, double, single, given, case.isp_hours, owed[few], first[few])
    return owed, first
