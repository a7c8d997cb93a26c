"""Costs of day-ahead positions. Source: docs/reference/formulation.md §3.2."""

from models.case import Case
from models.outcome import ProgramValues


def portfolio_eur(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return −Σ_t price·Δ·DA[t]."""
    return {"day-ahead": -float(case.day_ahead.price_eur_per_mwh @ answer.day_ahead_kw) * (case.isp_hours / 1000)}
