"""Audits the day-ahead market: positions as committed, or within their limits and equal within a product."""

import numpy as np

from models.audit.findings import above, isp, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import mwh
from models.case import Case
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
    market, position_kw = case.day_ahead, outcome.day_ahead_kw
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
        yield from above((isp,), what, np.where(where, excess, 0.0), slack(position_kw))


def _eur(case: Case, outcome: Outcome) -> dict[str, float]:
    return {"day-ahead": -float(np.sum(case.day_ahead.price_eur_per_mwh * mwh(case, outcome.day_ahead_kw)))}


AUDIT = MarketAudit(
    name="day_ahead",
    check=_check,
    shapes=lambda case: {"day_ahead_kw": (case.isps,)},
    position_kw=lambda _case, outcome: outcome.day_ahead_kw,
    portfolio_eur=_eur,
    payers=lambda _case: {"day-ahead": Payer.COUNTERPARTY},
)
