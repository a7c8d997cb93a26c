"""What DSOs that have ordered flexibility bind congestion points to.

Source: docs/reference/formulation.md §3.8.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TOLERANCE_KW = 0.0005
"""A program so far beyond a bound is not: programs are announced in whole W."""


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """An order at a congestion point: the baseline and the deviation (T,) in kW, and what is paid for it."""

    point: str
    baseline_kw: np.ndarray
    deviation_kw: np.ndarray
    eur: float


@dataclass(frozen=True, kw_only=True)
class Due:
    """The least and the most program (T,) that one order asks for, kW; infinite where it asks for nothing."""

    point: str
    least_kw: np.ndarray
    most_kw: np.ndarray


def due(orders: Sequence[Ordered]) -> list[Due]:
    """Return what each order binds its congestion point to once all of them are known, in order of time."""
    found = [_free(order) for order in orders]
    began = [order.baseline_kw.copy() for order in orders]
    for i, order in enumerate(orders):
        for t in np.flatnonzero(order.deviation_kw):
            less, start = order.deviation_kw[t] < 0, order.baseline_kw[t]
            before = [k for k in range(i) if orders[k].point == order.point]
            for k in before:  # whatever the baseline shows, the program due begins where earlier orders have led
                start = min(start, found[k].most_kw[t])
                start = max(start, found[k].least_kw[t])
            began[i][t], bound = start, start + order.deviation_kw[t]
            (found[i].most_kw if less else found[i].least_kw)[t] = bound
            for k in before:
                _give_way(found[k], int(t), bound, began[k][t], less=less)
    return found


def _free(order: Ordered) -> Due:
    n = len(order.baseline_kw)
    return Due(point=order.point, least_kw=np.full(n, -np.inf), most_kw=np.full(n, np.inf))


def _give_way(earlier: Due, t: int, bound: float, began: float, *, less: bool) -> None:
    """Let an earlier order of the other direction bind no more than what is left of it."""
    if less and np.isfinite(earlier.least_kw[t]):
        earlier.least_kw[t] = min(earlier.least_kw[t], bound) if bound > began else -np.inf
    if not less and np.isfinite(earlier.most_kw[t]):
        earlier.most_kw[t] = max(earlier.most_kw[t], bound) if bound < began else np.inf
