"""Bids leave at their last safe moment or once approved, arrive once, and the position at the gate is what arrived."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from agr.domain.errors import ConflictError
from agr.domain.moments import Handled
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import Publisher
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.auction_results import AuctionResults
from agr.operations.bid_approval import BidApproval
from agr.operations.bid_delivery import BidDelivery
from agr.schedule.bidding import Bidding, alone_with_bids, gate_of
from agr.schedule.market_day import MarketDay
from agr.schedule.moments import moments_of
from agr.settings import BidFiles, Bids, BidWebhook
from agr.store import audit_log, bids, day, positions
from agr.store.audit_log import Chosen
from tests.builders.exchange import Exchange
from tests.builders.plans import planned
from tests.builders.postgres import emptied
from tests.builders.worlds import PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
WHY = "looked at it"
SECRET = "a long secret"
FIRST, SECOND = (1234.0,) * 92, tuple(1000.0 if isp < 40 else -2000.0 for isp in range(92))


class Trading:
    """A world whose bids leave through a folder and a webhook."""

    def __init__(self, folder: Path, exchange: Exchange, store_url: str = "", **more: object) -> None:
        self.folder, self.exchange = folder / "bids", exchange
        self.world = World(folder, store_url=store_url)
        hook = BidWebhook(name="exchange", url=f"{exchange.url}/bids", secret_env="BIDS_SECRET", timeout_s=5)
        given = Bids(files=(BidFiles(name="trader", folder=self.folder),), webhooks=(hook,), **more)
        self.settings = self.world.settings.model_copy(update={"bids": given})
        self.start()

    def start(self) -> None:
        """Begin anew with what the store knows, as after a crash."""
        parts = (self.world.store, self.settings, self.world.clock)
        known = self.world.participants
        self.bidding = Bidding(self.settings, self.world.clock)
        self.delivery = BidDelivery(*parts, self.bidding)
        self.day = MarketDay(*parts, PortfolioRequests(*parts, known), Publisher(*parts, known), self.bidding)
        self.approval = BidApproval(*parts, lambda: None, self.bidding)

    def tried(self, moment: str) -> Handled | None:
        """Jump to a moment of the Period and try to handle it."""
        when = next(m.at for m in moments_of(self.settings, PERIOD) if m.name == moment)
        if when > self.world.clock.now():
            self.world.clock.jump_to(when)
        return self.day.handlers()[moment](PERIOD, moment)

    def at(self, moment: str) -> str:
        """Jump to a moment of the Period and handle it."""
        handled = self.tried(moment)
        assert handled is not None
        with self.world.store.transaction() as tx:
            day.moment_done(tx, PERIOD.day, moment, self.world.clock.now(), handled.result, handled.state)
        return f"{handled.state.value}: {handled.result}"

    def deliver(self, *channels: str) -> None:
        for channel in channels or ("trader", "exchange"):
            while self.delivery.run_due(channel):
                pass

    def until_waiting(self, thread: Thread) -> None:
        """Return once somebody waits for a lock, or the thread has ended without."""
        query = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while thread.is_alive():
            with self.world.store.reading() as tx:
                if tx.execute(query).scalar_one():
                    return

    def written(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []

    def alarms(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return sorted(f"{a.kind} [{a.subject}]" for a in day.open_alarms(tx))

    def position(self) -> tuple[set[float], str]:
        with self.world.store.transaction() as tx:
            fixed = positions.one_on(tx, PERIOD.day, "day-ahead")
        assert fixed is not None
        return set(fixed.values), fixed.origin

    def states(self) -> list[tuple[int, str, str]]:
        with self.world.store.transaction() as tx:
            known = {b.id: b.revision for b in bids.of_period(tx, PERIOD.day, "day-ahead")}
            return [(known[d.bid], d.channel, d.state) for d in bids.deliveries(tx, PERIOD.day, "day-ahead")]


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setenv("BIDS_SECRET", SECRET)
    opened = Exchange(SECRET)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def trading(request: pytest.FixtureRequest, tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    url = emptied(request.getfixturevalue("postgres")) if request.param == "postgresql" else ""
    made = Trading(tmp_path, exchange, url)
    yield made
    made.world.store.close()


@pytest.fixture
def shared(postgres: str, tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    """A world whose store lets several transactions write at once."""
    made = Trading(tmp_path, exchange, emptied(postgres))
    yield made
    made.world.store.close()


@pytest.fixture
def approving(tmp_path: Path, exchange: Exchange) -> Iterator[Trading]:
    made = Trading(tmp_path, exchange, approval=True)
    yield made
    made.world.store.close()


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
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD))
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
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD))
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
        shared.bidding.fix_at_gate(tx, PERIOD)
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


def test_a_bid_whose_attempt_was_cut_off_may_have_arrived_and_the_alarm_says_so(trading: Trading) -> None:
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    with trading.world.store.transaction() as tx:
        delivery = bids.due(tx, "exchange", trading.world.clock.now())
        assert delivery is not None
        bids.attempt(tx, delivery.id)
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD))
    trading.deliver()
    with trading.world.store.transaction() as tx:
        texts = {a.subject: a.text for a in day.open_alarms(tx)}
    assert "may have arrived; ask the exchange" in texts[f"{PERIOD} exchange"]
    assert "it was never tried" in texts[f"{PERIOD} trader"]


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


def test_the_position_is_the_newest_revision_that_arrived(approving: Trading) -> None:
    first = planned(approving.world, FIRST)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.deliver()
    planned(approving.world, SECOND)
    approving.approval.approve(ANNA, PERIOD.day, WHY)
    approving.at("day_ahead_gate")
    assert approving.position() == ({1200.0}, f"bid revision 1 of plan {first.id}")


def test_a_secret_that_is_missing_is_said_and_nothing_is_posted(trading: Trading, monkeypatch) -> None:
    monkeypatch.delenv("BIDS_SECRET")
    planned(trading.world, FIRST)
    trading.at("bid_last_safe_start")
    trading.deliver()
    assert trading.exchange.posts == []
    with trading.world.store.transaction() as tx:
        assert "BIDS_SECRET of channel exchange is not set" in day.open_alarms(tx)[0].text


def test_an_award_is_compared_with_what_was_sent_where_no_daemon_ran_at_the_gate(trading: Trading) -> None:
    planned(trading.world, (1260.0,) * 92)
    trading.at("bid_last_safe_start")
    trading.deliver()
    planned(trading.world, (1000.0,) * 92)
    trading.world.clock.jump_to(gate_of(trading.settings, PERIOD))
    results = AuctionResults(trading.world.store, trading.settings, trading.world.clock, lambda: None)
    results.enter(ANNA, "day-ahead", PERIOD.day, (1.3,) * 92, WHY)
    assert trading.position() == ({1300.0}, "award entered by anna")


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
        trading.bidding.send(tx, second, "anna")
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
