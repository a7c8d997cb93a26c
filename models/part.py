"""Parts of a portfolio: some congestion points planned again, everything else kept.

`subproblem` cuts a part out of a planned portfolio, `renewed` gives it other reservations, models.method.solve plans
it, `whole_case` and `whole_outcome` put it back. Source: docs/explanation/optimisation.md.
"""

from collections.abc import Sequence

import numpy as np

from models.case import UNIT_CLASSES, Case, Floats, Ints
from models.decomposition.reoptimise.merging import whole_case, whole_outcome
from models.decomposition.reoptimise.replan import dual_slack_eur
from models.decomposition.reoptimise.subproblem import HeldByAll, divisible, members, renewed, subproblem
from models.resources.registry import BY_NAME, PRICED, RESOURCES

__all__ = [
    "HeldByAll",
    "divisible",
    "dual_slack_eur",
    "members",
    "most_choices",
    "programmed",
    "reach_kw",
    "renewed",
    "subproblem",
    "whole_case",
    "whole_outcome",
]


def programmed() -> tuple[str, ...]:
    """Return the classes whose units have programs that are planned."""
    return tuple(one.name for one in RESOURCES if one.fields)


def most_choices(case: Case, points: Ints) -> int:
    """Return the most programs to be chosen at these congestion points (n,), planned and called."""
    units = members(case, points)
    return 2 * sum(len(units[resource.name]) for resource in PRICED)


def reach_kw(case: Case, of_units: Sequence[Ints], groups: int) -> tuple[Floats, Floats]:
    """Return the least and the most consumption (G,T), kW, of the units of each of some groups together.

    of_units: per class, the group of each unit (U,). Every ISP is taken by itself: energy is not considered.
    """
    low, high = np.zeros((groups, case.isps)), np.zeros((groups, case.isps))
    for name, group in zip(UNIT_CLASSES, of_units, strict=False):
        for units in np.array_split(np.arange(len(group)), max(1, len(group) // _AT_ONCE)):
            if len(units):
                least, most = BY_NAME[name].range_kw(case, units)
                np.add.at(low, group[units], least)
                np.add.at(high, group[units], most)
    return low, high


_AT_ONCE = 16_384
"""Units whose ranges are in memory at a time."""
