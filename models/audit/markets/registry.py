"""The audits of markets and obligations, found by the names of the markets: each has a module here with its AUDIT."""

from models.audit.protocols import MarketAudit
from models.case import MARKET_NAMES
from models.registered import registered

MARKETS: tuple[MarketAudit, ...] = registered(MARKET_NAMES, "models.audit.markets.{name}", "AUDIT", MarketAudit)
