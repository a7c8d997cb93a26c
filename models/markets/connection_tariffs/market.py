"""Tariffs at connections as the registry knows them."""

from models.markets.connection_tariffs import costs
from models.markets.connection_tariffs.block import charge_connections
from models.markets.protocols import Market

MARKET = Market(
    name="connection_tariffs",
    state=charge_connections,
    placed_eur=costs.placed_eur,
    whole_only=lambda case: len(case.connection_tariffs.least_eur) > 0,  # a condition on the sum of all ISPs
)
