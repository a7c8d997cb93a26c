"""The intraday market as the registry knows it."""

from models.markets.intraday import costs
from models.markets.intraday.block import trade_intraday
from models.markets.protocols import Market

MARKET = Market(
    name="intraday",
    state=trade_intraday,
    portfolio_eur=costs.portfolio_eur,
    sampled=lambda case, share: {"intraday": case.intraday.scaled(share)},
)
