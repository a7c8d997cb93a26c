"""Audits all money: recomputes each term from programs and positions, then their sums, the bound and the gap."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from models.audit.balancing_groups import energy_eur
from models.audit.findings import Axis, above, isp, named
from models.audit.markets.registry import MARKETS
from models.audit.payers import BROUGHT_FORWARD, payers
from models.audit.resources.registry import CLASSES
from models.audit.scenario import by_point, mwh, obeyed_when_called, reserved_points
from models.case import Case, Floats
from models.outcome import Outcome, Termination

_PRICE_SLACK = 1e-6


def check_money(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield findings about amounts that do not follow from the outcome; see the rules in models.audit."""
    placed = _placed_eur(case, outcome)
    terms = _market_eur(case, outcome) | {name: float(values.sum()) for name, values in placed.items()}
    allowed = 1e-4 + 1e-7 * sum(abs(amount) for amount in terms.values())
    yield from _amounts(outcome.terms_eur, terms, allowed)
    yield from _unpaid(case, terms)
    yield from _places(case, outcome, placed | {"energy": _energy_eur(case, outcome)}, allowed)
    yield from _sums(outcome, allowed)
    yield from _proof(outcome, allowed)
    yield from _signs(case, outcome)


def _placed_eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    """Return the terms that arise at congestion points, (C+1,) each, EUR."""
    result = {"called comfort shortfall": np.zeros(len(case.points) + 1)}

    def add(name: str, eur: Floats) -> None:
        result[name] = result.get(name, np.zeros(len(case.points) + 1)) + eur

    for of_class in CLASSES:
        if of_class.terms_eur is not None:
            point = case.units(of_class.name).point
            for name, eur in of_class.terms_eur(case, outcome.programs, False).items():
                add(name, by_point(case, point, eur))
            if outcome.called is not None:
                mine = reserved_points(case)[point]
                for name, eur in of_class.terms_eur(obeyed_when_called(case), outcome.called, True).items():
                    add(name, by_point(case, point, np.where(mine, eur, 0.0)))
    for market in MARKETS:
        if market.placed_eur is not None:
            for name, eur in market.placed_eur(case, outcome).items():
                add(name, eur)
    constant = {} if case.remainder is None else dict(case.remainder.terms_eur)
    for name, amount in (*constant.items(), *_brought_forward(case)):
        add(name, np.append(np.zeros(len(case.points)), amount))
    return result


def _brought_forward(case: Case) -> Iterator[tuple[str, float]]:
    """Yield the debit of what the Period before credited for what it left."""
    if case.brought_forward_eur != 0:
        yield BROUGHT_FORWARD, -case.brought_forward_eur


def _market_eur(case: Case, outcome: Outcome) -> dict[str, float]:
    """Return the terms of the portfolio as a whole, EUR."""
    result: dict[str, float] = {}
    for market in MARKETS:
        result |= {} if market.portfolio_eur is None else market.portfolio_eur(case, outcome)
    return result


def _energy_eur(case: Case, outcome: Outcome) -> Floats:
    """Return −Σ_t λ[t]·Δ·P_c[t] (C+1,), EUR: the energy of each congestion point at the portfolio's own price."""
    if case.balancing_groups.name:
        return energy_eur(case, outcome)
    elsewhere = outcome.total_kw - outcome.point_kw.sum(axis=0)
    power = np.vstack([outcome.point_kw, elsewhere])
    return np.asarray(-(mwh(case, power) * outcome.shadow.balance_eur_per_mwh).sum(axis=1), dtype=np.float64)


def _amounts(found: dict[str, float], expected: dict[str, float], allowed: float) -> Iterator[str]:
    names = sorted(found.keys() | expected.keys())
    stated = np.array([found.get(name, 0.0) for name in names])
    due = np.array([expected.get(name, 0.0) for name in names])
    for name in names:
        if name not in expected:
            yield f"terms_eur {name}: is not a term of this case"
    yield from above(
        (named("terms_eur", names),), "is not what it amounts to, wrong", np.abs(stated - due), allowed, "EUR"
    )


def _unpaid(case: Case, terms: Iterable[str]) -> Iterator[str]:
    """Yield terms of which no audit of a class or market says whose money they are."""
    known = payers(case)
    for name in terms:
        if name not in known:
            yield f"terms_eur {name}: is paid by nobody known; the audit that yields it must name a payer"


def _places(case: Case, outcome: Outcome, expected: dict[str, Floats], allowed: float) -> Iterator[str]:
    found = outcome.point_terms_eur
    for name in sorted(found.keys() - expected.keys()):
        yield f"point_terms_eur {name}: is not a term of a congestion point"
    size = len(case.points) + 1
    for name, due in expected.items():
        place: Axis = named(f"point_terms_eur {name}, congestion point", (*case.points, "none"))
        # The energy of units in no point is a difference of sums; gross cost need not contain it.
        tolerance = allowed + 1e-6 * float(np.abs(due).max()) if name == "energy" else allowed
        wrong = np.abs(found.get(name, np.zeros(size)) - due)
        yield from above((place,), "is not what it amounts to, wrong", wrong, tolerance, "EUR")


def _sums(outcome: Outcome, allowed: float) -> Iterator[str]:
    amounts = list(outcome.terms_eur.values())
    rules = (
        ("objective_eur", outcome.objective_eur, sum(amounts), "the sum of terms_eur"),
        ("gross_cost_eur", outcome.gross_cost_eur, sum(abs(amount) for amount in amounts), "the sum of |terms_eur|"),
    )
    for name, found, expected, meaning in rules:
        if not abs(found - expected) <= allowed:
            yield f"{name}: is {found:.6g} EUR, {meaning} is {expected:.6g} EUR"


def _proof(outcome: Outcome, allowed: float) -> Iterator[str]:
    bound, objective, gap = outcome.bound_eur, outcome.objective_eur, outcome.gap_eur
    if not bound >= objective - allowed:
        yield f"bound_eur: is {objective - bound:.6g} EUR below objective_eur, so it bounds nothing"
    if gap != bound - objective and not abs(gap - (bound - objective)) <= allowed:
        yield f"gap_eur: is {gap:.6g} EUR, bound − objective is {bound - objective:.6g} EUR"
    proven = math.isfinite(bound)
    if outcome.termination is Termination.OPTIMAL and not proven:
        yield "termination: is optimal, but bound_eur proves nothing"
    if outcome.termination is Termination.NO_PROGRAM and proven:
        yield "termination: is no program, but bound_eur is finite"


def _signs(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield findings about negative shadow prices of inequalities."""
    for market in MARKETS:
        for name, rows in ({} if market.shadows is None else market.shadows(case)).items():
            unit, values = name.rpartition("eur_per_")[2], getattr(outcome.shadow, name)
            yield from above(
                (rows.__getitem__, isp), f"shadow.{name} is negative", -values, _PRICE_SLACK, f"EUR/{unit}"
            )
