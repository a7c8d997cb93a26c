"""Bids leave at their last safe moment or once approved, and the position at the gate is what arrived."""

import csv
import io
from datetime import timedelta
from threading import Thread

import pytest

from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import ConflictError
from agr.operations.auction_results import AuctionResults
from agr.schedule.bidding import alone_with_bids, gate_of
from agr.schedule.moments import moments_of
from agr.store import audit_log, bids, day
from agr.store.audit_log import Chosen
from tests.builders.plans import planned
from tests.builders.trading import ANNA, FIRST, SECOND, WHY, Trading
from tests.builders.worlds import PERIOD


def test_a_bid_leaves_at_its_last_safe_moment_through_every_channel_with_a_receipt(trading: Trading) -> None:
    plan = planned(trading.world, SECOND)
    assert trading.written() == []
    assert trading.exchange.posts == []
    assert trading.at("bid_last_safe_start") == f"done: revision 1 of plan {plan.id} is sent"
    moments = {m.name: m.at for m in moments_of(trading.settings, PERIOD)}
    assert moments["day_ahead_gate"] - moments["bid_last_safe_start"] == timedelta(minutes=5)
    trading.deliver()
    assert trading.written() == ["day-ahead-2026-03-29-r1.csv"]
    text = (trading.folder / "day-ahead-2026-03-29-r1.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["mw"]) * 1000 for row in rows] == list(SECOND)
    assert {(row["plan"], row["revision"]) for row in rows} == {(str(plan.id), "1")}
    (taken,) = trading.exchange.posts
    assert taken.signed
    assert taken.body.decode() == text
    assert taken.headers["x-agr-revision"] == "1"
    with trading.world.store.transaction() as tx:
        receipts = {d.channel: d.detail for d in bids.deliveries(tx, PERIOD.day, "day-ahead")}
    assert receipts["exchange"] == 'HTTP 200 {"order":"A-17"}'
    assert "SHA-256" in str(receipts["trader"])
    assert f"bid revision 1 of plan {plan.id}" in trading.at("day_ahead_gate")
    assert trading.position() == ({1000.0, -2000.0}, f"bid revision 1 of plan {plan.id}")
    assert trading.alarms() == []


def test_the_position_is_the_bid_in_the_market_s_steps_and_not_what_a_later_plan_wants(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    trading.deliver()
    planned(trading.world, SECOND)
    trading.at("day_ahead_gate")
    assert trading.position()[0] == {1200.0}


def test_a_bid_whose_receipt_comes_after_the_gate_was_handled_corrects_the_position(trading: Trading) -> None:
    plan = planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    with trading.world.store.transaction() as tx:
        delivery = bids.due(tx, "exchange", trading.world.clock.now())
        bid = bids.of_period(tx, PERIOD.day, "day-ahead")[0]
    assert delivery is not None
    trading.at("day_ahead_gate")  # while the post is under way
    assert trading.position()[0] == {0.0}
    with trading.world.store.transaction() as tx:
        bids.delivered(tx, delivery.id, trading.world.clock.now(), "HTTP 200")
        trading.bidding.delivered(tx, bid)
    assert trading.position() == ({1200.0}, f"bid revision 1 of plan {plan.id}")
    with trading.world.store.transaction() as tx:
        assert "has arrived after all" in str(day.open_triggers(tx)[-1].reason)
    assert trading.alarms() == []


def test_without_a_plan_nothing_is_bid_and_that_is_an_alarm(trading: Trading) -> None:
    assert trading.tried("bid_last_safe_start") is None
    assert trading.alarms() == ["bid not sent [2026-03-29]"]
    trading.at("day_ahead_gate")
    assert trading.position()[0] == {0.0}


def test_a_plan_that_comes_after_the_last_safe_moment_is_bid_before_the_gate(trading: Trading) -> None:
    assert trading.tried("bid_last_safe_start") is None
    plan = planned(trading.world, SECOND)
    trading.world.clock.jump_to(trading.world.clock.now() + timedelta(minutes=4))
    assert trading.at("bid_last_safe_start") == f"done: revision 1 of plan {plan.id} is sent"
    trading.deliver()
    assert trading.alarms() == []
    trading.at("day_ahead_gate")
    assert trading.position() == ({1000.0, -2000.0}, f"bid revision 1 of plan {plan.id}")


def test_a_plan_that_comes_at_the_gate_is_not_bid(trading: Trading) -> None:
    planned(trading.world, SECOND)
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD, DAY_AHEAD))
    assert trading.at("bid_last_safe_start").startswith("missed: ")
    assert trading.states() == []


def test_the_gate_waits_for_a_receipt_that_is_being_written(shared: Trading) -> None:
    plan = planned(shared.world, FIRST)
    shared.at("bid_last_safe_start")
    with shared.world.store.transaction() as tx:
        alone_with_bids(tx)
        delivery = bids.due(tx, "exchange", shared.world.clock.now())
        assert delivery is not None
        bids.delivered(tx, delivery.id, shared.world.clock.now(), "HTTP 200")
        shared.bidding.delivered(tx, bids.of_period(tx, PERIOD.day, "day-ahead")[0])
        gate = Thread(target=shared.at, args=("day_ahead_gate",))
        gate.start()
        shared.until_waiting(gate)
    gate.join()
    assert shared.position() == ({1200.0}, f"bid revision 1 of plan {plan.id}")


def test_a_receipt_waits_for_the_gate_that_is_being_handled_and_corrects_it(shared: Trading) -> None:
    plan = planned(shared.world, FIRST)
    shared.at("bid_last_safe_start")
    with shared.world.store.transaction() as tx:
        alone_with_bids(tx)
        shared.bidding.fix_at_gate(tx, PERIOD, DAY_AHEAD)
        receipt = Thread(target=shared.delivery.run_due, args=("exchange",))
        receipt.start()
        shared.until_waiting(receipt)
    receipt.join()
    assert shared.position() == ({1200.0}, f"bid revision 1 of plan {plan.id}")


def test_a_newer_revision_whose_receipt_comes_after_the_gate_corrects_the_position(approving: Trading) -> None:
    first = planned(approving.world, FIRST)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver()
    second = planned(approving.world, SECOND)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.exchange.before_answer = lambda: approving.at("day_ahead_gate")  # while the post is under way
    approving.deliver("exchange")
    assert approving.position() == ({1000.0, -2000.0}, f"bid revision 2 of plan {second.id}")
    with approving.world.store.transaction() as tx:
        old = next(d for d in bids.deliveries(tx, PERIOD.day, "day-ahead") if d.channel == "trader")
        bids.delivered(tx, old.id, approving.world.clock.now(), "again")
        approving.bidding.delivered(tx, next(b for b in bids.of_period(tx, PERIOD.day, "day-ahead") if b.id == old.bid))
    assert approving.position()[1] == f"bid revision 2 of plan {second.id}"
    assert first.id != second.id


def test_a_receipt_after_the_award_changes_nothing(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    trading.at("day_ahead_gate")
    results = AuctionResults(trading.world.store, trading.settings, trading.world.clock, lambda: None)
    results.enter(ANNA, "day-ahead", PERIOD.day, (0.5,) * 92, WHY)
    with trading.world.store.transaction() as tx:
        delivery = bids.deliveries(tx, PERIOD.day, "day-ahead")[0]
        bids.delivered(tx, delivery.id, trading.world.clock.now(), "HTTP 200")
        trading.bidding.delivered(tx, bids.of_period(tx, PERIOD.day, "day-ahead")[0])
    assert trading.position() == ({500.0}, "award entered by anna")


def test_a_bid_that_nobody_approves_is_not_sent_and_the_position_is_zero(approving: Trading) -> None:
    planned(approving.world, FIRST)
    assert approving.at("bid_last_safe_start").startswith("late: ")
    assert approving.alarms() == ["bid not approved [2026-03-29]"]
    approving.deliver()
    assert approving.at("day_ahead_gate").startswith("missed: ")
    assert approving.position() == ({0.0}, "no bid was approved")
    assert approving.written() == []
    assert approving.exchange.posts == []
    with pytest.raises(ConflictError, match="has closed"):
        approving.approval.approve(ANNA, PERIOD.day, WHY)


def test_without_a_plan_there_is_nothing_to_approve_until_one_comes(approving: Trading) -> None:
    assert approving.tried("bid_last_safe_start") is None
    assert approving.alarms() == ["bid not sent [2026-03-29]"]
    planned(approving.world, FIRST)
    assert approving.at("bid_last_safe_start").startswith("late: ")
    assert approving.alarms() == ["bid not approved [2026-03-29]"]


def test_an_approved_bid_leaves_at_once_and_a_later_plan_needs_another_approval(approving: Trading) -> None:
    first = planned(approving.world, FIRST)
    done = approving.approval.approve(ANNA, PERIOD.day, WHY, plan=first.id)
    assert done.text == f"the bid for 2026-03-29, revision 1 of plan {first.id}, leaves now"
    approving.deliver()
    with pytest.raises(ConflictError, match="the same volumes were sent already, as revision 1"):
        approving.approval.approve(ANNA, PERIOD.day, WHY)
    second = planned(approving.world, SECOND)
    with pytest.raises(ConflictError, match=f"plan {second.id} has come into force since plan {first.id}"):
        approving.approval.approve(ANNA, PERIOD.day, WHY, plan=first.id)
    said = approving.at("bid_last_safe_start")
    assert (
        said == f"done: revision 1 of plan {first.id}, approved by anna, stands; plan {second.id} would bid otherwise"
    )
    approving.approval.approve(ANNA, PERIOD.day, WHY, plan=second.id)
    approving.deliver()
    assert approving.written() == ["day-ahead-2026-03-29-r1.csv", "day-ahead-2026-03-29-r2.csv"]
    assert [post.headers["x-agr-revision"] for post in approving.exchange.posts] == ["1", "2"]
    approving.at("day_ahead_gate")
    assert approving.position() == ({1000.0, -2000.0}, f"bid revision 2 of plan {second.id}")
    with approving.world.store.transaction() as tx:
        lines = audit_log.entries(tx, chosen=Chosen(action="approve bid"))
    assert [(line.who, line.why) for line in lines] == [("anna", WHY)] * 2
    assert f"revision 2 of plan {second.id}" in lines[0].detail


def test_the_position_is_the_newest_revision_that_arrived(approving: Trading) -> None:
    first = planned(approving.world, FIRST)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver()
    planned(approving.world, SECOND)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.at("day_ahead_gate")
    assert approving.position() == ({1200.0}, f"bid revision 1 of plan {first.id}")


def test_an_award_is_compared_with_what_was_sent_where_no_daemon_ran_at_the_gate(trading: Trading) -> None:
    planned(trading.world, (1260.0,) * 92)
    trading.at("bid_last_safe_start")
    trading.deliver()
    planned(trading.world, (1000.0,) * 92)
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD, DAY_AHEAD))
    results = AuctionResults(trading.world.store, trading.settings, trading.world.clock, lambda: None)
    results.enter(ANNA, "day-ahead", PERIOD.day, (1.3,) * 92, WHY)
    assert trading.position() == ({1300.0}, "award entered by anna")


def test_the_nightly_job_ends_alarms_of_periods_that_are_over(trading: Trading) -> None:
    with trading.world.store.transaction() as tx:
        for of in (PERIOD.previous(), PERIOD, PERIOD.next()):
            day.raise_alarm(tx, "award refused", f"{of} day-ahead exchange", "", trading.world.clock.now())
            day.raise_alarm(tx, "bid not delivered", f"{of} exchange", "", trading.world.clock.now())
        day.raise_alarm(tx, "trade refused", "exchange T-1", "", trading.world.clock.now())
        day.raise_alarm(tx, "trade refused", "exchange T-2", "", PERIOD.end + timedelta(hours=1))
    trading.world.clock.jump_to(PERIOD.end + timedelta(hours=2))
    trading.day.handlers()["retention_job"](PERIOD.next(), "retention_job")
    assert trading.alarms() == [
        "award refused [2026-03-30 day-ahead exchange]",
        "bid not delivered [2026-03-30 exchange]",
        "trade refused [exchange T-2]",
    ]
