"""What energy is worth that a store holds at midnight: of cars always, of others where plans look ahead.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, diags_array, eye_array, hstack

from tests.scenario.monolith.reading import Day

Pieces = tuple[tuple[float, float], ...]
Known = tuple[float, float, float]  # content at midnight, kWh; its cost, EUR; a slope there, EUR per kWh
MOST_PIECES = 12
EQUAL = 1e-9


def isps_after(day: Day, days: int) -> range:
    """Return the ISPs of so many days after the day."""
    return range(day.isps, day.isp_of(day.midnight(day.period + timedelta(days=1 + days))))


@dataclass(frozen=True, kw_only=True)
class After:
    """A store in the ISPs (n,) after the day; prices in EUR per kWh."""

    charge: np.ndarray
    discharge: np.ndarray
    gain: np.ndarray
    discharge_efficiency: float
    keep: float
    demand: np.ndarray
    low: np.ndarray
    high: float
    price: np.ndarray
    wear: float
    worth: float  # of what is left at last
    shortfall: float


def worth_pieces(store: After, hours: float, ends: tuple[float, float]) -> Pieces:
    """Return what more content at midnight is worth, from the first of the `ends` to the second: kWh, EUR per kWh."""
    n, h, one = len(store.price), hours, eye_array(len(store.price))
    cost = np.concatenate([
        (store.price + store.wear) * h, (store.wear - store.price) * h, np.zeros(n), np.full(2 * n, store.shortfall),
    ])  # fmt: skip
    cost[3 * n - 1] = -store.worth
    content = hstack([
        -diags_array(store.gain * h), one * (h / store.discharge_efficiency), one - store.keep * eye_array(n, k=-1),
        -one, one,
    ])  # fmt: skip
    # Charging and discharging exclude each other in one ISP: at most this much of both, which is the convex envelope.
    shares = [
        diags_array(np.divide(1.0, most, out=np.zeros(n), where=most > 0)) for most in (store.charge, store.discharge)
    ]
    either = hstack([*shares, csr_matrix((n, 3 * n))])
    bounds = [(0, most) for most in [*store.charge, *store.discharge]]
    bounds += [(low, store.high) for low in store.low] + [(0, None)] * (2 * n)

    def at(kwh: float) -> Known:
        right = -store.demand.copy()
        right[0] += store.keep * kwh
        found = linprog(cost, either, np.ones(n), content, right, bounds, method="highs")
        if found.x is None:
            raise RuntimeError(f"no answer: {found.message}")
        return kwh, float(found.fun), store.keep * float(found.eqlin.marginals[0])

    return tuple((b - a, -slope) for a, b, slope in _linear(at, at(ends[0]), at(ends[1])) if b - a > EQUAL)


def counted_from(zero: float, ends: tuple[float, float], pieces: Pieces) -> tuple[float, Pieces]:
    """Return what the first of the `ends` is worth if `zero` is worth nothing, and the pieces between the ends.

    The pieces begin at the least of the three.
    """
    base, inside, kwh = 0.0, list[tuple[float, float]](), min(zero, ends[0])
    for length, slope in pieces:
        base += slope * (max(min(kwh + length, ends[0]) - kwh, 0.0) - max(min(kwh + length, zero) - kwh, 0.0))
        part = max(min(kwh + length, ends[1]) - max(kwh, ends[0]), 0.0)
        inside += [(part, slope)] * (part > 0)
        kwh += length
    return base, tuple(inside)


def _linear(at: Callable[[float], Known], a: Known, b: Known) -> list[tuple[float, float, float]]:
    """Return where a convex piecewise linear cost is linear, and its slopes there, from a to b."""
    if b[0] - a[0] < 1e-7:
        return []
    slope = (b[1] - a[1]) / (b[0] - a[0])
    middle = at((a[0] + b[0]) / 2)
    if abs(middle[1] - (a[1] + b[1]) / 2) < EQUAL:
        return [(a[0], b[0], slope)]
    if b[2] - a[2] > EQUAL:  # tangents meet where a bend may be
        kwh = (a[1] - b[1] + b[2] * b[0] - a[2] * a[0]) / (b[2] - a[2])
        if a[0] + 1e-7 < kwh < b[0] - 1e-7:
            middle = at(kwh)
    parts = [*_linear(at, a, middle), *_linear(at, middle, b)]
    joined = parts[:1]
    for part in parts[1:]:
        if abs(part[2] - joined[-1][2]) < 1e-8:
            joined[-1] = (joined[-1][0], part[1], joined[-1][2])
        else:
            joined.append(part)
    return joined
