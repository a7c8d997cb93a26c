"""What the JSON API returns about trading with DSOs: requests, offers, orders, settlements, what was measured."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.flex_offers import trading_day
from agr.operations.trade_ledger import WithoutOrder, trade_ledger, without_orders
from agr.store.flex_offers import StoredOffer
from agr.store.flex_orders import SettledOrder, StoredOrder
from agr.store.flex_requests import StoredRequest
from agr.trading.metering import metering_lines
from agr.web import flex_schemas as a
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]


@router.get("/days/{period}/trading")
def trading(request: Request, _principal: Reader, period: date) -> a.TradingOut:
    """Requests, offers and orders of a Period, newest first, and what open offers may draw on."""
    context = context_of(request)
    of = context.period(str(period))
    with context.store.reading() as tx:
        found = trading_day(tx, of)
        ledger = trade_ledger(tx, context.settings, of, found)
        without = without_orders(tx, of, found)
    return a.TradingOut(
        requests=[_request(one) for one in found.requests], offers=[_offer(one) for one in found.offers],
        orders=[_order(one, beside) for one, beside in zip(found.orders, without, strict=True)],
        ledger=[a.LedgerOut(**asdict(row)) for row in ledger],
    )  # fmt: skip


@router.get("/days/{period}/metering")
def metering(request: Request, _principal: Reader, period: date) -> list[a.MeteringOut]:
    """What DSOs were told that connections have measured in a Period, by DSO and connection."""
    context = context_of(request)
    with context.store.reading() as tx:
        return [a.MeteringOut(**asdict(line)) for line in metering_lines(tx, context.period(str(period)))]


def _request(stored: StoredRequest) -> a.FlexRequestOut:
    one = stored.request
    return a.FlexRequestOut(
        message_id=one.message_id, conversation_id=one.conversation_id, dso=one.dso,
        congestion_point=one.congestion_point, revision=one.revision, contract=one.contract_id,
        received_at=one.received_at, expires_at=one.expires_at, state=stored.state.value,
        priced=stored.priced_at is not None, note=stored.note, of_limits=one.limits, unsolicited=one.unsolicited,
        isps=[
            a.FlexIspOut(isp=isp.isp, disposition=isp.disposition.value, min_w=isp.min_w, max_w=isp.max_w)
            for isp in one.isps
        ],
    )  # fmt: skip


def _offer(stored: StoredOffer) -> a.OfferOut:
    one = stored.offer
    return a.OfferOut(
        message_id=one.message_id, conversation_id=one.conversation_id, request=one.request_message_id, dso=one.dso,
        congestion_point=one.congestion_point, contract=one.contract_id, state=stored.state.value,
        state_at=stored.state_at, expires_at=one.expires_at, currency=one.currency,
        options=[
            a.OfferOptionOut(
                reference=option.reference, power_w=list(option.power_w), price=float(option.price),
                min_activation_factor=float(option.min_activation_factor),
            )
            for option in one.options
        ],
        baseline_w=list(stored.baseline_w), plan=stored.plan, costs=dict(stored.costs), limits=list(stored.limits),
        draws_kwh=list(stored.draws_kwh), by=stored.by, note=stored.note, of_limits=one.limits,
    )  # fmt: skip


def _order(stored: StoredOrder, beside: WithoutOrder) -> a.OrderOut:
    one = stored.order
    return a.OrderOut(
        message_id=one.message_id, order_reference=one.order_reference, offer=one.offer_message_id,
        option=one.option_reference, dso=one.dso, congestion_point=one.congestion_point, contract=one.contract_id,
        state=stored.state.value, state_at=stored.state_at, received_at=one.received_at,
        activation_factor=float(one.activation_factor), price=float(one.price), currency=one.currency,
        power_w=list(one.power_w), baseline_w=list(stored.obligation.baseline_w), note=stored.note,
        limits_w=list(stored.obligation.limits_w), program_w=list(beside.ordered_w),
        planned_w=None if beside.planned_w is None else list(beside.planned_w),
        settled=None if stored.settled is None else _settled(stored.settled),
    )  # fmt: skip


def _settled(settled: SettledOrder) -> a.SettledOut:
    return a.SettledOut(
        at=settled.at, price=float(settled.price), penalty=float(settled.penalty), net=float(settled.net),
        expected_net=float(settled.expected_net), deficiency_kwh=settled.deficiency_kwh,
        faults=list(settled.faults), unchecked=settled.unchecked,
    )  # fmt: skip
