"""The second pass of a storage unit's answer: one direction per ISP, chosen forwards under the cost-to-go. Compiled.

It is needed where a step's cost is not convex, and with a minimum charging power, see kernel. For shapes and units of
arguments see layout.
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled
from models.resources.storage.layout import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    ETA_D,
    EXCESS,
    HIGH,
    LEAST,
    LOW,
    PARTLY,
    PINNED,
    RESERVE,
    RETENTION,
    SHORTFALL,
    SLACK,
    START,
    UNMET,
    WEAR,
    StoreWorkspace,
)
from models.resources.storage.steps import step_cost


@compiled
def _descend(  # noqa: C901 - a walk along two lists
    steps: Floats, first: int, last: int, x: float, value: float, y: float, kept: Floats, at: int, penalty: float,
) -> tuple[float, float]:  # fmt: skip
    """Walk x up through segments first..last of c_t while c_t(x) + V(y + x) falls; return the best x and that value.

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
    """Return the unmet and excess energy that are best at z: up to where V falls no more steeply than `penalty`."""
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
    """Copy the pieces of segments from x on within [low, high] to part; return (segments, start, c there − c(x))."""
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
def choose_one_way(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, work: StoreWorkspace
) -> None:
    """Choose x[t] forwards: the best of discharging, resting and charging under the cost-to-go V_t in `kept`.

    With a minimum charging power, x leads only to energies from which the band can be kept (work.sets), and in one ISP
    the unit may charge with less.
    """
    steps, part, kept, kept_from, x, answer = (
        work.steps, work.part, work.kept, work.kept_from, work.x, work.answer,
    )  # fmt: skip
    drain, wear = hours / scalars[ETA_D], scalars[WEAR] * hours
    penalty = scalars[SHORTFALL] if scalars[SLACK] > 0.0 else np.inf
    gaps = scalars[LEAST] > 0.0 and penalty == np.inf
    left = 1 if scalars[LEAST] > 0.0 else 0  # ISPs in which it may still charge with less
    e = scalars[START]
    for t in range(table.shape[1]):
        at, y = kept_from[t], scalars[RETENTION] * e - table[DEMAND, t]
        pin, c, d, gain = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t], hours * table[EFFICIENCY, t]
        if np.isnan(pin):
            count, below = step_cost(power[t], wear, c, d, gain, drain, scalars[RESERVE], sides, t, steps)
            full, best, chosen = 0.0, np.inf, 0
            for k in range(below):
                full -= steps[0, k] * steps[1, k]
            x[t] = min(max(kept[0, at] - y, -drain * d), gain * c)  # where rounding puts it out of reach
            floor = gain * min(scalars[LEAST], c)
            for how in range(2 + left):  # discharging or resting, charging, charging with less
                kind = left if how < 2 else 0
                for j in range(work.intervals[kind, t] if gaps else 1):
                    low, high = -np.inf, np.inf
                    if gaps:
                        low, high = work.sets[kind, t, 0, j] - y, work.sets[kind, t, 1, j] - y
                    first, last, begin, value = (below, count, 0.0, 0.0) if how > 0 else (0, below, -drain * d, full)
                    bottom = max(low, floor) if how == 1 else low
                    end = (0.0, gain * c, floor)[how]
                    rounding = 1e-9 * (1.0 + abs(y))
                    if max(bottom, begin) > min(high, end) + rounding:
                        continue
                    if bottom > end or high < begin:  # by rounding
                        bottom = high = min(max(bottom, begin), end)
                    n, begin, more = _window(steps, first, last, begin, bottom, max(high, bottom), part)
                    there, reached = _descend(part, 0, n, begin, value + more, y, kept, at, penalty)
                    if reached < best:  # a rounding error on 0 is no charging
                        x[t], best, chosen = min(there, end), reached, how
            if chosen == 2 and PARTLY * floor < x[t] < floor * (1.0 - PARTLY):
                left = 0
        else:
            x[t] = gain * pin if pin > 0.0 else drain * pin
        answer[UNMET, t] = answer[EXCESS, t] = 0.0
        if penalty < np.inf:
            answer[UNMET, t], answer[EXCESS, t] = _slacks(y + x[t], kept, at, penalty)
        e = y + x[t] + answer[UNMET, t] - answer[EXCESS, t]
        e = min(max(e, table[LOW, t]), table[HIGH, t])
