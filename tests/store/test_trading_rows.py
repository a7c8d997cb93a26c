"""Bids, their deliveries, reports and trades in the store, on every database."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agr.domain.award import Trade
from agr.store import bids, input_version, market_reports, trades
from agr.store.engine import Store, alone
from agr.store.market_reports import MarketReport

DAY = date(2026, 3, 29)
NOW = datetime(2026, 3, 28, 11, tzinfo=UTC)


def bid(store: Store, revision: int, day: date = DAY) -> int:
    with store.transaction() as tx:
        alone(tx, "bids")
        number = bids.put(
            tx, period=day, market="day-ahead", revision=revision, plan=7, volumes_kw=(1.5, -2.0), at=NOW, by="anna"
        )
        bids.queue(tx, number, "trader", f"r{revision}.csv", b"\x00bid", "text/csv", NOW)
    return number


def test_a_delivery_is_due_attempted_retried_and_kept_with_its_receipt(store: Store) -> None:
    number = bid(store, 1)
    with store.transaction() as tx:
        due = bids.due(tx, "trader", NOW)
        assert due is not None
        assert (due.bid, due.content, due.attempts) == (number, b"\x00bid", 0)
        assert bids.due(tx, "elsewhere", NOW) is None
        bids.attempt(tx, due.id)
        bids.retry(tx, due.id, NOW + timedelta(minutes=1), "HTTP 503")
        assert bids.due(tx, "trader", NOW) is None
        assert bids.hasten(tx, NOW, NOW + timedelta(seconds=1)) == 1
        again = bids.due(tx, "trader", NOW)
        assert again is not None
        assert (again.attempts, again.detail) == (1, "HTTP 503")
        assert bids.waiting(tx) == 1
        bids.delivered(tx, due.id, NOW, "HTTP 200")
        assert bids.waiting(tx) == 0
        bids.failed(tx, due.id, "too late")  # what has arrived has arrived
        (left,) = bids.deliveries(tx, DAY, "day-ahead")
    assert (left.state, left.delivered_at, left.detail) == ("delivered", NOW, "HTTP 200")


def test_a_revision_supersedes_what_has_not_left_of_its_period_only(store: Store) -> None:
    bid(store, 1)
    bid(store, 1, DAY + timedelta(days=1))
    bid(store, 2)
    with store.transaction() as tx:
        assert [d.state for d in bids.deliveries(tx, DAY, "day-ahead")] == ["superseded", "queued"]
        assert [d.state for d in bids.deliveries(tx, DAY + timedelta(days=1), "day-ahead")] == ["queued"]
        assert [(b.revision, b.volumes_kw) for b in bids.of_period(tx, DAY, "day-ahead")] == [
            (1, (1.5, -2.0)), (2, (1.5, -2.0)),
        ]  # fmt: skip
        bids.delete_before(tx, DAY + timedelta(days=1))
        assert bids.of_period(tx, DAY, "day-ahead") == []
        assert bids.deliveries(tx, DAY, "day-ahead") == []
        assert bids.waiting(tx) == 1


def test_trades_are_found_by_identifier_and_cancelled_once(store: Store) -> None:
    one = Trade(trade="T/1 'x'", start=NOW, minutes=60, mw=-0.25, price_eur_per_mwh=-12.5)
    with store.transaction() as tx:
        before = input_version.number(tx)
        trades.put(tx, one, DAY, NOW, "anna")
        assert input_version.number(tx) > before
        assert trades.known(tx, ["T/1 'x'", *(f"T-{n}" for n in range(1200))])[one.trade].trade == one
        assert trades.counting(tx, DAY) == (one,)
        assert trades.cancel(tx, one.trade, NOW, "bob")
        assert not trades.cancel(tx, one.trade, NOW, "bob")
        assert trades.counting(tx, DAY) == ()
        (kept,) = trades.of_period(tx, DAY)
        assert (kept.by, kept.cancelled_by, kept.cancelled_at) == ("anna", "bob", NOW)
        trades.delete_before(tx, DAY + timedelta(days=1))
        assert trades.of_period(tx, DAY) == []


@pytest.mark.parametrize("source", ["exchange", "tso"])
def test_the_newest_report_of_a_source_counts(store: Store, source: str) -> None:
    def report(state: str) -> MarketReport:
        return MarketReport(
            source=source, period=DAY, market="day-ahead", digest=state, content="{}", at=NOW, state=state, reason=""
        )

    with store.transaction() as tx:
        assert market_reports.newest(tx, DAY, "day-ahead", source) is None
        for state in ("refused", "accepted"):
            market_reports.put(tx, report(state))
        assert market_reports.newest(tx, DAY, "day-ahead", source) == report("accepted")
        assert market_reports.newest(tx, DAY, "day-ahead", "nobody") is None
        market_reports.delete_before(tx, DAY + timedelta(days=1))
        assert market_reports.of_period(tx, DAY) == []
