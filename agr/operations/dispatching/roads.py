"""All roads of the settings: their loops, and what back-ends post to us."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from agr.connectors.answers import COMMAND, KINDS, NEWS, AnswerAddresses, of_path
from agr.connectors.ports import Road, open_road
from agr.dispatch.leaving import is_of, where
from agr.domain.dispatch import Command
from agr.domain.errors import InputError
from agr.domain.isp import Clock
from agr.operations.dispatching.clock_keeper import ClockKeeper
from agr.operations.dispatching.dispatcher import Dispatcher
from agr.operations.dispatching.facts import FactSource
from agr.operations.dispatching.following import Following
from agr.operations.dispatching.replanning import ask_plans
from agr.operations.dispatching.sessions import SessionKeeper
from agr.operations.dispatching.verifier import Verifier
from agr.settings import Settings
from agr.store import day, dispatches
from agr.store.engine import Store, Tx

log = structlog.get_logger()

NOT_SUBSCRIBED = "stations not heard"
_SUBSCRIBE = timedelta(minutes=5)
"""How often the back-end's subscriptions are checked and renewed."""
_SUBSCRIBE_AGAIN = timedelta(minutes=1)
"""How soon they are checked again after that has failed."""

Opener = Callable[..., Road]


@dataclass(frozen=True, kw_only=True)
class _Part:
    road: Road
    dispatcher: Dispatcher
    verifier: Verifier
    keeper: SessionKeeper


class Roads:
    """Every road with its parts. Tests may open roads of their own, and know programs that no plan has."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, answers: AnswerAddresses, wake: Callable[[], None],
        open_: Opener = open_road, facts: FactSource | None = None,
    ) -> None:  # fmt: skip
        self._store, self._settings, self._clock, self._answers = store, settings, clock, answers
        self._facts = facts or FactSource(store, settings)
        self._parts: dict[str, _Part] = {}
        self._subscribed: dict[str, tuple[frozenset[str], datetime]] = {}
        for one in settings.dispatch.roads:
            road = open_(one, answers, settings.tls.authorities_file)
            dispatcher = Dispatcher(one.name, road, store, settings.dispatch, clock, self._facts)
            self._parts[one.name] = _Part(
                road=road, dispatcher=dispatcher,
                verifier=Verifier(dispatcher, store, settings.dispatch, clock, self._facts),
                keeper=SessionKeeper(
                    one.name, store, settings, clock, partial(_woken, dispatcher, wake),
                    Following(dispatcher.memory, clock, dispatcher.wake).measured, self._clocks(dispatcher),
                ),
            )  # fmt: skip

    def _clocks(self, dispatcher: Dispatcher) -> ClockKeeper:
        """Return who looks after the clocks of a road's stations; plans are asked for where one goes wrong or right."""

        def changed(tx: Tx, text: str, now: datetime) -> None:
            ask_plans(tx, self._facts.periods(now), dispatcher.name, text, now)
            dispatcher.wake()

        allowed = timedelta(seconds=self._settings.readings.clock_ahead_s)
        return ClockKeeper(dispatcher.memory, allowed, changed)

    def duties(self) -> Mapping[str, Callable[[], bool]]:
        """Return road → what its loop calls."""
        return {name: partial(self.look, name) for name in self._parts}

    def resume(self) -> None:
        """Take up after a start or take-over."""
        for part in self._parts.values():
            part.dispatcher.resume()

    def look(self, name: str) -> bool:
        """Take what was reported, send what is due, ask what is due; return whether there was anything."""
        part = self._parts[name]
        self._hear(name, part)
        sent = part.dispatcher.look()
        return part.verifier.look() or sent

    def _hear(self, name: str, part: _Part) -> None:
        now = self._clock.now()
        facts = self._facts.of(now)
        stations = frozenset(point.station for point in facts.points.values() if point.road == name)
        before = self._subscribed.get(name)
        if stations and (before is None or before[0] != stations or now >= before[1]):
            faults = part.road.subscribe(stations)
            self._subscribed[name] = (stations, now + (_SUBSCRIBE_AGAIN if faults else _SUBSCRIBE))
            with self._store.transaction() as tx:
                if faults:
                    text = f"{name}: {faults[0]}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
                    day.raise_alarm(tx, NOT_SUBSCRIBED, name, text, now)
                else:
                    day.recover(tx, NOT_SUBSCRIBED, name, now)
        seen = part.road.readings()
        if seen or part.keeper.waiting:
            for station in part.keeper.take(seen, facts):
                with part.dispatcher.memory.lock:  # it may have lost limits, or have got unknown ones
                    part.dispatcher.memory.to_verify |= {
                        point.charge_point
                        for point in facts.points.values()
                        if (point.road, point.station) == (name, station)
                    }

    def answer(self, kind: str, road: str, key: str, proof: str, body: bytes) -> int:
        """Take what was posted to one of our addresses; return the HTTP status that it is answered with.

        A forged address is 404, like one that does not exist; an answer that came before changes nothing.
        """
        road, key = of_path(road), of_path(key)
        genuine = self._answers.genuine(kind, road, key, proof)
        part = self._parts.get(road)
        if not genuine or part is None or kind not in KINDS:
            return 404
        try:
            if kind == COMMAND:
                return self._receipt(part, road, key, body)
            if kind == NEWS:
                return self._news(part, road, key, body)
            part.verifier.answer(key, body)
        except InputError as error:
            log.warning("dispatch.answer_refused", road=road, kind=kind, why=str(error)[:300])
            return 400
        return 200

    def _receipt(self, part: _Part, road: str, key: str, body: bytes) -> int:
        if not (key.isascii() and key.isdigit() and len(key) < 19):
            return 404
        with self._store.transaction() as tx:
            row = dispatches.get(tx, int(key))
        if row is None or row.road != road:
            return 404
        point = self._facts.of(self._clock.now()).points.get(row.charge_point)
        if point is None or not is_of(row, point):
            point = where(row)  # it has left the table
        command = Command(
            id=row.id, point=point, action=row.action, purpose=row.purpose, slot=row.slot, profile=row.profile,
            transaction=row.transaction,
        )  # fmt: skip
        part.dispatcher.take([part.road.receipt(command, body)])
        return 200

    def _news(self, part: _Part, road: str, station: str, body: bytes) -> int:
        facts = self._facts.of(self._clock.now())
        if not any((point.road, point.station) == (road, station) for point in facts.points.values()):
            return 404  # a station that nobody knows
        if part.road.take(station, body, self._clock.now()):
            part.dispatcher.wake()
        return 200

    def close(self) -> None:
        """Release connections."""
        for part in self._parts.values():
            part.road.close()


def _woken(dispatcher: Dispatcher, wake: Callable[[], None]) -> None:
    dispatcher.wake()
    wake()
