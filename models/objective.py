"""Value, term by term: the objective of the problem, and the same money reckoned from a finished program."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from models.block import ObjectiveTerm, Values, linear_sum, per_point, reserved_points, sums_of
from models.case import Bools, Case, Floats, Ints, Switched
from models.outcome import Headroom, Programs
from models.resources.switched import missed_isps, of_units, starts


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgramValues:
    """What is done and held: everything in an Outcome that costs or earns. Shapes as in Outcome."""

    programs: Programs
    called: Programs | None
    headroom: Headroom
    called_headroom: Headroom | None
    point_kw: Floats  # (C+1,T), the last row for units in no congestion point
    day_ahead_kw: Floats
    intraday_buy_kw: Floats
    intraday_sell_kw: Floats
    short_kw: Floats
    long_kw: Floats
    bids_mw: tuple[Floats, ...]
    reserve_shortfall_mw: Floats
    breach_import_kw: Floats
    breach_export_kw: Floats
    reservation_shortfall_kw: Floats


def maximise_value(model: Any, worths: Sequence[ObjectiveTerm]) -> None:
    """Maximise Σ over all terms, constants included, so that the optimum is the value in EUR."""
    variables = [variable for worth in worths for variable in worth.variables]
    eur = np.concatenate([np.zeros(0), *(worth.eur for worth in worths)])
    constant = sum(worth.constant_eur for worth in worths)
    model.value = pyo.Objective(expr=linear_sum(variables, eur) + constant, sense=pyo.maximize)


def gross_eur(worths: Sequence[ObjectiveTerm], values: Values) -> float:
    """Return Σ |term|, to which relative gaps refer."""
    terms: dict[str, float] = {}
    for worth in worths:
        amount = float(worth.eur @ values(worth.variables)) + worth.constant_eur
        terms[worth.term] = terms.get(worth.term, 0.0) + amount
    return sum(abs(amount) for amount in terms.values())


def place_terms(case: Case, answer: ProgramValues) -> dict[str, Floats]:
    """Return the terms that arise at a congestion point, (C+1,) each, the last entry for units in none. EUR."""
    mwh = case.isp_hours / 1000
    storage, curtailable, limits, contracts = case.storage, case.curtailable, case.limits, case.reservations
    programs = answer.programs
    curtailed_kw = sums_of(
        len(curtailable.point), lambda u: np.maximum(programs.curtailable_kw[u] - curtailable.forecast_kw[u], 0.0)
    )
    moved_kwh = sums_of(len(storage.point), lambda u: programs.charge_kw[u] + programs.discharge_kw[u]) * case.isp_hours
    missed_kwh = missed_kwh_of(programs)
    breach_kw = (answer.breach_import_kw + answer.breach_export_kw).sum(axis=1)
    fee = contracts.availability_eur_per_mw_h * np.abs(contracts.reserved_kw).sum(axis=1)
    undelivered = contracts.penalty_eur_per_mwh * answer.reservation_shortfall_kw.sum(axis=1)
    result = {
        "wear": per_point(case, storage.point, -storage.wear_eur_per_kwh * moved_kwh),
        "curtailment": per_point(case, curtailable.point, -curtailable.cost_eur_per_mwh * curtailed_kw * mwh),
        "stored energy": per_point(case, storage.point, storage.end_value_eur_per_kwh * programs.energy_kwh[:, -1]),
        "comfort shortfall": per_point(case, storage.point, -storage.shortfall_eur_per_kwh * missed_kwh),
        "limit breach": per_point(case, limits.point, -limits.penalty_eur_per_mwh * breach_kw * mwh),
        "availability": per_point(case, contracts.point, fee * mwh),
        "reservation shortfall": per_point(case, contracts.point, -undelivered * mwh),
        "called comfort shortfall": np.zeros(len(case.points) + 1),
    }
    switched = case.switched
    if len(switched.point):
        begun = -switched.start_eur * starts(switched, programs.switched_on)
        result["starts"] = per_point(case, switched.point, begun)
        result["comfort shortfall"] += per_point(case, switched.point, _missed_eur(switched, programs.switched_on))
    if case.anchor is not None:
        moved_kw = np.abs(np.nan_to_num(answer.point_kw[:-1] - case.anchor.point_kw)).sum(axis=1)
        result["prognosis change"] = np.append(-case.anchor.eur_per_mwh * moved_kw * mwh, 0.0)
    if answer.called is not None:
        mine, own = (np.flatnonzero(reserved_points(case)[part.point]) for part in (storage, switched))
        missed_kwh = missed_kwh_of(answer.called)[mine]
        result |= called_terms(case, mine, missed_kwh, own, answer.called.switched_on[own])
    for name, amount in remainder_eur(case).items():
        result.setdefault(name, np.zeros(len(case.points) + 1))[-1] += amount
    return result


def remainder_eur(case: Case) -> dict[str, float]:
    """Return what units earn that are not in the case, by term."""
    return {} if case.remainder is None else case.remainder.terms_eur


def called_terms(
    case: Case, storage: Ints, missed_kwh: Floats, switched: Ints, switched_on: Bools
) -> dict[str, Floats]:  # fmt: skip
    """Return the terms of called programs (C+1,) of units that may have one, EUR.

    storage (n,) with the energy that each of them misses (n,); switched (m,) with their states (m,T).
    """
    data = case.storage
    total = per_point(case, data.point[storage], -data.shortfall_eur_per_kwh[storage] * missed_kwh)
    if len(switched):
        mine = of_units(case.switched, switched)
        total += per_point(case, mine.point, _missed_eur(mine, switched_on))
    return {"called comfort shortfall": total}


def missed_kwh_of(programs: Programs) -> Floats:
    """Return unmet and excess energy of each storage unit (U,)."""
    return sums_of(len(programs.unmet_kwh), lambda u: programs.unmet_kwh[u] + programs.excess_kwh[u])


def _missed_eur(data: Switched, on: Bools) -> Floats:
    """Return −price · ISPs missed of each switched unit (U,)."""
    return np.asarray(-data.shortfall_eur * missed_isps(data, on), dtype=np.float64)


def market_terms(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return the terms of the portfolio as a whole, EUR."""
    mwh = case.isp_hours / 1000
    bought = case.intraday.buy_eur_per_mwh @ answer.intraday_buy_kw
    sold = case.intraday.sell_eur_per_mwh @ answer.intraday_sell_kw
    penal = case.imbalance.short_eur_per_mwh @ answer.short_kw + case.imbalance.long_eur_per_mwh @ answer.long_kw
    result = {
        "day-ahead": -float(case.day_ahead.price_eur_per_mwh @ answer.day_ahead_kw) * mwh,
        "intraday": float(sold - bought) * mwh,
        "imbalance": -float(penal) * mwh,
        "reserve shortfall": 0.0,
    }
    for r, reserve in enumerate(case.reserves):
        result[f"capacity {reserve.name}"] = float(reserve.price_eur_per_mw @ answer.bids_mw[r])
        missing_mwh = float(answer.reserve_shortfall_mw[r].sum()) * case.isp_hours
        result["reserve shortfall"] -= reserve.shortfall_eur_per_mwh * missing_mwh
    return result


def energy_terms(case: Case, point_kw: Floats, balance_eur_per_mwh: Floats) -> Floats:
    """Return −Σ_t λ[t]·Δ·P_c[t] per congestion point (C+1,): its energy at the portfolio's own price, EUR."""
    value: Floats = -(point_kw @ balance_eur_per_mwh) * case.isp_hours / 1000
    return value
