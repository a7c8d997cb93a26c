"""The day-ahead market as the registry knows it."""

from models.markets.day_ahead import costs
from models.markets.day_ahead.block import trade_day_ahead
from models.markets.protocols import Market

MARKET = Market(
    name="day_ahead",
    state=trade_day_ahead,
    portfolio_eur=costs.portfolio_eur,
    sampled=lambda case, share: {"day_ahead": case.day_ahead.scaled(share)},
)
