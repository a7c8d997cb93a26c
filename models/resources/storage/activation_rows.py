"""States what a storage unit can do in a day as a linear program whose rows meet neighbouring ISPs only. Compiled.

Variables are, ISP by ISP: the reserve of each product that earns anything, what is discharged beside charging, and the
energy at the end, where it is free; last comes the worth of what is left. What is charged follows from the energies.
Rows are those of the formulation, §2.3 and §3.5, with all three rows of energy margins.
"""

from typing import NamedTuple

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled, inlined
from models.resources.storage.banded import Rows, close, put
from models.resources.storage.held_beside import reach
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
    RESERVE,
    RETENTION,
    START,
    STEPS,
    WEAR,
)
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW

OF_POWER, OF_ENERGY, OF_ACTIVATIONS = 0, 4, 8
"""Where rows of margins begin in Places.row, up before down: in power, by the prequalified power and by the program; in
energy, at the end and at the beginning of the ISP; and of what activations have taken by its end."""
_NARROW_KWH = 1e-6
"""Width of a band that stands for none, so that the method has room to move."""
_NEVER_KWH = 1e12
"""Energy from which a step in the worth of energy stands for none."""


class Places(NamedTuple):
    """Numbers of variables and rows; −1 where there is none."""

    energy: Floats  # (3,T+1) of each ISP's beginning, and the end: its variable, the factor on it, and a constant, kWh
    discharge: Ints  # (T,) of what is discharged beside charging
    held: Ints  # (R,T)
    row: Ints  # (10,T) of margins, see above


@compiled
def place_variables(
    table: Floats, scalars: Floats, hours: float, rewards: Floats, traded: Bools, first: int, rows: Rows, places: Places
) -> None:
    """Number the variables, and count them in rows.counted. Energies that follow from others have no variable."""
    energy, a, n = places.energy, scalars[RETENTION], 0
    energy[0, 0], energy[1, 0], energy[2, 0] = 0.0, 0.0, scalars[START]
    for t in range(table.shape[1]):
        pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
        places.discharge[t] = -1
        moves = c > 0.0 or d > 0.0
        for r in range(rewards.shape[0]):
            places.held[r, t] = -1
            if t >= first and traded[r, t] and rewards[r, t] > 0.0 and (moves or abs(pin) > 0.0):
                places.held[r, t] = n
                n += 1
        x = 0.0
        if not np.isnan(pin):
            x = hours * table[EFFICIENCY, t] * pin if pin > 0.0 else hours / scalars[ETA_D] * pin
        elif moves:
            if c > 0.0 and d > 0.0:
                places.discharge[t] = n
                n += 1
            energy[0, t + 1], energy[1, t + 1], energy[2, t + 1] = n, 1.0, 0.0
            n += 1
            continue
        energy[0, t + 1], energy[1, t + 1] = energy[0, t], a * energy[1, t]
        energy[2, t + 1] = a * energy[2, t] + x - table[DEMAND, t]
    rows.counted[0] = n + 1  # the last one is the worth of what is left


@compiled
def state_rows(
    table: Floats, scalars: Floats, hours: float, power: Floats, rewards: Floats, needs: Floats, owed: Floats,
    rows: Rows, places: Places, cost: Floats,
) -> None:  # fmt: skip
    """State all rows and the cost (V,) of variables, EUR."""
    cost[:], places.row[:, :] = 0.0, -1
    for t in range(table.shape[1]):
        if places.energy[1, t + 1] != 0.0:
            _state_band(table, t, rows, places)
        if np.isnan(table[PINNED, t]) and (table[CHARGE, t] > 0.0 or table[DISCHARGE, t] > 0.0):
            _state_power(table, scalars, hours, power[t], t, rows, places, cost)
        for r in range(rewards.shape[0]):
            if places.held[r, t] >= 0:
                put(rows, places.held[r, t], -1.0)
                close(rows, 0.0)
                cost[places.held[r, t]] = -rewards[r, t]
        for side in range(2):
            _state_power_rooms(table, scalars, hours, needs, side, t, rows, places)
            _state_energy_rooms(needs, owed, side, t, rows, places)
    for t in range(1, table.shape[1]):
        for side in range(2):
            _state_activations(needs, hours, owed, side, t, rows, places)
    _state_worth(scalars, rows, places, cost)


@inlined
def _energy(rows: Rows, places: Places, t: int, share: float) -> float:
    """Add a share of the energy at the beginning of ISP t to the row; return its constant part."""
    if places.energy[1, t] != 0.0:
        put(rows, int(places.energy[0, t]), share * places.energy[1, t])
    constant: float = share * places.energy[2, t]
    return constant


@inlined
def _change(rows: Rows, places: Places, table: Floats, scalars: Floats, t: int, share: float) -> float:
    """Add a share of the energy that ISP t takes in to the row; return its constant part."""
    constant = _energy(rows, places, t + 1, share) + _energy(rows, places, t, -share * scalars[RETENTION])
    return constant + share * float(table[DEMAND, t])


@compiled
def _state_band(table: Floats, t: int, rows: Rows, places: Places) -> None:
    """State the bounds of the energy at the end of an ISP."""
    low = table[LOW, t]
    high = max(table[HIGH, t], low + _NARROW_KWH)
    close(rows, high - _energy(rows, places, t + 1, 1.0))
    close(rows, -low - _energy(rows, places, t + 1, -1.0))


@compiled
def _state_power(
    table: Floats, scalars: Floats, hours: float, price: float, t: int, rows: Rows, places: Places, cost: Floats
) -> None:
    """State the limits and the cost of power in a free ISP.

    What is charged is what the ISP takes in and what is discharged; without charging, what is discharged is minus what
    it takes in.
    """
    c, d, beside = table[CHARGE, t], table[DISCHARGE, t], places.discharge[t]
    drain, wear = hours / scalars[ETA_D], scalars[WEAR] * hours
    per_kwh = 1.0 / (hours * table[EFFICIENCY, t]) if c > 0.0 else -1.0 / drain
    for sign, most in ((1.0, c if c > 0.0 else d), (-1.0, 0.0)):
        constant = _change(rows, places, table, scalars, t, sign * per_kwh)
        if beside >= 0:
            put(rows, beside, sign * drain * per_kwh)
        close(rows, most - constant)
    eur_per_kwh = ((price if c > 0.0 else -price) + wear) * per_kwh
    for at, share in ((t + 1, 1.0), (t, -scalars[RETENTION])):
        if places.energy[1, at] != 0.0:
            cost[int(places.energy[0, at])] += eur_per_kwh * share * places.energy[1, at]
    if beside >= 0:
        put(rows, beside, 1.0)
        close(rows, d)
        put(rows, beside, -1.0)
        close(rows, 0.0)
        cost[beside] += eur_per_kwh * drain + wear - price


@inlined
def _power(rows: Rows, places: Places, table: Floats, scalars: Floats, hours: float, t: int, sign: float) -> float:
    """Add the power of an ISP, with a sign, to the row; return its constant part."""
    if not np.isnan(table[PINNED, t]):
        return sign * float(table[PINNED, t])
    drain = hours / scalars[ETA_D]
    per_kwh = 1.0 / (hours * table[EFFICIENCY, t] if table[CHARGE, t] > 0.0 else drain)
    if places.discharge[t] >= 0:
        put(rows, places.discharge[t], sign * (drain * per_kwh - 1.0))
    return _change(rows, places, table, scalars, t, sign * per_kwh)


@inlined
def _held(rows: Rows, places: Places, needs: Floats, k: int, factor: float, t: int) -> bool:
    """Add what reserve needs of room k, times a factor, to the row; return whether there is any."""
    there = False
    for r in range(needs.shape[0]):
        if places.held[r, t] >= 0 and needs[r, k] > 0.0:
            put(rows, places.held[r, t], factor * needs[r, k])
            there = True
    return there


@compiled
def _state_power_rooms(
    table: Floats, scalars: Floats, hours: float, needs: Floats, side: int, t: int, rows: Rows, places: Places
) -> None:
    """State that reserve is at most the prequalified power, and what the program leaves of the limits."""
    if not _held(rows, places, needs, side, 1.0, t):
        return
    places.row[OF_POWER + 2 * side, t] = rows.counted[1]
    close(rows, scalars[RESERVE])
    _held(rows, places, needs, side, 1.0, t)
    places.row[OF_POWER + 2 * side + 1, t] = rows.counted[1]
    limit, sign, pin = table[DISCHARGE if side == 0 else CHARGE, t], -1.0 if side == 0 else 1.0, table[PINNED, t]
    if not np.isnan(pin):
        limit = max(limit, sign * pin)
    close(rows, limit - _power(rows, places, table, scalars, hours, t, sign))


@inlined
def _close_room(rows: Rows, places: Places, side: int, t: int, bound: float) -> None:
    """End a row of what is taken at most of the energy at the beginning of ISP t, beyond a bound."""
    sign = -1.0 if side == 0 else 1.0
    room = sign * bound - _energy(rows, places, t, sign)
    close(rows, max(room, 0.0) if places.energy[1, t] == 0.0 else room)


@compiled
def _state_energy_rooms(needs: Floats, owed: Floats, side: int, t: int, rows: Rows, places: Places) -> None:
    """State rows (1) and (2): activations can begin at any moment of the ISP."""
    for k in range(2):
        bound = owed[(BEFORE_FLOOR if k else FLOOR) if side == 0 else (BEFORE_CEILING if k else CEILING), t]
        if np.isfinite(bound) and _held(rows, places, needs, 2 + side, owed[PER_KW, t], t):
            places.row[OF_ENERGY + 2 * side + k, t] = rows.counted[1]
            _close_room(rows, places, side, t + 1 - k, bound)


@compiled
def _state_activations(
    needs: Floats, hours: float, owed: Floats, side: int, t: int, rows: Rows, places: Places
) -> None:  # fmt: skip
    """State row (3): what activations have taken by the end of the ISP, if some may have begun in an earlier one."""
    begin, earlier = rows.counted[2], False
    for r in range(needs.shape[0]):
        for s in range(max(t + 1 - reach(needs, r, side, hours), 0), t + 1):
            if places.held[r, s] >= 0:
                put(rows, places.held[r, s], min(needs[r, 2 + side], hours) * owed[PER_KW, s])
                earlier = earlier or s < t
    if earlier:
        places.row[OF_ACTIVATIONS + side, t] = rows.counted[1]
        _close_room(rows, places, side, t + 1, owed[FLOOR if side == 0 else CEILING, t])
    else:
        rows.counted[2] = begin


@compiled
def _state_worth(scalars: Floats, rows: Rows, places: Places, cost: Floats) -> None:
    """State the worth of the energy at the end: a variable below all lines that make it."""
    last, end, rate, constant = rows.counted[0] - 1, places.energy.shape[1] - 1, scalars[END_VALUE], 0.0
    cost[last] = -1.0
    put(rows, last, 1.0)
    close(rows, -_energy(rows, places, end, -rate))
    for k in range(STEPS, scalars.shape[0], 2):
        if scalars[k] != 0.0 and scalars[k + 1] < _NEVER_KWH:
            rate += scalars[k]
            constant -= scalars[k] * scalars[k + 1]
            put(rows, last, 1.0)
            close(rows, constant - _energy(rows, places, end, -rate))
