"""Audits every euro: recomputes each term from what is done and held, then their sums, the bound and the gap."""

import math
from collections.abc import Iterator

import numpy as np

from models.audit.findings import Axis, above, isp, named, numbered
from models.audit.scenario import by_point, reserved_points
from models.audit.switched import begun, missed
from models.case import Case, Floats
from models.outcome import Outcome, Programs, Termination

_PRICE_SLACK = 1e-6


def check_money(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield euros that do not follow from the outcome; see the rules in models.audit."""
    placed = _placed_eur(case, outcome)
    terms = _market_eur(case, outcome) | {name: float(values.sum()) for name, values in placed.items()}
    allowed = 1e-4 + 1e-7 * sum(abs(amount) for amount in terms.values())
    yield from _amounts(outcome.terms_eur, terms, allowed)
    yield from _places(case, outcome, placed | {"energy": _energy_eur(case, outcome)}, allowed)
    yield from _sums(outcome, allowed)
    yield from _proof(outcome, allowed)
    yield from _signs(case, outcome)


def _mwh(case: Case, kw: Floats) -> Floats:
    """Return energy in MWh of average power in kW."""
    return np.asarray(kw * case.isp_hours / 1000.0, dtype=np.float64)


def _shortfall_eur(case: Case, programs: Programs) -> Floats:
    """Return −price·(unmet + excess) per storage unit (U,)."""
    missed = np.sum(programs.unmet_kwh + programs.excess_kwh, axis=1)
    return np.asarray(-case.storage.shortfall_eur_per_kwh * missed, dtype=np.float64)


def _placed_eur(case: Case, outcome: Outcome) -> dict[str, Floats]:
    """Return the terms that arise at congestion points, (C+1,) each."""
    storage, contracts, programs = case.storage, case.reservations, outcome.programs
    moved_kwh = np.sum(programs.charge_kw + programs.discharge_kw, axis=1) * case.isp_hours
    curtailed = _mwh(case, np.maximum(programs.curtailable_kw - case.curtailable.forecast_kw, 0.0)).sum(axis=1)
    breached = _mwh(case, outcome.breach_import_kw + outcome.breach_export_kw).sum(axis=1)
    # Availability is paid per MW and hour: numerically, per MWh.
    reserved = _mwh(case, np.abs(contracts.reserved_kw)).sum(axis=1)
    undelivered = _mwh(case, outcome.reservation_shortfall_kw).sum(axis=1)
    called_eur = np.zeros(len(storage.point))
    if outcome.called is not None:
        called_eur = np.where(reserved_points(case)[storage.point], _shortfall_eur(case, outcome.called), 0.0)
    left_eur = storage.end_value_eur_per_kwh * programs.energy_kwh[:, -1]
    result = {
        "wear": by_point(case, storage.point, -storage.wear_eur_per_kwh * moved_kwh),
        "stored energy": by_point(case, storage.point, left_eur),
        "comfort shortfall": by_point(case, storage.point, _shortfall_eur(case, programs)),
        "called comfort shortfall": by_point(case, storage.point, called_eur),
        "curtailment": by_point(case, case.curtailable.point, -case.curtailable.cost_eur_per_mwh * curtailed),
        "limit breach": by_point(case, case.limits.point, -case.limits.penalty_eur_per_mwh * breached),
        "availability": by_point(case, contracts.point, contracts.availability_eur_per_mw_h * reserved),
        "reservation shortfall": by_point(case, contracts.point, -contracts.penalty_eur_per_mwh * undelivered),
    }
    switched = case.switched
    if len(switched.point):
        result["starts"] = by_point(case, switched.point, -switched.start_eur * begun(case, programs))
        missed_eur = -switched.shortfall_eur * missed(case, programs)
        result["comfort shortfall"] = result["comfort shortfall"] + by_point(case, switched.point, missed_eur)
        if outcome.called is not None:
            missed_eur = -switched.shortfall_eur * missed(case, outcome.called)
            missed_eur = np.where(reserved_points(case)[switched.point], missed_eur, 0.0)
            called = by_point(case, switched.point, missed_eur)
            result["called comfort shortfall"] = result["called comfort shortfall"] + called
    if case.anchor is not None:
        distance = np.abs(outcome.point_kw - case.anchor.point_kw)
        left = _mwh(case, np.where(np.isnan(case.anchor.point_kw), 0.0, distance)).sum(axis=1)
        result["prognosis change"] = np.append(-case.anchor.eur_per_mwh * left, 0.0)
    if case.remainder is not None:
        for name, amount in case.remainder.terms_eur.items():
            result[name] = result.get(name, np.zeros(len(case.points) + 1)) + np.append(
                np.zeros(len(case.points)), amount
            )
    return result


def _market_eur(case: Case, outcome: Outcome) -> dict[str, float]:
    """Return the terms of the portfolio as a whole."""
    intraday, imbalance = case.intraday, case.imbalance
    sold = intraday.sell_eur_per_mwh * _mwh(case, outcome.intraday_sell_kw)
    bought = intraday.buy_eur_per_mwh * _mwh(case, outcome.intraday_buy_kw)
    short = imbalance.short_eur_per_mwh * _mwh(case, outcome.short_kw)
    long = imbalance.long_eur_per_mwh * _mwh(case, outcome.long_kw)
    result = {
        "day-ahead": -float(np.sum(case.day_ahead.price_eur_per_mwh * _mwh(case, outcome.day_ahead_kw))),
        "intraday": float(np.sum(sold - bought)),
        "imbalance": -float(np.sum(short + long)),
        "reserve shortfall": 0.0,
    }
    for r, reserve in enumerate(case.reserves):
        term = f"capacity {reserve.name}"
        result[term] = result.get(term, 0.0) + float(np.sum(reserve.price_eur_per_mw * outcome.bids_mw[r]))
        missing_mwh = float(np.sum(outcome.reserve_shortfall_mw[r])) * case.isp_hours
        result["reserve shortfall"] -= reserve.shortfall_eur_per_mwh * missing_mwh
    return result


def _energy_eur(case: Case, outcome: Outcome) -> Floats:
    """Return −Σ_t λ[t]·Δ·P_c[t] (C+1,): what each congestion point's energy is worth at the portfolio's own price."""
    elsewhere = outcome.total_kw - outcome.point_kw.sum(axis=0)
    power = np.vstack([outcome.point_kw, elsewhere])
    return np.asarray(-(_mwh(case, power) * outcome.shadow.balance_eur_per_mwh).sum(axis=1), dtype=np.float64)


def _amounts(found: dict[str, float], expected: dict[str, float], allowed: float) -> Iterator[str]:
    names = sorted(found.keys() | expected.keys())
    stated = np.array([found.get(name, 0.0) for name in names])
    due = np.array([expected.get(name, 0.0) for name in names])
    for name in names:
        if name not in expected:
            yield f"terms_eur {name}: is no term of this case"
    yield from above(
        (named("terms_eur", names),), "is not what it amounts to, wrong", np.abs(stated - due), allowed, "EUR"
    )


def _places(case: Case, outcome: Outcome, expected: dict[str, Floats], allowed: float) -> Iterator[str]:
    found = outcome.point_terms_eur
    for name in sorted(found.keys() - expected.keys()):
        yield f"point_terms_eur {name}: is no term of a congestion point"
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
    """Shadow prices of inequalities are not negative."""
    shadow = outcome.shadow
    parts = (
        ("limit_import_eur_per_mwh", numbered("limit"), shadow.limit_import_eur_per_mwh),
        ("limit_export_eur_per_mwh", numbered("limit"), shadow.limit_export_eur_per_mwh),
        ("reservation_eur_per_mwh", named("reservation", case.reservations.name), shadow.reservation_eur_per_mwh),
        ("reserve_eur_per_mw", named("reserve", [r.name for r in case.reserves]), shadow.reserve_eur_per_mw),
    )
    for name, axis, values in parts:
        unit = name.rpartition("eur_per_")[2]
        yield from above((axis, isp), f"shadow.{name} is negative", -values, _PRICE_SLACK, f"EUR/{unit}")
