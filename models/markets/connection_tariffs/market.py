"""Tariffs at connections as the registry knows them."""

import numpy as np

from models.case import Case, Ints
from models.markets.connection_tariffs import costs, no_connection_tariffs
from models.markets.connection_tariffs.block import charge_connections
from models.markets.protocols import Market, PlacedRows, rows_at

tariffs_at = rows_at(lambda case: case.connection_tariffs.point)
"""(case, congestion points (n,)): the connections (m,) with a tariff there"""


def peaks_at(case: Case, points: Ints) -> Ints:
    """Return the peak charges (m,) of connections at congestion points (n,)."""
    return np.flatnonzero(np.isin(case.connection_tariffs.peak_at, tariffs_at(case, points)))


MARKET = Market(
    name="connection_tariffs",
    state=charge_connections,
    placed_eur=costs.placed_eur,
    whole_only=lambda case: len(case.connection_tariffs.least_eur) > 0,  # a condition on the sum of all ISPs
    placed=(PlacedRows(at=tariffs_at, values=("tariff_eur",)), PlacedRows(at=peaks_at, values=("peak_kw",))),
    sampled=lambda _case, _share: {"connection_tariffs": no_connection_tariffs()},  # all units find their prices
    eased=costs.eased,
)
