"""Earnings of reservations, costs of shortfalls, and the coupling cost. Source: docs/reference/formulation.md §3.4."""

from dataclasses import replace

import numpy as np

from models.block import per_point, reserved_points
from models.case import Bools, Case, Floats, Reservations
from models.coupling_costs import PointCosts
from models.outcome import Outcome, ProgramValues


def placed_eur(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return the fee on reserved and ordered volumes and −penalty·shortfall, per congestion point (C+1,), EUR."""
    contracts, mwh = case.reservations, case.isp_hours / 1000
    fee = contracts.availability_eur_per_mw_h * contracts.paid_kw.sum(axis=1)
    undelivered = contracts.penalty_eur_per_mwh * answer.reservation_shortfall_kw.sum(axis=1)
    return {
        "availability": per_point(case, contracts.point, fee * mwh),
        "reservation shortfall": per_point(case, contracts.point, -undelivered * mwh),
    }


def eased(case: Case, planned: Outcome, eur_per_mwh: float) -> dict[str, Reservations]:
    """Return what the plan can deliver of reservations, at a price of not delivering it, and without the fee."""
    contracts = case.reservations.less(planned.reservation_shortfall_kw)
    return {
        "reservations": replace(
            contracts,
            penalty_eur_per_mwh=np.full_like(contracts.penalty_eur_per_mwh, eur_per_mwh),
            availability_eur_per_mw_h=np.zeros_like(contracts.availability_eur_per_mw_h),
        )
    }


def priced_points(case: Case) -> Bools:
    """Return whether each congestion point (C,) has a reservation."""
    return reserved_points(case)[:-1]


def calls(case: Case, hard_eur_per_kw: float) -> PointCosts:
    """Return the cost (C,T) of d = Q − P, called less planned program.

    R < 0 asks for d <= ΣR + Σs, cheapest shortfall first, and never more than all of it, which costs
    `hard_eur_per_kw`; R > 0 is mirrored.
    """
    per_kw = case.isp_hours / 1000
    data = case.reservations
    kinks: list[tuple[int, Floats, Floats]] = []
    base = np.zeros((len(case.points), case.isps))
    order = np.argsort(data.penalty_eur_per_mwh, kind="stable")
    for point in np.unique(data.point).tolist():
        mine = [row for row in order.tolist() if data.point[row] == point]
        for sign in (-1.0, 1.0):
            amounts = np.stack([np.maximum(sign * data.reserved_kw[row], 0.0) for row in mine])
            there = amounts.sum(axis=0) > 0
            if not there.any():
                continue
            at, slope = amounts.sum(axis=0), np.zeros(case.isps)
            for row, amount in zip(mine, amounts, strict=True):
                price = np.where(amount > 0, max(data.penalty_eur_per_mwh[row] * per_kw, 0.0), slope)
                kinks.append((point, np.where(there, sign * at, np.inf), np.where(there, price - slope, 0.0)))
                at, slope = at - amount, price
            kinks.append((point, np.where(there, 0.0, np.inf), np.where(there, hard_eur_per_kw - slope, 0.0)))
            if sign > 0:  # the slopes rise from -hard to 0 as d grows
                base[point] -= np.where(there, hard_eur_per_kw, 0.0)
    at_zero = float((data.penalty_eur_per_mwh[:, None] * np.abs(data.reserved_kw)).sum()) * per_kw
    return PointCosts(base=base, kinks=kinks, at_zero_eur=at_zero)
