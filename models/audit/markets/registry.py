"""The audits of markets and obligations: the one place where they are registered."""

from models.audit.markets import announced, balancing_capacity, day_ahead, imbalance, intraday, limits, reservations
from models.audit.protocols import MarketAudit

MARKETS: tuple[MarketAudit, ...] = (
    day_ahead.AUDIT,
    intraday.AUDIT,
    imbalance.AUDIT,
    limits.AUDIT,
    reservations.AUDIT,
    balancing_capacity.AUDIT,
    announced.AUDIT,
)
