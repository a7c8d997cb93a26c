"""An ordered offer comes into force without a solver: the stored program, or its blend with the plan.

Source: docs/explanation/flexibility-offers.md.
"""

from dataclasses import replace

import numpy as np

from models.assembly import proven_eur
from models.block import reserved_points
from models.case import UNIT_CLASSES, Case
from models.errors import CaseError
from models.evaluation import Earlier, keep
from models.flexibility.blending import blended, blended_headroom
from models.flexibility.restricting import raised_eur
from models.outcome import Outcome, Termination

PROVEN = 1e-3
"""A gap below this share of gross cost is that of a plan that was proven."""


def ordered(part: Case, planned: Outcome, stored: Outcome, factor: float, was: Case) -> Outcome:
    """Return the outcome of a congestion point that runs (1 − factor)·planned + factor·stored, with all that follows.

    `part` is the point's case now, the new order among its orders; `planned` what the plan in force says of it (see
    models.flexibility.excerpt), `was` its case in that plan, `stored` the program that was priced. Trades follow from
    the program at today's prices. The bound is that of the plan in force and what the order is paid, where nothing else
    is new (see models.flexibility.restricting); else nothing is proven. Raises CaseError where units have changed since
    the offer was priced, ProofError where bound and program contradict each other.
    """
    if np.shape(planned.programs.energy_kwh) != np.shape(stored.programs.energy_kwh):
        raise CaseError("the units of the congestion point are not those that the offer was priced with")
    reserved = bool(reserved_points(part).any())
    before, after = planned.called or planned.programs, stored.called or stored.programs
    held_before = planned.called_headroom or planned.headroom
    held_after = stored.called_headroom or stored.headroom
    mixed = replace(
        stored,
        programs=blended(planned.programs, stored.programs, factor),
        called=blended(before, after, factor) if reserved else None,
        headroom=blended_headroom(planned.headroom, stored.headroom, factor),
        called_headroom=blended_headroom(held_before, held_after, factor) if reserved else None,
        bids_mw=planned.bids_mw,
        duals=part.start,
        shadow=planned.shadow,  # of the portfolio: those of the offer's case are prices of promises
    )
    rows = {name: np.arange(len(part.units(name).point)) for name in UNIT_CLASSES}
    kept = keep(part, Earlier(case=part, outcome=mixed, rows=rows), mixed)
    if kept.replaced:
        raise CaseError("units of the congestion point cannot run the program that the offer was priced with")
    found = kept.outcome
    paid = found.terms_eur.get("flexibility sold", 0.0) - planned.terms_eur.get("flexibility sold", 0.0)
    raised = raised_eur(was, part, paid)
    known, prices = planned.bound_eur + raised, part.start
    if prices is not None:  # a part is proven with their bound, beside a remainder that is paid for the order
        prices = replace(prices, bound_eur=prices.bound_eur + raised if np.isfinite(raised) else np.nan)
        known = float(np.fmin(known, prices.bound_eur))
    return replace(bounded(found, known), solver="ordered offer", duals=prices)


def bounded(found: Outcome, bound_eur: float) -> Outcome:
    """Return an outcome with a bound, EUR. Raises ProofError where its program is worth more than that."""
    bound = proven_eur(bound_eur, objective_eur=found.objective_eur, gross_cost_eur=found.gross_cost_eur)
    gap = bound - found.objective_eur
    proven = np.isfinite(bound) and gap <= PROVEN * found.gross_cost_eur
    return replace(
        found, bound_eur=bound, gap_eur=gap, termination=Termination.OPTIMAL if proven else Termination.GAP_OPEN
    )
