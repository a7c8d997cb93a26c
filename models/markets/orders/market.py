"""Orders of flexibility as the registry knows them."""

import numpy as np

from models.case import Case, Ints
from models.markets.orders import costs
from models.markets.orders.block import keep_orders
from models.markets.protocols import Market, PlacedRows


def rows_at(case: Case, points: Ints) -> Ints:
    """Return the orders (m,) at congestion points (n,)."""
    return np.flatnonzero(np.isin(case.orders.point, points))


MARKET = Market(
    name="orders",
    state=keep_orders,
    placed_eur=costs.placed_eur,
    settled=costs.settled,
    priced_points=costs.priced_points,
    programs=costs.programs,
    placed=(PlacedRows(at=rows_at, values=("order_shortfall_kw",), renewed=True),),
    eased=costs.eased,
)
