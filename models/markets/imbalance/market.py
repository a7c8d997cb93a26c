"""Imbalance settlement as the registry knows it."""

from models.markets.imbalance import costs
from models.markets.imbalance.block import close_balance
from models.markets.protocols import Market

MARKET = Market(
    name="imbalance",
    state=close_balance,
    portfolio_eur=costs.portfolio_eur,
    balance=costs.balance,
    eased=costs.eased,
)
