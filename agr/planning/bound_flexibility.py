"""What DSOs may still ask for: open offers, and what their contracts still reserve after what they have ordered."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agr.domain.flexibility import BoundOffer
from agr.domain.isp import Period
from agr.domain.reserved import Reserved, after_orders
from agr.planning.ports import PlanningSettings, PlanReader


def open_offers(reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime) -> Sequence[BoundOffer]:
    """Return the offers of flexibility that DSOs may still order."""
    return reader.offered(period, now - timedelta(seconds=settings.trading.hold_s))


def still_reserved(reader: PlanReader, period: Period) -> dict[str, Reserved]:
    """Return contract → what its DSO still reserves, for contracts with an update or an order under them."""
    updates, orders = reader.reserved_w(period.day), reader.orders(period)
    found: dict[str, Reserved] = {}
    for name in dict.fromkeys((*updates, *(one.order.contract_id for one in orders))):
        contract = None if name is None else reader.contract(name)
        reserved = updates.get(name or "", None if contract is None else contract.contracted_w(period))
        if name is not None and reserved is not None:
            found[name] = after_orders(name, reserved, orders)
    return found
