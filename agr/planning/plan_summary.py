"""A plan's figures from its case and outcome, in the terms of the domain. Pure."""

import numpy as np

from agr.domain.plan import PlanFigures, PointProgram, Positions, PromisedPoint
from agr.planning.case import comfort_shortfall_kwh
from agr.planning.difference import Solved
from agr.planning.promises import breach_kwh, worst

SHOWN_NOTES = 20


def shortened(notes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first notes and a count of the rest: a missing feed may be noted once per resource."""
    more = len(notes) - SHOWN_NOTES
    return notes if more <= 0 else (*notes[:SHOWN_NOTES], f"… and {more} more notes")


def result_of(
    solved: Solved, *, findings: tuple[str, ...], no_flexibility_eur: float, notes: tuple[str, ...], reacting: int = 0,
    promised: tuple[PromisedPoint, ...] = (),
) -> PlanFigures:  # fmt: skip
    """Return the figures that operators and reports read; in the first `reacting` ISPs, imbalance is deliberate."""
    from models.audit.payers import payers
    from models.audit.protocols import Payer

    named, outcome = solved.named, solved.outcome
    case, hours = named.case, named.case.isp_hours
    return PlanFigures(
        terms_eur=outcome.terms_eur,
        objective_eur=outcome.objective_eur,
        bound_eur=outcome.bound_eur,
        gap_eur=outcome.gap_eur,
        gross_cost_eur=outcome.gross_cost_eur,
        no_flexibility_eur=no_flexibility_eur,
        reacting_mwh=float((outcome.short_kw + outcome.long_kw)[:reacting].sum()) * hours / 1000,
        imbalance_mwh=float((outcome.short_kw + outcome.long_kw).sum()) * hours / 1000,
        reservation_shortfall_kwh=float(outcome.reservation_shortfall_kw.sum()) * hours,
        comfort_shortfall_kwh=comfort_shortfall_kwh(case, outcome.programs),
        limit_breach_kwh=float(breach_kwh(case, outcome).sum()),
        reserve_shortfall_mwh=float(outcome.reserve_shortfall_mw.sum()) * hours,
        order_shortfall_kwh=float(outcome.order_shortfall_kw.sum()) * hours,
        termination=outcome.termination.value,
        solver=outcome.solver,
        seconds=outcome.seconds,
        audit=findings,
        notes=shortened(notes),
        worst=worst(named, outcome),
        planning=tuple(term for term, payer in payers(case).items() if payer is Payer.NOBODY),
        promised=promised,
        customers=tuple(term for term, payer in payers(case).items() if payer is Payer.CUSTOMER),
    )


def points_of(solved: Solved) -> tuple[PointProgram, ...]:
    """Return the congestion points' programs in whole W."""
    named = solved.named
    grid_w = np.rint(solved.outcome.point_kw * 1000).astype(int).tolist()
    return tuple(
        PointProgram(address=address, dso=dso, power_w=tuple(power_w))
        for address, dso, power_w in zip(named.case.points, named.dsos, grid_w, strict=True)
    )


def positions_of(solved: Solved) -> Positions:
    """Return the positions on each market and the bids for capacity."""
    case, outcome = solved.named.case, solved.outcome
    return Positions(
        day_ahead_kw=tuple(outcome.day_ahead_kw.tolist()),
        intraday_kw=tuple((outcome.intraday_buy_kw - outcome.intraday_sell_kw + case.intraday.known_kw).tolist()),
        bids_mw={r.name: tuple(b.tolist()) for r, b in zip(case.reserves, outcome.bids_mw, strict=True)},
        balance_eur_per_mwh=tuple(outcome.shadow.balance_eur_per_mwh.tolist()),
        bid_costs_eur_per_mw={
            reserve.name: tuple(float(held[reserve.block == b].sum()) for b in range(len(reserve.price_eur_per_mw)))
            for reserve, held in zip(case.reserves, outcome.shadow.reserve_eur_per_mw, strict=True)
        },
        bid_prices_eur_per_mw={reserve.name: tuple(reserve.price_eur_per_mw.tolist()) for reserve in case.reserves},
    )
