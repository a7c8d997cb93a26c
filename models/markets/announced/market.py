"""The distance from what was announced, as the registry knows it."""

from models.markets.announced import costs
from models.markets.announced.block import stay_near
from models.markets.protocols import Market

MARKET = Market(
    name="announced",
    state=stay_near,
    placed_eur=costs.placed_eur,
    priced_points=costs.priced_points,
    programs=costs.programs,
)
