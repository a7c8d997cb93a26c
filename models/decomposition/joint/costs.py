"""What a connection's programs cost, and the bound that prices of what its devices share prove. Compiled.

Source: docs/explanation/optimisation.md §3.1.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.decomposition.joint.shared import Shared, Workspace
from models.resources.storage.kernel_call import respond_at
from models.resources.storage.layout import POWER, RESERVE


@compiled
def cost_of_shared(
    s: Shared, i: int, drawn: Floats, answers: Floats, held: Floats, solar: Floats, stores: int, solars: int
) -> float:  # fmt: skip
    """Return what connection i costs besides its devices, EUR, and write what it draws to `drawn` (3,T), kW.

    answers (K,4,T) and held (K,R,T) of its `stores`, solar (J,T) of its `solars`, kW: only those first rows are read.
    """
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
    return _add_tariff(s, i, drawn, total)


@inlined
def _add_tariff(s: Shared, i: int, drawn: Floats, total: float) -> float:
    """Return a cost, EUR, with that of the connection's tariff added."""
    isps, n = drawn.shape[1], s.tariff_of[i]
    if n < 0:
        return total
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
def prove_bound(
    s: Shared, i: int, hours: float, power: Floats, sides: Floats, product: Ints, w: Workspace, keep: bool
) -> tuple[float, float]:  # fmt: skip
    """Return the bound at the prices in w.duals, and Σ own cost of the devices' answers.

    Both in EUR. power (T,), sides and product (3,T) as in answer_connection. With `keep` the answers go to w.answers,
    w.held and w.solar.
    """
    bound, own = _price_devices(s, i, power, sides, w.duals, w.price, w.sides), 0.0
    for k in range(s.store_at[i + 1] - s.store_at[i]):
        cost, proven = respond_at(w.respond, w.tables[k], w.scalars[k], hours, w.price, w.sides, product, w.work)
        bound, own = bound + proven, own + cost
        if keep:
            w.answers[k], w.alone[k] = w.work.answer, cost
            w.held[k] = 0.0
            if w.scalars[k, RESERVE] > 0.0:
                w.held[k] = w.work.held
    for j in range(s.solar_at[i + 1] - s.solar_at[i]):
        row = s.solar_at[i] + j
        for t in range(power.shape[0]):
            most, pin = s.solar_kw[row, t], s.solar_pinned_kw[row, t]
            found = most if s.solar_eur[row] + w.price[t] >= 0.0 else 0.0
            if not np.isnan(pin):
                found = pin
            bound += w.price[t] * found + s.solar_eur[row] * (found - most)
            own += s.solar_eur[row] * (found - most)
            if keep:
                w.solar[j, t] = found
    return bound, own


@inlined
def _price_devices(
    s: Shared, i: int, power: Floats, sides: Floats, duals: Floats, price: Floats, seen: Floats
) -> float:  # fmt: skip
    """Write what devices see at the duals: price (T,), sides seen (3,T); return what duals add to the bound, EUR."""
    limits, n, first = s.limit_at[i + 1] - s.limit_at[i], s.tariff_of[i], s.peak_at[i]
    bound = 0.0
    for t in range(power.shape[0]):
        total, up, down = power[t], 0.0, 0.0
        for a in range(limits):
            bought, sold = duals[a, t], duals[limits + a, t]
            row = s.limit_at[i] + a
            total += bought - sold
            down, up = down + bought, up + sold
            if bought > 0.0:
                bound -= bought * s.import_room_kw[row, t]
            if sold > 0.0:
                bound -= sold * s.export_room_kw[row, t]
        if n >= 0:
            more = s.linear_eur[n, t] + duals[2 * limits, t]
            for q in range(s.peak_at[i + 1] - first):
                more += duals[2 * limits + 1 + q, t]
                bound -= duals[2 * limits + 1 + q, t] * s.peak_reached_kw[first + q]
            total += more
            bound += more * s.fixed_kw[n, t]
        price[t] = total
        both = sides[2, t] + sides[0, t] + sides[1, t] - up - down
        seen[0, t], seen[1, t] = max(sides[0, t] - up, 0.0), max(sides[1, t] - down, 0.0)
        seen[2, t] = max(both - seen[0, t] - seen[1, t], 0.0) if sides[2, t] > 0.0 else 0.0
    return bound


@compiled
def with_prices(
    power: Floats, rewards: Floats, answers: Floats, held: Floats, drawn: Floats, stores: int
) -> tuple[float, float]:  # fmt: skip
    """Return what the portfolio charges for programs less what it pays for reserve, and the sum of magnitudes, EUR.

    power (T,) and sides (3,T), EUR per kW of one ISP; answers (K,4,T), held (K,R,T), drawn (3,T), kW.
    """
    total = size = 0.0
    for t in range(power.shape[0]):
        total += power[t] * drawn[0, t]
        for k in range(stores):
            size += abs(power[t] * answers[k, POWER, t])
            for r in range(held.shape[1]):
                total -= rewards[r, t] * held[k, r, t]
                size += rewards[r, t] * held[k, r, t]
    return total, size
