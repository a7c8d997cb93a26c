"""Completes an answer to an Outcome with sums per congestion point, value by term, bound and gap. Numpy only."""

import numpy as np

from models.case import Case
from models.errors import ProofError
from models.objective import energy_terms, market_terms, place_terms
from models.outcome import Outcome, ProgramValues, Shadow, Termination

_ROUNDING_EUR, _ROUNDING = 1e-4, 1e-6
"""What rounding may amount to: EUR, and as a share of gross cost."""


def no_prices(case: Case) -> Shadow:
    """Return shadow prices of zero."""
    return Shadow(
        balance_eur_per_mwh=np.zeros(case.isps),
        limit_import_eur_per_mwh=np.zeros(case.limits.import_kw.shape),
        limit_export_eur_per_mwh=np.zeros(case.limits.import_kw.shape),
        reservation_eur_per_mwh=np.zeros(case.reservations.reserved_kw.shape),
        reserve_eur_per_mw=np.zeros((len(case.reserves), case.isps)),
        connection_import_eur_per_mwh=np.zeros(case.connection_limits.import_kw.shape),
        connection_export_eur_per_mwh=np.zeros(case.connection_limits.import_kw.shape),
        group_balance_eur_per_mwh=np.zeros(case.balancing_groups.max_buy_kw.shape),
    )


def proven_eur(bound_eur: float, *, objective_eur: float, gross_cost_eur: float) -> float:
    """Return the bound, or the objective where rounding left the bound below it.

    Raises ProofError where it is below by more than rounding: then the proof or the program is wrong.
    """
    if bound_eur < objective_eur - _ROUNDING_EUR - _ROUNDING * gross_cost_eur:
        raise ProofError(
            f"a program is worth {objective_eur:.6f} EUR, but no program is proven to be worth more than "
            f"{bound_eur:.6f} EUR; one of them is wrong, so nothing is planned; keep the case and report it as a bug"
        )
    return max(bound_eur, objective_eur)


def assemble(
    case: Case,
    answer: ProgramValues,
    shadow: Shadow,
    *,
    termination: Termination,
    bound_eur: float,
    solver: str,
    seconds: dict[str, float],
) -> Outcome:
    """Return the outcome of an answer. Raises ProofError where the bound lies below the objective beyond rounding."""
    places = place_terms(case, answer)
    terms = market_terms(case, answer) | {name: float(values.sum()) for name, values in places.items()}
    objective = sum(terms.values())
    gross = sum(abs(amount) for amount in terms.values())
    bound = proven_eur(bound_eur, objective_eur=objective, gross_cost_eur=gross)
    energy = energy_terms(case, answer.programs, answer.point_kw, shadow)
    return Outcome(
        termination=termination,
        programs=answer.programs,
        called=answer.called,
        headroom=answer.headroom,
        called_headroom=answer.called_headroom,
        point_kw=answer.point_kw[:-1],
        total_kw=answer.point_kw.sum(axis=0),
        day_ahead_kw=answer.day_ahead_kw,
        intraday_buy_kw=answer.intraday_buy_kw,
        intraday_sell_kw=answer.intraday_sell_kw,
        short_kw=answer.short_kw,
        long_kw=answer.long_kw,
        bids_mw=answer.bids_mw,
        reserve_shortfall_mw=answer.reserve_shortfall_mw,
        breach_import_kw=answer.breach_import_kw,
        breach_export_kw=answer.breach_export_kw,
        reservation_shortfall_kw=answer.reservation_shortfall_kw,
        connection_import_breach_kw=answer.connection_import_breach_kw,
        connection_export_breach_kw=answer.connection_export_breach_kw,
        called_connection_import_breach_kw=answer.called_connection_import_breach_kw,
        called_connection_export_breach_kw=answer.called_connection_export_breach_kw,
        order_shortfall_kw=answer.order_shortfall_kw,
        tariff_eur=answer.tariff_eur,
        peak_kw=answer.peak_kw,
        group_day_ahead_kw=answer.group_day_ahead_kw,
        group_intraday_kw=answer.group_intraday_kw,
        group_imbalance_kw=answer.group_imbalance_kw,
        terms_eur=terms,
        point_terms_eur=places | {"energy": energy},
        objective_eur=objective,
        bound_eur=bound,
        gap_eur=bound - objective,
        gross_cost_eur=gross,
        shadow=shadow,
        solver=solver,
        seconds=seconds,
    )
