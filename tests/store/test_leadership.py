"""One leader per PostgreSQL store: no other daemon acts, and a former leader can no longer write."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from agr.domain.errors import StoreError
from agr.domain.isp import SystemClock
from agr.store import day
from agr.store.engine import Store
from agr.store.leadership import Alone, Elected, NotLeader, leadership
from tests.builders.stores import fresh_on
from tests.builders.worlds import NOW


@pytest.fixture
def shared(postgres: str) -> Iterator[Store]:
    opened = Store(fresh_on(postgres))
    yield opened
    opened.close()


@pytest.fixture
def two(shared: Store) -> Iterator[tuple[Elected, Elected]]:
    pair = Elected(shared, SystemClock()), Elected(shared, SystemClock())
    yield pair
    for one in pair:
        one.release()


def write(store: Store, who: Elected) -> None:
    with store.fenced(who.fence).transaction() as tx:
        day.raise_alarm(tx, "test", "x", "y", NOW)


def break_lock_connection(store: Store) -> None:
    """Let the server end the connection that holds the leader's lock, as it does when nothing is heard of it."""
    with store.transaction() as tx:
        ended = tx.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2")
        ).all()
    assert len(ended) == 1


def test_two_never_lead_at_once(two: tuple[Elected, Elected], shared: Store) -> None:
    first, second = two
    assert first.take()
    assert not second.take()
    assert first.holds()
    assert not second.holds()
    write(shared, first)
    with pytest.raises(NotLeader):
        write(shared, second)


def test_a_leader_that_stops_lets_the_next_one_lead(two: tuple[Elected, Elected], shared: Store) -> None:
    first, second = two
    assert first.take()
    first.release()
    assert second.take()
    write(shared, second)


def test_a_former_leader_that_has_not_noticed_yet_can_write_nothing(
    two: tuple[Elected, Elected], shared: Store
) -> None:
    first, second = two
    assert first.take()
    break_lock_connection(shared)
    write(shared, first)  # nobody else leads yet: no harm
    assert second.take()
    with pytest.raises(NotLeader):
        write(shared, first)
    assert not first.holds()
    assert not first.take()
    write(shared, second)


def test_an_open_transaction_of_the_former_leader_is_ended_before_the_new_one_acts(
    two: tuple[Elected, Elected], shared: Store
) -> None:
    first, second = two
    assert first.take()

    def act() -> None:
        with shared.fenced(first.fence).transaction() as tx:
            day.raise_alarm(tx, "test", "half done", "y", NOW)
            break_lock_connection_of_another(shared)
            assert second.take()
            tx.execute(sa.text("SELECT 1"))

    with pytest.raises(StoreError, match="terminating connection"):
        act()
    with shared.transaction() as tx:
        assert day.open_alarms(tx) == []
    write(shared, second)


def break_lock_connection_of_another(store: Store) -> None:
    """End the session with a lock of its own; transactions hold theirs shared."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
    with store.transaction() as tx:
        assert len(tx.execute(sa.text(query)).all()) == 1


def test_sqlite_needs_no_election() -> None:
    assert isinstance(leadership(Store("sqlite://"), SystemClock()), Alone)
