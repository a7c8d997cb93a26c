"""Audits orders of flexibility: what is not delivered is exactly what lies beyond the bounds of an order."""

import numpy as np

from models.audit.findings import above, isp, named, slack
from models.audit.protocols import Findings, MarketAudit, Payer
from models.audit.scenario import by_point, mwh
from models.audit.totals import points_kw
from models.case import Case, Floats
from models.outcome import Outcome


def _check(case: Case, outcome: Outcome) -> Findings:
    orders = case.orders
    if not len(orders.name):
        return
    power, missing = points_kw(case, outcome.programs)[orders.point], outcome.order_shortfall_kw
    over = np.where(np.isfinite(orders.most_kw), power - orders.most_kw, 0.0)
    under = np.where(np.isfinite(orders.least_kw), orders.least_kw - power, 0.0)
    due = np.clip(np.maximum(over, under), 0.0, None)
    axes = (named("order", orders.name), isp)
    yield from above(axes, "order_shortfall_kw is not what is missing, wrong", np.abs(missing - due), slack(power))


def _eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    orders = case.orders
    if not len(orders.name):
        return {}
    missing_mwh = mwh(case, outcome.order_shortfall_kw).sum(axis=1)
    due = {"order shortfall": by_point(case, orders.point, -orders.penalty_eur_per_mwh * missing_mwh)}
    if np.any(orders.price_eur != 0):
        due["flexibility sold"] = by_point(case, orders.point, orders.price_eur)
    return due


AUDIT = MarketAudit(
    name="orders",
    check=_check,
    shapes=lambda case: {"order_shortfall_kw": (len(case.orders.name), case.isps)} if case.orders.name else {},
    placed_eur=_eur,
    payers=lambda _case: {"order shortfall": Payer.COUNTERPARTY, "flexibility sold": Payer.COUNTERPARTY},
)
