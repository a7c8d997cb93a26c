"""Reads from the store what the rules of trading need to know."""

from datetime import datetime, timedelta

from agr.domain.flexibility_states import OrderState
from agr.domain.isp import Period, period_of
from agr.domain.register import Contract
from agr.domain.reserved import after_orders
from agr.messaging.rules.context import DirectFacts, TradeFacts
from agr.settings import Settings
from agr.store import day, flex_offers, flex_orders, flex_requests, plans, portfolio, register
from agr.store.engine import Tx
from agr.uftp import messages as m

_TO_SETTLE = frozenset(OrderState) - {OrderState.SETTLED, OrderState.DISPUTED}


def trade_facts(tx: Tx, message: m.Message, settings: Settings, now: datetime) -> TradeFacts:
    """Return what we know of the trade that a message is about; nothing for messages about no trade."""
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
            direct=_direct(tx, message, settings, now) if message.flex_offer is None else None,
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


def _direct(tx: Tx, message: m.FlexOrder, settings: Settings, now: datetime) -> DirectFacts | None:
    """Return what an order without an offer is judged by; None where its DSO may not send any."""
    agreed = any(p.direct_orders for p in settings.participants if (p.domain, p.role) == (message.sender_domain, "DSO"))
    if not agreed:
        return None
    period = Period(message.period, settings.time_zone, settings.isp_minutes)
    contract = None if message.contract_id is None else register.contract(tx, message.contract_id)
    baseline = accepted_prognosis(tx, period, message.congestion_point)
    return DirectFacts(
        reserved_w=(0,) * period.isp_count if contract is None else _still_reserved(tx, period, contract),
        currency=settings.currency,
        price_eur_per_mwh=None if contract is None else contract.price_eur_per_mwh,
        prognosis=None if baseline is None else baseline.message_id,
        closed_isps=_closed(tx, message, settings, period, now),
    )


def accepted_prognosis(tx: Tx, period: Period, address: str) -> plans.Sent | None:
    """Return the newest D-Prognosis of a congestion point that its DSO has accepted."""
    sent = reversed(plans.prognoses_of(tx, period.day, address))
    return next((one for one in sent if one.state == "accepted"), None)


def _still_reserved(tx: Tx, period: Period, contract: Contract) -> tuple[int, ...]:
    """Return what a contract reserves in W per ISP, less what has been ordered under it."""
    reserved_w = day.reservations_on(tx, period.day).get(contract.contract, contract.contracted_w(period))
    return after_orders(contract.contract, reserved_w, flex_orders.obligations(tx, period)).callable_w


def _closed(tx: Tx, message: m.FlexOrder, settings: Settings, period: Period, now: datetime) -> int:
    """Count the ISPs that can be ordered no longer; all of a running day where nobody redispatches during it."""
    edge = now + timedelta(seconds=settings.trading.last_order_s)
    closed = min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0
    if now >= period.start and not portfolio.redispatched_intraday(tx, period.day, message.congestion_point):
        return period.isp_count
    return closed
