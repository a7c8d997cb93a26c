"""Opens the database, brings its schema up to date, and hands out transactions."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import sqlalchemy as sa

from agr.domain.errors import InputError, StoreError
from agr.store import schema

Tx: TypeAlias = sa.Connection
"""The first argument of every query: a connection inside one transaction."""

_BUSY_S = 30
"""Seconds for which a transaction waits for another one to end."""


def _sqlite_settings(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: pysqlite's own is deferred and can deadlock
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _for_its_owner_only(file: Path) -> None:
    """Create the file of an SQLite store, or deny others access to it: it holds personal data. Side files inherit that.

    Raises OSError. A file of another user stays as it is.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        state = os.fstat(descriptor)
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def alone(tx: Tx, what: str) -> None:
    """Let no other transaction do the same until this one ends; SQLite lets only one write at a time anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || :what))"), {"what": f" {what}"})


class Store:
    """One database; safe to share between threads."""

    def __init__(self, url: str) -> None:
        try:
            self._url = sa.make_url(url)
            if self._url.drivername == "postgresql":
                self._url = self._url.set(drivername="postgresql+psycopg")
            if self.file is not None:
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            in_memory = self._url.get_backend_name() == "sqlite" and self._url.database in (None, "", ":memory:")
            options: dict[str, Any] = {"poolclass": sa.StaticPool, "connect_args": {"check_same_thread": False}}
            pool = options if in_memory else {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 90}
            # Parameters may be personal data: they never reach an error message or the log.
            self._engine = sa.create_engine(self._url, hide_parameters=True, **pool)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, OSError) as error:
            if isinstance(error, OSError):
                raise self._unusable(error) from error
            raise StoreError(f"store_url cannot be used: {error}; use sqlite:///path or postgresql://…") from error
        # SQLite lets a waiting writer sleep up to 100 ms between attempts; our own threads take turns without that.
        self._turn = Lock() if self._engine.dialect.name == "sqlite" else None
        self._fence: Callable[[Tx], None] | None = None
        self._troubles: deque[str] = deque(maxlen=1)  # shared by every view of the store
        self._slowest: deque[float] = deque(maxlen=1)
        self._owned: deque[bool] = deque(maxlen=1)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _sqlite_settings)
            sa.event.listen(self._engine, "begin", _begin_immediate)

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"the store at {self.place} cannot be used: {error.strerror} ({error.filename}); give its folder to the "
            "user that runs agr, or change store_url"
        )

    def _own(self) -> None:
        """Make the file of an SQLite store before SQLite does, which would let everybody read it. Raises StoreError."""
        if self._owned or self.file is None:
            return
        try:
            _for_its_owner_only(self.file)
        except OSError as error:
            raise self._unusable(error) from error
        self._owned.append(True)

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """Give one transaction: committed at the end of the block, rolled back when it raises."""
        with self.reading() as tx:
            if self._fence is not None:
                self._fence(tx)
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Give a transaction that only reads; a standby may use it, too."""
        self._own()
        try:
            with self._in_turn(), self._engine.begin() as tx:
                yield tx
                worked = time.monotonic()
            took = time.monotonic() - worked
            if took > max(self._slowest, default=0.0):
                self._slowest.append(took)
        except sa.exc.DataError as error:
            if "NUL" in str(error.orig):  # SQLite takes it, PostgreSQL cannot
                raise InputError("a text holds the character NUL, which cannot be stored; leave it out") from error
            raise
        except (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.NotSupportedError):
            raise  # a bug of ours, not a failure of the store
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            why = getattr(error, "orig", None) or "every connection is in use"
            text = f"the store at {self.place} does not answer: {str(why).strip()}"
            self._troubles.append(text)
            raise StoreError(text) from error

    @property
    def trouble(self) -> str | None:
        """The store's latest failure, until it is forgotten; None: the store answers."""
        return self._troubles[-1] if self._troubles else None

    def forget_trouble(self) -> None:
        """Forget the failure: it is over."""
        self._troubles.clear()

    def slowest_commit_s(self) -> float:
        """Return how long the slowest commit took since the last call, in seconds."""
        slowest = max(self._slowest, default=0.0)
        self._slowest.clear()
        return slowest

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=_BUSY_S):
            text = f"the store at {self.place} does not answer: a transaction has not ended in {_BUSY_S} s"
            self._troubles.append(text)
            raise StoreError(text)
        try:
            yield
        finally:
            self._turn.release()

    def fenced(self, fence: Callable[[Tx], None]) -> "Store":
        """Return the same store for acting: `fence` begins each transaction and may refuse it."""
        acting = copy(self)
        acting._fence = fence
        return acting

    @property
    def file(self) -> Path | None:
        """The file of an SQLite store; None: it is elsewhere, or in memory."""
        if self._url.get_backend_name() != "sqlite" or self._url.database in (None, "", ":memory:"):
            return None
        return Path(str(self._url.database))

    @property
    def shared(self) -> bool:
        """Whether daemons on several machines can share this store."""
        return bool(self._engine.dialect.name == "postgresql")

    @property
    def url(self) -> sa.URL:
        """Where the store is, with its password: for connections, never for people."""
        return self._url

    def libpq(self) -> tuple[str, str | None]:
        """Return (connection string without the password, the password) for PostgreSQL's own tools."""
        from psycopg.conninfo import make_conninfo  # installed only with this kind of store

        _, values = self._engine.dialect.create_connect_args(self._url)
        values.pop("context", None)
        password = values.pop("password", None)
        return make_conninfo(**values), password

    @property
    def place(self) -> str:
        """Where the store is, without its password."""
        return self._url.render_as_string(hide_password=True)

    def migrate(self) -> None:
        """Bring the schema to this version; raises StoreError when the store is newer than the program."""
        with self.transaction() as tx:
            if self.shared:  # daemons that start together migrate one after the other
                tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(current_schema() || ' migrations'))"))
            self.refuse_newer(tx)
            schema.upgrade(tx)

    def refuse_newer(self, tx: Tx) -> None:
        """Raise StoreError when a newer program made the schema."""
        present = schema.revision_of(tx)
        if present is not None and present not in schema.revisions():
            raise StoreError(f"the store at {self.place} has schema {present}, newer than this program; update agr")

    def close(self) -> None:
        """Release all connections."""
        self._engine.dispose()
