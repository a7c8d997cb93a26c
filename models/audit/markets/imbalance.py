"""Audits imbalance: no negative amounts, and its cost."""

import numpy as np

from models.audit.findings import above, isp, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import mwh
from models.case import Case
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
    del case
    for what, values in (("short", outcome.short_kw), ("long", outcome.long_kw)):
        yield from above((isp,), f"{what}_kw is negative", -values, slack(values))


def _eur(case: Case, outcome: Outcome) -> dict[str, float]:
    short = case.imbalance.short_eur_per_mwh * mwh(case, outcome.short_kw)
    long = case.imbalance.long_eur_per_mwh * mwh(case, outcome.long_kw)
    return {"imbalance": -float(np.sum(short + long))}


AUDIT = MarketAudit(
    name="imbalance",
    check=_check,
    shapes=lambda case: {"short_kw": (case.isps,), "long_kw": (case.isps,)},
    position_kw=lambda _case, outcome: outcome.short_kw - outcome.long_kw,
    portfolio_eur=_eur,
    payers=lambda _case: {"imbalance": Payer.COUNTERPARTY},
)
