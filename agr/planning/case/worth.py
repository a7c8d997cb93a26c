"""What energy left in a store at the end of a Period can save or earn later: a concave function of the energy. Pure.

V(e) is the least cost of meeting a need at the expected prices, beginning with energy e. One ISP back,
V(e) = min over x of c(x) + V(e + x), so its slopes are those of V and of −c, in order, cut to the energy that the store
may hold. What nobody can use has slope 0.
"""

from bisect import insort
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from agr.planning.case.rows import Floats

STEPS = 8
"""Most different worths of a kWh in a large portfolio; if there are more, the nearest ones are joined"""
FINE_STEPS = 64
"""The same in a portfolio of at most FEW resources: a night rarely has more different prices"""
FEW = 1_000
_NOTHING_KWH = 1e-9


@dataclass(frozen=True, kw_only=True)
class Later:
    """A store after the Period: charge and discharge limits (n,) in kW per ISP, and what it must hold at last."""

    charge_kw: Floats
    discharge_kw: Floats
    target_kwh: float
    capacity_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    wear_eur_per_kwh: float


@dataclass(frozen=True, kw_only=True)
class Worth:
    """The worth of one more kWh, EUR: `first`, and the (energy in kWh, EUR per kWh) from which on it is less."""

    first: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()

    def columns(self) -> tuple[Floats, Floats]:
        """Return the changes of worth (K,), none above 0, and the energies at which they begin (K,)."""
        rates = np.array([self.first, *(rate for _, rate in self.steps)])
        return np.minimum(np.diff(rates), 0.0), np.array([begin for begin, _ in self.steps])


def worth(later: Later, eur_per_kwh: Floats, hours: float, *, resources: int) -> Worth:
    """Return the worth of energy left for `later`, at the prices (n,) of its ISPs of `hours` each.

    It is exact where a portfolio of so many `resources` affords as many steps as there are prices.
    """
    low, high = min(later.target_kwh, later.capacity_kwh), later.capacity_kwh
    slopes = [(0.0, high - low)]  # of V, with their lengths, from `low` on
    wear = later.wear_eur_per_kwh
    for t in range(len(eur_per_kwh) - 1, -1, -1):
        into = hours * later.charge_efficiency * float(later.charge_kw[t])
        out = hours * float(later.discharge_kw[t]) / later.discharge_efficiency
        if into > 0:
            insort(slopes, (-(float(eur_per_kwh[t]) + wear) / later.charge_efficiency, into))
        if out > 0:
            insort(slopes, (-(float(eur_per_kwh[t]) - wear) * later.discharge_efficiency, out))
        low, high = low - into, high + out
        low = _cut(slopes, low)
        while high - later.capacity_kwh > _NOTHING_KWH and slopes:
            slope, length = slopes.pop()
            part = min(length, high - later.capacity_kwh)
            high -= part
            if length - part > _NOTHING_KWH:
                slopes.append((slope, length - part))
    needed, beyond = _parted(slopes, later.target_kwh - low)
    most = (FINE_STEPS if resources <= FEW else STEPS) // 2
    return _described([*_joined(needed, most), *_joined(beyond, most)], low)


def _parted(slopes: list[tuple[float, float]], length: float) -> tuple[list[tuple[float, float]], ...]:
    """Return the slopes up to a length from the lowest energy, and those beyond.

    Joined separately, they keep what the energy needed is worth, and give no worth to energy that nobody can use.
    """
    below, above = list[tuple[float, float]](), list[tuple[float, float]]()
    for slope, size in slopes:
        part = min(size, max(length, 0.0))
        below.append((slope, part))
        above.append((slope, size - part))
        length -= part
    return below, above


def _cut(slopes: list[tuple[float, float]], low: float) -> float:
    """Cut off what lies below an empty store; return the new lowest energy."""
    while low < -_NOTHING_KWH and slopes:
        slope, length = slopes.pop(0)
        part = min(length, -low)
        low += part
        if length - part > _NOTHING_KWH:
            slopes.insert(0, (slope, length - part))
    return low


def _joined(slopes: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Return the slopes with equal neighbours as one, and the closest ones while there are more than `most`."""
    found = list[tuple[float, float]]()
    for slope, length in slopes:
        if length <= _NOTHING_KWH:
            continue
        if found and slope - found[-1][0] <= 1e-12:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((slope, length))
    while len(found) > most:
        lost = [(b - a) * min(m, n) for (a, m), (b, n) in pairwise(found)]
        k = int(np.argmin(lost))
        (a, m), (b, n) = found[k], found[k + 1]
        found[k : k + 2] = [((a * m + b * n) / (m + n), m + n)]
    return found


def _described(slopes: list[tuple[float, float]], low: float) -> Worth:
    if not slopes:
        return Worth()
    begins = low + np.cumsum([length for _, length in slopes])
    rest = zip(begins.tolist(), slopes[1:], strict=False)
    return Worth(first=0.0 - slopes[0][0], steps=tuple((begin, 0.0 - slope) for begin, (slope, _) in rest))
