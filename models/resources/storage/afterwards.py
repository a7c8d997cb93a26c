"""What energy in a store is worth at the end of a Period, from all that it could do afterwards. Compiled.

V(e), the least cost of everything afterwards with energy e, is convex and piecewise linear. It is worked out as in
`models.resources.storage.kernel`, where nothing is chosen: one ISP back, its slopes are those of V and of the step cost
reversed, in order, cut to the band. Its slopes, negated, are the worth of one more kWh: a concave function.

Where the step cost is not convex (at negative prices wasting energy pays) its convex envelope counts. Energy that
cannot be there in time is unmet at the price of shortfall. Source: docs/reference/formulation.md §2.3.
"""

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.compiled import compiled, inlined

LEVELS = 12
"""Most different worths of a kWh: nearly equal ones are joined beyond that, which never raises the worth."""
_NOTHING_KWH = 1e-9
_SAME_EUR = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Afterwards:
    """A store after the Period; n ISPs. The band is that at the end of each ISP."""

    charge_kw: Floats  # (n,)
    discharge_kw: Floats  # (n,)
    charge_efficiency: Floats  # (n,) a heat pump's COP
    demand_kwh: Floats  # (n,)
    low_kwh: Floats  # (n,)
    high_kwh: Floats  # (n,)
    discharge_efficiency: float
    retention: float  # per ISP
    wear_eur_per_kwh: float
    end_value_eur_per_kwh: float  # of what is left after the last ISP
    shortfall_eur_per_kwh: float


def worth_afterwards(
    store: Afterwards, eur_per_kwh: Floats, hours: float, low_kwh: float, high_kwh: float
) -> tuple[float, Floats, Floats]:  # fmt: skip
    """Return the worth of one more kWh at `low_kwh`, EUR, its changes (K,), and the energies where they begin (K,).

    The energy lies in [low_kwh, high_kwh] at the Period's end; eur_per_kwh: expected prices (n,) of ISPs of `hours`.
    Changes are below 0, as in `models.resources.storage.Storage.worth_step_eur_per_kwh`; K < LEVELS.
    """
    room = 8 * len(eur_per_kwh) + 16  # an ISP adds up to four segments, which may all go to one side of the middle
    slopes, lengths = np.empty(room), np.empty(room)
    begin, end = _back(
        eur_per_kwh, store.charge_kw, store.discharge_kw, store.charge_efficiency, store.demand_kwh, store.low_kwh,
        store.high_kwh, store.discharge_efficiency, store.retention, store.wear_eur_per_kwh,
        store.end_value_eur_per_kwh, store.shortfall_eur_per_kwh, hours, low_kwh, high_kwh, slopes, lengths,
    )  # fmt: skip
    count = _join(slopes, lengths, begin, end)
    if not count:
        return 0.0, np.zeros(0), np.zeros(0)
    rates = 0.0 - slopes[:count]
    return float(rates[0]), np.minimum(np.diff(rates), 0.0), low_kwh + np.cumsum(lengths[: count - 1])


@inlined
def _put(slopes: Floats, lengths: Floats, begin: int, end: int, slope: float, length: float) -> tuple[int, int]:
    """Insert a segment at its place by moving the shorter side; return the new begin and end."""
    if length <= 0.0:
        return begin, end
    if begin < end and slopes[(begin + end) >> 1] > slope:
        begin -= 1
        i = begin
        while slopes[i + 1] < slope:
            slopes[i], lengths[i] = slopes[i + 1], lengths[i + 1]
            i += 1
    else:
        i = end
        end += 1
        while i > begin and slopes[i - 1] > slope:
            slopes[i], lengths[i] = slopes[i - 1], lengths[i - 1]
            i -= 1
    slopes[i], lengths[i] = slope, length
    return begin, end


@compiled
def _back(
    price: Floats, charge: Floats, discharge: Floats, efficiency: Floats, demand: Floats, low: Floats, high: Floats,
    eta_d: float, retention: float, wear: float, end_value: float, shortfall: float, hours: float, from_low: float,
    from_high: float, slopes: Floats, lengths: Floats,
) -> tuple[int, int]:  # fmt: skip
    """Write the slopes and lengths of V at the Period's end, from `from_low` to `from_high`; return begin and end."""
    isps = len(price)
    begin = end = len(slopes) // 2
    least, most = low[isps - 1], high[isps - 1]
    begin, end = _put(slopes, lengths, begin, end, -end_value, most - least)
    for t in range(isps - 1, -1, -1):
        into, out = hours * efficiency[t] * charge[t], hours * discharge[t] / eta_d
        paid, earned = (price[t] + wear) / efficiency[t], (price[t] - wear) * eta_d
        if into > 0.0 and out > 0.0 and earned > paid:
            both = (paid * into + earned * out) / (into + out)
            begin, end = _put(slopes, lengths, begin, end, -both, into + out)
        else:
            begin, end = _put(slopes, lengths, begin, end, -paid, into)
            begin, end = _put(slopes, lengths, begin, end, -earned, out)
        least, most = least + demand[t] - into, most + demand[t] + out
        while begin < end and slopes[begin] < -shortfall:
            least += lengths[begin]
            begin += 1
        while begin < end and slopes[end - 1] > shortfall:
            end -= 1
            most -= lengths[end]
        if retention != 1.0:
            least, most = least / retention, most / retention
            for i in range(begin, end):
                slopes[i], lengths[i] = slopes[i] * retention, lengths[i] / retention
        to_low, to_high = (low[t - 1], high[t - 1]) if t > 0 else (from_low, from_high)
        begin, end = _put(slopes, lengths, begin, end, -shortfall * retention, least - to_low)
        begin, end = _put(slopes, lengths, begin, end, shortfall * retention, to_high - most)
        below, above = to_low - least, most - to_high
        while begin < end and below > 0.0:
            part = min(lengths[begin], below)
            below -= part
            lengths[begin] -= part
            if lengths[begin] <= 0.0:
                begin += 1
        while begin < end and above > 0.0:
            part = min(lengths[end - 1], above)
            above -= part
            lengths[end - 1] -= part
            if lengths[end - 1] <= 0.0:
                end -= 1
        least, most = to_low, to_high
    return begin, end


@compiled
def _join(slopes: Floats, lengths: Floats, begin: int, end: int) -> int:
    """Move the segments to the front, equal neighbours as one, and the closest ones joined while there are too many.

    Return how many are left. A joined one has the mean slope, so V is as before wherever segments still meet.
    """
    count = 0
    for i in range(begin, end):
        slope, length = slopes[i], lengths[i]
        if length <= _NOTHING_KWH:
            continue
        if count > 0 and slope - slopes[count - 1] <= _SAME_EUR:
            lengths[count - 1] += length
        else:
            slopes[count], lengths[count] = slope, length
            count += 1
    while count > LEVELS:
        best, least = 0, np.inf
        for k in range(count - 1):
            lost = (slopes[k + 1] - slopes[k]) * min(lengths[k], lengths[k + 1])
            if lost < least:
                best, least = k, lost
        joined = lengths[best] + lengths[best + 1]
        slopes[best] = (slopes[best] * lengths[best] + slopes[best + 1] * lengths[best + 1]) / joined
        lengths[best] = joined
        count -= 1
        for k in range(best + 1, count):
            slopes[k], lengths[k] = slopes[k + 1], lengths[k + 1]
    return count
