"""Raises alarms about a store that fails or is slow, a disk that fills, and a clock that jumped; ends them again."""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from agr.domain.errors import StoreError
from agr.domain.isp import Clock
from agr.settings import Settings
from agr.store import bids, day, nominations, outbox
from agr.store.engine import Store, Tx
from agr.uftp.transport import MAX_RETRY_AFTER_S

log = structlog.get_logger()

JUMP = timedelta(seconds=30)
"""Smallest jump of the clock that raises an alarm."""
STEADY_S = 900.0
"""Seconds without another jump after which the alarm ends."""
SLOW_S = 5.0
"""Seconds above which a commit raises an alarm. After thirty, other writers give up waiting for it."""
QUICK_S = 60.0
"""Seconds without another slow commit after which the alarm ends."""

ROOM_BYTES = 256 * 1024**2
"""Free disk space below which an alarm is raised; there is still room to store the alarm."""
ENOUGH_BYTES = ROOM_BYTES * 5 // 4
"""Free disk space from which the alarm ends; more than ROOM_BYTES, so that the alarm does not come and go near the
limit."""


def _wall() -> datetime:
    return datetime.now(UTC)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def shorten_pauses(tx: Tx, now: datetime, settings: Settings) -> None:
    """Let no message wait longer after a start than a pause can last, because the clock may have been set back.

    A counterparty may have asked for a day's patience (Retry-After). Where the store knows of moments still to come,
    the clock was set back, and only our own pauses are believed.
    """
    latest, longest_s = day.latest(tx), settings.delivery.max_delay_s
    if latest is None or latest <= now + JUMP:
        longest_s = max(longest_s, MAX_RETRY_AFTER_S)
    outbox.hasten(tx, now, now + timedelta(seconds=longest_s))
    nominations.hasten(tx, now, now + timedelta(seconds=settings.delivery.max_delay_s))
    bids.hasten(tx, now, now + timedelta(seconds=settings.delivery.max_delay_s))


class Watchdog:
    """Checks store and clock; a thread that does not depend on the wall clock calls it every few seconds."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        jumped: Callable[[], None],
        wall: Callable[[], datetime] = _wall,
        monotonic: Callable[[], float] = time.monotonic,
        slow_s: float = SLOW_S,
        room: Callable[[Path], int] = _free_bytes,
    ) -> None:
        self._store, self._settings, self._clock, self._jumped = store, settings, clock, jumped
        self._wall, self._monotonic = wall, monotonic
        self._base = wall(), monotonic()
        self._slow_s, self._room = slow_s, room
        self._short_of_room: bool | None = None  # not known yet: an alarm from before a restart may be open
        self._room_unknown = False
        self._jump_at: float | None = None
        self._slow_at: float | None = None
        self._told = False

    def check(self) -> None:
        """Look at store and clock."""
        try:
            self._check_clock()
            self._check_store()
            self._check_room()
            self._check_speed()
        except StoreError as error:
            if not self._told:
                self._told = True
                log.error("store.failed", why=str(error), what="it is tried again; messages are answered 503 meanwhile")  # noqa: TRY400

    def _check_store(self) -> None:
        """Raise an alarm about the store's failure as soon as it can be written again."""
        trouble = self._store.trouble
        if trouble is None:
            return
        now = self._clock.now()
        with self._store.transaction() as tx:
            day.raise_alarm(tx, "store failed", self._store.place, trouble, now)
            day.recover(tx, "store failed", self._store.place, now)
        self._store.forget_trouble()
        self._told = False
        log.warning("store.recovered", after=trouble)

    def _check_room(self) -> None:
        """Raise an alarm before the disk of an SQLite store is full."""
        file = self._store.file
        if file is None:
            return
        free, now = self._room_left(file.parent), self._clock.now()
        if free is None or ROOM_BYTES <= free < ENOUGH_BYTES:
            return
        short = free < ROOM_BYTES
        if short == self._short_of_room:
            return
        with self._store.transaction() as tx:
            if short:
                text = f"the disk of {file} has {free / 1024**2:,.0f} MiB left: make room, or nothing can be stored"
                day.raise_alarm(tx, "disk low", str(file.parent), text, now)
            else:
                day.recover(tx, "disk low", str(file.parent), now)
        self._short_of_room = short  # only now: what could not be written is written with the next check

    def _room_left(self, folder: Path) -> int | None:
        """Return the free space of a folder's disk; None when the system does not say, which is logged once."""
        try:
            free = self._room(folder)
        except OSError as error:
            if not self._room_unknown:
                log.warning(
                    "disk.not_measured", folder=str(folder), why=str(error), what="no alarm will say when it is full"
                )
            self._room_unknown = True
            return None
        self._room_unknown = False
        return free

    def _check_speed(self) -> None:
        """Raise an alarm when writing takes so long that messages and gates have to wait for it."""
        slowest, now = self._store.slowest_commit_s(), self._monotonic()
        if slowest >= self._slow_s:
            self._slow_at = now
            log.error("store.slow", seconds=round(slowest, 1))
            text = f"writing to the store took {slowest:.1f} s: check the disk of {self._store.place} and its users"
            with self._store.transaction() as tx:
                day.raise_alarm(tx, "store slow", self._store.place, text, self._clock.now())
        elif self._slow_at is not None and now - self._slow_at >= QUICK_S:
            with self._store.transaction() as tx:
                day.recover(tx, "store slow", self._store.place, self._clock.now())
            self._slow_at = None

    def _check_clock(self) -> None:
        wall, monotonic = self._wall(), self._monotonic()
        ahead = (wall - self._base[0]) - timedelta(seconds=monotonic - self._base[1])
        if abs(ahead) >= JUMP:
            log.error("clock.jumped", seconds=round(ahead.total_seconds()))
            self._after_jump(ahead)
            self._jump_at = monotonic
        elif self._jump_at is not None and monotonic - self._jump_at >= STEADY_S:
            with self._store.transaction() as tx:
                day.recover(tx, "clock jumped", "", self._clock.now())
            self._jump_at = None
        self._base = wall, monotonic

    def _after_jump(self, ahead: timedelta) -> None:
        """Raise an alarm, and let nothing wait for an hour that will come a second time."""
        now = self._clock.now()
        direction = "forward" if ahead > timedelta(0) else "back"
        text = (
            f"this machine's clock jumped {direction} by {abs(ahead.total_seconds()):.0f} s; gates are kept by the new "
            "time: check its time synchronisation"
        )
        with self._store.transaction() as tx:
            day.raise_alarm(tx, "clock jumped", "", text, now)
            outbox.hasten(tx, now, now + timedelta(seconds=self._settings.delivery.max_delay_s))
        self._jumped()
