"""Orders of flexibility as the registry knows them."""

from models.markets.orders import costs
from models.markets.orders.block import keep_orders
from models.markets.protocols import Market, PlacedRows, rows_at

MARKET = Market(
    name="orders",
    state=keep_orders,
    placed_eur=costs.placed_eur,
    settled=costs.settled,
    priced_points=costs.priced_points,
    programs=costs.programs,
    placed=(PlacedRows(at=rows_at(lambda case: case.orders.point), values=("order_shortfall_kw",), renewed=True),),
    eased=costs.eased,
)
