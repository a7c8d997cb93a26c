"""Best response of one storage unit: dynamic programming over the energy level, exact and without a grid. Compiled.

V_t(e), the least cost of everything after ISP t with energy e, is convex and piecewise linear: a list of slopes in
ascending order with their lengths, begun at the lowest energy. One ISP back means

    V_{t−1}(e) = min over x of c_t(x) + V_t(a·e − d + x),   x = Δ·ηc·pc − Δ·pd/ηd the change of stored energy,

and the list of a minimum like this is the sorted union of both lists, c_t reversed: what is *filled* of a segment of
c_t, walking up from the lowest energy, is taken away from the greatest x. Cutting the list to the energy band of ISP
t−1 decides for good: what lies below is filled in every program, what lies above in none. Cutting it to the start
energy at last decides everything, and no second pass is needed. Retention scales all slopes and lengths at once, so
only a common factor is kept. Unmet and excess energy are segments without end at the price of shortfall.

Where c_t is not convex (at negative prices wasting energy pays) its convex envelope gives the bound, and a second pass
chooses one direction per ISP under the cost-to-go V. So it does where the first finds charging below the minimum power,
in more than one ISP, which the bound leaves out; then it enters only energies from which the band can be kept.

Lists live in `lists` (3,N): slope, length, origin. The origin t of a segment is an ISP's power, T + t its unmet energy,
2T + t its excess, 3T the end value. For shapes and units of arguments see layout; costs are in EUR.
"""

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined
from models.resources.storage.answers import record, sell_room
from models.resources.storage.band import keep_sets
from models.resources.storage.layout import (
    BEGIN_DOWN,
    BEGIN_UP,
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    END_DOWN,
    END_UP,
    END_VALUE,
    ETA_D,
    EXCESS,
    HIGH,
    LEAST,
    LOW,
    PARTLY,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SHORTFALL,
    SLACK,
    START,
    STEPS,
    UNMET,
    WEAR,
    StoreWorkspace,
    worth_of,
)
from models.resources.storage.oneway import choose_one_way
from models.resources.storage.owed import BEFORE_CEILING, BEFORE_FLOOR, CEILING, FLOOR, PER_KW
from models.resources.storage.room_prices import price_energy
from models.resources.storage.steps import envelope_of, room_gain, step_cost

_SMALLEST, _FRESH = 1e-60, 1e-3
_REST = 1e-12
"""EUR per kW and ISP that moving must earn: a unit rests where it earns nothing. Too little to show in any sum."""


@inlined
def _insert(
    lists: Floats, begin: int, end: int, slope: float, length: float, origin: float
) -> tuple[int, int]:  # fmt: skip
    """Insert a segment at its place by moving the shorter side; return the new begin and end."""
    if begin < end and lists[0, (begin + end) >> 1] > slope:
        begin -= 1
        i = begin
        while lists[0, i + 1] < slope:
            lists[0, i], lists[1, i], lists[2, i] = lists[0, i + 1], lists[1, i + 1], lists[2, i + 1]
            i += 1
    else:
        i = end
        end += 1
        while i > begin and lists[0, i - 1] > slope:
            lists[0, i], lists[1, i], lists[2, i] = lists[0, i - 1], lists[1, i - 1], lists[2, i - 1]
            i -= 1
    lists[0, i], lists[1, i], lists[2, i] = slope, length, origin
    return begin, end


@compiled
def _backward(  # noqa: C901 - one loop: calls with a dozen arrays would slow it down
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats,
    work: StoreWorkspace, keep: bool, owed: Floats, most_held: float,
) -> tuple[float, bool]:  # fmt: skip
    """Return (least cost by envelopes, whether some c_t is not convex); write how much of every origin is filled.

    greatest (4,T): the greatest x of each ISP, its greatest unmet and excess energy, V_t at its lowest energy; scale
    (T): kWh per unit of a length. With `keep` V_t is stored in kept (2,M) from kept_from[t] on: its lowest energy and
    number of segments, then their slopes and lengths. Where `owed` (5,T) is given, `sides` has the prices of all rooms
    (7,T), and rooms in energy count up to `most_held`, kWh at the connection: see room_prices.
    """
    lists, filled, steps, greatest, scale = work.lists, work.filled, work.steps, work.greatest, work.scale
    kept, kept_from = work.kept, work.kept_from
    isps = table.shape[1]
    a, drain, wear = scalars[RETENTION], hours / scalars[ETA_D], scalars[WEAR] * hours + _REST
    q, slack, shortfall = scalars[RESERVE], scalars[SLACK] > 0.0, scalars[SHORTFALL]
    filled[:] = 0.0
    begin = end = lists.shape[1] // 2
    g, inverse, grow, fresh, bent = 1.0, 1.0, 1.0 / a, _FRESH, False  # inverse of g, since divisions are slow
    low, high = table[LOW, isps - 1], table[HIGH, isps - 1]
    value, reached, rate = -worth_of(scalars, low), low, scalars[END_VALUE]
    for k in range(STEPS, scalars.shape[0], 2):
        if low < scalars[k + 1] < high:
            begin, end = _insert(lists, begin, end, -rate, scalars[k + 1] - reached, 3.0 * isps)
            reached = scalars[k + 1]
        if scalars[k + 1] < high:
            rate += scalars[k]
    if high > reached:
        begin, end = _insert(lists, begin, end, -rate, high - reached, 3.0 * isps)
    position = 0
    for t in range(isps - 1, -1, -1):
        if keep:
            kept_from[t] = position
            kept[0, position], kept[1, position] = low, end - begin
            for i in range(begin, end):
                position += 1
                kept[0, position], kept[1, position] = lists[0, i] * g, lists[1, i] * inverse
            position += 1
        pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
        gain = hours * table[EFFICIENCY, t]
        scale[t], greatest[3, t] = inverse, value
        if owed.shape[1] > 0:
            begin, end, gained = price_energy(
                lists, begin, end, low, high, g, owed[FLOOR, t], owed[CEILING, t], sides[END_UP, t],
                sides[END_DOWN, t], owed[PER_KW, t], most_held,
            )  # fmt: skip
            value -= gained
        greatest[1, t] = greatest[2, t] = 0.0
        if np.isnan(pin):
            most, least = gain * c, -drain * d
            value += (power[t] + wear) * c
            if q > 0.0:
                value -= room_gain(c, c, d, q, sides, t)
            # without reserve and convex, step_cost is written out, since the call would take longer than its work
            if q <= 0.0 and (c <= 0.0 or d <= 0.0 or (power[t] - wear) / drain <= (power[t] + wear) / gain):
                if d > 0.0:
                    slope = (wear - power[t]) / drain * inverse
                    begin, end = _insert(lists, begin, end, slope, drain * d * g, float(t))
                if c > 0.0:
                    slope = -(power[t] + wear) / gain * inverse
                    begin, end = _insert(lists, begin, end, slope, gain * c * g, float(t))
            else:
                count, below = step_cost(power[t], wear, c, d, gain, drain, q, sides, t, steps)
                if 0 < below < count and steps[0, below - 1] > steps[0, below]:
                    bent = True
                    count = envelope_of(steps, count)
                for k in range(count):
                    begin, end = _insert(lists, begin, end, -steps[0, k] * inverse, steps[1, k] * g, float(t))
        else:
            most = least = gain * pin if pin > 0.0 else drain * pin
            value += power[t] * pin + wear * abs(pin)
            if q > 0.0:
                value -= room_gain(pin, max(c, pin), max(d, -pin), q, sides, t)
        greatest[0, t] = most
        low += table[DEMAND, t] - most
        high += table[DEMAND, t] - least
        dearest = shortfall * inverse
        if slack:
            while begin < end and lists[0, begin] < -dearest:
                filled[int(lists[2, begin])] += lists[1, begin]
                value += lists[0, begin] * lists[1, begin]
                low += lists[1, begin] * inverse
                begin += 1
            while begin < end and lists[0, end - 1] > dearest:
                end -= 1
                high -= lists[1, end] * inverse
        low, high, g, inverse = low * grow, high * grow, g * a, inverse * grow
        if g < fresh:  # rounding errors of the list's length must not outgrow the band
            total = 0.0
            for i in range(begin, end):
                total += lists[1, i]
            high, fresh = low + total * inverse, _FRESH * g
        to_low = table[LOW, t - 1] if t > 0 else scalars[START]
        to_high = table[HIGH, t - 1] if t > 0 else scalars[START]
        if slack and low > to_low:
            begin -= 1
            length = (low - to_low) * g
            lists[0, begin], lists[1, begin], lists[2, begin] = -dearest, length, isps + t
            greatest[1, t] = length * scale[t]
            value += dearest * length
            low = to_low
        if slack and high < to_high:
            length = (to_high - high) * g
            lists[0, end], lists[1, end], lists[2, end] = dearest, length, 2 * isps + t
            greatest[2, t] = length * scale[t]
            end += 1
            high = to_high
        cut = (to_low - low) * g
        while cut > 0.0 and begin < end:
            part = min(cut, lists[1, begin])
            filled[int(lists[2, begin])] += part
            value += lists[0, begin] * part
            cut -= part
            lists[1, begin] -= part
            if lists[1, begin] <= 0.0:
                begin += 1
        cut = (high - to_high) * g
        while cut > 0.0 and begin < end:
            part = min(cut, lists[1, end - 1])
            cut -= part
            lists[1, end - 1] -= part
            if lists[1, end - 1] <= 0.0:
                end -= 1
        low, high = min(max(low, to_low), to_high), max(min(high, to_high), to_low)
        if owed.shape[1] > 0:
            begin, end, gained = price_energy(
                lists, begin, end, low, high, g, owed[BEFORE_FLOOR, t], owed[BEFORE_CEILING, t], sides[BEGIN_UP, t],
                sides[BEGIN_DOWN, t], owed[PER_KW, t], most_held,
            )  # fmt: skip
            value -= gained
        if not _SMALLEST < g < 1.0 / _SMALLEST:
            for i in range(begin, end):
                lists[0, i] *= g
                lists[1, i] /= g
            for s in range(t, isps):
                scale[s] *= g
            for i in range(filled.shape[0]):
                filled[i] /= g
            g, inverse, fresh = 1.0, 1.0, _FRESH
    return value, bent


@compiled
def best_changes(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: StoreWorkspace, owed: Floats,
    most_held: float,
) -> tuple[float, bool]:  # fmt: skip
    """Fill work.x, unmet and excess energy by envelopes; return (least cost, whether a step is not convex)."""
    isps = table.shape[1]
    value, bent = _backward(table, scalars, hours, power, sides, work, False, owed, most_held)
    for t in range(isps):
        work.x[t] = work.greatest[0, t] - work.filled[t] * work.scale[t]
        work.answer[UNMET, t] = max(work.greatest[1, t] - work.filled[isps + t] * work.scale[t], 0.0)
        work.answer[EXCESS, t] = work.filled[2 * isps + t] * work.scale[t]
    return value, bent


@compiled
def keep_lists(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: StoreWorkspace, owed: Floats,
    most_held: float,
) -> float:  # fmt: skip
    """Write the cost-to-go V_t to work.kept; return the least cost by envelopes."""
    value, _ = _backward(table, scalars, hours, power, sides, work, True, owed, most_held)
    return value


@compiled
def _between(table: Floats, scalars: Floats, hours: float, x: Floats) -> bool:
    """Return whether more than one free x charges with less than the minimum power but more than nothing."""
    partly = 0
    for t in range(table.shape[1]):
        least = hours * table[EFFICIENCY, t] * min(scalars[LEAST], table[CHARGE, t])
        if 0.0 < x[t] < least * (1.0 - PARTLY) and np.isnan(table[PINNED, t]):
            if x[t] > PARTLY * least:
                partly += 1
            else:
                x[t] = 0.0
    return partly > 1


@compiled
def respond_one(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, product: Ints, work: StoreWorkspace
) -> tuple[float, float]:  # fmt: skip
    """Fill work.answer and work.held with the best program; return (own cost, proven bound of the cost with prices)."""
    nothing_owed = work.ranges[:, :0]
    value, bent = best_changes(table, scalars, hours, power, sides, work, nothing_owed, 0.0)
    again = scalars[LEAST] > 0.0 and _between(table, scalars, hours, work.x)
    own = priced = earned = 0.0
    for turn in range(2):
        if turn == 1:
            if not again:
                break
            keep_lists(table, scalars, hours, power, sides, work, nothing_owed, 0.0)
            if scalars[LEAST] > 0.0 and scalars[SLACK] <= 0.0:
                keep_sets(table, scalars, hours, work)
            choose_one_way(table, scalars, hours, power, sides, work)
        own, priced = record(table, scalars, hours, power, work.x, work.answer)
        if scalars[RESERVE] > 0.0:
            earned = sell_room(table, scalars, work.answer[POWER], sides, product, work.held)
        again = again or (bent and own + priced - earned - value > 1e-10 * (1.0 + abs(value)))
    return own, min(value, own + priced - earned)
