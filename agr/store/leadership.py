"""Who acts on a PostgreSQL store: one leader, the others stand by; a fence stops a leader that has lost the lead.

The leader holds an advisory lock through a connection of its own. The server gives the lock to the next one as soon as
that connection ends: at once when the process dies, after some seconds without a sign of life when the machine or the
network does. A new leader ends the transactions that the old one still has open and counts up the epoch; every acting
transaction first reads the epoch under a shared lock, so work of a former leader cannot be committed.
Source: PostgreSQL documentation, 13.3.5 advisory locks; 34.1.2 (keepalives, tcp_user_timeout).
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa
import structlog

from agr.domain.errors import InputError, StoreError
from agr.domain.isp import Clock
from agr.store import tables as t
from agr.store.engine import Store, Tx

log = structlog.get_logger()

_CLASS = 1_095_193_137
"""First half of the keys of our advisory locks; the second half is a hash of the schema and the purpose."""

_KEEP_ALIVE = {
    "connect_timeout": 3, "keepalives": 1, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3,
    "tcp_user_timeout": 4000,
    "options": "-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3",
}  # fmt: skip

_TAKE = sa.text("SELECT pg_try_advisory_lock(:key, hashtext(current_schema() || ' leader'))")
_END_OTHERS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = :key "
    "AND objid::bigint = hashtext(current_schema() || ' acting')::bigint & 4294967295 AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_FENCE_OFF = sa.text("SELECT pg_advisory_xact_lock(:key, hashtext(current_schema() || ' acting'))")
_ENTER = sa.text("SELECT pg_try_advisory_xact_lock_shared(:key, hashtext(current_schema() || ' acting'))")


class NotLeader(StoreError):  # noqa: N818 - a state, told in words
    """Another process leads on this store, or none does yet."""


class Leadership(Protocol):
    """Whether this process may act."""

    def take(self) -> bool:
        """Try to become the leader; True when we are."""

    def holds(self) -> bool:
        """Say whether we are still the leader."""

    def release(self) -> None:
        """Let another one lead."""

    def fence(self, tx: Tx) -> None:
        """Begin an acting transaction; raises NotLeader when another one leads."""


class Alone:
    """Leadership of a store that one process has alone (SQLite with the lock on its folder): always ours."""

    def take(self) -> bool:
        """We lead: nobody else can."""
        return True

    def holds(self) -> bool:
        """We lead: nobody can take over."""
        return True

    def release(self) -> None:
        """Do nothing: no lock is held."""

    def fence(self, tx: Tx) -> None:
        """Do nothing: nobody else acts."""


class Elected:
    """Leadership by PostgreSQL's advisory lock; `take` and `holds` are called by one thread only."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._engine = sa.create_engine(store.url, poolclass=sa.NullPool, connect_args=_KEEP_ALIVE)
        self._connection: sa.Connection | None = None
        self._epoch = -1

    def take(self) -> bool:
        """Try to become the leader: take the lock, end the former leader's transactions, count up the epoch."""
        try:
            connection = self._engine.connect()
        except sa.exc.DBAPIError as error:
            log.warning("leadership.store_away", why=str(error.orig).strip())
            return False
        try:
            locked = bool(connection.execute(_TAKE, {"key": _CLASS}).scalar())
            connection.commit()
            if locked:
                self._epoch = self._begin_epoch(connection)
                self._connection = connection
                return True
        except sa.exc.DBAPIError as error:
            log.warning("leadership.not_taken", why=str(error.orig).strip())
        connection.close()
        return False

    def _begin_epoch(self, connection: sa.Connection) -> int:
        with connection.begin():
            ended = len(connection.execute(_END_OTHERS, {"key": _CLASS}).all())
            connection.execute(_FENCE_OFF, {"key": _CLASS})
            last = connection.execute(sa.select(sa.func.max(t.leaders.c.epoch))).scalar()
            epoch = (last or 0) + 1
            connection.execute(
                t.leaders.insert().values(epoch=epoch, holder=socket.gethostname(), since=self._clock.now())
            )
        log.info("leadership.taken", epoch=epoch, ended_transactions=ended)
        return epoch

    def holds(self) -> bool:
        """Say whether the connection that holds the lock lives; no answer within seconds counts as no."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(sa.text("SELECT 1"))
            self._connection.commit()
        except sa.exc.DBAPIError as error:
            log.error("leadership.lost", why=str(error.orig).strip())  # noqa: TRY400 - foreseen, not a bug
            self.release()
            return False
        return True

    def release(self) -> None:
        """Close the connection, which gives the lock back."""
        self._epoch = -1
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def fence(self, tx: Tx) -> None:
        """Begin an acting transaction; raises NotLeader when another one leads or is just taking over."""
        entered = tx.execute(_ENTER, {"key": _CLASS}).scalar()
        newest = tx.execute(sa.select(sa.func.max(t.leaders.c.epoch))).scalar() if entered else None
        if newest is None or newest != self._epoch:
            raise NotLeader("another daemon leads on this store; this one stands by")


def leadership(store: Store, clock: Clock) -> Leadership:
    """Return how leadership works on this kind of store."""
    return Elected(store, clock) if store.shared else Alone()


@contextmanager
def nobody_leads(store: Store, clock: Clock) -> Iterator[None]:
    """Keep every daemon from leading while the store is replaced; raises InputError when one leads.

    Epochs go on counting from the former store, so that no former leader can commit afterwards.
    """
    if not store.shared:
        yield
        return
    engine = sa.create_engine(store.url, poolclass=sa.NullPool, connect_args=_KEEP_ALIVE)
    try:
        with engine.connect() as connection:
            if not connection.execute(_TAKE, {"key": _CLASS}).scalar():
                raise InputError("a daemon leads on this store; stop every daemon first, the standby too")
            connection.commit()
            past = _newest_epoch(connection)
            yield
            if past is not None:
                epoch = max(past, _newest_epoch(connection) or 0) + 1
                values = {"epoch": epoch, "holder": f"{socket.gethostname()} (restore)", "since": clock.now()}
                connection.execute(t.leaders.insert().values(**values))
                connection.commit()
    except sa.exc.OperationalError as error:
        raise StoreError(f"the store at {store.place} does not answer: {str(error.orig).strip()}") from error
    finally:
        engine.dispose()


def _newest_epoch(connection: sa.Connection) -> int | None:
    """Return the newest epoch; None where there is no store yet."""
    try:
        if not sa.inspect(connection).has_table(t.leaders.name):
            return None
        newest: int | None = connection.execute(sa.select(sa.func.max(t.leaders.c.epoch))).scalar()
        return newest
    finally:
        connection.rollback()
