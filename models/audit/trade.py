"""Audits the portfolio's sums and positions: do units, congestion points, markets and imbalance add up?"""

from collections.abc import Iterator

import numpy as np

from models.audit.findings import above, at_points, differs, isp, slack
from models.audit.scenario import points_kw
from models.case import Case, Floats
from models.outcome import Outcome


def check_trade(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield sums that do not add up and positions no market allows; see the rules in models.audit."""
    yield from _sums(case, outcome)
    yield from _day_ahead(case, outcome.day_ahead_kw)
    yield from _intraday(case, outcome)
    for what, values in (("short", outcome.short_kw), ("long", outcome.long_kw)):
        yield from above((isp,), f"{what}_kw is negative", -values, slack(values))


def _sums(case: Case, outcome: Outcome) -> Iterator[str]:
    programs = points_kw(case, outcome.programs)
    yield from differs((at_points(case), isp), "point_kw is not the sum of its units", outcome.point_kw, programs[:-1])
    total = programs.sum(axis=0)
    size = slack(np.abs(programs).sum(axis=0))
    off = np.abs(outcome.total_kw - total)
    yield from above((isp,), "total_kw is not the sum of all units", off, size)
    positions = outcome.day_ahead_kw + outcome.intraday_buy_kw - outcome.intraday_sell_kw
    imbalance = np.abs(positions + outcome.short_kw - outcome.long_kw - outcome.total_kw)
    what = "balance: the positions and imbalance are not the program,"
    yield from above((isp,), what, imbalance, size)


def _day_ahead(case: Case, position_kw: Floats) -> Iterator[str]:
    market, allowed = case.day_ahead, slack(position_kw)
    free = np.isnan(market.committed_kw)
    first = np.arange(case.isps)
    for product in np.unique(market.product[free]).tolist():
        mine = free & (market.product == product)
        first[mine] = np.flatnonzero(mine)[0]
    rules = (
        ("day-ahead buys beyond its limit", free, position_kw - market.max_buy_kw),
        ("day-ahead sells beyond its limit", free, -position_kw - market.max_sell_kw),
        ("day-ahead position differs within its product", free, np.abs(position_kw - position_kw[first])),
        ("day-ahead position is not what is committed", ~free, np.abs(position_kw - market.committed_kw)),
    )
    for what, where, excess in rules:
        yield from above((isp,), what, np.where(where, excess, 0.0), allowed)


def _intraday(case: Case, outcome: Outcome) -> Iterator[str]:
    market, buy, sell = case.intraday, outcome.intraday_buy_kw, outcome.intraday_sell_kw
    free = np.isnan(market.committed_kw)
    everywhere = np.ones_like(free)
    rules = (
        ("intraday_buy_kw is negative", everywhere, -buy),
        ("intraday_sell_kw is negative", everywhere, -sell),
        ("intraday buys beyond its depth", free, buy - market.buy_depth_kw),
        ("intraday sells beyond its depth", free, sell - market.sell_depth_kw),
        ("intraday position is not what is committed", ~free, np.abs(buy - sell - market.committed_kw)),
    )
    for what, where, excess in rules:
        yield from above((isp,), what, np.where(where, excess, 0.0), slack(buy, sell))
