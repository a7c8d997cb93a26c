"""FlexOption reservations as the registry knows them."""

from models.markets.protocols import Market
from models.markets.reservations import costs
from models.markets.reservations.block import cover_reservations

MARKET = Market(
    name="reservations",
    state=cover_reservations,
    placed_eur=costs.placed_eur,
    priced_points=costs.priced_points,
    calls=costs.calls,
)
