"""Agreed limits as the registry knows them."""

from models.markets.limits import costs
from models.markets.limits.block import limit_congestion
from models.markets.protocols import Market

MARKET = Market(
    name="limits",
    state=limit_congestion,
    placed_eur=costs.placed_eur,
    settled=costs.settled,
    priced_points=costs.priced_points,
    programs=costs.programs,
)
