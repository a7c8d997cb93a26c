"""Turns arrays of violations into findings: the worst few with place, amount and unit, and the number of others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Case, Floats

Axis: TypeAlias = Callable[[int], str]
"""Names one index along an axis."""

SHOWN = 3
"""Most findings per rule that are given in full."""


def isp(index: int) -> str:
    """Name an ISP, counted from 1."""
    return f"ISP {index + 1}"


def numbered(word: str, first: int = 0) -> Axis:
    """Name things by their class and number; index 0 has the number `first`."""
    return lambda index: f"{word} {first + index}"


def named(word: str, names: Sequence[str]) -> Axis:
    """Name things by their class and name."""
    return lambda index: f"{word} {names[index]}"


def at_points(case: Case) -> Axis:
    """Name congestion points; the index after the last one stands for none."""
    names = (*case.points, "none")
    return named("congestion point", names)


_LEAST = 1e-4
"""Tolerance, kW or kWh, where the magnitudes are small: no other tolerance is less."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tolerance:
    """How far values may be off: 1e-4 kW or kWh + 1e-6 of the largest of some magnitudes, elementwise.

    It is worked out only where something is off by more than the least tolerance, which is hardly anywhere.
    """

    magnitudes: tuple[Floats | float, ...]  # of shapes that can be broadcast to each other

    def at(self, places: tuple[NDArray[np.int64], ...], shape: tuple[int, ...]) -> Floats:
        """Return the tolerance (n,), kW or kWh, at n places of arrays of this shape, to which magnitudes are broadcast.

        places: an index (n,) for each axis.
        """
        return slack(*(np.broadcast_to(values, shape)[places] for values in self.magnitudes))


def beside(*magnitudes: Floats | float) -> Tolerance:
    """Return the tolerance for arrays to which the magnitudes can be broadcast, as `slack` has it elementwise."""
    return Tolerance(magnitudes=magnitudes)


def slack(*magnitudes: Floats | float) -> Floats:
    """Return the tolerance in kW or kWh: 1e-4 + 1e-6 of the largest of the magnitudes, elementwise.

    Magnitudes have shapes that can be broadcast to each other; the tolerance has the shape of all of them together.
    """
    largest = np.zeros(())
    for magnitude in magnitudes:
        values = np.abs(magnitude)
        largest = np.maximum(largest, np.where(np.isfinite(values), values, 0.0))
    result: Floats = _LEAST + 1e-6 * largest
    return result


def above(
    axes: Sequence[Axis], what: str, excess: Floats, allowed: Tolerance | Floats | float, unit: str = "kW"
) -> Iterator[str]:
    """Yield findings for the worst places where excess, whose axes are named by `axes`, exceeds allowed or is NaN.

    `excess` and `allowed` are in `unit`; `allowed` can be broadcast to the shape of `excess`, which has an axis for
    each of `axes`.
    """
    least = _LEAST if isinstance(allowed, Tolerance) else allowed
    inside = excess <= least  # false for NaN as well
    if inside.all():
        return
    places = np.nonzero(~inside)
    found = excess[places]
    size = np.where(np.isnan(found), np.inf, found)
    if isinstance(allowed, Tolerance):
        far = size > allowed.at(places, excess.shape)
        places, size = tuple(index[far] for index in places), size[far]
    bad = np.transpose(places)
    worst = np.argsort(-size, kind="stable")
    for place in bad[worst[:SHOWN]].tolist():
        where = ", ".join(axis(index) for axis, index in zip(axes, place, strict=True))
        yield f"{where}: {what} by {excess[tuple(place)]:.6g} {unit}"
    if len(bad) > SHOWN:
        yield f"{what}: {len(bad) - SHOWN} more"


def differs(axes: Sequence[Axis], what: str, found: Floats, expected: Floats, unit: str = "kW") -> Iterator[str]:
    """Yield findings for the worst places where found differs from expected by more than the tolerance.

    Both are in `unit` and have an axis for each of `axes`, see `above`.
    """
    return above(axes, what, np.abs(found - expected), beside(found, expected), unit)
