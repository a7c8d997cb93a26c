"""A bid arrives once: it is tried again until the gate with the same identity, and what did not arrive is an alarm."""

from datetime import timedelta

import pytest

from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import ConflictError
from agr.schedule.bidding import gate_of
from agr.settings import BidFiles
from agr.store import bids, day
from tests.builders.plans import planned
from tests.builders.trading import ANNA, FIRST, SECOND, WHY, Trading
from tests.builders.worlds import PERIOD


def test_what_fails_is_tried_again_with_the_same_identity_until_it_arrives(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.exchange.statuses = [503, 401]
    trading.at("bid_last_safe_start")
    trading.deliver()
    assert trading.alarms() == ["bid not delivered [2026-03-29 exchange]"]
    for _ in range(2):
        trading.world.clock.jump_to(trading.world.clock.now() + timedelta(minutes=1))
        trading.deliver()
    assert [post.headers["webhook-id"] for post in trading.exchange.posts] == [
        "agr.example.day-ahead.2026-03-29.r1"
    ] * 3
    assert all(post.signed for post in trading.exchange.posts)
    assert trading.alarms() == []
    assert trading.states() == [(1, "trader", "delivered"), (1, "exchange", "delivered")]


def test_no_attempt_is_made_after_the_gate_and_the_alarm_says_why(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.exchange.statuses = [500] * 9
    trading.at("bid_last_safe_start")
    trading.deliver("exchange")
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD, DAY_AHEAD))
    made = len(trading.exchange.posts)
    trading.deliver()
    assert len(trading.exchange.posts) == made
    assert trading.written() == []
    assert trading.states() == [(1, "trader", "failed"), (1, "exchange", "failed")]
    assert trading.at("day_ahead_gate") == "missed: no bid was delivered"
    assert trading.position() == ({0.0}, "no bid was delivered")
    with trading.world.store.transaction() as tx:
        text = next(a.text for a in day.open_alarms(tx) if a.subject.endswith("exchange"))
    assert "did not arrive through exchange: http" in text
    assert "HTTP 500" in text


def test_one_channel_that_fails_does_not_undo_what_another_delivered(trading: Trading) -> None:
    plan = planned(trading.world, FIRST)
    trading.exchange.statuses = [500] * 9
    trading.at("bid_last_safe_start")
    trading.deliver()
    trading.at("day_ahead_gate")
    assert trading.position() == ({1200.0}, f"bid revision 1 of plan {plan.id}")


@pytest.mark.parametrize("arrived", [False, True])
def test_a_daemon_that_is_killed_between_post_and_receipt_sends_the_same_again(trading: Trading, arrived: bool) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    with trading.world.store.transaction() as tx:
        for channel in ("trader", "exchange"):
            delivery = bids.due(tx, channel, trading.world.clock.now())
            assert delivery is not None
            bids.attempt(tx, delivery.id)
    if arrived:
        with trading.world.store.transaction() as tx:
            copy = bids.deliveries(tx, PERIOD.day, "day-ahead")[0]
        trading.folder.mkdir()
        (trading.folder / copy.file_name).write_bytes(copy.content)
    trading.start()
    trading.deliver()
    assert trading.written() == ["day-ahead-2026-03-29-r1.csv"]
    assert trading.states() == [(1, "trader", "delivered"), (1, "exchange", "delivered")]
    assert trading.at("bid_last_safe_start").endswith("was sent before")
    assert len(trading.states()) == 2


def test_a_bid_whose_attempt_was_cut_off_may_have_arrived_and_the_alarm_says_so(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    with trading.world.store.transaction() as tx:
        delivery = bids.due(tx, "exchange", trading.world.clock.now())
        assert delivery is not None
        bids.attempt(tx, delivery.id)
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD, DAY_AHEAD))
    trading.deliver()
    with trading.world.store.transaction() as tx:
        texts = {a.subject: a.text for a in day.open_alarms(tx)}
    assert "may have arrived; ask the exchange" in texts[f"{PERIOD} exchange"]
    assert "it was never tried" in texts[f"{PERIOD} trader"]


def test_a_revision_that_has_not_left_is_superseded_by_the_next(approving: Trading) -> None:
    planned(approving.world, FIRST)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    second = planned(approving.world, SECOND)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver()
    assert [post.headers["x-agr-revision"] for post in approving.exchange.posts] == ["2"]
    assert approving.states()[:2] == [(1, "trader", "superseded"), (1, "exchange", "superseded")]
    approving.at("day_ahead_gate")
    assert approving.position()[1] == f"bid revision 2 of plan {second.id}"


def test_a_secret_that_is_missing_is_said_and_nothing_is_posted(trading: Trading, monkeypatch) -> None:
    monkeypatch.delenv("BIDS_SECRET")
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    trading.deliver()
    assert trading.exchange.posts == []
    with trading.world.store.transaction() as tx:
        assert "BIDS_SECRET of channel exchange is not set" in day.open_alarms(tx)[0].text


def test_a_secret_that_is_no_base64_is_said_without_telling_it(trading: Trading, monkeypatch) -> None:
    monkeypatch.setenv("BIDS_SECRET", "whsec_abc")
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    trading.deliver()
    with trading.world.store.transaction() as tx:
        text = day.open_alarms(tx)[0].text
    assert "the secret in BIDS_SECRET begins with whsec_ but is not base64" in text
    assert "abc" not in text


@pytest.mark.parametrize("status", [200, 500])
def test_what_cannot_be_printed_in_an_answer_costs_nothing(trading: Trading, status: int) -> None:
    planned(trading.world, FIRST)
    trading.exchange.statuses, trading.exchange.receipt = [status], b"\x00order\x00 A-17\x1b[2J" + b"x" * 5000
    trading.at("bid_last_safe_start")
    trading.deliver("exchange")
    with trading.world.store.transaction() as tx:
        (delivery,) = (d for d in bids.deliveries(tx, PERIOD.day, "day-ahead") if d.channel == "exchange")
    assert delivery.state == ("delivered" if status == 200 else "queued")
    assert f"HTTP {status} order A-17 [2Jxxx" in str(delivery.detail)
    assert len(str(delivery.detail)) < 1100


def test_a_delivery_that_a_newer_revision_has_superseded_is_not_attempted(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    with trading.world.store.transaction() as tx:
        delivery = bids.due(tx, "exchange", trading.world.clock.now())
        assert delivery is not None
    second = planned(trading.world, SECOND)
    with trading.world.store.transaction() as tx:
        trading.bidding.send(tx, second, "anna", DAY_AHEAD)
        assert not bids.attempt(tx, delivery.id)


def test_a_channel_that_left_the_settings_ends_its_deliveries_and_one_that_came_gets_the_newest_bid(
    approving: Trading,
) -> None:
    planned(approving.world, FIRST)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver("exchange")
    moved = BidFiles(name="new trader", folder=approving.folder)
    update = approving.settings.bids.model_copy(update={"files": (moved,)})
    approving.settings = approving.settings.model_copy(update={"bids": update})
    approving.start()
    approving.delivery.give_up()
    assert approving.states() == [(1, "trader", "failed"), (1, "exchange", "delivered")]
    assert approving.alarms() == ["bid not delivered [2026-03-29 trader]"]
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver("new trader", "exchange")
    assert approving.states()[2:] == [(1, "new trader", "delivered")]
    assert approving.written() == ["day-ahead-2026-03-29-r1.csv"]
    assert len(approving.exchange.posts) == 1
    with pytest.raises(ConflictError, match="the same volumes were sent already, as revision 1"):
        approving.approval.approve(ANNA, PERIOD.day, WHY)
