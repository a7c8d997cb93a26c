"""Operators send, discard and revoke offers; each leaves a line in the audit log."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agr.cli.awards import whoever
from agr.domain.errors import AccessError, ConflictError, InputError, MissingError
from agr.domain.flexibility_states import OfferState
from agr.operations.flex_offers import OfferActions, trading_day
from agr.store import audit_log
from tests.builders.trading_day import TradingWorld
from tests.builders.worlds import PERIOD

ANNA = whoever()
WHY = "a good price"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[TradingWorld]:
    made = TradingWorld(tmp_path, automatic=False)
    made.tell(made.request())
    made.replies()
    made.trade()
    yield made
    made.store.close()


@pytest.fixture
def actions(world: TradingWorld) -> OfferActions:
    return OfferActions(world.store, world.settings, world.clock, lambda: None, world.offering)


def number(world: TradingWorld) -> str:
    return world.offers()[0].offer.message_id


def test_an_offer_is_sent_then_revoked_and_both_are_in_the_audit_log(
    world: TradingWorld, actions: OfferActions
) -> None:
    assert "leaves now" in actions.send(ANNA, number(world)[:8], WHY).text
    (offer,) = world.replies()
    assert (offer.tag, world.offers()[0].by) == ("FlexOffer", ANNA.label)
    with pytest.raises(ConflictError, match="the offer is queued; only one that waits"):
        actions.send(ANNA, number(world), WHY)
    with pytest.raises(ConflictError, match="only an open one can be revoked"):
        actions.revoke(ANNA, number(world), WHY)
    world.answer(offer)
    assert "leaves now" in actions.revoke(ANNA, number(world), "outage").text
    (revocation,) = world.replies()
    assert revocation.tag == "FlexOfferRevocation"
    assert world.offers()[0].state is OfferState.REVOKING
    with world.store.reading() as tx:
        lines = [(line.action, line.why) for line in audit_log.entries(tx)]
    assert lines == [("revoke offer", "outage"), ("send offer", WHY)]


def test_an_offer_is_discarded_once(world: TradingWorld, actions: OfferActions) -> None:
    actions.discard(ANNA, number(world), "too cheap")
    assert world.offers()[0].state is OfferState.DISCARDED
    with pytest.raises(ConflictError, match="only one that has not left"):
        actions.discard(ANNA, number(world), "too cheap")
    assert world.replies() == []


def test_an_offer_that_waited_too_long_is_discarded_when_it_is_sent(world: TradingWorld, actions: OfferActions) -> None:
    from tests.builders.trading_day import at

    world.clock.jump_to(at("16:00:00"))
    assert "it was discarded" in actions.send(ANNA, number(world), WHY).text
    assert (world.replies(), world.offers()[0].state) == ([], OfferState.DISCARDED)


def test_an_offer_does_not_overtake_the_response_to_its_request(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path, automatic=False)
    world.tell(world.request())
    world.trade()
    actions = OfferActions(world.store, world.settings, world.clock, lambda: None, world.offering)
    with pytest.raises(ConflictError, match="has not got our response"):
        actions.send(ANNA, number(world), WHY)
    world.store.close()


def test_who_acts_for_another_dso_may_not_decide(world: TradingWorld, actions: OfferActions) -> None:
    stranger = replace(ANNA, dsos=frozenset({"other.example"}))
    for act in (actions.send, actions.discard, actions.revoke):
        with pytest.raises(AccessError):
            act(stranger, number(world), WHY)


def test_an_offer_that_there_is_not_or_without_a_reason(world: TradingWorld, actions: OfferActions) -> None:
    with pytest.raises(MissingError, match="there is no offer 'zzz'"):
        actions.send(ANNA, "zzz", WHY)
    with pytest.raises(InputError, match="say why"):
        actions.send(ANNA, number(world), "")


def test_a_trading_day_joins_requests_offers_and_orders(world: TradingWorld, actions: OfferActions) -> None:
    actions.send(ANNA, number(world), WHY)
    (offer,) = world.replies()
    world.tell(world.order(offer))
    with world.store.reading() as tx:
        found = trading_day(tx, PERIOD)
    (stored,) = found.offers_of(found.requests[0])
    assert found.order_of(stored) == found.orders[0]
    assert actions.offer(number(world)[:6])[1] == found.orders[0]
