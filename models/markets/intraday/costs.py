"""Money of intraday trades. Source: docs/reference/formulation.md §3.2."""

from models.case import Case
from models.outcome import ProgramValues


def portfolio_eur(case: Case, answer: ProgramValues) -> dict[str, float]:
    """Return Σ_t Δ·(sell price·sell[t] − buy price·buy[t]), and what trades earned before."""
    bought = case.intraday.buy_eur_per_mwh @ answer.intraday_buy_kw
    sold = case.intraday.sell_eur_per_mwh @ answer.intraday_sell_kw
    return {"intraday": float(sold - bought) * (case.isp_hours / 1000) + case.intraday.traded_eur}
