"""Agreed limits as the registry knows them."""

from models.markets.limits import costs
from models.markets.limits.block import limit_congestion
from models.markets.protocols import Market, PlacedRows, rows_at

MARKET = Market(
    name="limits",
    state=limit_congestion,
    placed_eur=costs.placed_eur,
    settled=costs.settled,
    priced_points=costs.priced_points,
    programs=costs.programs,
    placed=(
        PlacedRows(
            at=rows_at(lambda case: case.limits.point), values=("breach_import_kw", "breach_export_kw"),
            prices=("limit_import_eur_per_mwh", "limit_export_eur_per_mwh"),
        ),
    ),
    eased=costs.eased,
)  # fmt: skip
