"""Asks stations what they follow: after a restart, where an answer never came, and to learn if a back-end lives."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from agr.dispatch.verifying import Agreement, Compared
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import DISPUTED, NOT_SAID, DispatchState, StationFact, Verified
from agr.domain.errors import InputError
from agr.domain.isp import Clock
from agr.operations.dispatching.dispatcher import UNHEARD, Dispatcher
from agr.operations.dispatching.facts import FactSource
from agr.operations.dispatching.memory import OpenQuestion
from agr.operations.dispatching.replanning import ask_plans
from agr.operations.dispatching.settling import settle_verified
from agr.settings import DispatchSettings
from agr.store import day, dispatch_facts, dispatches
from agr.store.engine import Store, Tx

log = structlog.get_logger()

SILENT = "back-end silent"
NOT_FOLLOWED = "limit not in force"
_MOST = 20  # questions under way at one time
_MISSED = 2
"""Questions missed in a row that raise an alarm: of a back-end, or of one station."""


class Verifier:
    """Of one road; `look` is called by one loop, answers come in other threads."""

    def __init__(
        self, of: Dispatcher, store: Store, settings: DispatchSettings, clock: Clock, facts: FactSource
    ) -> None:  # fmt: skip
        self._of, self._store, self._settings, self._clock, self._facts = of, store, settings, clock, facts
        self._memory, self._road = of.memory, of.road
        self._round_trip: datetime | None = None
        self._facts_key: object = None
        self._stations: dict[str, str] = {}  # of each charge point of the road

    def look(self) -> bool:
        """Ask what is due; return whether anything was asked."""
        now = self._clock.now()
        self._give_up(now)
        facts = self._facts.of(now)
        if facts.key != self._facts_key:
            self._facts_key = facts.key
            self._drop_alarms(facts.points, now)
        points = {name: one for name, one in facts.points.items() if one.road == self._of.name}
        self._stations = {name: one.station for name, one in points.items()}
        due = self._due(points, now)
        for name, alone in due.items():
            self._ask(points[name], now, alone)
        return bool(due)

    def _due(self, points: dict[str, ChargePoint], now: datetime) -> dict[str, bool]:
        """Return charge point → whether it is only asked to learn if its back-end is alive."""
        with self._store.transaction() as tx:
            open_ = dispatches.open_at(tx, self._of.name)
        doubtful = {name for name, _, state in open_ if state is DispatchState.UNKNOWN}
        busy = {station for _, station, state in open_ if state is DispatchState.SENT}
        memory = self._memory
        found: dict[str, bool] = {}
        with memory.lock:
            busy |= {points[one.charge_point].station for one in memory.asked.values() if one.charge_point in points}
            room = _MOST - len(memory.asked)
            told = {name for name in doubtful if name in points and not memory.speechless(points[name])}
            for name in sorted(told | memory.to_verify):
                if name not in points:
                    memory.to_verify.discard(name)
                elif len(found) < room and memory.may(name, now) and points[name].station not in busy:
                    busy.add(points[name].station)
                    found[name] = False
            longest = timedelta(seconds=self._settings.round_trip_s)
            if not found and (self._round_trip is None or now - self._round_trip >= longest):
                never = datetime.min.replace(tzinfo=now.tzinfo)
                free = [
                    name for name, one in points.items()
                    if one.station not in busy and memory.known(one, StationFact.COMPOSITE) != NOT_SAID
                ]  # fmt: skip
                if free:
                    self._round_trip = now
                    # rather one that answers, or what one station misses would pass for what its back-end does
                    best = min(free, key=lambda name: (memory.failing(name), memory.verified_at.get(name, never)))
                    found[best] = True
        return found

    def _ask(self, point: ChargePoint, now: datetime, alone: bool) -> None:
        number = secrets.token_hex(8)
        until = now + timedelta(seconds=self._settings.answer_s)
        with self._memory.lock:
            self._memory.asked[number] = OpenQuestion(charge_point=point.charge_point, at=now, until=until, alone=alone)
            self._memory.verified_at[point.charge_point] = now
        said = self._road.verify(point, number)
        if said is not None:
            self._take(number, said)

    def _give_up(self, now: datetime) -> None:
        with self._memory.lock:
            late = [number for number, one in self._memory.asked.items() if one.until <= now]
        for number in late:
            words = f"no answer within {self._settings.answer_s:g} s"
            asked = self._memory.asked.get(number)
            if asked is not None:
                self._take(
                    number, Verified(charge_point=asked.charge_point, profile=None, words=words, answered=False)
                )  # fmt: skip

    def answer(self, number: str, body: bytes) -> bool:
        """Take an answer that came in; False for one that nobody waits for. Raises InputError for what is none."""
        with self._memory.lock:
            asked = self._memory.asked.get(number)
        point = None if asked is None else self._facts.point(asked.charge_point)
        if point is None:
            return False
        try:
            said = self._road.verified(point, body)
        except InputError as error:
            self._take(number, Verified(charge_point=point.charge_point, profile=None, words=str(error)))
            raise
        return self._take(number, said)

    def _take(self, number: str, said: Verified) -> bool:
        memory, now = self._memory, self._clock.now()
        with memory.lock:
            asked = memory.asked.pop(number, None)
        if asked is None:
            return False
        self._count(said, asked, now)
        if said.answered:
            point = self._facts.point(said.charge_point)
            if point is not None:
                self._compare(point, said, now, asked.alone)
        elif not asked.alone:
            self._unheard(said, now)
        self._of.wake()
        return True

    def _unheard(self, said: Verified, now: datetime) -> None:
        """Ask a station again later that has not said what it follows; more than once is an alarm."""
        name, memory = said.charge_point, self._memory
        with memory.lock:
            failed, silent = memory.failed(name, now), memory.silent
        log.warning("dispatch.not_verified", charge_point=name, why=said.words)
        point = self._facts.point(name)
        if failed < _MISSED or silent or point is None:  # a silent back-end is an alarm of its own
            return
        text = (
            f"{name} ({point.station}) has not said what it follows, {failed} times in a row ({said.words}); "
            "it is sent nothing before it does, and is asked again"
        )
        with self._store.transaction() as tx:
            day.raise_alarm(tx, UNHEARD, name, text, now)

    def _drop_alarms(self, points: Mapping[str, ChargePoint], now: datetime) -> None:
        """End alarms of charge points that are in the table no more."""
        with self._store.transaction() as tx:
            for alarm in day.open_alarms(tx):
                if alarm.kind == UNHEARD and alarm.subject not in points:
                    day.recover(tx, UNHEARD, alarm.subject, now)

    def _count(self, said: Verified, asked: OpenQuestion, now: datetime) -> None:
        """Count round trips that were missed; those of one station among several say nothing about the back-end.

        Neither does one during which the back-end has answered anything else.
        """
        memory, subject = self._memory, self._of.name
        with memory.lock:
            if said.answered or said.refused:
                memory.missed, memory.heard_at = [], now
            elif memory.heard_at is None or memory.heard_at < asked.at:
                memory.missed.append(self._stations.get(said.charge_point, said.charge_point))
            missed, stations = len(memory.missed), len(set(memory.missed))
        several = len(set(self._stations.values())) > 1
        if said.answered or (missed >= _MISSED and (stations > 1 or not several)):
            with self._store.transaction() as tx:
                if said.answered:
                    self._answers_again(tx, now)
                else:
                    text = (
                        f"{subject} has not answered {missed} times in a row ({said.words}); stations follow what they "
                        "have, then their fallback, and plans assume that. Check the back-end"
                    )
                    day.raise_alarm(tx, SILENT, subject, text, now)
                    self._fell_silent(tx, said.words, now)

    def _fell_silent(self, tx: Tx, why: str, now: datetime) -> None:
        """Have the charge points of a back-end planned as they are: with what they have accepted, then the fallback."""
        with self._memory.lock:
            if self._memory.silent:
                return
            self._memory.silent = True
        dispatch_facts.set_silent(tx, self._of.name, now, why)
        text = f"{self._of.name} does not answer: its charge points follow what they have accepted"
        ask_plans(tx, self._facts.periods(now), self._of.name, text, now)

    def _answers_again(self, tx: Tx, now: datetime) -> None:
        """Ask every station that was sent something what it follows, then send differences; and plan anew."""
        day.recover(tx, SILENT, self._of.name, now)
        with self._memory.lock:
            if not self._memory.silent:
                return
            self._memory.silent = False
            for name in dispatches.firm(tx, self._of.name):
                self._memory.worked(name)
                self._memory.to_verify.add(name)
        dispatch_facts.set_silent(tx, self._of.name, None)
        text = f"{self._of.name} answers again: its charge points follow plans"
        ask_plans(tx, self._facts.periods(now), self._of.name, text, now)

    def _compare(self, point: ChargePoint, said: Verified, now: datetime, alone: bool) -> None:
        name, memory = point.charge_point, self._memory
        with self._store.transaction() as tx, memory.lock:
            if not alone:
                memory.worked(name)
            memory.to_verify.discard(name)
            day.recover(tx, UNHEARD, name, now)
            if said.profile is None:
                if memory.learn(tx, point.station, name, StationFact.COMPOSITE, NOT_SAID, now):
                    log.info("dispatch.speechless", charge_point=name, why=said.words)
                return
            memory.agreed(tx, point)
            rows = dispatches.of_point(tx, name)
            again = name in memory.above and not memory.disputed(tx, point, now)
            found = settle_verified(tx, point, rows, said.profile, now, again=again)
            seen = found.compared
            tired = memory.known(point, StationFact.COMPOSITE) == DISPUTED
            if seen.finding is Agreement.ABOVE:
                day.raise_alarm(tx, NOT_FOLLOWED, name, _above(point, seen, tired=tired), now)
            elif seen.finding is Agreement.AGREES:
                day.recover(tx, NOT_FOLLOWED, name, now)
            if seen.finding is Agreement.ABOVE and not again and not tired:
                memory.above.add(name)
                memory.foreign.add(name)
            else:
                memory.above.discard(name)
        log.info(
            "dispatch.verified", charge_point=name, finding=seen.finding, accepted=list(found.accepted),
            rejected=list(found.rejected),
        )  # fmt: skip


def _above(point: ChargePoint, seen: Compared, *, tired: bool) -> str:
    """Say that a station would follow more than it was told, and what comes of it."""
    then = (
        "it said so however often it was told; nothing more is sent for that, what is measured decides. Look at the "
        f"station, then agr dispatch verify {point.charge_point}"
        if tired
        else "profiles of others are cleared, and ours is sent again"
    )
    return (
        f"{point.charge_point} ({point.station}) would follow {seen.said_kw:,.2f} kW at {seen.at:%H:%M}Z, and was told "
        f"{seen.expected_kw:,.2f} kW; {then}"
    )
