"""Audits the intraday market: positions as committed, or within its depth; no negative amounts; trades as they were."""

import numpy as np

from models.audit.findings import above, isp, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import mwh
from models.case import Case, Floats
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
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


def _eur(case: Case, outcome: Outcome) -> dict[str, float]:
    sold = case.intraday.sell_eur_per_mwh * mwh(case, outcome.intraday_sell_kw)
    bought = case.intraday.buy_eur_per_mwh * mwh(case, outcome.intraday_buy_kw)
    return {"intraday": float(np.sum(sold - bought)) + case.intraday.traded_eur}


def _position_kw(case: Case, outcome: Outcome) -> Floats:
    """Return what is bought, net (T,): what the outcome trades, and what was traded before."""
    traded = case.intraday.traded_kw
    before = np.zeros(case.isps) if len(traded) == 0 else traded
    return outcome.intraday_buy_kw - outcome.intraday_sell_kw + before


AUDIT = MarketAudit(
    name="intraday",
    check=_check,
    shapes=lambda case: {"intraday_buy_kw": (case.isps,), "intraday_sell_kw": (case.isps,)},
    position_kw=_position_kw,
    portfolio_eur=_eur,
    payers=lambda _case: {"intraday": Payer.COUNTERPARTY},
)
