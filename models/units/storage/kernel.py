"""Best response of one storage unit, compiled: dynamic programming over the energy level, exact and without a grid.

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
which the bound leaves out; then it enters only energies from which the band can be kept.

Lists live in `lists` (3,N): slope, length, origin. The origin t of a segment is an ISP's power, T + t its unmet energy,
2T + t its excess, 3T the end value.
"""

from typing import NamedTuple

import numpy as np

from models.bands import INTERVALS, ROUNDING_KWH, completable
from models.case import Floats, Ints
from models.compiled import compiled, inlined

CHARGE, DISCHARGE, EFFICIENCY, LOW, HIGH, DEMAND, PINNED = range(7)
"""Rows of a unit's table (7,T)."""
ETA_D, RETENTION, START, WEAR, END_VALUE, SHORTFALL, RESERVE, LEAST, SLACK = range(9)
"""Entries of a unit's scalars (9,); LEAST is the minimum charging power, SLACK is 1 where the band cannot be kept."""
POWER, ENERGY, UNMET, EXCESS = range(4)
"""Rows of an answer (4,T)."""
SEGMENTS = 6
"""The most segments of a step's cost."""
_SMALLEST, _FRESH = 1e-60, 1e-3


class Work(NamedTuple):
    """The arrays one thread works in."""

    lists: Floats
    filled: Floats  # (3·T+1)
    steps: Floats  # (2,SEGMENTS)
    greatest: Floats  # (4,T)
    scale: Floats  # (T,)
    kept: Floats
    kept_from: Ints  # (T,)
    x: Floats  # (T,)
    answer: Floats  # (4,T)
    held: Floats  # (R,T)
    part: Floats  # (2,SEGMENTS)
    ranges: Floats  # (4,T) least, resting, least charging and most change of energy
    sets: Floats  # (T,2,INTERVALS) see models.bands.completable
    intervals: Ints  # (T,)


@compiled
def new_work(isps: int, products: int) -> Work:
    """Return them, not filled."""
    return Work(
        np.empty((3, 2 * (SEGMENTS + 2) * isps + 8)),
        np.empty(3 * isps + 1),
        np.empty((2, SEGMENTS)),
        np.empty((4, isps)),
        np.empty(isps),
        np.empty((2, (SEGMENTS + 3) * isps * isps + 8)),
        np.empty(isps, dtype=np.int64),
        np.empty(isps),
        np.empty((4, isps)),
        np.empty((products, isps)),
        np.empty((2, SEGMENTS)),
        np.empty((4, isps)),
        np.empty((isps, 2, INTERVALS)),
        np.empty(isps, dtype=np.int64),
    )


@compiled
def keep_sets(table: Floats, scalars: Floats, hours: float, work: Work) -> bool:
    """Leave in work.sets from which energies the band can be kept; return whether it can be from the start."""
    drain = hours / scalars[ETA_D]
    least, idle, floor, most = work.ranges[0], work.ranges[1], work.ranges[2], work.ranges[3]
    for t in range(table.shape[1]):
        pin, gain, c = table[PINNED, t], hours * table[EFFICIENCY, t], table[CHARGE, t]
        least[t], idle[t], floor[t], most[t] = (
            -drain * table[DISCHARGE, t],
            0.0,
            gain * min(scalars[LEAST], c),
            gain * c,
        )
        if not np.isnan(pin):
            least[t] = idle[t] = floor[t] = most[t] = gain * pin if pin > 0.0 else drain * pin
    work.ranges[:] -= table[DEMAND]
    return completable(
        least, idle, floor, most, table[LOW], table[HIGH], scalars[RETENTION], scalars[START], work.sets, work.intervals
    )  # fmt: skip


@compiled
def keeps_band(table: Floats, scalars: Floats, hours: float, work: Work) -> bool:
    """Whether some program keeps the energy band: models.bands.meetable, for one unit."""
    low = high = scalars[START]
    drain = hours / scalars[ETA_D]
    for t in range(table.shape[1]):
        pin = table[PINNED, t]
        least, most = -drain * table[DISCHARGE, t], hours * table[EFFICIENCY, t] * table[CHARGE, t]
        if not np.isnan(pin):
            least = most = hours * table[EFFICIENCY, t] * pin if pin > 0 else drain * pin
        low = max(scalars[RETENTION] * low + least - table[DEMAND, t], table[LOW, t])
        high = min(scalars[RETENTION] * high + most - table[DEMAND, t], table[HIGH, t])
        if low > high + ROUNDING_KWH:
            return False
    return scalars[LEAST] <= 0.0 or keep_sets(table, scalars, hours, work)


@compiled
def room_gain(p: float, c: float, d: float, q: float, sides: Floats, t: int) -> float:
    """Return what the room of power p in [−d, c] earns, prequalified q on each side."""
    up, down = max(min(q, p + d), 0.0), max(min(q, c - p), 0.0)
    earned: float = sides[0, t] * up + sides[1, t] * down + sides[2, t] * min(up, down)
    return earned


@compiled
def step_cost(
    price: float, wear: float, c: float, d: float, gain: float, drain: float, q: float, sides: Floats, t: int,
    steps: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Write slopes and lengths of c_t(x), x ascending, to steps (2,SEGMENTS); return (segments, those with x < 0).

    Kinks lie where power changes its sign, where the prequalified power is reached, and where both rooms are equal.
    """
    count = below = 0
    up, down, both = sides[0, t], sides[1, t], sides[2, t]
    if q <= 0.0 or (up == 0.0 and down == 0.0 and both == 0.0):
        if d > 0.0:
            steps[0, 0], steps[1, 0] = (price - wear) / drain, drain * d
            count = below = 1
        if c > 0.0:
            steps[0, count], steps[1, count] = (price + wear) / gain, gain * c
            count += 1
        return count, below
    begin = -d
    middle = 0.5 * (c - d)
    while begin < c:
        end = c
        if begin < q - d < end:
            end = q - d
        if begin < c - q < end:
            end = c - q
        if both > 0.0 and begin < middle < end:
            end = middle
        if begin < 0.0 < end:
            end = 0.0
        p = 0.5 * (begin + end)
        slope = price + wear if p > 0.0 else price - wear
        room_up, room_down = min(q, p + d), min(q, c - p)
        if room_up < q:
            slope -= up + (both if room_up < room_down else 0.0)
        if room_down < q:
            slope += down + (both if room_down < room_up else 0.0)
        rate = gain if p > 0.0 else drain
        steps[0, count], steps[1, count] = slope / rate, rate * (end - begin)
        count += 1
        if p < 0.0:
            below = count
        begin = end
    return count, below


@compiled
def envelope_of(steps: Floats, count: int) -> int:
    """Make slopes ascend by joining neighbours to their chord; return how many segments are left."""
    kept = 0
    for k in range(count):
        slope, length = steps[0, k], steps[1, k]
        while kept > 0 and steps[0, kept - 1] > slope:
            kept -= 1
            joined = steps[1, kept] + length
            slope = (steps[0, kept] * steps[1, kept] + slope * length) / joined
            length = joined
        steps[0, kept], steps[1, kept] = slope, length
        kept += 1
    return kept


@inlined
def _insert(
    lists: Floats, begin: int, end: int, slope: float, length: float, origin: float
) -> tuple[int, int]:  # fmt: skip
    """Put a segment into its place, moving the shorter side; return the new begin and end."""
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
def _backward(  # noqa: C901 - one loop: calls with a dozen arrays would cost more than they explain
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats,
    work: Work, keep: bool,
) -> tuple[float, bool]:  # fmt: skip
    """Return (least cost by envelopes, whether some c_t is not convex); leave what is filled of every origin.

    greatest (4,T): the greatest x of each ISP, its greatest unmet and excess energy, V_t at its lowest energy; scale
    (T): kWh per unit of a length. With `keep` V_t is stored in kept (2,M) from kept_from[t] on: its lowest energy and
    number of segments, then their slopes and lengths.
    """
    lists, filled, steps, greatest, scale = work.lists, work.filled, work.steps, work.greatest, work.scale
    kept, kept_from = work.kept, work.kept_from
    isps = table.shape[1]
    a, drain, wear = scalars[RETENTION], hours / scalars[ETA_D], scalars[WEAR] * hours
    q, slack, shortfall = scalars[RESERVE], scalars[SLACK] > 0.0, scalars[SHORTFALL]
    filled[:] = 0.0
    begin = end = lists.shape[1] // 2
    g, fresh, bent = 1.0, _FRESH, False
    low, high = table[LOW, isps - 1], table[HIGH, isps - 1]
    value = -scalars[END_VALUE] * low
    if high > low:
        begin, end = _insert(lists, begin, end, -scalars[END_VALUE], high - low, 3.0 * isps)
    position = 0
    for t in range(isps - 1, -1, -1):
        if keep:
            kept_from[t] = position
            kept[0, position], kept[1, position] = low, end - begin
            for i in range(begin, end):
                position += 1
                kept[0, position], kept[1, position] = lists[0, i] * g, lists[1, i] / g
            position += 1
        pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
        gain = hours * table[EFFICIENCY, t]
        scale[t], greatest[3, t] = 1.0 / g, value
        greatest[1, t] = greatest[2, t] = 0.0
        if np.isnan(pin):
            most, least = gain * c, -drain * d
            value += (power[t] + wear) * c
            if q > 0.0:
                value -= room_gain(c, c, d, q, sides, t)
            count, below = step_cost(power[t], wear, c, d, gain, drain, q, sides, t, steps)
            if 0 < below < count and steps[0, below - 1] > steps[0, below]:
                bent = True
                count = envelope_of(steps, count)
            for k in range(count):
                begin, end = _insert(lists, begin, end, -steps[0, k] / g, steps[1, k] * g, float(t))
        else:
            most = least = gain * pin if pin > 0.0 else drain * pin
            value += power[t] * pin + wear * abs(pin)
            if q > 0.0:
                value -= room_gain(pin, max(c, pin), max(d, -pin), q, sides, t)
        greatest[0, t] = most
        low += table[DEMAND, t] - most
        high += table[DEMAND, t] - least
        dearest = shortfall / g
        if slack:
            while begin < end and lists[0, begin] < -dearest:
                filled[int(lists[2, begin])] += lists[1, begin]
                value += lists[0, begin] * lists[1, begin]
                low += lists[1, begin] / g
                begin += 1
            while begin < end and lists[0, end - 1] > dearest:
                end -= 1
                high -= lists[1, end] / g
        low, high, g = low / a, high / a, g * a
        if g < fresh:  # what rounding once made of the list's length must not outgrow the band
            total = 0.0
            for i in range(begin, end):
                total += lists[1, i]
            high, fresh = low + total / g, _FRESH * g
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
        if not _SMALLEST < g < 1.0 / _SMALLEST:
            for i in range(begin, end):
                lists[0, i] *= g
                lists[1, i] /= g
            for s in range(t, isps):
                scale[s] *= g
            for i in range(filled.shape[0]):
                filled[i] /= g
            g, fresh = 1.0, _FRESH
    return value, bent


@compiled
def _descend(  # noqa: C901 - a walk along two lists
    steps: Floats, first: int, last: int, x: float, value: float, y: float, kept: Floats, at: int, penalty: float,
) -> tuple[float, float]:  # fmt: skip
    """Walk x up through segments first..last of c_t while c_t(x) + V(y + x) falls; return where it is least, and that.

    x and `value`: where the segments begin and c_t there. V lies at kept[:, at..]; beyond its ends, and where it is
    steeper, unmet and excess energy cost `penalty`; if that is infinite, V ends there. V counts from its beginning.
    """
    low, k, over, over_end = kept[0, at], first, 0.0, at + int(kept[1, at])
    if penalty == np.inf and y + x < low:  # begin where V begins
        lift = low - y - x
        while k < last and lift >= steps[1, k]:
            x, value, lift = x + steps[1, k], value + steps[0, k] * steps[1, k], lift - steps[1, k]
            k += 1
        if k < last:
            x, value, over = x + lift, value + steps[0, k] * lift, lift
        elif lift > 1e-9 * (1.0 + abs(low)):
            return x, np.inf
    before, j, past = max(low - y - x, 0.0), at + 1, max(y + x - low, 0.0)
    if penalty < np.inf:
        value += penalty * before
    else:
        before = 0.0
    while j <= over_end and past >= kept[1, j]:
        value += min(max(kept[0, j], -penalty), penalty) * kept[1, j]
        past -= kept[1, j]
        j += 1
    if j <= over_end:
        value += min(max(kept[0, j], -penalty), penalty) * past
    elif penalty < np.inf:
        value += penalty * past
    elif past > 1e-9 * (1.0 + abs(y + x)):
        return x, np.inf
    while k < last:
        slope, left = penalty, np.inf
        if before > 0.0:
            slope, left = -penalty, before
        elif j <= over_end:
            slope, left = min(max(kept[0, j], -penalty), penalty), kept[1, j] - past
        if not steps[0, k] + slope < 0.0:
            break
        part = min(left, steps[1, k] - over)
        x, value, over = x + part, value + part * (steps[0, k] + slope), over + part
        if over >= steps[1, k]:
            k, over = k + 1, 0.0
        if before > 0.0:
            before = before - part if part < before else 0.0
        elif part < left:
            past += part
        else:
            j, past = j + 1, 0.0
    return x, value


@compiled
def _slacks(z: float, kept: Floats, at: int, penalty: float) -> tuple[float, float]:
    """Return unmet and excess energy that make c(z) + V least: to where V begins to fall no steeper than `penalty`."""
    n = int(kept[1, at])
    least = most = kept[0, at]
    for j in range(at + 1, at + n + 1):
        if kept[0, j] < -penalty:
            least += kept[1, j]
        if kept[0, j] <= penalty:
            most += kept[1, j]
    return max(least - z, 0.0), max(z - max(most, least), 0.0)


@compiled
def _window(
    steps: Floats, first: int, last: int, x: float, low: float, high: float, part: Floats
) -> tuple[int, float, float]:
    """Copy what of the segments from x on lies in [low, high] to part; return (segments, start, c there − c(x))."""
    n, value, begin = 0, 0.0, max(x, low)
    for k in range(first, last):
        end = x + steps[1, k]
        if end <= low:
            value += steps[0, k] * steps[1, k]
        else:
            left = max(x, low)
            value += steps[0, k] * (left - x)
            right = min(end, high)
            if right > left:
                part[0, n], part[1, n] = steps[0, k], right - left
                n += 1
            for j in range(k + 1, last):
                right = min(end + steps[1, j], high)
                if right > end:
                    part[0, n], part[1, n] = steps[0, j], right - end
                    n += 1
                end += steps[1, j]
            break
        x = end
    return n, begin, value


@compiled
def _one_way(table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: Work) -> None:
    """Choose x[t] forwards: each ISP the best of discharging, resting and charging under the cost-to-go V_t in `kept`.

    With a minimum charging power only energies are entered from which the band can be kept, work.sets.
    """
    steps, part, kept, kept_from, x, answer = (
        work.steps, work.part, work.kept, work.kept_from, work.x, work.answer,
    )  # fmt: skip
    drain, wear = hours / scalars[ETA_D], scalars[WEAR] * hours
    penalty = scalars[SHORTFALL] if scalars[SLACK] > 0.0 else np.inf
    gaps = scalars[LEAST] > 0.0 and penalty == np.inf
    e = scalars[START]
    for t in range(table.shape[1]):
        at, y = kept_from[t], scalars[RETENTION] * e - table[DEMAND, t]
        pin, c, d, gain = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t], hours * table[EFFICIENCY, t]
        if np.isnan(pin):
            count, below = step_cost(power[t], wear, c, d, gain, drain, scalars[RESERVE], sides, t, steps)
            full, best = 0.0, np.inf
            for k in range(below):
                full -= steps[0, k] * steps[1, k]
            x[t] = min(max(kept[0, at] - y, -drain * d), gain * c)  # for what is out of reach by rounding
            for j in range(work.intervals[t] if gaps else 1):
                low, high = (work.sets[t, 0, j] - y, work.sets[t, 1, j] - y) if gaps else (-np.inf, np.inf)
                for charging in range(2):
                    first, last, begin, value = (below, count, 0.0, 0.0) if charging else (0, below, -drain * d, full)
                    bottom = max(low, gain * min(scalars[LEAST], c)) if charging else low
                    end = gain * c if charging else 0.0
                    rounding = 1e-9 * (1.0 + abs(y))
                    if max(bottom, begin) > min(high, end) + rounding:
                        continue
                    if bottom > end or high < begin:  # by rounding
                        bottom = high = min(max(bottom, begin), end)
                    n, begin, more = _window(steps, first, last, begin, bottom, max(high, bottom), part)
                    there, reached = _descend(part, 0, n, begin, value + more, y, kept, at, penalty)
                    if reached < best:
                        x[t], best = there, reached
        else:
            x[t] = gain * pin if pin > 0.0 else drain * pin
        answer[UNMET, t] = answer[EXCESS, t] = 0.0
        if penalty < np.inf:
            answer[UNMET, t], answer[EXCESS, t] = _slacks(y + x[t], kept, at, penalty)
        e = y + x[t] + answer[UNMET, t] - answer[EXCESS, t]
        e = min(max(e, table[LOW, t]), table[HIGH, t])


@compiled
def record(
    table: Floats, scalars: Floats, hours: float, power: Floats, x: Floats, answer: Floats
) -> tuple[float, float]:  # fmt: skip
    """Fill power and energy of an answer (4,T) from x, unmet and excess energy; return own cost and that of power."""
    drain = hours / scalars[ETA_D]
    e, moved, missed, priced = scalars[START], 0.0, 0.0, 0.0
    for t in range(table.shape[1]):
        gain = hours * table[EFFICIENCY, t]
        if not np.isnan(table[PINNED, t]):
            p = table[PINNED, t]
        elif x[t] > 0.0:
            p = min(max(x[t] / gain, scalars[LEAST]), table[CHARGE, t])
        else:
            p = max(x[t] / drain, -table[DISCHARGE, t])
        e = scalars[RETENTION] * e + (p * gain if p > 0.0 else p * drain) - table[DEMAND, t]
        e += answer[UNMET, t] - answer[EXCESS, t]
        e = min(max(e, table[LOW, t]), table[HIGH, t])  # rounding
        moved += abs(p)
        missed += answer[UNMET, t] + answer[EXCESS, t]
        priced += power[t] * p
        answer[POWER, t], answer[ENERGY, t] = p, e
    own = scalars[WEAR] * hours * moved + scalars[SHORTFALL] * missed - scalars[END_VALUE] * e
    return own, priced


@compiled
def sell_room(
    table: Floats, scalars: Floats, power: Floats, sides: Floats, product: Ints, held: Floats
) -> float:  # fmt: skip
    """Write what is best held (R,T) at this power (T) where no product needs energy; return what it earns."""
    q, earned = scalars[RESERVE], 0.0
    held[:, :] = 0.0
    for t in range(table.shape[1]):
        p = power[t]
        c, d = table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        up, down = max(min(q, p + d), 0.0), max(min(q, c - p), 0.0)
        both = min(up, down) if sides[2, t] > 0.0 else 0.0
        earned += sides[0, t] * up + sides[1, t] * down + sides[2, t] * both
        for side, amount in enumerate((up - both, down - both, both)):
            if product[side, t] >= 0:
                held[product[side, t], t] += amount
    return earned


@compiled
def best_changes(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: Work
) -> tuple[float, bool]:  # fmt: skip
    """Fill work.x and unmet and excess energy by envelopes; return (least cost, whether a step is not convex)."""
    isps = table.shape[1]
    value, bent = _backward(table, scalars, hours, power, sides, work, False)
    for t in range(isps):
        work.x[t] = work.greatest[0, t] - work.filled[t] * work.scale[t]
        work.answer[UNMET, t] = max(work.greatest[1, t] - work.filled[isps + t] * work.scale[t], 0.0)
        work.answer[EXCESS, t] = work.filled[2 * isps + t] * work.scale[t]
    return value, bent


@compiled
def keep_lists(table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: Work) -> float:
    """Leave the cost-to-go V_t in work.kept; return the least cost by envelopes."""
    value, _ = _backward(table, scalars, hours, power, sides, work, True)
    return value


@compiled
def _between(table: Floats, scalars: Floats, hours: float, x: Floats) -> bool:
    """Whether some free x charges less than the minimum power and more than nothing."""
    for t in range(table.shape[1]):
        least = hours * table[EFFICIENCY, t] * min(scalars[LEAST], table[CHARGE, t])
        if 0.0 < x[t] < least * (1.0 - 1e-12) and np.isnan(table[PINNED, t]):
            if x[t] > 1e-12 * least:
                return True
            x[t] = 0.0
    return False


@compiled
def respond_one(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, product: Ints, work: Work
) -> tuple[float, float]:  # fmt: skip
    """Fill work.answer and work.held with the best program; return (own cost, proven bound of the cost with prices)."""
    value, bent = best_changes(table, scalars, hours, power, sides, work)
    again = scalars[LEAST] > 0.0 and _between(table, scalars, hours, work.x)
    own = priced = earned = 0.0
    for turn in range(2):
        if turn == 1:
            if not again:
                break
            keep_lists(table, scalars, hours, power, sides, work)
            if scalars[LEAST] > 0.0 and scalars[SLACK] <= 0.0:
                keep_sets(table, scalars, hours, work)
            _one_way(table, scalars, hours, power, sides, work)
        own, priced = record(table, scalars, hours, power, work.x, work.answer)
        if scalars[RESERVE] > 0.0:
            earned = sell_room(table, scalars, work.answer[POWER], sides, product, work.held)
        again = again or (bent and own + priced - earned - value > 1e-10 * (1.0 + abs(value)))
    return own, min(value, own + priced - earned)
