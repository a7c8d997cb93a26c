"""How far a step may go, and how much of its second-order correction lets it go furthest. Compiled.

A correction that reckons with a whole step may be far too large where only a part of one is possible. So values, and
multipliers, each take the part of it with which they go furthest.
Source: docs/explanation/optimisation.md §3.9; M. Colombo, J. Gondzio, Further development of multiple centrality
correctors for interior point methods, Computational Optimization and Applications 41 (2008).
"""

import numpy as np

from models.case import Floats
from models.compiled import compiled

PARTS = np.array([1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.1])
"""Parts of a correction that are tried. More: steps are a little longer, and take longer to choose."""
_LONGER = 1e-3
"""By how much a part must lengthen a step to be taken instead of the whole correction."""
WHOLE = np.ones(1)


@compiled
def raise_rates(first: Floats, second: Floats, inverse: Floats, sign: float, parts: Floats, most: Floats) -> None:
    """Raise the greatest rates (K,) at which distances shrink along steps between a first and a second one.

    first, second (V,): changes; inverse (V,): of the distances to what must not be passed, 0 where there is none; sign:
    1 if a change towards it is positive, else −1; parts (K,) of the way from the first step to the second.
    """
    for i in range(first.shape[0]):
        by = sign * inverse[i]
        begin, more = first[i] * by, (second[i] - first[i]) * by
        for k in range(parts.shape[0]):
            rate = begin + parts[k] * more
            most[k] = rate if rate > most[k] else most[k]


def furthest(most: Floats) -> tuple[float, int]:
    """Return the length of the step that goes furthest, up to 1, and its number; the first if others add little.

    A length may be more than 1. most (K,): the greatest rate of each step.
    """
    length = 1.0 / np.maximum(most, 1e-30)
    best = int(np.argmax(np.minimum(length, 1.0)))
    best = best if min(length[best], 1.0) > length[0] + _LONGER else 0
    return float(length[best]), best
