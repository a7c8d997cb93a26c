"""Holds what stations tell late until their clocks are known; what comes from clocks that are off is set aside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from agr.dispatch.clocks import StationClock, Trust, off_of, words_of
from agr.domain.dispatch import ClockSeen, Observation, SessionSeen, StationFact, StationSeen
from agr.operations.dispatching.memory import Memory
from agr.store import day
from agr.store.engine import Tx

log = structlog.get_logger()

CLOCK_OFF = "station clock off"
PATIENCE = timedelta(minutes=30)
"""How long an observation that came late waits for the station's next message, which may show that its clock is wrong;
after that the observation counts with its own time."""
_MOST_HELD = 10_000

Changed = Callable[[Tx, str, datetime], None]
"""Called when a station's clock turns out to be wrong, or right again: (transaction, words, instant)."""


@dataclass
class _Watched:
    clock: StationClock
    heard: datetime | None = None  # its last message
    held: list[tuple[Observation, datetime]] = field(default_factory=list)  # with when we heard it


class ClockKeeper:
    """Watches the clocks of one road's stations, and holds back what they say while it is not clear when it happened.

    May be used by one thread at a time.
    """

    def __init__(self, memory: Memory, allowed: timedelta, changed: Changed) -> None:
        self._memory, self._allowed, self._changed = memory, allowed, changed
        self._watched: dict[str, _Watched] = {}

    @property
    def waiting(self) -> bool:
        """Say whether anything is held back."""
        return any(one.held for one in self._watched.values())

    def admitted(self, tx: Tx, seen: Sequence[Observation], now: datetime) -> Iterator[Observation]:
        """Yield what may count, in order. Sessions at a station whose clock is off begin and end when we hear of it."""
        for one in seen:
            if isinstance(one, StationSeen):
                yield one
                continue
            of = self._of(one.station)
            if isinstance(one, ClockSeen):
                yield from self._told(tx, of, one)
            else:
                yield from self._admitted(of, one, now)
        for station, of in self._watched.items():
            if of.held and now - of.held[0][1] >= PATIENCE:
                log.warning("dispatch.late_news", station=station, observations=len(of.held), late=str(of.clock.late))
                held, of.held = of.held, []
                yield from (kept for kept, _ in held)

    def _of(self, station: str) -> _Watched:
        if station not in self._watched:
            known = self._memory.known_of(station, StationFact.CLOCK)
            off = None if known is None else off_of(known)
            self._watched[station] = _Watched(clock=StationClock(allowed=self._allowed, off=off))
        return self._watched[station]

    def _admitted(self, of: _Watched, one: Observation, now: datetime) -> Iterator[Observation]:
        heard = of.heard or now
        if of.clock.trust is Trust.RIGHT:
            yield one
        elif of.clock.trust is Trust.DOUBTFUL:
            of.held = [*of.held, (one, heard)][-_MOST_HELD:]
        elif of.clock.trust is Trust.OFF and isinstance(one, SessionSeen):
            yield replace(one, at=heard)

    def _told(self, tx: Tx, of: _Watched, one: ClockSeen) -> Iterator[Observation]:
        before = of.clock.trust
        of.clock.told(one.at, one.heard)
        of.heard, trust = one.heard, of.clock.trust
        if trust is Trust.DOUBTFUL:
            return
        held, of.held = of.held, []
        if trust is Trust.RIGHT:
            self._right(tx, one)
            yield from (kept for kept, _ in held)
            return
        if trust is Trust.OFF:
            self._off(tx, one, of.clock.late)
            yield from (replace(kept, at=heard) for kept, heard in held if isinstance(kept, SessionSeen))
        if before is not trust:
            text = f"{one.station} {_about(of.clock.late, sure=trust is Trust.OFF)}"
            if day.raise_alarm(tx, CLOCK_OFF, one.station, text, one.heard):
                log.warning("dispatch.clock_off", station=one.station, late=words_of(of.clock.late), sure=trust.value)

    def _off(self, tx: Tx, one: ClockSeen, off: timedelta) -> None:
        memory = self._memory
        with memory.lock:
            known = memory.known_of(one.station, StationFact.CLOCK)
            if known is not None and abs(off_of(known) - off) <= self._allowed:
                return
            memory.learn(tx, one.station, "", StationFact.CLOCK, words_of(off), one.heard)
        if known is None:
            self._changed(tx, f"the clock of {one.station} is off: its charge points follow their fallback", one.heard)

    def _right(self, tx: Tx, one: ClockSeen) -> None:
        day.recover(tx, CLOCK_OFF, one.station, one.heard)
        with self._memory.lock:
            if not self._memory.unlearn_of(tx, one.station, StationFact.CLOCK):
                return
        self._changed(tx, f"the clock of {one.station} is right again: its charge points follow plans", one.heard)


def _about(late: timedelta, *, sure: bool) -> str:
    if not sure:
        return f"reports of a time that is to come ({words_of(late)}), which does not count; set its clock"
    return (
        f"has a clock that is {words_of(late)}: what it measures does not count, and its charge points keep their "
        "fallback instead of plans, which it would follow at the wrong time; set its clock"
    )
