"""Answers a FlexSettlement: the message is accepted, each order accepted or disputed with numbers."""

from datetime import datetime

import structlog

from agr.domain.faults import number_of
from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.isp import Period
from agr.domain.register import Contract
from agr.messaging.handlers import Handling, Judgement
from agr.planning.contents import named_some
from agr.store import day, flex_offers, flex_orders, flex_requests, register
from agr.store.engine import Tx
from agr.store.flex_orders import SettledOrder, StoredOrder
from agr.trading.contract_settlement import ContractDay, contract_faults
from agr.trading.limit_settlement import judge_limits
from agr.trading.measured import measured_w
from agr.trading.settlement_check import Meters, judge
from agr.uftp import messages as m

log = structlog.get_logger()

DISPUTED = "flex settlement disputed"
"""Kind of alarm."""
_SHOWN = 5
_NEVER_SENT = (OfferState.PRICED, OfferState.DISCARDED)
_OVER = (OrderState.ACCEPTED, OrderState.PLANNED, OrderState.ANNOUNCED, OrderState.VALIDATED)


def settle(message: m.FlexSettlement, handling: Handling) -> Judgement:
    """Judge every item, and answer all in one message."""
    statuses, disputed = [], []
    names = [item.order_reference for item in message.orders]
    for item in message.orders:
        faults = _settle(item, message, handling)
        if item.order_reference is not None and names.count(item.order_reference) > 1:
            faults = ("the order is settled more than once in this message", *faults)
        if faults:
            disputed.append(f"{item.order_reference}: {named_some(faults, _SHOWN)}")
        statuses.append(
            m.OrderSettlementStatus(
                order_reference=item.order_reference,
                disposition="Disputed" if faults else "Accepted",
                dispute_reason=named_some(faults, _SHOWN) if faults else None,
            )
        )
    handling.reply(message, "Accepted", orders=statuses)
    _tell(handling, message, [*disputed, *_contracts(message, handling)], handling.now)
    return Judgement(state="accepted", reason=f"{number_of(len(disputed), 'order')} disputed" if disputed else "")


def _settle(item: m.OrderSettlement, message: m.FlexSettlement, handling: Handling) -> tuple[str, ...]:
    """Record what a DSO settles of one order; return what is wrong with it."""
    tx, settings, dso = handling.tx, handling.settings, handling.row.sender_domain
    if item.order_reference is None and not (item.price or item.penalty or item.net_settlement):
        return ()  # the schemas demand an item even where nothing was ordered
    stored = flex_orders.by_reference(
        tx, dso, item.order_reference or "", settings.time_zone, settings.isp_minutes
    )  # fmt: skip
    if stored is None:
        return ("we know no order of this OrderReference",)
    contract = stored.order.contract_id
    known = register.contract(tx, contract) if contract else None
    obligation = flex_orders.bound_by(tx, stored)
    judged = (judge_limits if obligation.limits_w else judge)(
        item, obligation, known.penalty_eur_per_mwh if known else 0.0, _meters(handling, stored)
    )
    faults = judged.faults
    if message.currency != stored.order.currency:
        faults = (f"Currency {message.currency} is not the order's {stored.order.currency}", *faults)
    _record(
        handling, stored,
        SettledOrder(
            message_id=handling.row.message_id, at=handling.now, price=item.price, penalty=item.penalty,
            net=item.net_settlement, expected_net=judged.expected_net, deficiency_kwh=judged.deficiency_kwh,
            faults=faults, unchecked=judged.unchecked,
        ),
    )  # fmt: skip
    log.info(
        "flex_settlement.judged", dso=dso, period=str(stored.order.period), order=stored.order.order_reference,
        price=f"{item.price:.2f}", net=f"{item.net_settlement:.2f}",
        verdict="disputed" if faults else "accepted",
    )  # fmt: skip
    return faults


def _meters(handling: Handling, stored: StoredOrder) -> Meters:
    """Return what our own meters say of the order's congestion point."""
    order = stored.order
    return Meters(
        actual_w=measured_w(handling.tx, order.period, order.congestion_point),
        tolerance_share=handling.settings.trading.meter_tolerance_share,
    )  # fmt: skip


def _contracts(message: m.FlexSettlement, handling: Handling) -> list[str]:
    """Return what is wrong about the contracts that are settled; UFTP has no answer for them."""
    tx, settings, dso, found = handling.tx, handling.settings, handling.row.sender_domain, list[str]()
    for one in message.contracts:
        if one.contract_id is None:
            continue  # the schemas demand one even where nothing was reserved
        contract = register.contract(tx, one.contract_id)
        if contract is None or contract.dso != dso:
            found.append(f"contract {one.contract_id} is not one of ours with {dso}")
            continue
        for told in one.periods:
            period = Period(told.period, settings.time_zone, settings.isp_minutes)
            found += contract_faults(contract.contract, told, _contract_day(tx, contract, period))
    return found


def _contract_day(tx: Tx, contract: Contract, period: Period) -> ContractDay:
    name = contract.contract
    reserved = day.reservations_on(tx, period.day).get(name, contract.contracted_w(period))
    sent = [one for one in flex_offers.of_period(tx, period) if one.state not in _NEVER_SENT]
    return ContractDay(
        period=period, reserved_w=reserved,
        requests=[one.request for one in flex_requests.of_period(tx, period) if one.request.contract_id == name],
        offers=[one.offer for one in sent if one.offer.contract_id == name],
        orders=[one.order for one in flex_orders.of_period(tx, period) if one.order.contract_id == name],
    )  # fmt: skip


def _record(handling: Handling, stored: StoredOrder, settled: SettledOrder) -> None:
    tx, order, state = handling.tx, stored.order, stored.state
    flex_orders.put_settled(tx, order.message_id, settled)
    if state in _OVER:  # its Period is over: the rules refuse a settlement of days to come
        flex_orders.move(tx, order.message_id, state, OrderState.DELIVERED, handling.now)
        state = OrderState.DELIVERED
    if state is OrderState.DELIVERED:
        after = OrderState.DISPUTED if settled.faults else OrderState.SETTLED
        flex_orders.move(tx, order.message_id, state, after, handling.now)
    elif state is OrderState.DISPUTED and not settled.faults:
        flex_orders.move(tx, order.message_id, state, OrderState.SETTLED, handling.now)


def _tell(handling: Handling, message: m.FlexSettlement, disputed: list[str], now: datetime) -> None:
    subject = f"{handling.row.sender_domain} {message.period_start}"
    if disputed:
        day.raise_alarm(handling.tx, DISPUTED, subject, f"we dispute {' | '.join(disputed)}", now)
    else:
        day.recover(handling.tx, DISPUTED, subject, now)
