"""Compares what a case or a program has with what the tables give; the worst few differences become findings. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.planning.case_audit.facts import Floats

SHOWN = 3
"""Most findings that are given in full for each rule."""
_ABSOLUTE, _RELATIVE = 1e-6, 1e-6
"""Two computations of one value may differ by these, absolutely and relatively; values are in kW, kWh, EUR or ISPs."""


def differences(
    names: Sequence[str], field: str, found: NDArray[Any], expected: Floats, *, absolute: float = _ABSOLUTE
) -> Iterator[str]:
    """Yield findings about rows (U,) or (U,T), one per name, that are not what the tables give.

    Two NaN, and two equal infinities, are the same value.
    """
    expected = np.asarray(expected, dtype=np.float64)
    found = np.broadcast_to(np.asarray(found, dtype=np.float64), expected.shape)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        apart = np.abs(found - expected)
    allowed = absolute + _RELATIVE * np.where(np.isfinite(expected), np.abs(expected), 0.0)
    wrong = ~same & ~(apart <= allowed)
    if wrong.any():
        size = np.where(np.isnan(apart), np.inf, apart)
        yield from _worst(names, field, wrong, size, found, expected)


def _worst(
    names: Sequence[str], field: str, wrong: NDArray[np.bool_], size: Floats, found: Floats, expected: Floats
) -> Iterator[str]:
    """Yield one finding for each of the rows with the largest differences, at its first wrong ISP."""
    rows = np.flatnonzero(wrong.any(axis=1) if wrong.ndim > 1 else wrong)
    largest = np.where(wrong, size, -1.0)
    order = np.argsort(-(largest.max(axis=1) if wrong.ndim > 1 else largest)[rows], kind="stable")
    for row in rows[order[:SHOWN]].tolist():
        if wrong.ndim > 1:
            isp = int(np.flatnonzero(wrong[row])[0])
            values = f"{found[row, isp]:.6g} in ISP {isp + 1}, the tables give {expected[row, isp]:.6g}"
        else:
            values = f"{found[row]:.6g}, the tables give {expected[row]:.6g}"
        yield f"case, {names[row]}: {field} is {values}"
    if len(rows) > SHOWN:
        yield f"case: {field} is not what the tables give in {len(rows) - SHOWN} more rows"


def beyond(names: Sequence[str], what: str, excess: Floats, allowed: Floats | float, unit: str) -> Iterator[str]:
    """Yield findings about programs (U,) or (U,T) that break what was entered by more than is allowed."""
    size = np.where(np.isnan(excess), np.inf, excess)
    wrong = size > allowed
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong.any(axis=1) if wrong.ndim > 1 else wrong)
    largest = np.where(wrong, size, -1.0)
    order = np.argsort(-(largest.max(axis=1) if wrong.ndim > 1 else largest)[rows], kind="stable")
    for row in rows[order[:SHOWN]].tolist():
        if wrong.ndim > 1:
            isp = int(np.argmax(largest[row]))
            yield f"plan, {names[row]}: {what} by {excess[row, isp]:.6g} {unit} in ISP {isp + 1}"
        else:
            yield f"plan, {names[row]}: {what} by {excess[row]:.6g} {unit}"
    if len(rows) > SHOWN:
        yield f"plan: {what}: {len(rows) - SHOWN} more resources"
