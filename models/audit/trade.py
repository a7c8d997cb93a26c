"""Audits the portfolio's sums: do units, congestion points, positions and imbalance add up?"""

from collections.abc import Iterator

import numpy as np

from models.audit.balancing_groups import check_groups
from models.audit.findings import above, at_points, differs, isp, slack
from models.audit.markets.registry import MARKETS
from models.audit.totals import points_kw
from models.case import Case
from models.outcome import Outcome


def check_trade(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield sums that do not add up, and positions that no market allows; see the rules in models.audit."""
    programs = points_kw(case, outcome.programs)
    yield from differs((at_points(case), isp), "point_kw is not the sum of its units", outcome.point_kw, programs[:-1])
    total = programs.sum(axis=0)
    size = slack(np.abs(programs).sum(axis=0))
    off = np.abs(outcome.total_kw - total)
    yield from above((isp,), "total_kw is not the sum of all units", off, size)
    positions = (market.position_kw(case, outcome) for market in MARKETS if market.position_kw is not None)
    imbalance = np.abs(sum(positions, np.zeros(case.isps)) - outcome.total_kw)
    what = "balance: the positions and imbalance are not the program,"
    yield from above((isp,), what, imbalance, size)
    for market in MARKETS:
        yield from market.check(case, outcome)
    yield from check_groups(case, outcome)
