"""E-programs and history in SQLite and PostgreSQL alike."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import sqlalchemy as sa

from agr.domain.e_program import EProgram
from agr.store import history, nominations
from agr.store.engine import Store

DAY, NOW = date(2026, 3, 29), datetime(2026, 3, 28, 12, tzinfo=UTC)
TOLD = EProgram(power_w=(5, -3), day_ahead_w=(4, -3), intraday_w=(1, 0), imbalance_w=(0, 0))


def put(store: Store, revision: int, brp: str = "one", day: date = DAY) -> nominations.Nomination:
    with store.transaction() as tx:
        nominations.put(
            tx, day, brp, revision=revision, plan=revision, message_id=f"{brp}-{day}-{revision}", content=TOLD, at=NOW,
            answer_due_at=NOW + timedelta(hours=1),
        )  # fmt: skip
        made = nominations.newest(tx, day, brp)
    assert made is not None
    return made


def test_a_revision_is_read_as_it_was_written(store: Store) -> None:
    made = put(store, 1)
    assert (made.content, made.queued_at, made.state, made.shown_state) == (TOLD, NOW, "queued", "queued")
    with store.transaction() as tx:
        assert nominations.by_message(tx, made.message_id.upper()) == made
        assert nominations.due(tx, NOW) == nominations.due(tx, NOW, "one") == [made]
        assert nominations.due(tx, NOW, "two") == []
        assert nominations.due(tx, NOW - timedelta(seconds=1)) == []


def test_a_newer_revision_takes_back_what_has_not_left_and_ends_the_waiting(store: Store) -> None:
    first = put(store, 1)
    with store.transaction() as tx:
        nominations.sent(tx, first.id, NOW, "HTTP 202")
    put(store, 2)
    put(store, 3)
    put(store, 1, brp="two")
    with store.transaction() as tx:
        assert [n.state for n in nominations.history(tx, DAY, "one")] == ["sent", "superseded", "queued"]
        late = nominations.overdue(tx, NOW + timedelta(hours=2))
        assert sorted((n.brp, n.revision) for n in late) == [("one", 3), ("two", 1)]
        assert nominations.open_count(tx) == 2


def test_what_was_answered_while_an_attempt_was_under_way_stays_answered(store: Store) -> None:
    made = put(store, 1)
    with store.transaction() as tx:
        nominations.answered(tx, made.id, NOW, "rejected", "no")
        assert not nominations.retry(tx, made.id, NOW, "time-out")
        assert not nominations.failed(tx, made.id, "given up")
        assert not nominations.attempt(tx, made.id)
        found = nominations.newest(tx, DAY, "one")
        assert nominations.open_count(tx) == 0
    assert found == replace(
        made, state="sent", sent_at=NOW, detail="answered", answered_at=NOW, answer="rejected", answer_reason="no",
        answer_due_at=None,
    )  # fmt: skip


def test_pauses_are_shortened_and_old_days_deleted(store: Store) -> None:
    made, other = put(store, 1), put(store, 1, day=DAY - timedelta(days=9))
    with store.transaction() as tx:
        nominations.attempt(tx, made.id)
        assert nominations.retry(tx, made.id, NOW + timedelta(days=3), "time-out")
        assert nominations.hasten(tx, NOW, NOW + timedelta(hours=1)) == 1
        assert {n.id for n in nominations.due(tx, NOW)} == {made.id, other.id}
        assert nominations.delete_before(tx, DAY) == 1
        assert [n.attempts for n in nominations.history(tx, DAY)] == [1]


def test_history_keeps_one_plan_a_day(store: Store) -> None:
    with store.transaction() as tx:
        for plan in (3, 5):
            history.put(tx, DAY, plan, f'[{{"eur": {plan}}}]')
        history.put(tx, DAY - timedelta(days=1), 1, "[]")
        assert history.kept(tx, DAY, DAY) == {DAY: (5, '[{"eur": 5}]')}
        assert history.delete_before(tx, DAY) == 1
        assert list(history.kept(tx, date(2020, 1, 1), DAY)) == [DAY]


def keep(store: Store) -> None:
    with store.transaction() as tx:
        history.put(tx, DAY, 5, "[]")


def until_blocked(store: Store) -> None:
    """Wait until a transaction waits for another one."""
    blocked, until = 0, time.monotonic() + 30
    while not blocked:
        assert time.monotonic() < until
        with store.reading() as tx:
            blocked = tx.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one()


def test_two_who_keep_the_same_day_at_once_do_not_fail(store: Store) -> None:
    if not store.shared:  # writers to SQLite take turns
        return
    with store.transaction() as one:
        history.put(one, DAY, 5, "[]")
        other = Thread(target=keep, args=(store,))
        other.start()
        until_blocked(store)
    other.join(30)
    with store.transaction() as tx:
        assert history.kept(tx, DAY, DAY) == {DAY: (5, "[]")}
