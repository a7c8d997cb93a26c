"""What DSOs may still ask for: open offers, and what their contracts still reserve after what they have ordered."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agr.domain.flexibility import BoundOffer
from agr.domain.isp import Period
from agr.planning.ports import PlanningSettings, PlanReader


def open_offers(reader: PlanReader, settings: PlanningSettings, period: Period, now: datetime) -> Sequence[BoundOffer]:
    """Return the offers of flexibility that DSOs may still order."""
    return reader.offered(period, now - timedelta(seconds=settings.trading.hold_s))


def still_reserved(reader: PlanReader, period: Period) -> dict[str, tuple[int, ...]]:
    """Return contract → W per ISP that its DSO still reserves: what it has ordered under it is used up."""
    found = dict(reader.reserved_w(period.day))
    for obligation in reader.orders(period):
        name = obligation.order.contract_id
        contract = None if name is None else reader.contract(name)
        if contract is not None and not obligation.limits_w:  # limits use up nothing that was reserved
            before = found.get(contract.contract, contract.contracted_w(period))
            pairs = zip(before, obligation.order.power_w, strict=True)
            found[contract.contract] = tuple(_used_up(reserved, ordered) for reserved, ordered in pairs)
    return found


def _used_up(reserved_w: int, ordered_w: int) -> int:
    """Return what is left of a reservation after an order in the same direction."""
    if reserved_w * ordered_w <= 0:
        return reserved_w
    return min(reserved_w - ordered_w, 0) if reserved_w < 0 else max(reserved_w - ordered_w, 0)
