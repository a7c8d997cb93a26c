"""FlexOption reservations as the registry knows them."""

import numpy as np

from models.case import Case, Ints
from models.markets.protocols import Market, PlacedRows
from models.markets.reservations import costs
from models.markets.reservations.block import cover_reservations


def rows_at(case: Case, points: Ints) -> Ints:
    """Return the contracts (m,) at congestion points (n,)."""
    return np.flatnonzero(np.isin(case.reservations.point, points))


MARKET = Market(
    name="reservations",
    state=cover_reservations,
    placed_eur=costs.placed_eur,
    priced_points=costs.priced_points,
    calls=costs.calls,
    placed=(
        PlacedRows(
            at=rows_at, values=("reservation_shortfall_kw",), prices=("reservation_eur_per_mwh",), renewed=True
        ),
    ),
    eased=costs.eased,
)  # fmt: skip
