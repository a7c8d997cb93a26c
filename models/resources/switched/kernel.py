"""The cheapest program of a unit that is on or off, by dynamic programming. Compiled.

Source: docs/explanation/optimisation.md §2.

A unit decides only once it has been on, or off, for long enough. It then stays, or switches and is bound for its least
time, whose ISPs are walked at once. Four tables hold the least cost from ISP t on, with k ISPs on so far in the window
that contains t: FREE_ON and FREE_OFF where the unit may decide, START and STOP where it switches in ISP t.

Arguments are those of one unit: on_kw (T,) its power when on, kW; pins (T,) 1 or 0 where it is bound to be on or off,
else NaN; times (4,) in ISPs, windows (W,4) and scalars (3,) with entries as named below; power (T,), EUR per kW of one
ISP.
"""

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled, inlined

FREE_ON, FREE_OFF, START, STOP = range(4)
MIN_RUN, MIN_REST, BEFORE, LATEST = range(4)
FIRST, END, LEAST, MOST = range(4)
START_EUR, SHORTFALL_EUR, MUST_MEET = range(3)


@compiled
def begun(pins: Floats, times: Ints, on: Bools) -> int:
    """Return the first ISP in which the unit may decide; write the states before it, which pins and the past settle.

    pins (T,), times (4,) least run, least rest, how long it has been on (+) or off (−), latest start; on (T,).
    """
    state, since = times[BEFORE] > 0, abs(times[BEFORE])
    for t in range(pins.shape[0]):
        if not np.isnan(pins[t]):
            now = pins[t] > 0.5
        elif since < (times[MIN_RUN] if state else times[MIN_REST]):
            now = state
        else:
            return t
        since = since + 1 if now == state else 1
        state = now
        on[t] = now
    return int(pins.shape[0])


@inlined
def missed(window: Ints, count: int) -> int:
    """Return the number of ISPs by which a count is outside the bounds of a window (4,)."""
    return int(max(window[LEAST] - count, 0) + max(count - window[MOST], 0))


@inlined
def _closing(window: Ints, count: int, scalars: Floats) -> float:
    """Return the cost of a window that ends with a count of ISPs on."""
    off = missed(window, count)
    if off == 0:
        return 0.0
    return np.inf if scalars[MUST_MEET] > 0.0 else off * scalars[SHORTFALL_EUR]


@compiled
def _place(windows: Ints, scalars: Floats, at: Ints, caps: Ints) -> None:
    """Write the window of each ISP, −1 for none, and the count from which on more ISPs make no difference there."""
    at[:], caps[:] = -1, 0
    for w in range(windows.shape[0]):
        long = windows[w, END] - windows[w, FIRST]
        cap = windows[w, MOST] + 1 if scalars[MUST_MEET] > 0.0 else long
        if windows[w, MOST] >= long:
            cap = windows[w, LEAST]
        at[windows[w, FIRST] : windows[w, END]] = w
        caps[windows[w, FIRST] : windows[w, END]] = min(cap, long)


@compiled
def _walk(
    t: int, bound: int, is_on: bool, cost: Floats, pins: Floats, at: Ints, caps: Ints, windows: Ints, scalars: Floats,
    after: tuple[Floats, Floats], row: Floats, counts: int,
) -> None:  # fmt: skip
    """Fill START or STOP of ISP t: the state is kept for `bound` ISPs, fewer only if a pin switches it off.

    `after` are the tables that follow: free to decide in the same state, and STOP.
    """
    isps = cost.shape[0]
    end, follow = min(t + bound, isps), after[0]
    own, mine, count, closed, home = 0.0, 0, 0, False, at[t]
    for i in range(t, end):
        if is_on:
            if i > t and not np.isnan(pins[i]):
                end, follow = i, after[1]
                break
            own += cost[i] if at[i] >= 0 else np.inf
            count += 1
        w = at[i]
        if w < 0:
            count = 0
        elif windows[w, END] == i + 1:
            if w == home:
                mine, closed = count, True
            else:
                own += _closing(windows[w], count, scalars)
            count = 0
    if home >= 0 and not closed:
        for k in range(counts):
            row[k] = own + follow[end, min(k + count, caps[t])]
        return
    own += follow[end, min(count, caps[end] if end < isps else 0)]
    for k in range(counts):
        row[k] = own + (_closing(windows[home], k + mine, scalars) if closed else 0.0)


@compiled
def _backward(
    begin: int, cost: Floats, pins: Floats, times: Ints, at: Ints, caps: Ints, windows: Ints, scalars: Floats,
    value: Floats, switch: Bools,
) -> None:  # fmt: skip
    """Fill value (4,T+1,K) and switch (2,T,K), whether switching is better than staying, from the last ISP to begin."""
    isps, price = cost.shape[0], scalars[START_EUR]
    free_on, free_off, start, stop = value[FREE_ON], value[FREE_OFF], value[START], value[STOP]
    free_on[isps, 0] = free_off[isps, 0] = 0.0
    for t in range(isps - 1, begin - 1, -1):
        w, cap, own = at[t], caps[t], cost[t]
        counts = 1 if w < 0 else min(cap, t - windows[w, FIRST]) + 1
        _walk(t, times[MIN_REST], False, cost, pins, at, caps, windows, scalars, (free_off, stop), stop[t], counts)
        if w < 0 or not np.isnan(pins[t]):  # it can only be off
            closes = w >= 0 and windows[w, END] == t + 1
            for k in range(counts):
                free_on[t, k], switch[FREE_ON, t, k], switch[FREE_OFF, t, k] = stop[t, k], True, False
                free_off[t, k] = free_off[t + 1, 0 if closes else k]
                if closes:
                    free_off[t, k] += _closing(windows[w], k, scalars)
            continue
        _walk(t, times[MIN_RUN], True, cost, pins, at, caps, windows, scalars, (free_on, stop), start[t], counts)
        if t > times[LATEST]:
            start[t, :counts] = np.inf
        if windows[w, END] == t + 1:
            stay_on, stay_off = own + free_on[t + 1, 0], free_off[t + 1, 0]
            for k in range(counts):
                free_on[t, k] = stay_on + _closing(windows[w], k + 1, scalars)
                free_off[t, k] = stay_off + _closing(windows[w], k, scalars)
        else:
            for k in range(counts):
                free_on[t, k] = own + free_on[t + 1, min(k + 1, cap)]
                free_off[t, k] = free_off[t + 1, k]
        for k in range(counts):
            switch[FREE_ON, t, k] = stop[t, k] < free_on[t, k]
            free_on[t, k] = min(stop[t, k], free_on[t, k])
            switch[FREE_OFF, t, k] = start[t, k] + price < free_off[t, k]
            free_off[t, k] = min(start[t, k] + price, free_off[t, k])


@compiled
def _forward(
    begin: int, pins: Floats, times: Ints, at: Ints, caps: Ints, windows: Ints, switch: Bools, on: Bools
) -> None:  # fmt: skip
    """Write the program from begin on."""
    state = on[begin - 1] if begin > 0 else times[BEFORE] > 0
    count, bound = 0, 0
    for t in range(pins.shape[0]):
        w = at[t]
        if w < 0 or windows[w, FIRST] == t:
            count = 0
        if t >= begin:
            k = 0 if w < 0 else min(count, caps[t])
            if bound > 0 and state and not np.isnan(pins[t]):
                state, bound = False, times[MIN_REST]
            elif bound <= 0 and switch[FREE_ON if state else FREE_OFF, t, k]:
                state = not state
                bound = times[MIN_RUN] if state else times[MIN_REST]
            bound -= 1
            on[t] = state
        if on[t]:
            count += 1


@compiled
def reckoned(
    on: Bools, on_kw: Floats, times: Ints, windows: Ints, scalars: Floats, power: Floats
) -> tuple[float, float]:  # fmt: skip
    """Return the own cost of a program on (T,), for starts and missed ISPs, and its cost with prices of power, EUR."""
    own, energy, before = 0.0, 0.0, times[BEFORE] > 0
    for t in range(on.shape[0]):
        if on[t]:
            energy += on_kw[t] * power[t]
            if not before:
                own += scalars[START_EUR]
        before = on[t]
    for w in range(windows.shape[0]):
        if windows[w, END] > windows[w, FIRST]:
            count = 0
            for t in range(windows[w, FIRST], windows[w, END]):
                count += on[t]
            own += scalars[SHORTFALL_EUR] * missed(windows[w], count)
    return own, own + energy


@compiled
def cheapest(
    on_kw: Floats, pins: Floats, times: Ints, windows: Ints, scalars: Floats, power: Floats, cost: Floats, places: Ints,
    value: Floats, switch: Bools, on: Bools,
) -> tuple[float, float]:  # fmt: skip
    """Write the cheapest program into on (T,); return its own cost, and its cost with the prices of power, EUR.

    Of equally good programs the one that switches later is taken. Working arrays: cost (T,), places (2,T),
    value (4,T+1,K), switch (2,T,K).
    """
    begin = begun(pins, times, on)
    if begin < on.shape[0]:
        at, caps = places[0], places[1]
        _place(windows, scalars, at, caps)
        for t in range(on.shape[0]):
            cost[t] = on_kw[t] * power[t]
        _backward(begin, cost, pins, times, at, caps, windows, scalars, value, switch)
        _forward(begin, pins, times, at, caps, windows, switch, on)
    return reckoned(on, on_kw, times, windows, scalars, power)
