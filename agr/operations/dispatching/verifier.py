"""Asks stations what they follow: after a restart, where an answer never came, and to hear whether a back-end lives."""

import secrets
from datetime import datetime, timedelta

import structlog

from agr.dispatch.verifying import Finding
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import DispatchState, Verified
from agr.domain.errors import InputError
from agr.domain.isp import Clock
from agr.operations.dispatching.dispatcher import Dispatcher
from agr.operations.dispatching.facts import FactSource
from agr.operations.dispatching.memory import Asked
from agr.operations.dispatching.settling import settle_verified
from agr.settings import DispatchSettings
from agr.store import day, dispatches
from agr.store.engine import Store

log = structlog.get_logger()

SILENT = "back-end silent"
NOT_FOLLOWED = "limit not in force"
_MOST = 20  # questions under way at one time
_MISSED = 2
"""Round trips, one after the other, that are missed before it is an alarm."""


class Verifier:
    """Of one road; `look` is called by one loop, answers come in other threads."""

    def __init__(
        self, of: Dispatcher, store: Store, settings: DispatchSettings, clock: Clock, facts: FactSource
    ) -> None:  # fmt: skip
        self._of, self._store, self._settings, self._clock, self._facts = of, store, settings, clock, facts
        self._memory, self._road = of.memory, of.road
        self._round_trip: datetime | None = None

    def look(self) -> bool:
        """Ask what is due; return whether anything was asked."""
        now = self._clock.now()
        self._give_up(now)
        points = {name: one for name, one in self._facts.of(now).points.items() if one.road == self._of.name}
        due = self._due(points, now)
        for name, alone in due.items():
            self._ask(points[name], now, alone)
        return bool(due)

    def _due(self, points: dict[str, ChargePoint], now: datetime) -> dict[str, bool]:
        """Return charge point → whether it is only asked to hear whether the back-end lives."""
        with self._store.transaction() as tx:
            open_ = dispatches.open_at(tx, self._of.name)
        doubtful = {name for name, _, state in open_ if state is DispatchState.UNKNOWN}
        busy = {station for _, station, state in open_ if state is DispatchState.SENT}
        memory = self._memory
        found: dict[str, bool] = {}
        with memory.lock:
            busy |= {points[one.charge_point].station for one in memory.asked.values() if one.charge_point in points}
            room = _MOST - len(memory.asked)
            for name in sorted((doubtful - memory.speechless) | memory.to_verify):
                if name not in points:
                    memory.to_verify.discard(name)
                elif len(found) < room and memory.may(name, now) and points[name].station not in busy:
                    busy.add(points[name].station)
                    found[name] = False
            longest = timedelta(seconds=self._settings.round_trip_s)
            if not found and (self._round_trip is None or now - self._round_trip >= longest):
                never = datetime.min.replace(tzinfo=now.tzinfo)
                free = [
                    name for name, one in points.items() if one.station not in busy and name not in memory.speechless
                ]
                if free:
                    self._round_trip = now
                    found[min(free, key=lambda name: memory.verified_at.get(name, never))] = True
        return found

    def _ask(self, point: ChargePoint, now: datetime, alone: bool) -> None:
        number = secrets.token_hex(8)
        until = now + timedelta(seconds=self._settings.answer_s)
        with self._memory.lock:
            self._memory.asked[number] = Asked(charge_point=point.charge_point, until=until, alone=alone)
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
        self._count(said, now)
        if said.answered:
            point = self._facts.point(said.charge_point)
            if point is not None:
                self._compare(point, said, now, asked.alone)
        elif not asked.alone:
            with memory.lock:
                memory.failed(said.charge_point, now)
            log.warning("dispatch.not_verified", charge_point=said.charge_point, why=said.words)
        self._of.wake()
        return True

    def _count(self, said: Verified, now: datetime) -> None:
        """Count round trips; one of a station that is not connected tells nothing of the back-end."""
        memory, subject = self._memory, self._of.name
        with memory.lock:
            if said.answered:
                memory.missed, memory.heard_at = 0, now
            elif not said.refused:
                memory.missed += 1
            missed = memory.missed
        if said.answered or missed >= _MISSED:
            with self._store.transaction() as tx:
                if said.answered:
                    day.recover(tx, SILENT, subject, now)
                else:
                    text = (
                        f"{subject} has not answered {missed} times one after the other ({said.words}); stations "
                        "follow what they have, then their fallback. Look after it"
                    )
                    day.raise_alarm(tx, SILENT, subject, text, now)

    def _compare(self, point: ChargePoint, said: Verified, now: datetime, alone: bool) -> None:
        name, memory = point.charge_point, self._memory
        with memory.lock:
            if not alone:
                memory.worked(name)
            memory.to_verify.discard(name)
            if said.profile is None:
                memory.speechless.add(name)
            else:
                memory.speechless.discard(name)
            again = name in memory.above
        if said.profile is None:
            log.info("dispatch.speechless", charge_point=name, why=said.words)
            return
        with self._store.transaction() as tx:
            found = settle_verified(tx, point, dispatches.of_point(tx, name), said.profile, now, again=again)
            seen = found.compared
            if seen.finding is Finding.ABOVE:
                text = (
                    f"{name} ({point.station}) would follow {seen.said_kw:,.2f} kW at {seen.at:%H:%M}Z, and was told "
                    f"{seen.expected_kw:,.2f} kW; profiles of others are cleared, and ours is sent again"
                )
                day.raise_alarm(tx, NOT_FOLLOWED, name, text, now)
            elif seen.finding is Finding.AGREES:
                day.recover(tx, NOT_FOLLOWED, name, now)
        with memory.lock:
            if seen.finding is Finding.ABOVE and not again:
                memory.above.add(name)
                memory.foreign.add(name)
            else:
                memory.above.discard(name)
        log.info(
            "dispatch.verified", charge_point=name, finding=seen.finding, accepted=list(found.accepted),
            rejected=list(found.rejected),
        )  # fmt: skip
