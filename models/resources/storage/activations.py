"""Best response of a storage unit to which activations over several ISPs matter: a small linear program. Compiled.

What an activation has taken by the end of an ISP adds up over all ISPs that it reaches back into (row (3) of the
formulation), so the reserve of an ISP depends on that of those before it, and no cost-to-go of the energy alone knows
it. Everything a unit does is therefore one linear program, whose rows meet neighbouring ISPs only (activation_rows,
banded). Its answer is the best program. Its prices of rows are prices of rooms (room_prices); those of activations are
prices of the energy left at the end of an ISP. At any prices that cover all rewards, one pass of the kernel proves a
bound. Source: docs/explanation/optimisation.md §2.
"""

import numpy as np

from models.case import Bools, Floats
from models.compiled import compiled, inlined
from models.resources.storage.activation_rows import (
    OF_ACTIVATIONS,
    OF_ENERGY,
    Places,
    place_variables,
    state_rows,
)
from models.resources.storage.answers import record
from models.resources.storage.banded import Rows, solve_banded, width_of
from models.resources.storage.held_beside import fit_beside, reach
from models.resources.storage.kernel import best_changes
from models.resources.storage.layout import (
    BEGIN_DOWN,
    BEGIN_UP,
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    END_DOWN,
    END_UP,
    ETA_D,
    PINNED,
    RESERVE,
    RETENTION,
    ROOM_DOWN,
    ROOM_UP,
    START,
    StoreWorkspace,
)
from models.resources.storage.lines import MarginWorkspace
from models.resources.storage.owed import CEILING, FLOOR, PER_KW

_ROOMS = (ROOM_UP, ROOM_UP, ROOM_DOWN, ROOM_DOWN, END_UP, BEGIN_UP, END_DOWN, BEGIN_DOWN)
"""The room of each row of margins in power and energy."""
_WIDEST = 120
"""How far apart the variables of a row may lie; equations of wider programs take too long."""
_GAP = 1e-7
"""How close to its best the program's cost must be, relative to 1 + what power and reserve cost."""


@inlined
def _longest(needs: Floats, hours: float) -> int:
    """Return in how many ISPs the longest activation of any product takes energy."""
    most = 0
    for r in range(needs.shape[0]):
        most = max(most, reach(needs, r, 0, hours), reach(needs, r, 1, hours))
    return most


@compiled
def most_kwh(needs: Floats, hours: float, owed: Floats, reserve_kw: float) -> float:
    """Return the most that activations of all that a unit may hold take by one moment, kWh at the connection.

    It is counted per kWh that one takes in an ISP, `owed`, which may be less than in the ISPs before.
    """
    most = 0.0
    for r in range(needs.shape[0]):
        for side in range(2):
            most = max(most, reach(needs, r, side, hours) * min(needs[r, 2 + side], hours), needs[r, 2 + side])
    return float(reserve_kw * most * owed[PER_KW].max() / owed[PER_KW].min())


@inlined
def _paid(
    needs: Floats, hours: float, owed: Floats, places: Places, found: Floats, prices: Floats, r: int, t: int
) -> float:  # fmt: skip
    """Return what a kW of product r in ISP t pays for rooms and for what its activations take, EUR."""
    paid = needs[r, 0] * prices[ROOM_UP, t] + needs[r, 1] * prices[ROOM_DOWN, t]
    paid += needs[r, 2] * (prices[END_UP, t] + prices[BEGIN_UP, t])
    paid += needs[r, 3] * (prices[END_DOWN, t] + prices[BEGIN_DOWN, t])
    for side in range(2):
        kwh = min(needs[r, 2 + side], hours) * owed[PER_KW, t]
        for s in range(t, min(t + reach(needs, r, side, hours), owed.shape[1])):
            row = places.row[OF_ACTIVATIONS + side, s]
            if row >= 0:
                paid += kwh * found[row]
    return float(paid)


@compiled
def _room_prices(
    rewards: Floats, needs: Floats, hours: float, owed: Floats, places: Places, found: Floats, prices: Floats
) -> None:
    """Write prices of rooms (7,T) that cover all rewards, from those of rows."""
    prices[:, :] = 0.0
    for t in range(rewards.shape[1]):
        for k in range(OF_ACTIVATIONS):
            if places.row[k, t] >= 0:
                prices[_ROOMS[k], t] += found[places.row[k, t]] * (owed[PER_KW, t] if k >= OF_ENERGY else 1.0)
        for r in range(rewards.shape[0]):
            if places.held[r, t] >= 0:
                lacks = rewards[r, t] - _paid(needs, hours, owed, places, found, prices, r, t)
                prices[ROOM_UP if needs[r, 0] > 0.0 else ROOM_DOWN, t] += max(lacks, 0.0)
    for t in range(rewards.shape[1]):  # only now: above, activations pay for themselves
        for side in range(2):
            row = places.row[OF_ACTIVATIONS + side, t]
            if row >= 0:
                prices[END_UP if side == 0 else END_DOWN, t] += found[row] * owed[PER_KW, t]


@compiled
def _follow(
    table: Floats, scalars: Floats, hours: float, owed: Floats, places: Places, v: Floats, x: Floats
) -> None:  # fmt: skip
    """Write the changes of energy (T,) that follow the program's energies, exactly within all bounds."""
    e, drain = scalars[START], hours / scalars[ETA_D]
    for t in range(table.shape[1]):
        y, gain, pin = scalars[RETENTION] * e - table[DEMAND, t], hours * table[EFFICIENCY, t], table[PINNED, t]
        if not np.isnan(pin):
            x[t] = gain * pin if pin > 0.0 else drain * pin
        else:
            wanted = places.energy[2, t + 1]
            if places.energy[1, t + 1] != 0.0:
                wanted += v[int(places.energy[0, t + 1])] * places.energy[1, t + 1]
            wanted = min(max(wanted, owed[FLOOR, t]), owed[CEILING, t])
            x[t] = min(max(wanted - y, -drain * table[DISCHARGE, t]), gain * table[CHARGE, t])
        e = y + x[t]


@compiled
def _start(table: Floats, scalars: Floats, owed: Floats, places: Places, v: Floats) -> None:
    """Write a first point: energies midway between their bounds, and some of everything else."""
    v[:] = 0.0
    for t in range(table.shape[1]):
        if places.discharge[t] >= 0:
            v[places.discharge[t]] = 0.1 * table[DISCHARGE, t]
        if places.energy[1, t + 1] == 1.0 and places.energy[2, t + 1] == 0.0:
            v[int(places.energy[0, t + 1])] = 0.5 * (owed[FLOOR, t] + owed[CEILING, t])
        for r in range(places.held.shape[0]):
            if places.held[r, t] >= 0:
                v[places.held[r, t]] = 0.1 * scalars[RESERVE]


@compiled
def _best(
    table: Floats, scalars: Floats, hours: float, power: Floats, rewards: Floats, needs: Floats, traded: Bools,
    first: int, owed: Floats, x: Floats, held: Floats, prices: Floats,
) -> bool:  # fmt: skip
    """Write the best changes of energy (T,), reserve (R,T) and prices of rooms (7,T); return whether it ended."""
    isps, products = table.shape[1], rewards.shape[0]
    places = Places(
        np.empty((3, isps + 1)), np.empty(isps, dtype=np.int64), np.empty((products, isps), dtype=np.int64),
        np.empty((10, isps), dtype=np.int64),
    )  # fmt: skip
    count = isps * (16 + products) + scalars.shape[0]
    entries = count * 4 + isps * (8 + 2 * _longest(needs, hours)) * products
    rows = Rows(
        np.zeros(count + 1, dtype=np.int64), np.empty(entries, dtype=np.int64), np.empty(entries), np.empty(count),
        np.zeros(3, dtype=np.int64),
    )  # fmt: skip
    place_variables(table, scalars, hours, rewards, traded, first, rows, places)
    cost, v = np.empty(rows.counted[0]), np.empty(rows.counted[0])
    state_rows(table, scalars, hours, power, rewards, needs, owed, rows, places, cost)
    if width_of(rows) > _WIDEST:
        return False
    _start(table, scalars, owed, places, v)
    found, most_kw = np.empty(rows.counted[1]), max(table[CHARGE].max(), table[DISCHARGE].max())
    scale = 1.0 + (np.abs(power).sum() * most_kw + rewards.sum() * scalars[RESERVE]) / isps
    if not solve_banded(cost, rows, v, found, _GAP * scale, 0.1 * scale):
        return False
    _room_prices(rewards, needs, hours, owed, places, found, prices)
    _follow(table, scalars, hours, owed, places, v, x)
    for r in range(products):
        for t in range(isps):
            held[r, t] = max(v[places.held[r, t]], 0.0) if places.held[r, t] >= 0 else 0.0
    return True


@compiled
def answer_with_activations(
    table: Floats, scalars: Floats, hours: float, power: Floats, rewards: Floats, needs: Floats, traded: Bools,
    first: int, work: StoreWorkspace, planning: MarginWorkspace,
) -> tuple[bool, float, float, float]:  # fmt: skip
    """Fill work.x, answer and held; return whether the best program was found, its own cost, cost and proven bound.

    planning.trial, reserve and prices are changed. All money is in EUR; cost and bound are those with prices.
    """
    owed = planning.owed
    found = _best(
        table, scalars, hours, power, rewards, needs, traded, first, owed, planning.trial, planning.reserve,
        planning.prices,
    )  # fmt: skip
    if not found:
        return False, 0.0, np.inf, -np.inf
    most = most_kwh(needs, hours, owed, scalars[RESERVE])
    bound, _ = best_changes(table, scalars, hours, power, planning.prices, work, owed, most)
    work.x[:], work.held[:] = planning.trial, planning.reserve
    own, priced = record(table, scalars, hours, power, work.x, work.answer)
    earned = fit_beside(table, scalars, hours, work.answer, rewards, needs, first, planning, work.held)
    return True, own, own + priced - earned, bound
