"""Reads from the store what the rules of trading need to know."""

from datetime import datetime, timedelta

from agr.domain.flexibility import OrderState
from agr.domain.isp import period_of
from agr.messaging.rules.context import TradeFacts
from agr.settings import Settings
from agr.store import flex_offers, flex_orders, flex_requests
from agr.store.engine import Tx
from agr.uftp import messages as m

_TO_SETTLE = frozenset(OrderState) - {OrderState.SETTLED, OrderState.DISPUTED}


def trade_facts(tx: Tx, message: m.Message, settings: Settings, now: datetime) -> TradeFacts:
    """Return what we know of the trade that a message is about; nothing for messages of no trade."""
    zone, minutes = settings.time_zone, settings.isp_minutes
    if isinstance(message, m.FlexRequest):
        newest = flex_requests.newest_revision(
            tx, message.sender_domain, message.period, message.congestion_point, message.contract_id
        )
        return TradeFacts(newest_revision=newest)
    if isinstance(message, m.FlexOrder):
        stored = flex_offers.get(tx, message.flex_offer, zone, minutes) if message.flex_offer else None
        return TradeFacts(
            offer=None if stored is None else stored.offer,
            offer_state=None if stored is None else stored.state,
            reference_used=flex_orders.reference_used(tx, message.sender_domain, message.order_reference),
            hold=timedelta(seconds=settings.trading.hold_s),
        )
    if isinstance(message, m.FlexSettlement):
        today = period_of(now, zone, minutes).day
        mine = [
            (stored.order.order_reference, stored.order.period.day)
            for stored in flex_orders.in_states(tx, _TO_SETTLE, zone, minutes)
            if stored.order.dso == message.sender_domain and stored.order.period.day < today
        ]
        return TradeFacts(unsettled=tuple(mine))
    return TradeFacts()
