"""Parts of a portfolio: some congestion points planned again, everything else kept.

`subproblem` cuts a part out of a planned portfolio, `renewed` gives it other reservations, models.method.solve plans
it, `whole_case` and `whole_outcome` put it back. Source: docs/explanation/optimisation.md.
"""

from models.case import Case, Ints
from models.decomposition.reoptimise.merging import whole_case, whole_outcome
from models.decomposition.reoptimise.replan import dual_slack_eur
from models.decomposition.reoptimise.subproblem import HeldByAll, divisible, members, renewed, subproblem
from models.resources.registry import PRICED

__all__ = [
    "HeldByAll",
    "divisible",
    "dual_slack_eur",
    "members",
    "most_choices",
    "renewed",
    "subproblem",
    "whole_case",
    "whole_outcome",
]


def most_choices(case: Case, points: Ints) -> int:
    """Return the most programs to be chosen at these congestion points (n,), planned and called."""
    units = members(case, points)
    return 2 * sum(len(units[resource.name]) for resource in PRICED)
