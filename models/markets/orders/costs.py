"""The cost of what is not delivered of orders, and its coupling cost. Source: docs/reference/formulation.md §3.8."""

from dataclasses import replace

import numpy as np

from models.block import per_point
from models.case import Bools, Case, Floats, Orders
from models.coupling_costs import PointCosts
from models.outcome import Outcome, ProgramValues


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return what orders are paid, and −penalty·Δ·Σ_t missing[o,t], per congestion point (C+1,); nothing without."""
    orders = case.orders
    if not len(orders.name):
        return {}
    missing_mwh = answer.order_shortfall_kw.sum(axis=1) * case.isp_hours / 1000
    found = {"order shortfall": per_point(case, orders.point, -orders.penalty_eur_per_mwh * missing_mwh)}
    if orders.price_eur.any():
        found["flexibility sold"] = per_point(case, orders.point, orders.price_eur)
    return found


def settled(case: Case, point_kw: Floats) -> dict[str, Floats]:
    """Return what programs P_c (C+1,T) do not deliver of each order (O,T), kW."""
    orders = case.orders
    if not len(orders.name):
        return {}
    there = point_kw[orders.point]
    missing = np.maximum(np.maximum(there - orders.most_kw, orders.least_kw - there), 0.0)
    return {"order_shortfall_kw": missing}


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, Orders]:
    """Return orders that the plan delivers, at a price of not delivering them; nothing without orders."""
    orders, missed_kw = case.orders, planned.order_shortfall_kw
    if not len(orders.name):
        return {}
    return {
        "orders": replace(
            orders,
            least_kw=orders.least_kw - missed_kw,
            most_kw=orders.most_kw + missed_kw,
            penalty_eur_per_mwh=np.full_like(orders.penalty_eur_per_mwh, eur_per_mwh),
        )
    }


def priced_points(case: Case) -> Bools:
    """Return whether each congestion point (C,) has an order."""
    result = np.zeros(len(case.points), dtype=np.bool_)
    result[case.orders.point] = True
    return result


def programs(case: Case) -> PointCosts:
    """Return the cost (C,T) of each program P beyond what orders allow, less what they are paid."""
    orders, per_kw = case.orders, case.isp_hours / 1000
    kinks: list[tuple[int, Floats, Floats]] = []  # point, breakpoint (T,), rise of the slope there (T,)
    base = np.zeros((len(case.points), case.isps))
    at_zero = -float(orders.price_eur.sum())
    for row, point in enumerate(orders.point.tolist()):
        rise = orders.penalty_eur_per_mwh[row] * per_kw
        for bound, sign in ((orders.most_kw[row], 1.0), (orders.least_kw[row], -1.0)):
            there = np.isfinite(bound)
            if there.any():
                kinks.append((point, np.where(there, bound, np.inf), np.where(there, rise, 0.0)))
                if sign < 0:
                    base[point] -= np.where(there, rise, 0.0)
                at_zero += float(np.maximum(-sign * bound[there], 0.0).sum()) * rise
    return PointCosts(base=base, kinks=kinks, at_zero_eur=at_zero)
