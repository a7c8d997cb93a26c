"""The answer of one connection to prices: what its devices do together at least cost, and a proven bound. Compiled.

Its devices answer alone first. Where what they then share costs nothing more than the bound allows, that is the answer.
Otherwise the linear program of the connection is solved (interior); its programs are made exact, store by store, and
its multipliers are prices at which the devices' own best responses prove the bound: any prices would.
Source: docs/explanation/optimisation.md §3.1.
"""

from typing import Any, NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.decomposition.joint.interior import (
    Newton,
    Point,
    Program,
    new_newton,
    new_point,
    new_program,
    solve,
)
from models.parameter_views import Tables, load
from models.resources.storage.kernel import record, respond_one
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    END_VALUE,
    ETA_D,
    EXCESS,
    HIGH,
    LOW,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SLACK,
    START,
    STEPS,
    UNMET,
    WEAR,
    Work,
    new_work,
)

_NOTHING = 1e-9
"""Power, kW, that counts as none."""
_NARROW_KWH = 2e-5
"""Least width of a band of energy in the linear program; what that gives too much is taken back."""
_MOST_STEPS = 40
_TOLERANCE = 1e-7
"""Gap of the linear program, as a share of what a connection's programs cost."""
_ALONE = 1e-7
"""The same up to which devices that answer alone are the answer."""


class Shared(NamedTuple):
    """What M connections share. EUR per kW of one ISP; rooms are limits less what fixed units draw."""

    store_at: Ints  # (M+1,) where each connection's stores begin
    store: Ints  # positions among all stores
    solar_at: Ints  # (M+1,)
    solar_kw: Floats  # (n,T) forecast
    solar_pinned_kw: Floats  # (n,T) NaN where free
    solar_eur: Floats  # (n,) per kW curtailed
    limit_at: Ints  # (M+1,)
    import_room_kw: Floats  # (l,T) inf where it cannot bind
    export_room_kw: Floats  # (l,T)
    limit_eur: Floats  # (l,)
    tariff_of: Ints  # (M,) row of the tariff, −1 for none
    linear_eur: Floats  # (n,T)
    kink_eur: Floats  # (n,T) what import costs on top of that
    fixed_kw: Floats  # (n,T) what fixed units draw
    peak_at: Ints  # (M+1,)
    peak_eur: Floats  # (p,) per kW
    peak_reached_kw: Floats  # (p,)
    peak_inside: Floats  # (p,T) 1 where import counts and may make the peak
    up: Floats  # (R,) 1 where a product takes the side up
    down: Floats  # (R,)


class Desk(NamedTuple):
    """The working arrays of a thread, and the answer: for K stores, J solar systems, R products."""

    tables: Floats  # (K,7,T)
    scalars: Floats  # (K,…)
    answers: Floats  # (K,4,T) power, energy, unmet, excess
    held: Floats  # (K,R,T)
    solar: Floats  # (J,T)
    tried: Floats  # (K,4,T)
    tried_held: Floats  # (K,R,T)
    tried_solar: Floats  # (J,T)
    price: Floats  # (T,)
    sides: Floats  # (3,T)
    drawn: Floats  # (3,T) power, the most with reserve, the least, of the programs last looked at
    drawn_now: Floats  # (T,) power of the answer
    duals: Floats  # (2·L+1+P,T) import limits, export limits, kink, peaks
    x: Floats  # (K,T) changes of energy
    keep: Floats  # (K,2,T) lowest and highest energy from which the band can be kept
    variable: Ints  # (K,5,T) of each store: charge, discharge, reserve up, down, both; −1 for none
    sums: Ints  # (2·K+J,) scratch
    work: Work
    program: Program
    point: Point
    step: Point
    bent: Point
    newton: Newton


@compiled
def new_desk(
    isps: int, products: int, scalars: int, stores: int, solars: int, limits: int, peaks: int, end_steps: int
) -> Desk:
    """Return working arrays for connections of at most so many stores, solar systems, limits and peaks."""
    variables, rows = 5 * stores + solars, 4 * stores + 2 * limits + 1 + peaks
    entries = max(3 * stores + solars, 3)
    return Desk(
        np.zeros((stores, 7, isps)), np.zeros((stores, scalars)), np.zeros((stores, 4, isps)),
        np.zeros((stores, products, isps)), np.zeros((solars, isps)), np.zeros((stores, 4, isps)),
        np.zeros((stores, products, isps)), np.zeros((solars, isps)), np.zeros(isps), np.zeros((3, isps)),
        np.zeros((3, isps)), np.zeros(isps), np.zeros((2 * limits + 1 + peaks, isps)), np.zeros((stores, isps)),
        np.zeros((stores, 2, isps)), np.zeros((stores, 5, isps), dtype=np.int64),
        np.zeros(2 * stores + solars, dtype=np.int64),
        new_work(isps, products, scalars), new_program(isps, variables, rows, entries, stores, end_steps, peaks),
        new_point(isps, variables, rows, stores, end_steps, peaks),
        new_point(isps, variables, rows, stores, end_steps, peaks),
        new_point(isps, variables, rows, stores, end_steps, peaks),
        new_newton(isps, variables, rows, stores, end_steps, peaks),
    )  # fmt: skip


@compiled
def _cost(  # noqa: C901 - one sum
    s: Shared, i: int, drawn: Floats, answers: Floats, held: Floats, solar: Floats, stores: int, solars: int
) -> float:  # fmt: skip
    """Return what the connection costs beside its devices, EUR, and write what it draws to `drawn` (3,T)."""
    isps, total = drawn.shape[1], 0.0
    for t in range(isps):
        power = 0.0
        for k in range(stores):
            power += answers[k, POWER, t]
        for j in range(solars):
            power += solar[j, t]
        drawn[0, t] = drawn[1, t] = drawn[2, t] = power
        for k in range(stores):
            for r in range(held.shape[1]):
                drawn[1, t] += s.down[r] * held[k, r, t]
                drawn[2, t] -= s.up[r] * held[k, r, t]
        for n in range(s.limit_at[i], s.limit_at[i + 1]):
            if drawn[1, t] > s.import_room_kw[n, t]:
                total += s.limit_eur[n] * (drawn[1, t] - s.import_room_kw[n, t])
            if -drawn[2, t] > s.export_room_kw[n, t]:
                total += s.limit_eur[n] * (-drawn[2, t] - s.export_room_kw[n, t])
    n = s.tariff_of[i]
    if n >= 0:
        for t in range(isps):
            power = drawn[0, t] + s.fixed_kw[n, t]
            total += s.linear_eur[n, t] * power + s.kink_eur[n, t] * max(power, 0.0)
        for q in range(s.peak_at[i], s.peak_at[i + 1]):
            highest = s.peak_reached_kw[q]
            for t in range(isps):
                if s.peak_inside[q, t] > 0.0:
                    highest = max(highest, drawn[0, t] + s.fixed_kw[n, t])
            total += s.peak_eur[q] * (highest - s.peak_reached_kw[q])
    return total


@compiled
def _bound(  # noqa: C901 - one sum
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, product: Ints, w: Desk, keep: bool
) -> tuple[float, float]:  # fmt: skip
    """Return the bound at the prices in w.duals, and Σ own cost of the devices' answers, which are kept if asked for.

    With `keep` the answers go to w.answers, w.held and w.solar.
    """
    isps, limits = power.shape[0], s.limit_at[i + 1] - s.limit_at[i]
    n, first = s.tariff_of[i], s.peak_at[i]
    peaks = s.peak_at[i + 1] - first
    bound = own = 0.0
    for t in range(isps):
        price, up, down = power[t], 0.0, 0.0
        for a in range(limits):
            bought, sold = w.duals[a, t], w.duals[limits + a, t]
            row = s.limit_at[i] + a
            price += bought - sold
            down, up = down + bought, up + sold
            if bought > 0.0:
                bound -= bought * s.import_room_kw[row, t]
            if sold > 0.0:
                bound -= sold * s.export_room_kw[row, t]
        if n >= 0:
            more = s.linear_eur[n, t] + w.duals[2 * limits, t]
            for q in range(peaks):
                more += w.duals[2 * limits + 1 + q, t]
                bound -= w.duals[2 * limits + 1 + q, t] * s.peak_reached_kw[first + q]
            price += more
            bound += more * s.fixed_kw[n, t]
        w.price[t] = price
        both = sides[2, t] + sides[0, t] + sides[1, t] - up - down
        w.sides[0, t], w.sides[1, t] = max(sides[0, t] - up, 0.0), max(sides[1, t] - down, 0.0)
        w.sides[2, t] = max(both - w.sides[0, t] - w.sides[1, t], 0.0) if sides[2, t] > 0.0 else 0.0
    for k in range(s.store_at[i + 1] - s.store_at[i]):
        cost, proven = respond_one(w.tables[k], w.scalars[k], hours, w.price, w.sides, product, w.work)
        bound, own = bound + proven, own + cost
        if keep:
            w.answers[k] = w.work.answer
            w.held[k] = 0.0
            if w.scalars[k, RESERVE] > 0.0:
                w.held[k] = w.work.held
    for j in range(s.solar_at[i + 1] - s.solar_at[i]):
        row = s.solar_at[i] + j
        for t in range(isps):
            most, pin = s.solar_kw[row, t], s.solar_pinned_kw[row, t]
            found = most if s.solar_eur[row] + w.price[t] >= 0.0 else 0.0
            if not np.isnan(pin):
                found = pin
            bound += w.price[t] * found + s.solar_eur[row] * (found - most)
            own += s.solar_eur[row] * (found - most)
            if keep:
                w.solar[j, t] = found
    return bound, own


@compiled
def _row(p: Program, t: int, right: float, price: float, level: int) -> int:
    """Begin a row of an ISP and return its number."""
    r = p.rows[t]
    p.rows[t] = r + 1
    p.right[t, r], p.price[t, r], p.level[t, r], p.entries[t, r] = right, price, level, 0
    return int(r)


@compiled
def _enter(p: Program, t: int, r: int, variable: int, sign: float) -> None:
    n = p.entries[t, r]
    p.at[t, r, n], p.sign[t, r, n] = variable, sign
    p.entries[t, r] = n + 1


@compiled
def _variable(p: Program, t: int, cost: float, most: float, device: int, change: float) -> int:
    """Add a variable to an ISP and return its number."""
    i = p.number[t]
    p.number[t] = i + 1
    p.cost[t, i], p.most[t, i], p.device[t, i], p.change[t, i] = cost, most, device, change
    return int(i)


@compiled
def _bands(w: Desk, k: int, hours: float) -> None:
    """Write the energies from which a store can keep its band, and of these those it can reach, to program and keep."""
    table, scalars, p = w.tables[k], w.scalars[k], w.program
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
        p.bounded[k, t] = 1.0 if np.isnan(pin) and most - least > _NOTHING else 0.0
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
def _state(s: Shared, i: int, hours: float, power: Floats, sides: Floats, w: Desk) -> float:  # noqa: C901 - one list
    """State the program of a connection in w.program; return Σ |cost · most| of its variables, EUR."""
    p, isps = w.program, power.shape[0]
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
                if c > _NOTHING:
                    charge = _variable(p, t, price + wear, c, k, gain)
                    most, size = most + c, size + abs(price + wear) * c
                if d > _NOTHING:
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
            if np.isnan(pin) and -forecast > _NOTHING:
                w.sums[number] = _variable(p, t, s.solar_eur[row] + price, -forecast, -1, 0.0)
                number += 1
                most, size = most - forecast, size + abs(s.solar_eur[row] + price) * -forecast
        for a in range(limits):
            row = s.limit_at[i] + a
            right = s.import_room_kw[row, t] - fixed - fixed_down
            if most + down_most > right + _NOTHING:
                r = _row(p, t, right, s.limit_eur[row], -2 - a)
                _draw(p, w, t, r, number, 1.0)
                _hold(p, w, t, r, stores, 3)
            right = s.export_room_kw[row, t] + fixed - fixed_up
            if -least + up_most > right + _NOTHING:
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
def _draw(p: Program, w: Desk, t: int, r: int, number: int, sign: float) -> None:
    """Enter what the connection draws in an ISP to a row."""
    for a in range(number):
        variable = w.sums[a]
        _enter(p, t, r, variable if variable >= 0 else -1 - variable, sign if variable >= 0 else -sign)


@compiled
def _hold(p: Program, w: Desk, t: int, r: int, stores: int, side: int) -> None:
    """Enter the reserve that stores hold up (side 2) or down (3) in an ISP to a row."""
    for k in range(stores):
        if w.variable[k, side, t] >= 0:
            _enter(p, t, r, w.variable[k, side, t], 1.0)


@compiled
def _read_duals(s: Shared, i: int, w: Desk) -> None:
    """Take the prices of what is shared from the program's multipliers, within what keeps the bound finite."""
    p, z, isps = w.program, w.point, w.duals.shape[1]
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
def _make_exact(  # noqa: C901 - one list of devices
    s: Shared, i: int, hours: float, power: Floats, product: Ints, w: Desk
) -> float:  # fmt: skip
    """Make programs of the solution in w.tried…, exact for each device; return Σ own cost, EUR."""
    p, z, isps, own = w.program, w.point, power.shape[0], 0.0
    for k in range(s.store_at[i + 1] - s.store_at[i]):
        table, scalars = w.tables[k], w.scalars[k]
        if scalars[SLACK] > 0.0:
            w.tried[k], w.tried_held[k] = w.answers[k], w.held[k]
            cost, _ = record(table, scalars, hours, power, _changes(w, k, hours), w.tried[k])
            own += cost
            continue
        e, x, drain = scalars[START], w.x[k], hours / scalars[ETA_D]
        for t in range(isps):
            gain, x[t] = hours * table[EFFICIENCY, t], 0.0
            charge, discharge = w.variable[k, 0, t], w.variable[k, 1, t]
            if charge >= 0:
                x[t] += gain * z.x[t, charge]
            if discharge >= 0:
                x[t] -= drain * z.x[t, discharge]
            if not np.isnan(table[PINNED, t]):
                pin = table[PINNED, t]
                x[t] = gain * pin if pin > 0.0 else drain * pin
            else:
                rest = scalars[RETENTION] * e - table[DEMAND, t]
                x[t] = min(max(rest + x[t], w.keep[k, 0, t]), w.keep[k, 1, t]) - rest
                x[t] = min(max(x[t], -drain * table[DISCHARGE, t]), gain * table[CHARGE, t])
            e = scalars[RETENTION] * e + x[t] - table[DEMAND, t]
        w.tried[k, UNMET] = 0.0
        w.tried[k, EXCESS] = 0.0
        cost, _ = record(table, scalars, hours, power, x, w.tried[k])
        own += cost
        w.tried_held[k] = 0.0
        for t in range(isps):
            if scalars[RESERVE] <= 0.0:
                break
            at = w.tried[k, POWER, t]
            c, d = table[CHARGE, t], table[DISCHARGE, t]
            if not np.isnan(table[PINNED, t]):
                c, d = max(c, at), max(d, -at)
            up = down = both = 0.0
            if w.variable[k, 2, t] >= 0:
                up = max(min(z.x[t, w.variable[k, 2, t]], scalars[RESERVE], at + d), 0.0)
            if w.variable[k, 3, t] >= 0:
                down = max(min(z.x[t, w.variable[k, 3, t]], scalars[RESERVE], c - at), 0.0)
            if w.variable[k, 4, t] >= 0:
                both = max(min(z.x[t, w.variable[k, 4, t]], up, down), 0.0)
            for side, amount in enumerate((up - both, down - both, both)):
                if product[side, t] >= 0:
                    w.tried_held[k, product[side, t], t] += amount
    first = 0
    for t in range(isps):
        first = p.number[t]
        for j in range(s.solar_at[i + 1] - s.solar_at[i] - 1, -1, -1):  # they come last in an ISP
            row = s.solar_at[i] + j
            pin, most = s.solar_pinned_kw[row, t], s.solar_kw[row, t]
            w.tried_solar[j, t] = most if np.isnan(pin) else pin
            if np.isnan(pin) and -most > _NOTHING:
                first -= 1
                w.tried_solar[j, t] = min(most + z.x[t, first], 0.0)
            own += s.solar_eur[row] * (w.tried_solar[j, t] - most)
    return own


@compiled
def _changes(w: Desk, k: int, hours: float) -> Any:
    """Return the changes of energy (T,) that the power of a store's answer makes."""
    drain = hours / w.scalars[k, ETA_D]
    for t in range(w.x.shape[1]):
        at = w.answers[k, POWER, t]
        w.x[k, t] = at * (hours * w.tables[k, EFFICIENCY, t] if at > 0.0 else drain)
    return w.x[k]


@compiled
def _priced(
    power: Floats, rewards: Floats, answers: Floats, held: Floats, drawn: Floats, stores: int
) -> tuple[float, float]:  # fmt: skip
    """Return what the portfolio charges for programs less what it pays for reserve, and the sizes of both, EUR."""
    total = size = 0.0
    for t in range(power.shape[0]):
        total += power[t] * drawn[0, t]
        for k in range(stores):
            size += abs(power[t] * answers[k, POWER, t])
            for r in range(held.shape[1]):
                total -= rewards[r, t] * held[k, r, t]
                size += rewards[r, t] * held[k, r, t]
    return total, size


@compiled
def answer_connection(
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, product: Ints, rewards: Floats, double: Tables,
    single: Tables, units: Ints, scalars: Floats, w: Desk,
) -> tuple[float, float, int]:  # fmt: skip
    """Write the answer of connection i to w.answers, w.held and w.solar; return own cost, proven bound, and steps.

    power (T,), sides and product (3,T), rewards (R,T): what the portfolio charges and pays. Own cost includes what the
    connection costs; the bound is of own cost and prices together. w.duals are the prices that prove it.
    """
    stores, solars = s.store_at[i + 1] - s.store_at[i], s.solar_at[i + 1] - s.solar_at[i]
    for k in range(stores):
        unit = s.store[s.store_at[i] + k]
        load(double, single, units[unit], w.tables[k])
        w.scalars[k] = scalars[unit]
    w.duals[:, :] = 0.0
    bound, own = _bound(s, i, hours, power, sides, product, w, True)
    own += _cost(s, i, w.drawn, w.answers, w.held, w.solar, stores, solars)
    priced, size = _priced(power, rewards, w.answers, w.held, w.drawn, stores)
    w.drawn_now[:] = w.drawn[0]
    if own + priced - bound <= _ALONE * (size + abs(own)) + 1e-12:
        return own, min(bound, own + priced), 0
    stated = _state(s, i, hours, power, sides, w)
    eur = max(stated, 1e-9) / max(_capacity(w.program), 1e-9)
    peaks = s.peak_at[i + 1] - s.peak_at[i]
    steps = solve(
        w.program, w.point, w.step, w.bent, w.newton, stores, peaks, eur, _TOLERANCE * (size + abs(own)), _MOST_STEPS
    )
    _read_duals(s, i, w)
    if not np.isfinite(w.duals.sum()):
        w.duals[:, :] = 0.0
        return own, min(bound, own + priced), steps
    proven, _ = _bound(s, i, hours, power, sides, product, w, False)
    if proven > bound:
        bound = proven
    else:
        w.duals[:, :] = 0.0
    again = _make_exact(s, i, hours, power, product, w)
    again += _cost(s, i, w.drawn, w.tried, w.tried_held, w.tried_solar, stores, solars)
    priced_again, _ = _priced(power, rewards, w.tried, w.tried_held, w.drawn, stores)
    if np.isfinite(again + priced_again) and again + priced_again < own + priced:
        own, priced = again, priced_again
        w.drawn_now[:] = w.drawn[0]
        w.answers[:stores] = w.tried[:stores]
        w.held[:stores] = w.tried_held[:stores]
        w.solar[:solars] = w.tried_solar[:solars]
    return own, min(bound, own + priced), steps


@compiled
def _capacity(p: Program) -> float:
    """Return the sum of the most of all variables, kW."""
    total = 0.0
    for t in range(p.number.shape[0]):
        for n in range(p.number[t]):
            total += p.most[t, n]
    return total
