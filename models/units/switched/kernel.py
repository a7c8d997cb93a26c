"""The cheapest program of a unit that is on or off, by dynamic programming. Compiled. Source: docs/optimisation.md §7.

A unit decides only while it has been on, or off, for long enough: it stays, or it switches and is then bound for its
least time, all ISPs of which are walked at once. Four tables say what is cheapest from ISP t on, with k ISPs on so far
in the window that contains t: FREE_ON and FREE_OFF where it may decide, START and STOP where it switches in ISP t.
"""

import numpy as np

from models.case import Bools, Floats, Ints
from models.compiled import compiled, inlined

FREE_ON, FREE_OFF, START, STOP = range(4)
MIN_RUN, MIN_REST, BEFORE = range(3)
FIRST, END, LEAST, MOST = range(4)
START_EUR, SHORTFALL_EUR, MUST_MEET = range(3)


@compiled
def begun(pins: Floats, times: Ints, on: Bools) -> int:
    """Return the first ISP that is free to decide; write what pins, and what had begun, make of those before it.

    pins (T,), times (3,) least run, least rest and how long it has been on (+) or off (−), on (T,).
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
    """Return by how many ISPs a count is outside the bounds of a window."""
    return int(max(window[LEAST] - count, 0) + max(count - window[MOST], 0))


@inlined
def _closing(window: Ints, count: int, scalars: Floats) -> float:
    """Return what a window costs that ends with a count."""
    off = missed(window, count)
    if off == 0:
        return 0.0
    return np.inf if scalars[MUST_MEET] > 0.0 else off * scalars[SHORTFALL_EUR]


@inlined
def _capped(window: Ints, count: int, scalars: Floats) -> int:
    """Return the count, cut to where more of it makes no difference."""
    if window[MOST] >= window[END] - window[FIRST]:
        return int(min(count, window[LEAST]))
    return int(min(count, window[MOST] + 1)) if scalars[MUST_MEET] > 0.0 else count


@compiled
def _place(windows: Ints, at: Ints) -> None:
    """Write which window each ISP lies in, −1 for none."""
    at[:] = -1
    for w in range(windows.shape[0]):
        at[windows[w, FIRST] : windows[w, END]] = w


@compiled
def _walk(
    t: int, bound: int, is_on: bool, cost: Floats, pins: Floats, at: Ints, windows: Ints, scalars: Floats,
    value: Floats, counts: int,
) -> None:  # fmt: skip
    """Fill START or STOP of ISP t: the state is kept for `bound` ISPs, less only where it is pinned off before."""
    isps = cost.shape[0]
    end, table = min(t + bound, isps), FREE_ON if is_on else FREE_OFF
    own, mine, tail, count, closed, home = 0.0, 0, 0.0, 0, False, at[t]
    for i in range(t, end):
        if is_on:
            if i > t and not np.isnan(pins[i]):
                end, table = i, STOP
                break
            if at[i] < 0:
                own = np.inf
            own += cost[i]
            count += 1
        w = at[i]
        if w >= 0 and windows[w, END] == i + 1:
            if w == home:
                mine, closed = count, True
            else:
                tail += _closing(windows[w], count, scalars)
            count = 0
        elif w < 0:
            count = 0
    row = START if is_on else STOP
    for k in range(counts):
        if closed:
            after = (
                _closing(windows[home], k + mine, scalars)
                + value[table, end, _at_end(end, count, at, windows, scalars)]
            )
        elif home >= 0:
            after = value[table, end, _capped(windows[home], k + count, scalars)]
        else:
            after = value[table, end, _at_end(end, count, at, windows, scalars)]
        value[row, t, k] = own + tail + after


@inlined
def _at_end(end: int, count: int, at: Ints, windows: Ints, scalars: Floats) -> int:
    """Return the row of a count in the window that contains ISP `end`."""
    if end >= at.shape[0] or at[end] < 0:
        return 0
    return _capped(windows[at[end]], count, scalars)


@compiled
def _backward(
    begin: int, cost: Floats, pins: Floats, times: Ints, at: Ints, windows: Ints, scalars: Floats, value: Floats,
    switch: Bools,
) -> None:  # fmt: skip
    """Fill value (4,T+1,K) and switch (2,T,K), whether switching is better than staying, from the last ISP to begin."""
    isps = cost.shape[0]
    value[:, isps, 0] = 0.0
    for t in range(isps - 1, begin - 1, -1):
        w = at[t]
        counts = 1 if w < 0 else _capped(windows[w], t - windows[w, FIRST], scalars) + 1
        _walk(t, times[MIN_REST], False, cost, pins, at, windows, scalars, value, counts)
        may = w >= 0 and np.isnan(pins[t])
        if may:
            _walk(t, times[MIN_RUN], True, cost, pins, at, windows, scalars, value, counts)
        closes = w >= 0 and windows[w, END] == t + 1
        for k in range(counts):
            off, on, k_on = 0.0, cost[t], k
            if w >= 0:
                k_on = _capped(windows[w], k + 1, scalars)
            if closes:
                stay_off = _closing(windows[w], k, scalars) + value[FREE_OFF, t + 1, 0]
                stay_on = on + _closing(windows[w], k + 1, scalars) + value[FREE_ON, t + 1, 0]
            else:
                stay_off = off + value[FREE_OFF, t + 1, k]
                stay_on = on + value[FREE_ON, t + 1, k_on]
            if not may:
                stay_on = np.inf
            stop = value[STOP, t, k]
            switch[FREE_ON, t, k] = not may or stop < stay_on
            value[FREE_ON, t, k] = min(stop, stay_on)
            start = value[START, t, k] + scalars[START_EUR] if may else np.inf
            switch[FREE_OFF, t, k] = start < stay_off
            value[FREE_OFF, t, k] = min(start, stay_off)


@compiled
def _forward(
    begin: int, pins: Floats, times: Ints, at: Ints, windows: Ints, scalars: Floats, switch: Bools, on: Bools
) -> None:  # fmt: skip
    """Write the program from begin on."""
    state = on[begin - 1] if begin > 0 else times[BEFORE] > 0
    count, bound = 0, 0
    for t in range(pins.shape[0]):
        w = at[t]
        if w < 0 or windows[w, FIRST] == t:
            count = 0
        if t >= begin:
            k = 0 if w < 0 else _capped(windows[w], count, scalars)
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
    """Return what a program costs: starts and ISPs missed; and with a price of power (T,), EUR per kW."""
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
    on_kw: Floats, pins: Floats, times: Ints, windows: Ints, scalars: Floats, power: Floats, cost: Floats, at: Ints,
    value: Floats, switch: Bools, on: Bools,
) -> tuple[float, float]:  # fmt: skip
    """Write the cheapest program into on (T,); return its own cost, and cost with the prices of power (T,).

    Of equally good programs the one that switches later. cost, at (T,), value and switch are room to work in.
    """
    begin = begun(pins, times, on)
    if begin < on.shape[0]:
        _place(windows, at)
        for t in range(on.shape[0]):
            cost[t] = on_kw[t] * power[t]
        _backward(begin, cost, pins, times, at, windows, scalars, value, switch)
        _forward(begin, pins, times, at, windows, scalars, switch, on)
    return reckoned(on, on_kw, times, windows, scalars, power)
