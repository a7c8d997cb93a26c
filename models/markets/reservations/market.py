"""FlexOption reservations as the registry knows them."""

from models.markets.protocols import Market, PlacedRows, rows_at
from models.markets.reservations import costs
from models.markets.reservations.block import cover_reservations

MARKET = Market(
    name="reservations",
    state=cover_reservations,
    placed_eur=costs.placed_eur,
    priced_points=costs.priced_points,
    calls=costs.calls,
    placed=(
        PlacedRows(
            at=rows_at(lambda case: case.reservations.point), values=("reservation_shortfall_kw",),
            prices=("reservation_eur_per_mwh",), renewed=True,
        ),
    ),
    eased=costs.eased,
)  # fmt: skip
