"""Turns the solution of a connection's linear program into exact programs and prices. Compiled.

Energies are followed ISP by ISP and kept within what each store can keep, so rounding adds up to nothing.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.decomposition.joint.shared import NOTHING, Shared, Workspace
from models.resources.storage.answers import record
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ETA_D,
    EXCESS,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SLACK,
    START,
    UNMET,
)


@compiled
def read_duals(s: Shared, i: int, w: Workspace) -> None:
    """Take the prices of what is shared from the LP's multipliers, within what keeps the bound finite."""
    p, z, isps = w.lp, w.iterate, w.duals.shape[1]
    limits, peaks = s.limit_at[i + 1] - s.limit_at[i], s.peak_at[i + 1] - s.peak_at[i]
    w.duals[:, :] = 0.0
    for t in range(isps):
        for r in range(p.rows[t]):
            if p.level[t, r] >= 0:
                w.duals[2 * limits + 1 + p.level[t, r], t] = max(z.dual[t, r], 0.0)
            elif p.level[t, r] < -1:
                w.duals[-2 - p.level[t, r], t] = min(max(z.dual[t, r], 0.0), p.price[t, r])
    for q in range(peaks):
        total, most = w.duals[2 * limits + 1 + q].sum(), s.peak_eur[s.peak_at[i] + q]
        if total > most:
            w.duals[2 * limits + 1 + q] *= most / total


@compiled
def make_exact(s: Shared, i: int, hours: float, power: Floats, product: Ints, w: Workspace) -> float:
    """Make programs of the solution in w.tried…, exact for each device; return Σ own cost, EUR.

    power (T,) EUR per kW of one ISP; product (3,T): which product each side of reserve is sold as, −1 for none.
    """
    own = 0.0
    for k in range(s.store_at[i + 1] - s.store_at[i]):
        table, scalars = w.tables[k], w.scalars[k]
        if scalars[SLACK] > 0.0:
            w.tried[k], w.tried_held[k] = w.answers[k], w.held[k]
            _repeat_changes(table, scalars[ETA_D], hours, w.answers[k, POWER], w.x[k])
        else:
            w.tried[k, UNMET] = 0.0
            w.tried[k, EXCESS] = 0.0
            _follow(table, scalars, hours, w.iterate.x, w.variable[k], w.keep[k], w.x[k])
        cost, _ = record(table, scalars, hours, power, w.x[k], w.tried[k])
        own += cost
        if scalars[SLACK] <= 0.0:
            w.tried_held[k] = 0.0
            if scalars[RESERVE] > 0.0:
                _keep_reserve(
                    table, scalars[RESERVE], w.tried[k, POWER], w.iterate.x, w.variable[k], product, w.tried_held[k]
                )
    return _curtail(s, i, w.lp.number, w.iterate.x, w.tried_solar, own)


@inlined
def _repeat_changes(table: Floats, eta_d: float, hours: float, power: Floats, x: Floats) -> None:
    """Write the changes of a store's energy x (T,), kWh, that its power (T,), kW, makes."""
    drain = hours / eta_d
    for t in range(x.shape[0]):
        at = power[t]
        x[t] = at * (hours * table[EFFICIENCY, t] if at > 0.0 else drain)


@inlined
def _follow(
    table: Floats, scalars: Floats, hours: float, solution: Floats, variable: Ints, keep: Floats, x: Floats
) -> None:  # fmt: skip
    """Write the changes of a store's energy x (T,), kWh: the solution's, where power and energy allow them."""
    e, drain = scalars[START], hours / scalars[ETA_D]
    for t in range(x.shape[0]):
        gain, x[t] = hours * table[EFFICIENCY, t], 0.0
        charge, discharge = variable[0, t], variable[1, t]
        if charge >= 0:
            x[t] += gain * solution[t, charge]
        if discharge >= 0:
            x[t] -= drain * solution[t, discharge]
        if not np.isnan(table[PINNED, t]):
            pin = table[PINNED, t]
            x[t] = gain * pin if pin > 0.0 else drain * pin
        else:
            rest = scalars[RETENTION] * e - table[DEMAND, t]
            x[t] = min(max(rest + x[t], keep[0, t]), keep[1, t]) - rest
            x[t] = min(max(x[t], -drain * table[DISCHARGE, t]), gain * table[CHARGE, t])
        e = scalars[RETENTION] * e + x[t] - table[DEMAND, t]


@inlined
def _keep_reserve(
    table: Floats, q: float, power: Floats, solution: Floats, variable: Ints, product: Ints, held: Floats
) -> None:  # fmt: skip
    """Write the solution's reserve of a store to held (R,T), kW, as far as its power (T,) leaves room for it."""
    for t in range(product.shape[1]):
        at, c, d = power[t], table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, at), max(d, -at)
        up = down = both = 0.0
        if variable[2, t] >= 0:
            up = max(min(solution[t, variable[2, t]], q, at + d), 0.0)
        if variable[3, t] >= 0:
            down = max(min(solution[t, variable[3, t]], q, c - at), 0.0)
        if variable[4, t] >= 0:
            both = max(min(solution[t, variable[4, t]], up, down), 0.0)
        for side, amount in enumerate((up - both, down - both, both)):
            if product[side, t] >= 0:
                held[product[side, t], t] += amount


@inlined
def _curtail(s: Shared, i: int, number: Ints, solution: Floats, solar: Floats, own: float) -> float:
    """Write the solution's power of solar systems, solar (J,T), kW; return own cost, EUR, with theirs added."""
    for t in range(number.shape[0]):
        first = number[t]
        for j in range(s.solar_at[i + 1] - s.solar_at[i] - 1, -1, -1):  # they come last in an ISP
            row = s.solar_at[i] + j
            pin, most = s.solar_pinned_kw[row, t], s.solar_kw[row, t]
            solar[j, t] = most if np.isnan(pin) else pin
            if np.isnan(pin) and -most > NOTHING:
                first -= 1
                solar[j, t] = min(most + solution[t, first], 0.0)
            own += s.solar_eur[row] * (solar[j, t] - most)
    return own
