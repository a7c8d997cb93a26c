"""Agreed limits as the registry knows them."""

import numpy as np

from models.case import Case, Ints
from models.markets.limits import costs
from models.markets.limits.block import limit_congestion
from models.markets.protocols import Market, PlacedRows


def rows_at(case: Case, points: Ints) -> Ints:
    """Return the limits (m,) of congestion points (n,)."""
    return np.flatnonzero(np.isin(case.limits.point, points))


MARKET = Market(
    name="limits",
    state=limit_congestion,
    placed_eur=costs.placed_eur,
    settled=costs.settled,
    priced_points=costs.priced_points,
    programs=costs.programs,
    placed=(
        PlacedRows(
            at=rows_at, values=("breach_import_kw", "breach_export_kw"),
            prices=("limit_import_eur_per_mwh", "limit_export_eur_per_mwh"),
        ),
    ),
    eased=costs.eased,
)  # fmt: skip
