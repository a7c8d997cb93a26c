"""Says whether limits count many units that take one of their answers as it is, such as cars with a minimum power.

The decomposition leaves such portfolios far from the best program: a few answers, each of them whole, hardly ever add
up to what a fuse or a congestion point can carry. The reference formulation weighs every state.
Source: docs/explanation/optimisation.md, before §1.
"""

import numpy as np

from models.case import NO_LIMIT, Bools, Case
from models.markets.registry import MARKETS
from models.resources.registry import PRICED

_MANY = 0.1
"""Share of the units that mix at such limits, from which on whole answers are many. Larger: more portfolios are
decomposed first."""


def hard_to_mix(case: Case) -> bool:
    """Return whether a tenth or more of the units at limits, of classes that mix, take an answer as it is."""
    limited = _limited_points(case)
    whole = every = 0
    for resource in PRICED:
        if resource.mixing is None or resource.mixing.whole is None:
            continue
        here = limited[resource.arrays(case).point] | (case.leaf(resource.name) != NO_LIMIT)
        whole += int((resource.mixing.whole(case) & here).sum())
        every += int(here.sum())
    return whole > 0 and whole >= _MANY * every


def _limited_points(case: Case) -> Bools:
    """Return whether each congestion point (C+1,) has a price of its own; the last entry is for units in none."""
    priced = np.zeros(len(case.points) + 1, dtype=np.bool_)
    for market in MARKETS:
        if market.priced_points is not None:
            priced[:-1] |= market.priced_points(case)
    return priced
