"""The cost c_t(x) of a change of stored energy within one ISP, as slopes and lengths, see kernel. Compiled.

For shapes and units of arguments see layout.
"""

from models.case import Floats
from models.compiled import compiled


@compiled
def room_gain(p: float, c: float, d: float, q: float, sides: Floats, t: int) -> float:
    """Return the earnings of the room beside power p in [−d, c], with prequalified power q on each side, EUR."""
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
    """Make slopes of steps (2,SEGMENTS) ascend by joining neighbours to their chord; return how many are left."""
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
