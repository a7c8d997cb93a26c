"""Value, term by term: the objective of the problem, and the same money computed from a finished program."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.algebra import pyo
from models.block import ObjectiveTerm, Values, called_units, linear_sum
from models.case import Case, Floats
from models.markets.registry import MARKETS
from models.outcome import Programs, ProgramValues, Shadow
from models.resources.registry import RESOURCES
from models.resources.totals import called_terms, group_points_kw, planned_terms, unavoidable_eur


def maximise_value(model: Any, objective: Sequence[ObjectiveTerm]) -> None:
    """Add the objective: maximise the sum of all terms, constants included, so that the optimum is the value in EUR."""
    variables = [variable for term in objective for variable in term.variables]
    eur = np.concatenate([np.zeros(0), *(term.eur for term in objective)])
    constant = sum(term.constant_eur for term in objective)
    model.value = pyo.Objective(expr=linear_sum(variables, eur) + constant, sense=pyo.maximize)


def gross_eur(objective: Sequence[ObjectiveTerm], values: Values) -> float:
    """Return gross cost Σ |term|, EUR, to which relative gaps refer."""
    terms: dict[str, float] = {}
    for term in objective:
        amount = float(term.eur @ values(term.variables)) + term.constant_eur
        terms[term.term] = terms.get(term.term, 0.0) + amount
    return sum(abs(amount) for amount in terms.values())


MISSED = frozenset({
    "imbalance", "reserve shortfall", "comfort shortfall", "called comfort shortfall", "limit breach",
    "reservation shortfall", "order shortfall", "connection limit breach", "called connection limit breach",
})  # fmt: skip
"""Terms that arise only where something is missed."""
_IN_ORDER = (
    "wear", "curtailment", "stored energy", "comfort shortfall", "limit breach", "availability",
    "reservation shortfall", "called comfort shortfall", "starts", "prognosis change",
)  # fmt: skip
"""The order in which terms are added up, before all others, so that sums do not depend on who states them first."""


def place_terms(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return the terms that arise at congestion points, (C+1,) each, EUR; the last entry is for units in none."""
    found = planned_terms(case, answer.programs) | {"called comfort shortfall": np.zeros(len(case.points) + 1)}
    for market in MARKETS:
        if market.placed_eur is not None:
            found |= market.placed_eur(case, answer)
    if answer.called is not None:
        found |= _called_terms(case, answer.called)
    result = {name: found.pop(name) for name in _IN_ORDER if name in found} | found
    for name, amount in remainder_eur(case).items():
        result.setdefault(name, np.zeros(len(case.points) + 1))[-1] += amount
    return result


def _called_terms(case: Case, called: Programs) -> dict[str, Floats]:
    """Return the terms of called programs, given those of all units."""
    found = {}
    for resource in RESOURCES:
        units = np.flatnonzero(called_units(case, resource.arrays(case).point))
        found[resource.name] = units, called.of(resource.fields, units)
    return called_terms(case, found)


def constants_eur(case: Case) -> dict[str, float]:
    """Return the constants of the objective by term, EUR: what no decision changes, and what nobody could meet.

    Called programs are charged for what they miss beyond what nobody could meet, which the plan is charged for.
    """
    found, missed_eur = remainder_eur(case), unavoidable_eur(case)
    if missed_eur != 0:
        found["called comfort shortfall"] = found.get("called comfort shortfall", 0.0) + missed_eur
    return found


def remainder_eur(case: Case) -> dict[str, float]:
    """Return what no decision changes, by term, EUR: earnings of units outside the case, and what is brought forward.

    A Period credits what it leaves to the next at the worth expected then; the next debits the same amount.
    """
    found = {} if case.remainder is None else dict(case.remainder.terms_eur)
    if case.brought_forward_eur != 0:
        found["brought forward"] = found.get("brought forward", 0.0) - case.brought_forward_eur
    return found


def market_terms(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return the terms of the portfolio as a whole, EUR."""
    result: dict[str, float] = {}
    for market in MARKETS:
        if market.portfolio_eur is not None:
            result |= market.portfolio_eur(case, answer)
    return result


def energy_terms(case: Case, programs: Programs, point_kw: Floats, shadow: Shadow) -> Floats:
    """Return −Σ_t λ[t]·Δ·P_c[t] per congestion point (C+1,), EUR: its energy at the price of its balancing groups.

    point_kw (C+1,T): P_c.
    """
    value: Floats = -(point_kw @ shadow.balance_eur_per_mwh) * case.isp_hours / 1000
    for group in range(1, len(case.balancing_groups.name)):
        dearer = shadow.group_balance_eur_per_mwh[group] - shadow.balance_eur_per_mwh
        value -= (group_points_kw(case, programs, group) @ dearer) * case.isp_hours / 1000
    return value
