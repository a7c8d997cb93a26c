"""Limits of connections and groups as the registry knows them."""

import numpy as np

from models.case import Case, Ints
from models.markets.connection_limits import costs
from models.markets.connection_limits.block import limit_connections
from models.markets.protocols import Market, PlacedRows


def rows_at(case: Case, points: Ints) -> Ints:
    """Return the connection limits (m,) all of whose units are at one of some congestion points (n,)."""
    return np.flatnonzero(np.isin(case.connection_limits.point, points))


MARKET = Market(
    name="connection_limits",
    state=limit_connections,
    placed_eur=costs.placed_eur,
    placed=(
        PlacedRows(
            at=rows_at,
            values=(
                "connection_import_breach_kw", "connection_export_breach_kw", "called_connection_import_breach_kw",
                "called_connection_export_breach_kw",
            ),
            prices=("connection_import_eur_per_mwh", "connection_export_eur_per_mwh"),
        ),
    ),
    eased=costs.eased,
)  # fmt: skip
