"""Requests, offers and orders in the store, on every database."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from agr.domain.flexibility import (
    Disposition,
    FlexOffer,
    FlexOrder,
    FlexRequest,
    Obligation,
    OfferOption,
    Quote,
    RequestedIsp,
)
from agr.domain.flexibility_states import OfferState, OrderState, RequestState
from agr.domain.isp import Period
from agr.store import flex_offers, flex_orders, flex_requests, flex_retention
from agr.store.engine import Store
from agr.store.flex_orders import SettledOrder

PERIOD = Period(date(2026, 3, 29))
ZONE = (PERIOD.zone_name, PERIOD.isp_minutes)
NOW = datetime(2026, 3, 28, 11, tzinfo=UTC)
POINT = "ea1.2024-01.example.dso:p1"
REQUEST = FlexRequest(
    message_id="r1", conversation_id="c", dso="dso.example", congestion_point=POINT, period=PERIOD, revision=2**62,
    expires_at=NOW + timedelta(hours=2), received_at=NOW, contract_id="FO-1", spans=((5, 2),),
    isps=tuple(RequestedIsp(isp=i, disposition=Disposition.REQUESTED, min_w=-(10**9), max_w=0) for i in (5, 6)),
)  # fmt: skip
OFFER = FlexOffer(
    message_id="o1", conversation_id="c", dso="dso.example", congestion_point=POINT, period=PERIOD,
    expires_at=NOW + timedelta(hours=1), request_message_id="r1", contract_id="FO-1",
    options=(OfferOption(reference="1", power_w=(None,) * 91 + (-5,), price=Decimal("2.50")),),
)  # fmt: skip
QUOTE = Quote(
    options=OFFER.options, baseline_w=(7,) * 92, prognosis_message_id=None, plan=3, costs=(("wear", 2.5),),
    limits=("power",), draws_kwh=(0.5,) * 92, outcome=b"\x00program",
)  # fmt: skip
ORDER = FlexOrder(
    message_id="f1", conversation_id="d", dso="dso.example", congestion_point=POINT, period=PERIOD,
    offer_message_id="o1", order_reference="x", option_reference="1", activation_factor=Decimal("0.50"),
    power_w=(0,) * 91 + (-3,), price=Decimal("1.25"), currency="EUR", stamped_at=NOW, received_at=NOW,
    contract_id="FO-1",
)  # fmt: skip


def test_a_request_is_read_as_it_was_written_and_superseded_by_the_next(store: Store) -> None:
    with store.transaction() as tx:
        assert flex_requests.put(tx, REQUEST) == frozenset()
        assert flex_requests.to_price(tx, NOW, *ZONE) == [REQUEST]
        assert flex_requests.put(tx, replace(REQUEST, message_id="r2")) == {"r1"}
        assert flex_requests.put(tx, replace(REQUEST, message_id="r3", contract_id=None)) == frozenset()
        assert flex_requests.newest_revision(tx, "dso.example", PERIOD.day, POINT, "FO-1") == 2**62
        assert flex_requests.newest_revision(tx, "dso.example", PERIOD.day, POINT, "FO-2") is None
        flex_requests.priced(tx, "r2", NOW, "no offer: no")
        assert flex_requests.waiting(tx) == 1
        assert flex_requests.queue(tx) == ["r3"]
        assert flex_requests.expire(tx, NOW + timedelta(hours=3)) == [("dso.example", POINT)]
        assert flex_requests.queue(tx) == []
        found = {one.request.message_id: (one.state, one.note) for one in flex_requests.of_period(tx, PERIOD)}
    assert found["r1"] == (RequestState.SUPERSEDED, "")
    assert found["r2"] == (RequestState.EXPIRED, "no offer: no")
    assert found["r3"][1].startswith("no offer: busy")


def test_two_dsos_may_use_the_same_message_id(store: Store) -> None:
    with store.transaction() as tx:
        flex_requests.put(tx, REQUEST)
        flex_requests.put(tx, replace(REQUEST, dso="other.example"))
        assert flex_requests.waiting(tx) == 2


def test_an_offer_is_read_as_it_was_written_and_moves_only_from_where_it_is(store: Store) -> None:
    with store.transaction() as tx:
        flex_offers.put(tx, OFFER, QUOTE, NOW)
        stored = flex_offers.get(tx, "O1", *ZONE)
        assert stored is not None
        assert (stored.offer, stored.costs, stored.draws_kwh, stored.state) == (
            OFFER, QUOTE.costs, QUOTE.draws_kwh, OfferState.PRICED,
        )  # fmt: skip
        assert flex_offers.outcome(tx, "o1") == b"\x00program"
        assert [one.offer.message_id for one in flex_offers.beginning_with(tx, "o", *ZONE)] == ["o1"]
        assert flex_offers.beginning_with(tx, "%", *ZONE) == []
        with pytest.raises(ValueError, match="does not become ordered when it is priced"):
            flex_offers.move(tx, "o1", OfferState.PRICED, OfferState.ORDERED, NOW)
        assert flex_offers.move(tx, "o1", OfferState.PRICED, OfferState.QUEUED, NOW)
        assert not flex_offers.move(tx, "o1", OfferState.PRICED, OfferState.DISCARDED, NOW)


def test_capacity_is_bound_until_an_expired_offer_can_be_ordered_no_more(store: Store) -> None:
    with store.transaction() as tx:
        flex_offers.put(tx, OFFER, QUOTE, NOW)
        assert [one.state for one in flex_offers.binding(tx, PERIOD, NOW)] == [OfferState.PRICED]
        flex_offers.move(tx, "o1", OfferState.PRICED, OfferState.QUEUED, NOW)
        assert [one.offer.message_id for one in flex_offers.due(tx, OFFER.expires_at, *ZONE)] == ["o1"]
        flex_offers.move(tx, "o1", OfferState.QUEUED, OfferState.EXPIRED, NOW)
        assert len(flex_offers.binding(tx, PERIOD, OFFER.expires_at - timedelta(seconds=1))) == 1
        assert flex_offers.binding(tx, PERIOD, OFFER.expires_at) == []


def test_an_order_binds_and_keeps_its_settlement(store: Store) -> None:
    obligation = Obligation(order=ORDER, baseline_w=(7,) * 92)
    settled = SettledOrder(
        message_id="s1", at=NOW, price=Decimal("1.25"), penalty=Decimal("0.25"), net=Decimal("1.00"),
        expected_net=Decimal("1.10"), deficiency_kwh=0.5, faults=("ISP 92: no",),
    )  # fmt: skip
    with store.transaction() as tx:
        flex_orders.put(tx, obligation)
        alone = replace(obligation, start_w=(7,) * 92, earlier_w=(None,) * 92, taken_back_w=(0,) * 92)  # alone
        assert flex_orders.obligations(tx, PERIOD) == (alone,)
        assert flex_orders.reference_used(tx, "dso.example", "x")
        assert not flex_orders.reference_used(tx, "other.example", "x")
        assert flex_orders.move(tx, "f1", OrderState.ACCEPTED, OrderState.PLANNED, NOW)
        assert not flex_orders.move(tx, "f1", OrderState.ACCEPTED, OrderState.PLANNED, NOW)
        flex_orders.put_settled(tx, "f1", settled)
        stored = flex_orders.by_reference(tx, "dso.example", "x", *ZONE)
    assert stored is not None
    assert (stored.state, stored.settled) == (OrderState.PLANNED, settled)


def test_retention_forgets_programs_first_and_then_everything(store: Store) -> None:
    with store.transaction() as tx:
        flex_requests.put(tx, REQUEST)
        flex_offers.put(tx, OFFER, QUOTE, NOW)
        flex_orders.put(tx, Obligation(order=ORDER, baseline_w=(7,) * 92))
        flex_retention.forget_programs(tx, PERIOD.day)
        assert flex_offers.outcome(tx, "o1") == b"\x00program"
        flex_retention.forget_programs(tx, PERIOD.next().day)
        assert flex_offers.outcome(tx, "o1") == b""
        flex_retention.delete_before(tx, PERIOD.next().day)
        assert (flex_requests.of_period(tx, PERIOD), flex_offers.of_period(tx, PERIOD)) == ([], [])
        assert flex_orders.of_period(tx, PERIOD) == []
