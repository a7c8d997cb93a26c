"""Audits the cost of leaving the announced programs."""

import numpy as np

from models.audit.protocols import MarketAudit, Payer
from models.audit.scenario import mwh
from models.case import Case, Floats
from models.outcome import Outcome


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    if case.anchor is None:
        return {}
    distance = np.abs(outcome.point_kw - case.anchor.point_kw)
    left = mwh(case, np.where(np.isnan(case.anchor.point_kw), 0.0, distance)).sum(axis=1)
    return {"prognosis change": np.append(-case.anchor.eur_per_mwh * left, 0.0)}


AUDIT = MarketAudit(name="announced", placed_eur=_eur, payers=lambda _case: {"prognosis change": Payer.NOBODY})
