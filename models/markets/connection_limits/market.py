"""Limits of connections and groups as the registry knows them."""

from models.markets.connection_limits import costs
from models.markets.connection_limits.block import limit_connections
from models.markets.protocols import Market

MARKET = Market(name="connection_limits", state=limit_connections, placed_eur=costs.placed_eur)
