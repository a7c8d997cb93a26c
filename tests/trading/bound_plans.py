"""Requests, offers and orders of one congestion point, and what the plan in force has of them."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from agr.domain.flexibility import Disposition, FlexOffer, FlexOrder, FlexRequest, Obligation, RequestedIsp
from agr.domain.flexibility_states import OfferState
from agr.domain.plan import Reason, ReasonKind
from agr.messaging.publish import OPEN, Publisher
from agr.store import day, flex_offers, flex_orders, plans
from agr.trading.pricing import PlanPricer
from tests.builders.worlds import PERIOD, POINT
from tests.planning.test_incremental import first_plan, update

NOON = range(45, 49)  # 12:00 to 13:00 on the short day of 92 ISPs
DSO = "dso.example"


def request(least_w=-6_000, most_w=0, *, isps=NOON, room_w=20_000, **more):
    named = [
        RequestedIsp(isp=t, disposition=Disposition.REQUESTED, min_w=least_w, max_w=most_w)
        if t in isps
        else RequestedIsp(isp=t, disposition=Disposition.AVAILABLE, min_w=-room_w, max_w=room_w)
        for t in range(1, PERIOD.isp_count + 1)
    ]
    given: dict[str, Any] = {
        "message_id": str(uuid.uuid4()), "conversation_id": str(uuid.uuid4()), "dso": DSO, "congestion_point": POINT,
        "period": PERIOD, "revision": 1, "expires_at": PERIOD.start, "received_at": PERIOD.start - timedelta(hours=9),
        "isps": tuple(named),
    }  # fmt: skip
    return FlexRequest(**(given | more))


def announced(world, solver, reserved_w=0):
    """Return the stage of a first plan whose D-Prognoses the DSO has accepted."""
    update(world, reserved_w)
    stage = first_plan(world, solver)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, OPEN, world.clock.now(), "test")
    told(world)
    return stage


def told(world):
    """Announce the plan in force, and have the DSO accept it."""
    Publisher(world.store, world.settings, world.clock, world.participants).publish(PERIOD)
    with world.store.transaction() as tx:
        for sent in plans.prognoses(tx, PERIOD.day):
            plans.answer_prognosis(tx, sent.message_id, "accepted", None)


def pricer(world, solver):
    return PlanPricer(world.store, world.settings, world.clock, solver)


def opened(world, asked, quote):
    """Store the offer as the DSO has accepted it."""
    offer = FlexOffer(
        message_id=str(uuid.uuid4()), conversation_id=asked.conversation_id, dso=asked.dso, congestion_point=POINT,
        period=PERIOD, expires_at=PERIOD.start, options=quote.options, request_message_id=asked.message_id,
    )  # fmt: skip
    with world.store.transaction() as tx:
        flex_offers.put(tx, offer, quote, world.clock.now())
        for before, after in ((OfferState.PRICED, OfferState.QUEUED), (OfferState.QUEUED, OfferState.OPEN)):
            flex_offers.move(tx, offer.message_id, before, after, world.clock.now())
    return offer


def order(world, offer, quote, factor="1.00", contract=None, reference="order 1"):
    option = quote.options[0]
    share = Decimal(factor)
    made = FlexOrder(
        message_id=str(uuid.uuid4()), conversation_id=offer.conversation_id, dso=offer.dso, congestion_point=POINT,
        period=PERIOD, offer_message_id=offer.message_id, order_reference=reference, option_reference=option.reference,
        activation_factor=share, power_w=tuple(round(share * (power or 0)) for power in option.power_w),
        price=option.price * share, currency="EUR", stamped_at=world.clock.now(), received_at=world.clock.now(),
        contract_id=contract,
    )  # fmt: skip
    obligation = Obligation(order=made, baseline_w=quote.baseline_w)
    with world.store.transaction() as tx:
        flex_orders.put(tx, obligation)
        flex_offers.move(tx, offer.message_id, OfferState.OPEN, OfferState.ORDERED, world.clock.now())
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.ORDER, text="ordered"), world.clock.now())
    return obligation


def program_w(plan):
    return next(point.power_w for point in plan.points if point.address == POINT)


def missing_w(obligation, plan):
    """Return how far the plan is behind the order in the worst ISP, W."""
    pairs = zip(obligation.order.power_w, obligation.program_w, program_w(plan), strict=True)
    return max((now - bound if ordered < 0 else bound - now) for ordered, bound, now in pairs if ordered)
