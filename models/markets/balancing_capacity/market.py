"""Balancing capacity as the registry knows it."""

from models.markets.balancing_capacity import costs
from models.markets.balancing_capacity.block import hold_reserves
from models.markets.protocols import Market

MARKET = Market(
    name="balancing_capacity",
    state=hold_reserves,
    portfolio_eur=costs.portfolio_eur,
    reserve=costs.reserve,
    shortfalls=costs.shortfalls,
    sampled=lambda case, share: {"reserves": tuple(reserve.scaled(share) for reserve in case.reserves)},
    eased=costs.eased,
)
