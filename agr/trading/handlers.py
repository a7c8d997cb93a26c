"""What each message of trading changes, in the transaction that finishes its inbox row: a function per type."""

from collections.abc import Mapping, Sequence

import structlog

from agr.domain.flexibility import Disposition, FlexOrder, FlexRequest, Limits, Obligation, RequestedIsp
from agr.domain.flexibility_states import OfferState, OrderState
from agr.domain.plan import Reason, ReasonKind
from agr.domain.program import expand
from agr.messaging.handlers import HANDLERS, Handler, Handling, Judgement, prognosis_answer, refusal
from agr.messaging.trade_facts import accepted_prognosis
from agr.store import day, flex_offers, flex_orders, flex_requests
from agr.store.flex_offers import StoredOffer
from agr.trading import metering
from agr.trading.settling import settle
from agr.uftp import messages as m

log = structlog.get_logger()

_UNCONFIRMED = (OrderState.ACCEPTED, OrderState.PLANNED, OrderState.ANNOUNCED)
REFUSED = "flex offer refused"
"""Kind of alarm: a DSO does not take an offer."""
NOT_REVOKED = "flex offer not revoked"
"""Kind of alarm: a DSO says that it had already ordered what we have revoked."""
NOT_VALIDATED = "flex order not validated"
"""Kind of alarm: a DSO says that a D-Prognosis does not show its order."""


def _request(message: m.FlexRequest, handling: Handling) -> Judgement:
    """Store a request for pricing; offers of its earlier revisions that have not left are discarded."""
    tx, now, period = handling.tx, handling.now, handling.period(message.period)
    isps = {
        number: RequestedIsp(
            isp=number, disposition=Disposition(isp.disposition), min_w=isp.min_power_w, max_w=isp.max_power_w
        )
        for isp in message.isps
        for number in range(isp.start, isp.stop)
    }
    request = FlexRequest(
        message_id=message.message_id.lower(), conversation_id=message.conversation_id, dso=message.sender_domain,
        congestion_point=message.congestion_point, period=period, revision=message.revision,
        expires_at=message.expires_at, received_at=now, contract_id=message.contract_id,
        service_type=message.service_type, isps=tuple(isps[number] for number in sorted(isps)),
        spans=tuple((isp.start, isp.duration) for isp in message.isps),
        limits=handling.participants.limits(message.sender_domain),
    )  # fmt: skip
    superseded = flex_requests.put(tx, request)
    for stored in flex_offers.of_requests(tx, superseded, period):
        if stored.state is OfferState.PRICED:
            note = f"the DSO has sent revision {message.revision} of its request"
            flex_offers.move(tx, stored.offer.message_id, OfferState.PRICED, OfferState.DISCARDED, now, note=note)
    handling.reply(message, "Accepted")
    log.info("flex_request.received", dso=request.dso, period=str(period), revision=request.revision)
    return Judgement(state="accepted")


def _offer(handling: Handling, message_id: str) -> StoredOffer | None:
    return flex_offers.get(handling.tx, message_id, handling.settings.time_zone, handling.settings.isp_minutes)


def _offer_answer(message: m.FlexOfferResponse, handling: Handling) -> Judgement:
    """Open an offer to orders, or close it. It may have been ordered, or have expired, before the response came."""
    tx, now, dso = handling.tx, handling.now, handling.row.sender_domain
    handling.answered(message)
    stored, accepted = _offer(handling, message.reference), message.result is m.Result.ACCEPTED
    if stored is None:
        return Judgement(state="noted", reason="the offer is no longer kept")
    if stored.state is OfferState.QUEUED:
        after = OfferState.OPEN if accepted else OfferState.REFUSED
        flex_offers.move(
            tx, message.reference, OfferState.QUEUED, after, now, note=message.rejection_reason or ""
        )  # fmt: skip
    subject = f"{stored.offer.congestion_point} {stored.offer.period}"
    if accepted:
        day.recover(tx, REFUSED, subject, now)
        return Judgement(state="accepted")
    text = f"{dso} rejected our FlexOffer: {message.rejection_reason or 'without a reason'}"
    if stored.state is OfferState.ORDERED:
        text += "; yet it has ordered it: call the DSO"
    day.raise_alarm(tx, REFUSED, subject, text, now)
    return refusal(message.rejection_reason)


def _revocation_answer(message: m.FlexOfferRevocationResponse, handling: Handling) -> Judgement:
    """End a revocation. It wins over an order that crosses it, so a DSO that says otherwise is an alarm.

    Source: UFTP specification, use case revocation flexibility offer.
    """
    tx, now, dso = handling.tx, handling.now, handling.row.sender_domain
    handling.answered(message)
    stored = flex_offers.by_revocation(
        tx, message.reference, handling.settings.time_zone, handling.settings.isp_minutes
    )  # fmt: skip
    if stored is None:
        return Judgement(state="noted", reason="the offer is no longer kept")
    if stored.state is OfferState.REVOKING:
        flex_offers.move(tx, stored.offer.message_id, OfferState.REVOKING, OfferState.REVOKED, now)
        _plan_for_orders(handling, stored)
    if message.result is m.Result.ACCEPTED:
        return Judgement(state="accepted")
    reason = message.rejection_reason or "without a reason"
    text = f"{dso} rejects that we revoke our offer of {stored.offer.period}: {reason}; call the DSO"
    day.raise_alarm(tx, NOT_REVOKED, stored.offer.congestion_point, text, now)
    return refusal(message.rejection_reason)


def _plan_for_orders(handling: Handling, revoked: StoredOffer) -> None:
    """Ask for a plan where an order has waited for the congestion point of a revoked offer to be free."""
    offer, tx = revoked.offer, handling.tx
    for stored in flex_orders.of_period(tx, offer.period):
        if stored.state is OrderState.ACCEPTED and stored.order.congestion_point == offer.congestion_point:
            reason = Reason(kind=ReasonKind.ORDER, reference=stored.order.message_id, text="its place is free now")
            day.put_trigger(tx, offer.period.day, reason, handling.now)


def _order(message: m.FlexOrder, handling: Handling) -> Judgement:
    """Take an order: it binds from now on, and a plan is asked for that keeps it."""
    tx, now, period = handling.tx, handling.now, handling.period(message.period)
    if message.flex_offer is None:
        return _direct_order(message, handling)
    stored = _offer(handling, str(message.flex_offer))
    assert stored is not None  # the rules know the offer
    option = stored.offer.option(message.option_reference)
    assert option is not None
    flex_offers.move(tx, stored.offer.message_id, stored.state, OfferState.ORDERED, now)
    order = FlexOrder(
        message_id=message.message_id.lower(), conversation_id=message.conversation_id, dso=message.sender_domain,
        congestion_point=message.congestion_point, period=period, offer_message_id=stored.offer.message_id,
        order_reference=message.order_reference, option_reference=option.reference,
        activation_factor=message.activation_factor, price=message.price, currency=message.currency,
        power_w=tuple(power or 0 for power in expand(message.isps, period.isp_count)),
        stamped_at=message.time_stamp, received_at=now, contract_id=stored.offer.contract_id,
    )  # fmt: skip
    limits_w = _limits_w(handling, stored, expand(message.isps, period.isp_count))
    return _bind(Obligation(order=order, baseline_w=stored.baseline_w, limits_w=limits_w), message, handling)


def _direct_order(message: m.FlexOrder, handling: Handling) -> Judgement:
    """Take an order without an offer: what a contract reserves, measured against the accepted D-Prognosis."""
    period = handling.period(message.period)
    baseline = accepted_prognosis(handling.tx, period, message.congestion_point)
    assert baseline is not None  # the rules know it
    message_id = message.message_id.lower()
    order = FlexOrder(
        message_id=message_id, conversation_id=message.conversation_id, dso=message.sender_domain,
        congestion_point=message.congestion_point, period=period, offer_message_id=message_id,
        order_reference=message.order_reference, option_reference=message.option_reference or "",
        activation_factor=message.activation_factor, price=message.price, currency=message.currency,
        power_w=tuple(power or 0 for power in expand(message.isps, period.isp_count)),
        stamped_at=message.time_stamp, received_at=handling.now, contract_id=message.contract_id,
    )  # fmt: skip
    return _bind(Obligation(order=order, baseline_w=tuple(baseline.power_w)), message, handling)


def _bind(obligation: Obligation, message: m.FlexOrder, handling: Handling) -> Judgement:
    tx, now, order, period = handling.tx, handling.now, obligation.order, obligation.order.period
    flex_orders.put(tx, obligation)
    text = f"{order.dso} orders flexibility at {order.congestion_point} for {order.price:.2f} {order.currency}"
    reason = Reason(kind=ReasonKind.ORDER, reference=order.message_id, text=text)
    day.put_trigger(tx, period.day, reason, now)
    handling.reply(message, "Accepted")
    log.info(
        "flex_order.received", dso=order.dso, period=str(period), order=order.order_reference,
        price=f"{order.price:.2f}", factor=str(order.activation_factor),
    )  # fmt: skip
    return Judgement(state="accepted")


def _limits_w(handling: Handling, stored: StoredOffer, power_w: Sequence[int | None]) -> tuple[Limits, ...]:
    """Return what an order limits the program to; nothing where it is a deviation. The request says which side."""
    if not stored.offer.limits:
        return ()
    asked = flex_requests.get(
        handling.tx, stored.offer.request_message_id or "", handling.settings.time_zone, handling.settings.isp_minutes
    )  # fmt: skip
    assert asked is not None  # limits are offered on request only
    return asked.request.limits_w(power_w)


def _prognosis_answer(message: m.DPrognosisResponse, handling: Handling) -> Judgement:
    """Read beside the verdict which orders the DSO finds in the D-Prognosis."""
    verdict = prognosis_answer(message, handling)
    tx, now, settings = handling.tx, handling.now, handling.settings
    for status in message.flex_order_statuses:
        stored = flex_orders.get(tx, status.flex_order_message_id, settings.time_zone, settings.isp_minutes)
        if stored is None or stored.order.dso != handling.row.sender_domain:
            continue
        subject = f"{stored.order.dso} {stored.order.order_reference}"
        if status.is_validated:
            day.recover(tx, NOT_VALIDATED, subject, now)
            if stored.state in _UNCONFIRMED:
                flex_orders.move(tx, stored.order.message_id, stored.state, OrderState.VALIDATED, now)
        else:
            text = f"{stored.order.dso} does not find its order of {stored.order.period} in our D-Prognosis"
            day.raise_alarm(tx, NOT_VALIDATED, subject, text, now)
    return verdict


def _metering_answer(message: m.MeteringResponse, handling: Handling) -> Judgement:
    """Record what a DSO says of measurements; one alarm per Period says that it rejects some."""
    dso, question = handling.row.sender_domain, handling.question
    handling.answered(message)
    if message.result is m.Result.ACCEPTED:
        return Judgement(state="accepted")
    of = "" if question is None else f" of {question.congestion_point}"
    text = f"{dso} rejected what we measured{of}: {message.rejection_reason or 'without a reason'}"
    period = None if question is None or question.period is None else handling.period(question.period)
    day.raise_alarm(handling.tx, metering.REJECTED, f"{dso} {period or ''}".strip(), text, handling.now)
    return refusal(message.rejection_reason)


TRADING: Mapping[type[m.Message], Handler] = {
    m.FlexRequest: _request,
    m.FlexOfferResponse: _offer_answer,
    m.FlexOfferRevocationResponse: _revocation_answer,
    m.FlexOrder: _order,
    m.FlexSettlement: settle,
    m.DPrognosisResponse: _prognosis_answer,
    m.MeteringResponse: _metering_answer,
}
"""Message type of trading → its handler."""
ALL: Mapping[type[m.Message], Handler] = {**HANDLERS, **TRADING}
"""The handlers of the daemon."""
