"""Best response of a storage unit whose reserve needs energy margins: nested cutting planes, exact. Compiled.

A small linear program gives the reserve that a program can hold in ISP t in the rooms left: u and v in power, and in
energy m and n, the stored energy above the least and below the most with which the unit can meet all it owes, per kWh
that reserve takes or adds, each at the worse of both ends of the ISP (see owed). By duality it earns

    min over k of  λu_k·u + λd_k·v + μu_k·m + μd_k·n

over the vertices k of the dual program, which are the same for all units. So the cost F(e, x) of a step and of all
after it, of the energy before it and its change, is jointly convex, and every evaluation gives a plane below it. The
cost-to-go V_t is kept as the greatest of the lines known to lie below it, at first those of the answer that ignores
margins. A forward pass under these V gives a program, a backward pass a line at each energy visited, until the program
costs no more than V says. The least F lies where two planes meet; their mixture with no slope in x is the line for
V_{t−1}. What activations that reach over several ISPs need beyond that is left out of the bound, and what is held is
lowered to it; large units get an exact answer instead (activations).
"""

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled
from models.resources.storage.activations import answer_with_activations
from models.resources.storage.answers import record
from models.resources.storage.held_beside import hold_beside
from models.resources.storage.kernel import best_changes, keep_lists, respond_one
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
    PINNED,
    POWER,
    RESERVE,
    RETENTION,
    SLACK,
    START,
    UNMET,
    WEAR,
    StoreWorkspace,
    worth_of,
)
from models.resources.storage.lines import ITERATIONS, MarginWorkspace, raise_line, start_lines
from models.resources.storage.owed import fill_owed
from models.resources.storage.planes import least_of, step
from models.resources.storage.room_prices import price_rooms
from models.resources.storage.steps import envelope_of, room_gain, step_cost

_SHARES = (0.99, 0.5, 0.5, 0.3, 0.3, 0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.1)
"""How far prices of rooms move towards those at which the last answer's rooms earn least, by attempt."""
_ATTEMPTS = len(_SHARES)


@compiled
def _envelope_of(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, vertices: Floats, number: Ints,
    t: int, steps: Floats, envelope: Floats,
) -> int:  # fmt: skip
    """Write the envelope of a step that may not be convex, see planes._plane; return its length, 0 if it is convex."""
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
    planning: MarginWorkspace, t: int, e: float, envelope: Floats,
) -> tuple[float, float, float]:  # fmt: skip
    """Return (x, proven least F, its slope in e) of a free ISP, from what is known where nothing has changed."""
    known = planning.known[t]
    if known[0] != e:
        least, most = -hours / scalars[ETA_D] * table[DISCHARGE, t], hours * table[EFFICIENCY, t] * table[CHARGE, t]
        known[1], _, known[2], known[3] = least_of(
            table, scalars, hours, power, vertices, number, planning.owed, planning.lines, planning.size, t, e,
            least, most, envelope, planning.planes[t],
        )  # fmt: skip
        known[0] = e
    return known[1], known[2], known[3]


@compiled
def _forward(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    planning: MarginWorkspace, choose: bool,
) -> float:  # fmt: skip
    """Write a program under the present V to planning.trial, unless it has one, and its energies; return its cost."""
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
                    x, reached, _, _ = least_of(
                        table, scalars, hours, power, vertices, number, planning.owed, lines, size, t, e, begin, end,
                        none, planning.planes[isps],
                    )  # fmt: skip
                    if reached < value:
                        trial[t], value = x, reached
        cost, _, _ = step(table, scalars, hours, power, vertices, number, planning.owed, t, e, trial[t])
        total += cost
        e = min(max(y + trial[t], table[LOW, t]), table[HIGH, t])
        planning.visited[t] = e
    cost_eur: float = total - worth_of(scalars, e)
    return cost_eur


@compiled
def _raise_lines(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, number: Ints,
    planning: MarginWorkspace,
) -> float:  # fmt: skip
    """Raise V_t at every energy visited, from the last ISP to the first; return a proven bound of the least cost."""
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
            _, _, bound, slope = least_of(
                table, scalars, hours, power, vertices, number, planning.owed, planning.lines, planning.size, t, e, x,
                x, planning.envelopes[t, :, :0], planning.planes[-1],
            )  # fmt: skip
        if t > 0 and raise_line(planning.lines, planning.size, t - 1, e, bound, slope):
            planning.known[t - 1, 0] = np.nan
    return bound


@compiled
def keep_margins(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats, vertices: Floats, number: Ints,
    work: StoreWorkspace, planning: MarginWorkspace, bound: float, tolerance: float,
) -> tuple[float, int]:  # fmt: skip
    """Improve work.x, the answer that ignores margins, and its bound until both meet; return the bound and iterations.

    The tolerance is in EUR, relative to 1 + |cost|. Where a step is not convex, the bound ignores its margins, and
    iterations end when they change nothing any more.
    """
    start_lines(work.kept, work.kept_from, work.greatest[3], planning.lines, planning.size)
    bent = 0
    for t in range(table.shape[1]):
        planning.width[t] = _envelope_of(
            table, scalars, hours, power, sides, vertices, number, t, work.steps, planning.envelopes[t]
        )
        bent += planning.width[t] > 0
    planning.planes[:, :2, 1] = 0.0
    planning.known[:, 0] = np.nan
    planning.trial[:] = work.x
    best, idle, iteration = np.inf, 0, 0
    while iteration < ITERATIONS and idle <= (3 if bent > 0 else ITERATIONS):
        total = _forward(table, scalars, hours, power, vertices, number, planning, iteration > 0)
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
        iteration += 1
    return min(bound, best), iteration


@compiled
def _search_prices(
    table: Floats, scalars: Floats, hours: float, power: Floats, vertices: Floats, most: float, work: StoreWorkspace,
    planning: MarginWorkspace, cost: float, bound: float, tolerance: float,
) -> tuple[float, float]:  # fmt: skip
    """Look for prices of rooms that prove the best answer; return (least cost found, bound).

    work.x becomes the best answer's, of which `cost` is that of the present one; planning.prices become those of the
    best bound.
    """
    planning.best[0], planning.prices[:] = work.x, 0.0
    price_rooms(table, scalars, work.answer, planning.owed, vertices, planning.number, most, 1.0, planning.prices)
    for attempt in range(_ATTEMPTS):
        value, _ = best_changes(table, scalars, hours, power, planning.prices, work, planning.owed, most)
        if value > bound or attempt == 0:
            bound = max(bound, value)
            planning.best[1:] = planning.prices
        own, priced = record(table, scalars, hours, power, work.x, work.answer)
        earned = price_rooms(
            table, scalars, work.answer, planning.owed, vertices, planning.number, most, _SHARES[attempt],
            planning.prices,
        )  # fmt: skip
        if own + priced - earned < cost:
            cost = own + priced - earned
            planning.best[0] = work.x
        if cost - bound <= tolerance * (1.0 + abs(cost)):
            break
    work.x[:], planning.prices[:] = planning.best[0], planning.best[1:]
    return cost, bound


@compiled
def respond_with_margins(
    table: Floats, scalars: Floats, hours: float, power: Floats, sides: Floats,
    product: Ints, rewards: Floats, needs: Floats, traded: Bools, vertices: Floats, number: Ints,
    work: StoreWorkspace, planning: MarginWorkspace, tolerance: float, reaching: bool,
) -> tuple[float, float, int]:  # fmt: skip
    """Fill work.answer and work.held; return (own cost, proven bound of the cost with prices, iterations needed).

    `reaching`: activations over several ISPs count exactly; otherwise they are left out of the bound.
    Units that cannot keep their band miss it by as much as without margins, and their bound ignores margins. Units with
    a minimum charging power run as they would without margins and hold the reserve that this allows; their bound
    ignores margins as well.
    """
    answer = work.answer
    most = scalars[RESERVE] * needs[:, 2:].max()
    first = fill_owed(table, scalars[ETA_D], scalars[RETENTION], scalars[START], hours, planning.owed)
    planning.number[:] = number
    planning.number[:first] = 0
    own, bound = respond_one(table, scalars, hours, power, sides, product, work)
    priced = power @ answer[POWER]
    earned = hold_beside(table, scalars, hours, answer, rewards, needs, traded, first, planning, work.held, reaching)
    cost, iterations = own + priced - earned, 0
    if scalars[LEAST] <= 0.0 and cost - bound > tolerance * (1.0 + abs(bound)):
        planning.shifted[:] = table
        kept, prices, owed = scalars.copy(), sides, planning.owed[:, :0]
        if scalars[SLACK] > 0.0:
            kept[SLACK] = 0.0
            planning.shifted[DEMAND] += answer[EXCESS] - answer[UNMET]
        else:
            cost, bound = _search_prices(
                table, scalars, hours, power, vertices, most, work, planning, cost, bound, tolerance
            )
            prices, owed = planning.prices, planning.owed
            if reaching:
                own, priced = record(table, scalars, hours, power, work.x, answer)
                earned = hold_beside(
                    table, scalars, hours, answer, rewards, needs, traded, first, planning, work.held, True
                )  # fmt: skip
                cost = own + priced - earned
        if reaching and scalars[SLACK] <= 0.0 and cost - bound > tolerance * (1.0 + abs(bound)):
            found, best_own, least, proven = answer_with_activations(
                table, scalars, hours, power, rewards, needs, traded, first, work, planning
            )
            bound = max(bound, proven)
            if found and least <= cost:
                return best_own, min(bound, least), iterations
            work.x[:] = planning.best[0]
            planning.prices[:] = planning.best[1:]
        if cost - bound > tolerance * (1.0 + abs(bound)):
            value = keep_lists(planning.shifted, kept, hours, power, prices, work, owed, most)
            proven, iterations = keep_margins(
                planning.shifted, kept, hours, power, sides, vertices, planning.number, work, planning, value, tolerance
            )
            if scalars[SLACK] <= 0.0:
                bound = max(bound, proven)
        own, priced = record(table, scalars, hours, power, work.x, answer)
    earned = hold_beside(table, scalars, hours, answer, rewards, needs, traded, first, planning, work.held, True)
    return own, min(bound, own + priced - earned), iterations
