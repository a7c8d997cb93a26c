"""Values of trading, and which state may follow which."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.domain.flexibility import Disposition, FlexOffer, FlexRequest, OfferOption, RequestedIsp
from agr.domain.flexibility_states import (
    LIVE_OFFERS,
    OFFER_MOVES,
    ORDER_MOVES,
    REQUEST_MOVES,
    OfferState,
    OrderState,
    RequestState,
    may_follow,
)
from agr.domain.isp import Period

PERIOD = Period(date(2026, 3, 29))  # 92 ISPs
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_every_state_says_what_may_follow() -> None:
    assert set(REQUEST_MOVES) == set(RequestState)
    assert set(OFFER_MOVES) == set(OfferState)
    assert set(ORDER_MOVES) == set(OrderState)


@given(st.lists(st.sampled_from(OfferState), max_size=40))
def test_however_states_are_tried_an_offer_is_ordered_at_most_once_and_never_once_its_capacity_is_free(
    tries: list[OfferState],
) -> None:
    state, path = OfferState.PRICED, [OfferState.PRICED]
    for wanted in tries:
        if may_follow(state, wanted):
            state = wanted
            path.append(state)
    assert path.count(OfferState.ORDERED) <= 1
    if OfferState.ORDERED in path:
        assert path[-1] is OfferState.ORDERED
        assert OfferState.QUEUED in path  # what was never sent is never ordered
        assert not {OfferState.REFUSED, OfferState.REVOKING, OfferState.REVOKED, OfferState.DISCARDED} & set(path)


@given(st.lists(st.sampled_from(OrderState), max_size=40))
def test_an_order_never_goes_back_and_is_settled_only_after_delivery(tries: list[OrderState]) -> None:
    state, path = OrderState.ACCEPTED, [OrderState.ACCEPTED]
    for wanted in tries:
        if may_follow(state, wanted):
            state = wanted
            path.append(state)
    assert len(path) == len(set(path))
    if {OrderState.SETTLED, OrderState.DISPUTED} & set(path):
        assert OrderState.DELIVERED in path


def test_every_state_can_be_reached_and_no_live_offer_is_stuck() -> None:
    reached = {OfferState.PRICED}
    while more := {after for state in reached for after in OFFER_MOVES[state]} - reached:
        reached |= more
    assert reached == set(OfferState)
    assert all(OFFER_MOVES[state] for state in LIVE_OFFERS)


@pytest.mark.parametrize("moves", [REQUEST_MOVES, OFFER_MOVES, ORDER_MOVES])
def test_no_state_follows_itself(moves: dict[object, frozenset[object]]) -> None:
    assert all(state not in after for state, after in moves.items())


def test_the_bounds_of_a_request_are_zero_in_isps_that_it_does_not_name() -> None:
    request = FlexRequest(
        message_id="m", conversation_id="c", dso="dso.example", congestion_point="ean.1", period=PERIOD, revision=1,
        expires_at=NOW, received_at=NOW,
        isps=(
            RequestedIsp(isp=2, disposition=Disposition.REQUESTED, min_w=-500, max_w=0),
            RequestedIsp(isp=92, disposition=Disposition.AVAILABLE, min_w=-10, max_w=20),
        ),
    )  # fmt: skip
    assert len(request.bounds_w) == 92
    assert {i + 1: b for i, b in enumerate(request.bounds_w) if b != (0, 0)} == {2: (-500, 0), 92: (-10, 20)}
    assert [isp.isp for isp in request.requested] == [2]


def test_the_only_option_needs_no_name() -> None:
    one = OfferOption(reference="1", power_w=(None,) * 92, price=Decimal("1.00"))
    two = OfferOption(reference="2", power_w=(None,) * 92, price=Decimal("2.00"))

    def offer(*options: OfferOption) -> FlexOffer:
        return FlexOffer(
            message_id="m", conversation_id="c", dso="dso.example", congestion_point="ean.1", period=PERIOD,
            expires_at=NOW, options=options,
        )  # fmt: skip

    assert offer(one).option(None) is one
    assert offer(one, two).option(None) is None
    assert offer(one, two).option("2") is two
    assert offer(one).option("2") is None
