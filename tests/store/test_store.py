"""The store on real SQLite (and PostgreSQL where it is installed): schema, round trips, nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from agr.domain.errors import InputError, StoreError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import Reason, ReasonKind
from agr.domain.register import CongestionPoint, Connection, Forecast, Price, Register
from agr.store import audit_log, day, inbox, outbox, plans, portfolio, register, schema, tables
from agr.store.engine import Store
from agr.store.inbox import Arrival
from tests.demo.test_report import PLAN

NOW = datetime(2026, 3, 28, 8, tzinfo=UTC)
DAY = date(2026, 3, 29)
PERIOD = Period(DAY)


def put_in(store: Store, *, xml: bytes = b"<x/>", message_id: str = "a" * 36) -> Arrival:
    with store.transaction() as tx:
        return inbox.put(
            tx, sender_domain="dso.example", sender_role="DSO", message_id=message_id, conversation_id="c" * 36,
            kind="TestMessage", xml=xml, at=NOW,
        )  # fmt: skip


def put_out(
    store: Store, recipient: str, message_id: str, *, at: datetime = NOW, subject: str = "", **more: Any
) -> None:
    with store.transaction() as tx:
        outbox.put(
            tx, message_id=message_id, conversation_id="c", kind="D-Prognosis", recipient_domain=recipient,
            recipient_role="DSO", xml=b"<x/>", at=at, period=DAY, subject=subject, **more,
        )  # fmt: skip


def test_an_upgrade_from_the_first_schema_gives_what_a_fresh_store_has_and_keeps_its_rows(store: Store) -> None:
    with store.transaction() as tx:
        tables.metadata.drop_all(tx)
        tx.execute(sa.text("drop table alembic_version"))
        schema.upgrade(tx, "0001")
    put_out(store, "dso.example", "m")
    store.migrate()
    with store.transaction() as tx:
        assert [row.message_id for row in outbox.due(tx, NOW)] == ["m"]
        differences = compare_metadata(MigrationContext.configure(tx, opts={"compare_type": False}), tables.metadata)
    assert differences == []


@pytest.mark.parametrize(
    ("name", "result", "state"),
    [
        ("prognosis_gate", "13 congestion points accepted, 0 not", MomentState.DONE),
        ("prognosis_gate", "11 congestion points accepted, 2 not", MomentState.MISSED),
        ("prognosis_gate", "0 congestion points accepted, 13 not", MomentState.MISSED),
        ("day_ahead_gate", "+13.472 MWh net (plan 1)", MomentState.DONE),
        ("day_ahead_gate", "+0.000 MWh net (no plan before the gate)", MomentState.MISSED),
        ("prognosis_last_safe_start", "missed; there is no plan to send", MomentState.MISSED),
        ("prognosis_last_safe_start", "prognoses were sent before", MomentState.DONE),
        ("first_plan", "missed; instead: no plan: nothing is sent", MomentState.MISSED),
        ("portfolio_last_call", "1 CRO late", MomentState.LATE),
        ("portfolio_last_call", "2 CROs late", MomentState.LATE),
        ("portfolio_last_call", "all CROs answered", MomentState.DONE),
    ],
)
def test_an_upgrade_takes_what_came_of_old_moments_from_their_words(
    store: Store, name: str, result: str, state: MomentState
) -> None:
    with store.transaction() as tx:
        tables.metadata.drop_all(tx)
        tx.execute(sa.text("drop table alembic_version"))
        schema.upgrade(tx, "0006")
        old = sa.table("moments", *(sa.column(c.name, c.type) for c in tables.moments.c if c.name != "state"))
        tx.execute(old.insert().values(period=DAY, name=name, done_at=NOW, result=result))
    store.migrate()
    with store.transaction() as tx:
        assert day.handled_moments(tx, DAY) == {name: Handled(result, state)}


def test_migrating_twice_changes_nothing(store: Store) -> None:
    put_in(store)
    store.migrate()
    with store.transaction() as tx:
        assert len(inbox.messages(tx)) == 1


def test_a_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    def break_off() -> None:
        with store.transaction() as tx:
            day.put_trigger(tx, DAY, Reason(kind=ReasonKind.FIRST_PLAN), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with store.transaction() as tx:
        assert day.open_triggers(tx) == []


def test_the_same_message_is_stored_once(store: Store) -> None:
    assert put_in(store) is Arrival.NEW
    assert put_in(store) is Arrival.REPEATED
    assert put_in(store, xml=b"<y/>") is Arrival.DUPLICATE
    assert put_in(store, message_id="A" * 36) is Arrival.REPEATED  # a UUID means the same in capitals
    with store.transaction() as tx:
        first = inbox.next_received(tx)
        assert first is not None
        inbox.finish(tx, first.id, "accepted")
        assert inbox.next_received(tx) is None


def test_one_busy_recipient_blocks_no_other(store: Store) -> None:
    put_out(store, "slow.example", "m1")
    put_out(store, "slow.example", "m2")
    put_out(store, "fast.example", "m3")
    with store.transaction() as tx:
        assert [m.message_id for m in outbox.due(tx, NOW)] == ["m1", "m3"]
        assert [m.message_id for m in outbox.due(tx, NOW, frozenset({"slow.example"}))] == ["m3"]


def test_a_delayed_message_waits_and_does_not_hold_back_the_next(store: Store) -> None:
    put_out(store, "dso.example", "m1")
    put_out(store, "dso.example", "m2")
    with store.transaction() as tx:
        first = outbox.due(tx, NOW)[0]
        outbox.attempt(tx, first.id)
        outbox.retry(tx, first.id, NOW + timedelta(seconds=30), "time-out")
        assert [m.message_id for m in outbox.due(tx, NOW)] == ["m2"]
        later = outbox.due(tx, NOW + timedelta(seconds=30))
        assert (later[0].message_id, later[0].attempts) == ("m1", 1)


def test_a_newer_revision_supersedes_an_unsent_older_one(store: Store) -> None:
    put_out(store, "dso.example", "old", subject="point-1")
    put_out(store, "dso.example", "other", subject="point-2")
    with store.transaction() as tx:
        assert outbox.supersede(tx, "D-Prognosis", DAY, "point-1") == 1
        assert [m.message_id for m in outbox.due(tx, NOW)] == ["other"]


def test_overdue_answers_are_found_until_they_come(store: Store) -> None:
    put_out(store, "dso.example", "m1", answer_due_at=NOW + timedelta(minutes=15))
    with store.transaction() as tx:
        assert outbox.unanswered(tx, NOW) == []
        assert [q.message_id for q in outbox.unanswered(tx, NOW + timedelta(minutes=16))] == ["m1"]
        outbox.answered(tx, "m1", NOW, "Accepted", None)
        assert outbox.unanswered(tx, NOW + timedelta(minutes=16)) == []


def test_a_register_comes_back_as_it_went_in(store: Store) -> None:
    battery = Battery(
        resource="b", connection="ean.1", charge_kw=5, discharge_kw=5, capacity_kwh=10, initial_kwh=1, end_kwh=1 / 3
    )
    forecast = Forecast(resource="b", quantity="power_kw", period=PERIOD, values=tuple(np.linspace(-1, 1, 92)))
    price = Price(series="day_ahead", start=PERIOD.start, minutes=60, value=-0.1)
    whole = Register(
        connections=(Connection(address="ean.1", first_day=DAY),), resources=(battery,), forecasts=(forecast,),
        prices=(price,),
    )  # fmt: skip
    with store.transaction() as tx:
        register.replace(tx, whole)
        register.replace(tx, whole)  # again: nothing doubles
    with store.transaction() as tx:
        assert register.load(tx) == replace(whole, forecasts=(), prices=())
        assert register.forecasts(tx, PERIOD.zone_name, 15) == (forecast,)
        assert register.prices(tx) == (price,)
        assert register.prices(tx, PERIOD.start + timedelta(hours=1)) == ()
        assert register.latest_forecast_day(tx, DAY + timedelta(days=1)) == DAY


def test_two_cros_make_one_portfolio_and_the_first_claim_of_a_connection_stays(store: Store) -> None:
    one = CongestionPoint(address="p1", dso="dso.example", connections=("c1", "c2"))
    two = CongestionPoint(address="p2", dso="dso.example", connections=("c2", "c3"), intraday_redispatch_by="AGR")
    with store.transaction() as tx:
        assert portfolio.replace(tx, DAY, "cro-1.example", (one,), ("free",)) == ()
        assert portfolio.replace(tx, DAY, "cro-2.example", (two,), ()) == ("c2",)
        known = portfolio.load(tx, PERIOD)
    assert known.point_of() == {"c1": "p1", "c2": "p1", "c3": "p2"}
    assert known.free_connections == ("free",)
    assert known.points[1].intraday_redispatch_by == "AGR"


def test_a_newer_answer_of_a_cro_replaces_its_older_one(store: Store) -> None:
    with store.transaction() as tx:
        portfolio.replace(tx, DAY, "cro.example", (CongestionPoint(address="p1", dso="d", connections=("c1",)),), ())
        portfolio.replace(tx, DAY, "cro.example", (CongestionPoint(address="p2", dso="d", connections=("c1",)),), ())
        assert portfolio.load(tx, PERIOD).point_of() == {"c1": "p2"}


def test_a_moment_keeps_its_first_record(store: Store) -> None:
    with store.transaction() as tx:
        day.moment_done(tx, DAY, "first_plan", NOW, "made")
        day.moment_done(tx, DAY, "first_plan", NOW, "made again")
        assert day.done_moments(tx, DAY) == {"first_plan": "made"}


def test_an_alarm_is_raised_once_renewed_and_recovers(store: Store) -> None:
    with store.transaction() as tx:
        assert day.raise_alarm(tx, "feed failed", "prices", "down", NOW)
        assert not day.raise_alarm(tx, "feed failed", "prices", "still down", NOW)
        (alarm,) = day.open_alarms(tx)
        assert (alarm.text, alarm.times) == ("still down", 2)
        assert day.recover(tx, "feed failed", "prices", NOW)
        assert not day.recover(tx, "feed failed", "prices", NOW)
        assert day.open_alarms(tx) == []


def test_the_newest_reservation_counts(store: Store) -> None:
    with store.transaction() as tx:
        day.put_reservation(tx, "FO-1", DAY, (-5, -5), "m1", NOW)
        day.put_reservation(tx, "FO-1", DAY, (-5, 0), "m2", NOW)
        day.put_reservation(tx, "FO-1", DAY, (-9, -9), "retried late", NOW - timedelta(minutes=5))
        assert day.reservations_on(tx, DAY) == {"FO-1": (-5, 0)}


def test_a_naive_instant_never_reaches_the_store(store: Store) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive datetime"), store.transaction() as tx:
        day.moment_done(tx, DAY, "x", datetime(2026, 1, 1), "")  # noqa: DTZ001


def test_threads_take_turns_in_one_store(store: Store) -> None:
    """Nobody sees a transaction half done, and none is lost."""
    threads, each = 6, 10

    def count(number: int) -> None:
        for message in range(each):
            with store.transaction() as tx:
                before = outbox.open_count(tx)
            put_out(store, "dso.example", f"{number}-{message}")
            with store.transaction() as tx:
                assert outbox.open_count(tx) > before

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(count, number) for number in range(threads)]:
            done.result()
    with store.transaction() as tx:
        assert outbox.open_count(tx) == threads * each


def test_a_transaction_that_never_ends_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agr.store.engine._BUSY_S", 0.05)
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    with store.transaction(), pytest.raises(StoreError, match="has not ended"), store.transaction():
        pass
    with store.transaction() as tx:
        assert tx.exec_driver_sql("SELECT 1").scalar() == 1
    store.close()


@pytest.mark.parametrize("gap_eur", [12.5, float("inf")])
def test_a_plan_is_read_as_it_was_written_with_a_proven_bound_and_without(store: Store, gap_eur: float) -> None:
    """A search that ran out of time before it proved a bound leaves an infinite gap."""
    plan = replace(PLAN, result=replace(PLAN.result, bound_eur=gap_eur, gap_eur=gap_eur))
    with store.transaction() as tx:
        put = plans.put(tx, plan, b"outcome", b"case")
        assert plans.get(tx, put.id) == put
        assert plans.in_force(tx, PERIOD.day) == put
    assert put == replace(plan, id=put.id)


def test_a_text_that_postgresql_cannot_hold_is_refused_in_words(store: Store) -> None:
    chosen = audit_log.Chosen(who="an\0na")
    if not store.shared:
        with store.transaction() as tx:
            assert audit_log.entries(tx, chosen=chosen) == []
        return
    with pytest.raises(InputError, match="holds the character NUL"), store.transaction() as tx:
        audit_log.entries(tx, chosen=chosen)
