"""States the linear program of one connection: what its devices may do, and rows for what they share. Compiled.

A store that misses its energy band answers alone, since comfort comes first: its power is fixed here.
Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled
from models.decomposition.joint.connection_lp import ConnectionLp
from models.decomposition.joint.shared import NOTHING, Shared, Workspace
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    END_VALUE,
    ETA_D,
    HIGH,
    LOW,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SLACK,
    START,
    STEPS,
    WEAR,
)

_NARROW_KWH = 2e-5
"""Least width of an energy band in the linear program; exact programs take back what that allows too much."""


@compiled
def state(  # noqa: C901 - one list: calls with a dozen arrays would slow it down
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, w: Workspace
) -> float:  # fmt: skip
    """State the linear program of a connection in w.lp; return Σ |cost · most| of its variables, EUR.

    power (T,) and sides (3,T) of reserve: what the portfolio charges and pays, EUR per kW of one ISP.
    """
    p, isps = w.lp, power.shape[0]
    stores, solars = s.store_at[i + 1] - s.store_at[i], s.solar_at[i + 1] - s.solar_at[i]
    limits, peaks, n = s.limit_at[i + 1] - s.limit_at[i], s.peak_at[i + 1] - s.peak_at[i], s.tariff_of[i]
    p.number[:] = 0
    p.rows[:] = 0
    w.variable[:stores] = -1
    size = 0.0
    for k in range(stores):
        if w.scalars[k, SLACK] <= 0.0:
            _bands(w, k, hours)
        else:  # what it misses is decided alone: comfort comes first
            p.bounded[k], p.low[k], p.high[k] = 0.0, 0.0, 0.0
            p.drift[k], p.kept[k], p.start[k], p.end_eur[k], p.step_eur[k] = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(isps):
        price = power[t] + (s.linear_eur[n, t] if n >= 0 else 0.0)
        fixed = most = least = fixed_up = fixed_down = up_most = down_most = 0.0
        number = 0  # entries of the connection's rows: power, then reserve down, then up
        for k in range(stores):
            table, scalars = w.tables[k], w.scalars[k]
            if scalars[SLACK] > 0.0:
                fixed += w.answers[k, POWER, t]
                for r in range(w.held.shape[1]):
                    fixed_up += s.up[r] * w.held[k, r, t]
                    fixed_down += s.down[r] * w.held[k, r, t]
                continue
            c, d, q, pin = table[CHARGE, t], table[DISCHARGE, t], scalars[RESERVE], table[PINNED, t]
            wear, charge, discharge, at = scalars[WEAR] * hours, -1, -1, 0.0
            gain, drain = hours * table[EFFICIENCY, t], hours / scalars[ETA_D]
            if np.isnan(pin):
                if c > NOTHING:
                    charge = _variable(p, t, price + wear, c, k, gain)
                    most, size = most + c, size + abs(price + wear) * c
                if d > NOTHING:
                    discharge = _variable(p, t, wear - price, d, k, -drain)
                    least, size = least - d, size + abs(wear - price) * d
            else:
                at, c, d = pin, max(c, pin), max(d, -pin)
                fixed += pin
            w.variable[k, 0, t], w.variable[k, 1, t] = charge, discharge
            if charge >= 0:
                w.sums[number] = charge
                number += 1
            if discharge >= 0:
                w.sums[number] = -1 - discharge
                number += 1
            if q > 0.0:
                up = down = -1
                can = d + (c if charge >= 0 else at)
                if sides[0, t] + sides[2, t] > 0.0 and min(q, can) > 1e-6:
                    up = _variable(p, t, -sides[0, t], min(q, can), -1, 0.0)
                    up_most, size = up_most + min(q, can), size + sides[0, t] * min(q, can)
                    r = _row(p, t, d + at, np.inf, -1)
                    _enter(p, t, r, up, 1.0)
                    if charge >= 0:
                        _enter(p, t, r, charge, -1.0)
                    if discharge >= 0:
                        _enter(p, t, r, discharge, 1.0)
                can = c + (d if discharge >= 0 else -at)
                if sides[1, t] + sides[2, t] > 0.0 and min(q, can) > 1e-6:
                    down = _variable(p, t, -sides[1, t], min(q, can), -1, 0.0)
                    down_most, size = down_most + min(q, can), size + sides[1, t] * min(q, can)
                    r = _row(p, t, c - at, np.inf, -1)
                    _enter(p, t, r, down, 1.0)
                    if charge >= 0:
                        _enter(p, t, r, charge, 1.0)
                    if discharge >= 0:
                        _enter(p, t, r, discharge, -1.0)
                w.variable[k, 2, t], w.variable[k, 3, t] = up, down
                if sides[2, t] > 0.0 and up >= 0 and down >= 0:
                    both = _variable(p, t, -sides[2, t], q, -1, 0.0)
                    w.variable[k, 4, t] = both
                    for side in (up, down):
                        r = _row(p, t, 0.0, np.inf, -1)
                        _enter(p, t, r, both, 1.0)
                        _enter(p, t, r, side, -1.0)
        for j in range(solars):
            row = s.solar_at[i] + j
            pin, forecast = s.solar_pinned_kw[row, t], s.solar_kw[row, t]
            fixed += pin if not np.isnan(pin) else forecast
            if np.isnan(pin) and -forecast > NOTHING:
                w.sums[number] = _variable(p, t, s.solar_eur[row] + price, -forecast, -1, 0.0)
                number += 1
                most, size = most - forecast, size + abs(s.solar_eur[row] + price) * -forecast
        for a in range(limits):
            row = s.limit_at[i] + a
            right = s.import_room_kw[row, t] - fixed - fixed_down
            if most + down_most > right + NOTHING:
                r = _row(p, t, right, s.limit_eur[row], -2 - a)
                _draw(p, w, t, r, number, 1.0)
                _hold(p, w, t, r, stores, 3)
            right = s.export_room_kw[row, t] + fixed - fixed_up
            if -least + up_most > right + NOTHING:
                r = _row(p, t, right, s.limit_eur[row], -2 - limits - a)
                _draw(p, w, t, r, number, -1.0)
                _hold(p, w, t, r, stores, 2)
        if n >= 0:
            if s.kink_eur[n, t] > 0.0 and most > -fixed - s.fixed_kw[n, t]:
                r = _row(p, t, -fixed - s.fixed_kw[n, t], s.kink_eur[n, t], -2 - 2 * limits)
                _draw(p, w, t, r, number, 1.0)
            for q in range(peaks):
                row = s.peak_at[i] + q
                high = most + fixed + s.fixed_kw[n, t]
                if s.peak_inside[row, t] > 0.0 and high > s.peak_reached_kw[row] and number > 0:
                    r = _row(p, t, -fixed - s.fixed_kw[n, t], np.inf, q)
                    _draw(p, w, t, r, number, 1.0)
    for q in range(peaks):
        row = s.peak_at[i] + q
        p.level_eur[q], p.level_low[q] = s.peak_eur[row], s.peak_reached_kw[row]
    return size


@compiled
def capacity(p: ConnectionLp) -> float:
    """Return the sum of the most of all variables, kW."""
    total = 0.0
    for t in range(p.number.shape[0]):
        for n in range(p.number[t]):
            total += p.most[t, n]
    return total


@compiled
def _bands(w: Workspace, k: int, hours: float) -> None:
    """Write the energies from which a store can keep its band, and of these those it can reach, to w.lp and w.keep."""
    table, scalars, p = w.tables[k], w.scalars[k], w.lp
    isps, a, drain = table.shape[1], scalars[RETENTION], hours / scalars[ETA_D]
    low, high = table[LOW, isps - 1], table[HIGH, isps - 1]
    for t in range(isps - 1, -1, -1):
        w.keep[k, 0, t], w.keep[k, 1, t] = low, high
        gain, pin = hours * table[EFFICIENCY, t], table[PINNED, t]
        most, least = gain * table[CHARGE, t], -drain * table[DISCHARGE, t]
        if not np.isnan(pin):
            most = least = gain * pin if pin > 0.0 else drain * pin
        if t > 0:
            low = max(table[LOW, t - 1], (low - most + table[DEMAND, t]) / a)
            high = max(min(table[HIGH, t - 1], (high - least + table[DEMAND, t]) / a), low)
    low = high = scalars[START]
    for t in range(isps):
        gain, pin = hours * table[EFFICIENCY, t], table[PINNED, t]
        most, least = gain * table[CHARGE, t], -drain * table[DISCHARGE, t]
        p.bounded[k, t] = 1.0 if np.isnan(pin) and most - least > NOTHING else 0.0
        p.drift[k, t] = -table[DEMAND, t]
        if not np.isnan(pin):
            most = least = gain * pin if pin > 0.0 else drain * pin
            p.drift[k, t] += most
        low = min(max(a * low + least - table[DEMAND, t], w.keep[k, 0, t]), w.keep[k, 1, t])
        high = max(min(a * high + most - table[DEMAND, t], w.keep[k, 1, t]), low)
        missing = max(_NARROW_KWH - (high - low), 0.0)
        p.low[k, t], p.high[k, t] = low - 0.5 * missing, high + 0.5 * missing
    p.kept[k], p.start[k], p.end_eur[k] = a, scalars[START], -scalars[END_VALUE]
    for n in range(p.step_eur.shape[1]):
        at = STEPS + 2 * n
        p.step_eur[k, n] = -scalars[at] if at < scalars.shape[0] else 0.0
        p.step_from[k, n] = scalars[at + 1] if at < scalars.shape[0] else 0.0


@compiled
def _draw(p: ConnectionLp, w: Workspace, t: int, r: int, number: int, sign: float) -> None:
    """Enter what the connection draws in an ISP to a row."""
    for a in range(number):
        variable = w.sums[a]
        _enter(p, t, r, variable if variable >= 0 else -1 - variable, sign if variable >= 0 else -sign)


@compiled
def _hold(p: ConnectionLp, w: Workspace, t: int, r: int, stores: int, side: int) -> None:
    """Enter the reserve that stores hold up (side 2) or down (3) in an ISP to a row."""
    for k in range(stores):
        if w.variable[k, side, t] >= 0:
            _enter(p, t, r, w.variable[k, side, t], 1.0)


@compiled
def _row(p: ConnectionLp, t: int, right: float, price: float, level: int) -> int:
    """Begin a row of an ISP and return its number."""
    r = p.rows[t]
    p.rows[t] = r + 1
    p.right[t, r], p.price[t, r], p.level[t, r], p.entries[t, r] = right, price, level, 0
    return int(r)


@compiled
def _enter(p: ConnectionLp, t: int, r: int, variable: int, sign: float) -> None:
    """Enter a variable to a row, with its coefficient."""
    n = p.entries[t, r]
    p.at[t, r, n], p.sign[t, r, n] = variable, sign
    p.entries[t, r] = n + 1


@compiled
def _variable(p: ConnectionLp, t: int, cost: float, most: float, device: int, change: float) -> int:
    """Add a variable to an ISP and return its number."""
    i = p.number[t]
    p.number[t] = i + 1
    p.cost[t, i], p.most[t, i], p.device[t, i], p.change[t, i] = cost, most, device, change
    return int(i)
