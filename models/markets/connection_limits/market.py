"""Limits of connections and groups as the registry knows them."""

from models.markets.connection_limits import costs, no_connection_limits
from models.markets.connection_limits.block import limit_connections
from models.markets.protocols import Market, PlacedRows, rows_at

limits_at = rows_at(lambda case: case.connection_limits.point)
"""(case, congestion points (n,)): the limits (m,) all of whose units are at one of these points"""

MARKET = Market(
    name="connection_limits",
    state=limit_connections,
    placed_eur=costs.placed_eur,
    placed=(
        PlacedRows(
            at=limits_at,
            values=(
                "connection_import_breach_kw", "connection_export_breach_kw", "called_connection_import_breach_kw",
                "called_connection_export_breach_kw",
            ),
            prices=("connection_import_eur_per_mwh", "connection_export_eur_per_mwh"),
        ),
    ),
    sampled=lambda _case, _share: {"connection_limits": no_connection_limits()},  # all units find their prices
    eased=costs.eased,
)  # fmt: skip
