"""The answer of one connection near known programs: its stores answer in turn, each in the room that the others leave.

The best response of a single store beside all others is exact without iteration: the room that they leave limits its
power. From good programs for similar prices, one turn of all stores mostly ends at the best ones, in a twentieth of the
time of the linear program. The result depends on the programs at the start, so these are kept.
Source: docs/explanation/optimisation.md §3.1.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled
from models.decomposition.joint.costs import cost_of_shared, with_prices
from models.decomposition.joint.shared import Shared, Workspace
from models.resources.storage.kernel_call import respond_at
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ENERGY,
    ETA_D,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SLACK,
    START,
)

_ROUNDING = 1e-6
"""What rounding may add: to the cost of exceeding limits, as a share of what the programs cost, and to energy, in
kWh."""


class DevicePrograms(NamedTuple):
    """Programs of all devices of M connections, kW, in the order of the devices; no rows where none are known."""

    power: Floats  # (n,T) of stores
    held: Floats  # (n,R,T) reserve
    solar: Floats  # (m,T) power of solar systems


@compiled
def keep_programs(s: Shared, i: int, w: Workspace, into: DevicePrograms) -> None:
    """Keep the answer of connection i."""
    for k in range(s.store_at[i + 1] - s.store_at[i]):
        into.power[s.store_at[i] + k], into.held[s.store_at[i] + k] = w.answers[k, POWER], w.held[k]
    for j in range(s.solar_at[i + 1] - s.solar_at[i]):
        into.solar[s.solar_at[i] + j] = w.solar[j]


@compiled
def answer_in_turn(
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, product: Ints, rewards: Floats,
    known: DevicePrograms, w: Workspace,
) -> tuple[bool, float]:  # fmt: skip
    """Write an answer of connection i to w.answers, w.held and w.solar; return whether there is one, and its cost, EUR.

    The connection has no tariff. power (T,), sides and product (3,T), rewards (R,T): as in answer_connection. w.tables,
    w.scalars and w.solar are those of devices that answer alone; a store that misses its band keeps the answer it gave
    alone. There is no answer where limits would be exceeded by more than they are by the known programs, or a band be
    missed.
    """
    stores, solars = s.store_at[i + 1] - s.store_at[i], s.solar_at[i + 1] - s.solar_at[i]
    for k in range(stores):
        w.tried[k, POWER], w.tried_held[k] = known.power[s.store_at[i] + k], known.held[s.store_at[i] + k]
        if w.scalars[k, SLACK] > 0.0:
            w.tried[k], w.tried_held[k] = w.answers[k], w.held[k]
    for j in range(solars):
        w.tried_solar[j] = known.solar[s.solar_at[i] + j]
    before = cost_of_shared(s, i, w.drawn, w.tried, w.tried_held, w.tried_solar, stores, solars)
    own = _solar_in_turn(s, i, w)
    for k in range(stores):
        if w.scalars[k, SLACK] > 0.0:
            own += w.alone[k]
            continue
        table = w.tables[k]
        w.kept_rows[0], w.kept_rows[1], w.kept_rows[2] = table[CHARGE], table[DISCHARGE], table[PINNED]
        _count(s, k, -1.0, w)
        _leave_room(s, i, k, w)
        cost, _ = respond_at(w.respond, table, w.scalars[k], hours, power, sides, product, w.work)
        own += cost
        table[CHARGE], table[DISCHARGE], table[PINNED] = w.kept_rows[0], w.kept_rows[1], w.kept_rows[2]
        w.tried[k] = w.work.answer
        if not _follows(table, w.scalars[k], hours, w.tried[k]):
            return False, 0.0
        w.tried_held[k] = 0.0
        if w.scalars[k, RESERVE] > 0.0:
            w.tried_held[k] = w.work.held
        _count(s, k, 1.0, w)
    after = cost_of_shared(s, i, w.drawn, w.tried, w.tried_held, w.tried_solar, stores, solars)
    _, size = with_prices(power, rewards, w.tried, w.tried_held, w.drawn, stores)
    if not after <= before + _ROUNDING * (size + 1e-3):
        return False, 0.0
    w.answers[:stores] = w.tried[:stores]
    w.held[:stores] = w.tried_held[:stores]
    w.solar[:solars] = w.tried_solar[:solars]
    w.drawn_now[:] = w.drawn[0]
    return True, own + after


@compiled
def _count(s: Shared, k: int, times: float, w: Workspace) -> None:
    """Add what store k draws and holds, some `times`, to w.drawn: power, the most with reserve, the least."""
    for t in range(w.drawn.shape[1]):
        mine = times * w.tried[k, POWER, t]
        w.drawn[0, t] += mine
        w.drawn[1, t] += mine
        w.drawn[2, t] += mine
        for r in range(w.tried_held.shape[1]):
            w.drawn[1, t] += times * s.down[r] * w.tried_held[k, r, t]
            w.drawn[2, t] -= times * s.up[r] * w.tried_held[k, r, t]


@compiled
def _follows(table: Floats, scalars: Floats, hours: float, answer: Floats) -> bool:
    """Return whether a store's energy is what its power makes of it, but for rounding."""
    e, drain = scalars[START], hours / scalars[ETA_D]
    for t in range(table.shape[1]):
        p = answer[POWER, t]
        e = scalars[RETENTION] * e + p * (hours * table[EFFICIENCY, t] if p > 0.0 else drain) - table[DEMAND, t]
        if not abs(e - answer[ENERGY, t]) <= _ROUNDING:
            return False
    return True


@compiled
def _leave_room(s: Shared, i: int, k: int, w: Workspace) -> None:
    """Lower a store's limits of power to the room that the others leave, but never below what it has itself.

    w.drawn is what the others draw. Where the store must discharge, or charge, so that they fit, it keeps its power.
    """
    table = w.tables[k]
    for t in range(table.shape[1]):
        if not np.isnan(table[PINNED, t]):
            continue
        most, least, mine = np.inf, -np.inf, w.tried[k, POWER, t]
        for a in range(s.limit_at[i], s.limit_at[i + 1]):
            most = min(most, s.import_room_kw[a, t] - w.drawn[1, t])
            least = max(least, -s.export_room_kw[a, t] - w.drawn[2, t])
        high = low = mine
        for r in range(w.tried_held.shape[1]):
            high += s.down[r] * w.tried_held[k, r, t]
            low -= s.up[r] * w.tried_held[k, r, t]
        most, least = max(most, high), min(least, low)
        if most < table[CHARGE, t]:
            table[CHARGE, t] = most
        if -least < table[DISCHARGE, t]:
            table[DISCHARGE, t] = -least
        if most < 0.0 or least > 0.0:
            table[PINNED, t] = mine


@compiled
def _solar_in_turn(s: Shared, i: int, w: Workspace) -> float:
    """Bring solar systems from what they have to their own answers, as far as there is room; return their own cost."""
    own = 0.0
    for j in range(s.solar_at[i + 1] - s.solar_at[i]):
        row = s.solar_at[i] + j
        for t in range(w.solar.shape[1]):
            now, wanted = w.tried_solar[j, t], w.solar[j, t]
            for a in range(s.limit_at[i], s.limit_at[i + 1]):
                if wanted > now:
                    wanted = min(wanted, max(now + s.import_room_kw[a, t] - w.drawn[1, t], now))
                else:
                    wanted = max(wanted, min(now - s.export_room_kw[a, t] - w.drawn[2, t], now))
            w.tried_solar[j, t] = wanted
            for n in range(3):
                w.drawn[n, t] += wanted - now
            own += s.solar_eur[row] * (wanted - s.solar_kw[row, t])
    return own
