"""Best response of a storage unit whose reserve needs energy margins, compiled: nested cutting planes, exact.

What a program can hold in ISP t is a small linear program in the rooms left: u and v in power, m = ηd·(e − e_min) and
n = (e_max − e)/ηc in energy, each at the worse of both ends of the ISP. By duality it earns

    min over k of  λu_k·u + λd_k·v + μu_k·m + μd_k·n

over the vertices k of the dual program, which are the same for all units. So the cost F(e, x) of a step and of all
after it, of the energy before it and its change, is jointly convex, and every evaluation gives a plane below it. The
cost-to-go V_t is kept as the greatest of the lines known to lie below it, at first those of the answer that ignores
margins. A forward pass under these V gives a program, a backward pass a line at each energy visited, until the program
costs no more than V says. The least F lies where two planes meet; their mixture with no slope in x is the line for
V_{t−1}.
"""

from typing import NamedTuple

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled, inlined
from models.units.storage.duals import hold
from models.units.storage.kernel import (
    CHARGE,
    DEMAND,
    DISCHARGE,
    EFFICIENCY,
    END_VALUE,
    ENERGY,
    ETA_D,
    EXCESS,
    HIGH,
    LEAST,
    LOW,
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SEGMENTS,
    SLACK,
    START,
    UNMET,
    WEAR,
    Work,
    envelope_of,
    keep_lists,
    record,
    respond_one,
    room_gain,
    step_cost,
)

TURNS = 100
"""The most turns of keep_margins."""


class Planning(NamedTuple):
    """What one thread needs for margins beyond Work."""

    lines: Floats  # (3,T,N) breakpoints of V_t, value there, slope behind
    size: Ints  # (T,)
    visited: Floats  # (T,) energies
    trial: Floats  # (T,)
    planes: Floats  # (T+1,3,3) see _least; the last for one call
    known: Floats  # (T,4) the last answer of _least: e, x, value, slope; e is NaN once V_t has changed
    envelopes: Floats  # (T,2,SEGMENTS+1)
    width: Ints  # (T,)
    shifted: Floats  # (7,T) a unit's table with missed energy in its demand
    tableau: Floats  # (5,R+5)


@compiled
def new_planning(isps: int, products: int) -> Planning:
    """Return it, not filled."""
    return Planning(
        np.empty((3, isps, (SEGMENTS + 2) * isps + 2 * TURNS + 8)),
        np.empty(isps, dtype=np.int64),
        np.empty(isps),
        np.empty(isps),
        np.empty((isps + 1, 3, 3)),
        np.empty((isps, 4)),
        np.empty((isps, 2, SEGMENTS + 1)),
        np.empty(isps, dtype=np.int64),
        np.empty((7, isps)),
        np.empty((5, products + 5)),
    )


@inlined
def _step(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    t: int, e: float, x: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the cost of ISP t with energy e before it and change x, and its slopes in x and e."""
    a, q = scalars[RETENTION], scalars[RESERVE]
    pin, c, d = table[PINNED, t], table[CHARGE, t], table[DISCHARGE, t]
    gain, drain, wear = hours * table[EFFICIENCY, t], hours / scalars[ETA_D], scalars[WEAR] * hours
    z = a * e - table[DEMAND, t] + x
    charging = x > 0.0 or (x == 0.0 and c > 0.0)
    rate = 1.0 / gain if charging else 1.0 / drain
    p = x * rate
    if not np.isnan(pin):
        p, c, d = pin, max(c, pin), max(d, -pin)
    cost = power[t] * p + wear * abs(p)
    slope_x, slope_e = (power[t] + (wear if charging else -wear)) * rate, 0.0
    if q <= 0.0 or number[t] == 0:
        return cost, slope_x, slope_e
    if t > 0:
        up, down = e - table[LOW, t - 1], table[HIGH, t - 1] - e
    else:
        up, down = e - table[LOW, 0], table[HIGH, 0] - e
    above, below = z - table[LOW, t], table[HIGH, t] - z
    eta_d, eta_c = scalars[ETA_D], table[EFFICIENCY, t]
    u, v = min(q, p + d), min(q, c - p)
    m, n = eta_d * max(min(up, above), 0.0), max(min(down, below), 0.0) / eta_c
    eur, k = 0.0, -1
    for i in range(number[t]):
        one = vertices[t, i, 0] * u + vertices[t, i, 1] * v + vertices[t, i, 2] * m + vertices[t, i, 3] * n
        if k < 0 or one < eur:
            eur, k = one, i
    if p + d < q:
        slope_x -= vertices[t, k, 0] * rate
    if c - p < q:
        slope_x += vertices[t, k, 1] * rate
    for_up, for_down = vertices[t, k, 2] * eta_d, vertices[t, k, 3] / eta_c
    if above < up:
        slope_x -= for_up
    if below < down:
        slope_x += for_down
    slope_e -= for_up * (a if above < up else 1.0)
    slope_e += for_down * (a if below < down else 1.0)
    return cost - eur, slope_x, slope_e


@inlined
def _plane(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    lines: Floats, size: Ints, t: int, e: float, x: float, envelope: Floats, plane: Floats,
) -> float:  # fmt: skip
    """Return F(e, x), the cost of ISP t and of all after it; write (F, slope in x, slope in e) of a plane below it.

    Where `envelope` (2,1+S) has segments, F takes the step without margins by its convex envelope: first its greatest
    x and the cost there, then slopes and lengths down from it.
    """
    if envelope.shape[1] > 0:
        cost, at, slope_x, slope_e = envelope[1, 0], envelope[0, 0], 0.0, 0.0
        for k in range(1, envelope.shape[1]):
            slope_x = envelope[0, k]
            part = at - x if k == envelope.shape[1] - 1 else min(at - x, envelope[1, k])
            cost -= slope_x * part
            at -= part
            if at <= x:
                break
    else:
        cost, slope_x, slope_e = _step(table, scalars, hours, power, vertices, number, t, e, x)
    a = scalars[RETENTION]
    z = a * e - table[DEMAND, t] + x
    first, last = 0, size[t] - 1
    while last - first > 1:
        middle = (first + last) >> 1
        if lines[0, t, middle] <= z:
            first = middle
        else:
            last = middle
    slope = lines[2, t, first] if size[t] > 1 else 0.0
    after: float = lines[1, t, first] + slope * (z - lines[0, t, first])
    plane[0], plane[1], plane[2] = cost + after, slope_x + slope, slope_e + a * slope
    total: float = cost + after
    return total


@compiled
def _least(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    lines: Floats, size: Ints, t: int, e: float, least: float, most: float, envelope: Floats, planes: Floats,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Return (x of least F(e, x), F there, proven least F, its slope in e) over least <= x <= most.

    planes (3,3): two planes known to lie below F, falling and rising in x (slope 0: none known), as height at
    e = x = 0, slope in x, slope in e; better ones are left there. The third is scratch.
    """
    a = scalars[RETENTION]
    y = a * e - table[DEMAND, t]
    begin, end = max(least, lines[0, t, 0] - y), min(most, lines[0, t, size[t] - 1] - y)
    if end < begin:  # by rounding
        begin = end = min(max(0.5 * (begin + end), least), most)
    falling, rising, new = planes[0], planes[1], planes[2]
    for _ in range(300):
        bound, at_begin, at_end = -np.inf, False, False
        if falling[1] < 0.0 and rising[1] > 0.0:
            x = (falling[0] - rising[0] + (falling[2] - rising[2]) * e) / (rising[1] - falling[1])
            at_begin, at_end = x <= begin, x >= end
            x = min(max(x, begin), end)
            bound = max(falling[0] + falling[2] * e + falling[1] * x, rising[0] + rising[2] * e + rising[1] * x)
        else:
            at_begin = not falling[1] < 0.0
            at_end = not at_begin
            x = begin if at_begin else end
        value = _plane(table, scalars, hours, power, vertices, number, lines, size, t, e, x, envelope, new)
        # What keeps x from going further is its own limit, or that of the energy, which moves with e.
        if new[1] == 0.0 or (x <= begin and new[1] > 0.0) or (x >= end and new[1] < 0.0):
            moves = (new[1] > 0.0 and begin > least) or (new[1] < 0.0 and end < most)
            return x, value, value, new[2] - (a * new[1] if moves else 0.0)
        if value - bound <= 1e-13 * (1.0 + abs(value)):
            if at_begin:
                slope = rising[2] - (a * rising[1] if begin > least else 0.0)
            elif at_end:
                slope = falling[2] - (a * falling[1] if end < most else 0.0)
            else:
                share = rising[1] / (rising[1] - falling[1])
                slope = share * falling[2] + (1.0 - share) * rising[2]
            return x, value, min(bound, value), slope
        better = falling if new[1] < 0.0 else rising
        better[0], better[1], better[2] = value - new[1] * x - new[2] * e, new[1], new[2]
    share = rising[1] / (rising[1] - falling[1])
    return x, value, min(bound, value), share * falling[2] + (1.0 - share) * rising[2]


@compiled
def _raise_line(lines: Floats, size: Ints, t: int, e: float, value: float, slope: float) -> bool:
    """Make V_t the greater of itself and the line through (e, value) with this slope; whether that changes it."""
    n = size[t]
    position, height, rise = lines[0, t], lines[1, t], lines[2, t]
    if n == 1:
        changed: bool = value > height[0]
        height[0] = max(height[0], value)
        return changed
    i = 0
    while i + 1 < n and position[i + 1] <= e:
        i += 1
    here = height[i] + rise[i] * (e - position[i])
    if value - here <= 1e-13 * (1.0 + abs(value)):
        return False
    j = i + 1  # the line lies above V at e, between breakpoints i and j
    while i >= 0 and height[i] < value + slope * (position[i] - e):
        i -= 1
    while j < n and height[j] < value + slope * (position[j] - e):
        j += 1
    left, right = position[0], position[n - 1]
    if i >= 0:
        under = value + slope * (position[i] - e)
        left = position[i] + (height[i] - under) / (slope - rise[i])
    if j < n:
        under = value + slope * (position[j] - e)
        right = position[j] - (height[j] - under) / (rise[j - 1] - slope)
    after = rise[j - 1] if j < n else 0.0
    shift = i + 3 - j
    if shift > 0:
        for k in range(n - 1, j - 1, -1):
            position[k + shift], height[k + shift], rise[k + shift] = position[k], height[k], rise[k]
    elif shift < 0:
        for k in range(j, n):
            position[k + shift], height[k + shift], rise[k + shift] = position[k], height[k], rise[k]
    position[i + 1], height[i + 1], rise[i + 1] = left, value + slope * (left - e), slope
    position[i + 2], height[i + 2], rise[i + 2] = right, value + slope * (right - e), after
    size[t] = n + shift
    return True


@compiled
def _start_lines(kept: Floats, kept_from: Ints, height: Floats, lines: Floats, size: Ints) -> None:
    """Begin with the cost-to-go of the answer that ignores margins."""
    for t in range(size.shape[0]):
        at = kept_from[t]
        n = int(kept[1, at])
        lines[0, t, 0], lines[1, t, 0] = kept[0, at], height[t]
        for i in range(n):
            slope, length = kept[0, at + 1 + i], kept[1, at + 1 + i]
            lines[2, t, i] = slope
            lines[0, t, i + 1] = lines[0, t, i] + length
            lines[1, t, i + 1] = lines[1, t, i] + slope * length
        lines[2, t, n] = 0.0  # read where an energy lies behind the last breakpoint by rounding
        size[t] = n + 1


@compiled
def _envelope_of(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, vertices: Floats, number: Ints,
    t: int, steps: Floats, envelope: Floats,
) -> int:  # fmt: skip
    """Write the envelope of a step that may not be convex, see _plane; return its length, 0 if the step is convex."""
    c, d, q = table[CHARGE, t], table[DISCHARGE, t], scalars[RESERVE]
    gain, drain, wear = hours * table[EFFICIENCY, t], hours / scalars[ETA_D], scalars[WEAR] * hours
    if not np.isnan(table[PINNED, t]) or c <= 0.0 or d <= 0.0:
        return 0
    up = down = 0.0
    for k in range(number[t]):
        up, down = max(up, vertices[t, k, 0]), max(down, vertices[t, k, 1])
    falling, rising = power[t] - (up if d < q else 0.0), power[t] + (down if c < q else 0.0)
    convex = (falling - wear) / drain <= (falling + wear) / gain and (rising - wear) / drain <= (rising + wear) / gain
    if convex:
        return 0
    count, _ = step_cost(power[t], wear, c, d, gain, drain, q, sides, t, steps)
    count = envelope_of(steps, count)
    envelope[0, 0] = gain * c
    envelope[1, 0] = (power[t] + wear) * c - room_gain(c, c, d, q, sides, t)
    for k in range(count):
        envelope[0, 1 + k], envelope[1, 1 + k] = steps[0, count - 1 - k], steps[1, count - 1 - k]
    return count + 1


@compiled
def _least_once(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    planning: Planning, t: int, e: float, envelope: Floats,
) -> tuple[float, float, float]:  # fmt: skip
    """Return (x, proven least F, its slope in e) of a free ISP, from what is known where nothing has changed."""
    known = planning.known[t]
    if known[0] != e:
        least, most = -hours / scalars[ETA_D] * table[DISCHARGE, t], hours * table[EFFICIENCY, t] * table[CHARGE, t]
        known[1], _, known[2], known[3] = _least(
            table, scalars, hours, power, vertices, number, planning.lines, planning.size, t, e, least, most,
            envelope, planning.planes[t],
        )  # fmt: skip
        known[0] = e
    return known[1], known[2], known[3]


@compiled
def _forward(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    planning: Planning, choose: bool,
) -> float:  # fmt: skip
    """Leave a program under the present V in planning.trial, unless it has one, and its energies; return its cost."""
    lines, size, trial, none = planning.lines, planning.size, planning.trial, planning.envelopes[0, :, :0]
    isps, total, e = table.shape[1], 0.0, scalars[START]
    for t in range(isps):
        y = scalars[RETENTION] * e - table[DEMAND, t]
        if choose and np.isnan(table[PINNED, t]):
            if planning.width[t] == 0:
                trial[t], _, _ = _least_once(
                    table, scalars, hours, power, vertices, number, planning, t, e, none
                )  # fmt: skip
            else:
                trial[t], value, rounding = 0.0, np.inf, 1e-12 * (1.0 + abs(y))
                for half in range(2):
                    begin = 0.0 if half else -hours / scalars[ETA_D] * table[DISCHARGE, t]
                    end = hours * table[EFFICIENCY, t] * table[CHARGE, t] if half else 0.0
                    if y + end < lines[0, t, 0] - rounding or y + begin > lines[0, t, size[t] - 1] + rounding:
                        continue
                    planning.planes[isps, :2, 1] = 0.0
                    x, reached, _, _ = _least(
                        table, scalars, hours, power, vertices, number, lines, size, t, e, begin, end, none,
                        planning.planes[isps],
                    )  # fmt: skip
                    if reached < value:
                        trial[t], value = x, reached
        cost, _, _ = _step(table, scalars, hours, power, vertices, number, t, e, trial[t])
        total += cost
        e = min(max(y + trial[t], table[LOW, t]), table[HIGH, t])
        planning.visited[t] = e
    cost_eur: float = total - scalars[END_VALUE] * e
    return cost_eur


@compiled
def _raise_lines(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints, planning: Planning
) -> float:  # fmt: skip
    """Raise V_t at every energy visited, backwards; return a proven bound of the least cost."""
    bound = -np.inf
    for t in range(table.shape[1] - 1, -1, -1):
        e = planning.visited[t - 1] if t > 0 else scalars[START]
        pin = table[PINNED, t]
        if np.isnan(pin):
            envelope = planning.envelopes[t, :, : planning.width[t]]
            _, bound, slope = _least_once(table, scalars, hours, power, vertices, number, planning, t, e, envelope)
        else:
            x = hours * table[EFFICIENCY, t] * pin if pin > 0.0 else hours / scalars[ETA_D] * pin
            planning.planes[-1, :2, 1] = 0.0
            _, _, bound, slope = _least(
                table, scalars, hours, power, vertices, number, planning.lines, planning.size, t, e, x, x,
                planning.envelopes[t, :, :0], planning.planes[-1],
            )  # fmt: skip
        if t > 0 and _raise_line(planning.lines, planning.size, t - 1, e, bound, slope):
            planning.known[t - 1, 0] = np.nan
    return bound


@compiled
def keep_margins(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, vertices: Floats, number: Ints,
    work: Work, planning: Planning, bound: float, tolerance: float,
) -> tuple[float, int]:  # fmt: skip
    """Improve work.x, the answer that ignores margins, and its bound until both meet; return the bound and the turns.

    The tolerance is in EUR, relative to 1 + |cost|. Where a step is not convex the bound ignores its margins, and the
    turns end when they change nothing any more.
    """
    _start_lines(work.kept, work.kept_from, work.greatest[3], planning.lines, planning.size)
    bent = 0
    for t in range(table.shape[1]):
        planning.width[t] = _envelope_of(
            table, scalars, hours, power, sides, vertices, number, t, work.steps, planning.envelopes[t]
        )
        bent += planning.width[t] > 0
    planning.planes[:, :2, 1] = 0.0
    planning.known[:, 0] = np.nan
    planning.trial[:] = work.x
    best, idle, turn = np.inf, 0, 0
    while turn < TURNS and idle <= (3 if bent > 0 else TURNS):
        total = _forward(table, scalars, hours, power, vertices, number, planning, turn > 0)
        idle += 1
        small = 1e-3 * tolerance * (1.0 + abs(total))
        if total < best:
            idle = 0 if total < best - small else idle
            best = total
            work.x[:] = planning.trial
        if best - bound > tolerance * (1.0 + abs(best)):
            value = _raise_lines(table, scalars, hours, power, vertices, number, planning)
            idle = 0 if value > bound + small else idle
            bound = max(bound, value)
        if best - bound <= tolerance * (1.0 + abs(best)):
            break
        turn += 1
    return min(bound, best), turn


@compiled
def _hold_all(
    table: Floats, scalars: Floats, answer: Floats, rewards: Floats, needs: Floats, traded: Bools, number: Ints,
    tableau: Floats, held: Floats,
) -> float:  # fmt: skip
    """Write what is best held (R,T) with this power and energy; return what it earns."""
    q, eta_d, earned = scalars[RESERVE], scalars[ETA_D], 0.0
    e, low, high = scalars[START], table[LOW, 0], table[HIGH, 0]
    for t in range(table.shape[1]):
        p, c, d = answer[POWER, t], table[CHARGE, t], table[DISCHARGE, t]
        if not np.isnan(table[PINNED, t]):
            c, d = max(c, p), max(d, -p)
        up, down = e - low, high - e
        e, low, high = answer[ENERGY, t], table[LOW, t], table[HIGH, t]
        up, down = max(min(up, e - low), 0.0), max(min(down, high - e), 0.0)
        rooms = (
            max(min(q, p + d), 0.0), max(min(q, c - p), 0.0), eta_d * up, down / table[EFFICIENCY, t],
        )  # fmt: skip
        hold(rewards, needs, traded, t, rooms, tableau, held)
        for r in range(held.shape[0]):
            earned += rewards[r, t] * held[r, t]
    return earned


@compiled
def respond_with_margins(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats,
    product: Ints, rewards: Floats, needs: Floats, traded: Bools, vertices: Floats, number: Ints,
    work: Work, planning: Planning, tolerance: float,
) -> tuple[float, float, int]:  # fmt: skip
    """Fill work.answer and work.held; return (own cost, proven bound of the cost with prices, turns needed).

    Units that cannot keep their band miss what they miss without margins; their bound ignores margins. So does that of
    units with a minimum charging power, which run as they would without margins and hold what that allows.
    """
    answer = work.answer
    own, bound = respond_one(table, scalars, hours, power, sides, product, work)
    priced = power @ answer[POWER]
    earned = _hold_all(table, scalars, answer, rewards, needs, traded, number, planning.tableau, work.held)
    turns = 0
    if scalars[LEAST] <= 0.0 and own + priced - earned - bound > tolerance * (1.0 + abs(bound)):
        planning.shifted[:] = table
        kept = scalars.copy()
        if scalars[SLACK] > 0.0:
            kept[SLACK] = 0.0
            planning.shifted[DEMAND] += answer[EXCESS] - answer[UNMET]
        value = keep_lists(planning.shifted, kept, hours, power, sides, work)
        proven, turns = keep_margins(
            planning.shifted, kept, hours, power, sides, vertices, number, work, planning, value, tolerance
        )
        if scalars[SLACK] <= 0.0:
            bound = max(bound, proven)
        own, priced = record(table, scalars, hours, power, work.x, answer)
        earned = _hold_all(table, scalars, answer, rewards, needs, traded, number, planning.tableau, work.held)
    return own, min(bound, own + priced - earned), turns
