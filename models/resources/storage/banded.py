"""Solves a linear program whose rows each meet few, neighbouring variables, by an interior-point method. Compiled.

minimise cost·v with Σ a·v <= right in every row: Mehrotra's predictor and corrector from a point that need not keep the
rows. Equations of a step have a band, so a step takes time proportional to the number of variables.
"""

from typing import NamedTuple

import numpy as np

from models.case import Floats, Ints
from models.compiled import compiled, inlined

_STEPS = 60
"""The most steps."""
_BACK = 0.995
"""Share of the way to the nearest bound that a step goes."""
_MISSED, _WRONG = 1e-7, 1e-6
"""Relative errors allowed in rows, and in costs of variables."""
_TINY = 1e-14
"""Share of a variable's own entry in the equations that is added to it, against rounding."""


class Rows(NamedTuple):
    """Rows of a program, one after the other; `counted` (3,): variables, rows, and entries so far."""

    begin: Ints  # (M+1,)
    place: Ints  # (E,) variable of each entry
    value: Floats  # (E,)
    right: Floats  # (M,)
    counted: Ints  # (3,)


@inlined
def put(rows: Rows, variable: int, value: float) -> None:
    """Add an entry to the row that is being stated."""
    if value != 0.0:
        rows.place[rows.counted[2]], rows.value[rows.counted[2]] = variable, value
        rows.counted[2] += 1


@inlined
def close(rows: Rows, right: float) -> None:
    """End the row that is being stated; one without entries is left out."""
    if rows.counted[2] > rows.begin[rows.counted[1]]:
        rows.right[rows.counted[1]] = right
        rows.counted[1] += 1
        rows.begin[rows.counted[1]] = rows.counted[2]


@compiled
def width_of(rows: Rows) -> int:
    """Return how far apart variables of one row lie at most."""
    width = 0
    for i in range(rows.counted[1]):
        least, most = rows.place[rows.begin[i]], rows.place[rows.begin[i]]
        for k in range(rows.begin[i], rows.begin[i + 1]):
            least, most = min(least, rows.place[k]), max(most, rows.place[k])
        width = max(width, most - least)
    return width


@compiled
def _times(rows: Rows, v: Floats, out: Floats) -> None:
    """Write Σ a·v of every row."""
    for i in range(rows.counted[1]):
        total = 0.0
        for k in range(rows.begin[i], rows.begin[i + 1]):
            total += rows.value[k] * v[rows.place[k]]
        out[i] = total


@compiled
def _add_back(rows: Rows, y: Floats, out: Floats) -> None:
    """Add Σ a·y of every variable."""
    for i in range(rows.counted[1]):
        for k in range(rows.begin[i], rows.begin[i + 1]):
            out[rows.place[k]] += rows.value[k] * y[i]


@compiled
def _factor(rows: Rows, weight: Floats, band: Floats) -> bool:
    """Write the Cholesky factor of Σ weight·a·aᵀ to band (N,W+1): entry (i, i−k) at [i,k]."""
    size, width = band.shape[0], band.shape[1] - 1
    band[:, :] = 0.0
    for i in range(rows.counted[1]):
        for k in range(rows.begin[i], rows.begin[i + 1]):
            one, scaled = rows.place[k], weight[i] * rows.value[k]
            for m in range(rows.begin[i], rows.begin[i + 1]):
                if rows.place[m] <= one:
                    band[one, one - rows.place[m]] += scaled * rows.value[m]
    for i in range(size):
        own = band[i, 0] * (1.0 + _TINY)
        if not own > 0.0:
            return False
        for k in range(min(i, width), 0, -1):
            j = i - k
            total = band[i, k]
            for m in range(k + 1, min(i, width) + 1):
                total -= band[i, m] * band[j, m - k]
            band[i, k] = total / band[j, 0]
        least = 1e-13 * own
        for k in range(1, min(i, width) + 1):
            own -= band[i, k] * band[i, k]
        band[i, 0] = np.sqrt(max(own, least))
    return True


@compiled
def _solve(band: Floats, right: Floats) -> None:
    """Solve the equations of a factor in place."""
    size, width = band.shape[0], band.shape[1] - 1
    for i in range(size):
        total = right[i]
        for k in range(1, min(i, width) + 1):
            total -= band[i, k] * right[i - k]
        right[i] = total / band[i, 0]
    for i in range(size - 1, -1, -1):
        right[i] /= band[i, 0]
        for k in range(1, min(i, width) + 1):
            right[i - k] -= band[i, k] * right[i]


@compiled
def _longest(at: Floats, step: Floats) -> float:
    """Return how far `at` can go along `step` before an entry is 0, at most 1 / _BACK."""
    most = 1.0 / _BACK
    for i in range(len(at)):
        if step[i] < 0.0 and -at[i] > most * step[i]:
            most = at[i] / -step[i]
    return most


class _Iterate(NamedTuple):
    """Slack and price of every row (M,), their steps, and what is wrong at the point."""

    slack: Floats
    price: Floats
    slack_step: Floats
    price_step: Floats
    missed: Floats  # (M,) by which Σ a·v and the slack differ from the right-hand side
    weight: Floats  # (M,) price per slack
    scratch: Floats  # (M,)


@compiled
def _look(rows: Rows, cost: Floats, v: Floats, at: _Iterate, off: Floats) -> tuple[float, float, float]:
    """Write what is wrong; return Σ slack·price, and the largest errors of rows and of variables' costs (N,), `off`."""
    product, far = 0.0, 0.0
    _times(rows, v, at.scratch)
    for i in range(len(at.slack)):
        at.missed[i] = at.scratch[i] + at.slack[i] - rows.right[i]
        at.weight[i] = at.price[i] / at.slack[i]
        far = max(far, abs(at.missed[i]) / (1.0 + abs(rows.right[i])))
        product += at.slack[i] * at.price[i]
    off[:] = cost
    _add_back(rows, at.price, off)
    return product, far, float(np.abs(off).max() / (1e-3 + np.abs(cost).max()))


@compiled
def _step(rows: Rows, band: Floats, at: _Iterate, off: Floats, target: float, second: bool, step: Floats) -> None:
    """Write the step (N,), and those of slacks and prices, towards products of `target`; the second one corrects."""
    for i in range(len(at.slack)):
        bend = at.slack_step[i] * at.price_step[i] if second else 0.0
        at.price_step[i] = at.price[i] - (target - bend) / at.slack[i]  # less what the rows will add below
        at.scratch[i] = at.price_step[i] - at.weight[i] * at.missed[i]
    step[:] = -off
    _add_back(rows, at.scratch, step)
    _solve(band, step)
    _times(rows, step, at.scratch)
    for i in range(len(at.slack)):
        at.slack_step[i] = -at.missed[i] - at.scratch[i]
        at.price_step[i] = -at.price_step[i] - at.weight[i] * at.slack_step[i]


@compiled
def solve_banded(cost: Floats, rows: Rows, v: Floats, prices: Floats, gap: float, scale: float) -> bool:
    """Improve v (N,) and write the prices (M,) >= 0 of rows; return whether they are within `gap` of the best.

    `scale`: the first product of a row's slack and price.
    """
    count = rows.counted[1]
    at = _Iterate(
        np.empty(count), prices, np.empty(count), np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    )  # fmt: skip
    band, off, step = np.empty((len(v), width_of(rows) + 1)), np.empty(len(v)), np.empty(len(v))
    _times(rows, v, at.scratch)
    for i in range(count):
        at.slack[i] = max(rows.right[i] - at.scratch[i], 1e-2 * (1.0 + abs(rows.right[i])))
        prices[i] = scale / at.slack[i]
    for _ in range(_STEPS):
        product, far, wrong = _look(rows, cost, v, at, off)
        if product <= gap and far <= _MISSED and wrong <= _WRONG:
            return True
        if not _factor(rows, at.weight, band):
            return False
        _step(rows, band, at, off, 0.0, False, step)
        short = min(_longest(at.slack, at.slack_step), 1.0)
        other = min(_longest(prices, at.price_step), 1.0)
        after = ((at.slack + short * at.slack_step) * (prices + other * at.price_step)).sum()
        _step(rows, band, at, off, product / count * (after / product) ** 3, True, step)
        short = min(_BACK * _longest(at.slack, at.slack_step), 1.0)
        other = min(_BACK * _longest(prices, at.price_step), 1.0)
        if not (np.isfinite(short) and np.isfinite(other) and np.isfinite(step).all()):
            return False
        v += short * step
        at.slack[:] += short * at.slack_step
        prices += other * at.price_step
    return False
