"""What one road's dispatcher remembers. What it has learnt of stations is in the store, so that a restart knows it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import DISPUTED, NOT_SAID, Learned, Receipt, StationFact
from agr.store import dispatch_facts
from agr.store.engine import Tx

_OF_STATIONS = (StationFact.UNIT, StationFact.PERIODS, StationFact.MAXIMUM, StationFact.CLOCK)
_DAY = timedelta(days=1)
_MOST_DISPUTES = 3
"""Most times in a day that a limit is sent again because a station says that it follows another one."""


@dataclass
class Backoff:
    """Attempts at one charge point that failed one after the other."""

    failed: int = 0
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OpenQuestion:
    """A question to a station that is not answered yet."""

    charge_point: str
    at: datetime
    until: datetime
    alone: bool  # only to hear whether the back-end still answers


@dataclass
class Memory:
    """Guarded by its lock: answers come in other threads."""

    road: str
    retry_s: Sequence[float]
    lock: RLock = field(default_factory=RLock)
    to_verify: set[str] = field(default_factory=set)  # charge points that are sent nothing before they said
    to_clear: dict[str, int] = field(default_factory=dict)  # charge point → slot that is taken by an unknown profile
    cleared: set[tuple[str, int]] = field(default_factory=set)  # (charge point, slot) cleared so, without success yet
    foreign: set[str] = field(default_factory=set)  # charge points with profiles of others, to be cleared
    above: set[str] = field(default_factory=set)  # charge points that were found above their limits
    disputes: dict[str, list[datetime]] = field(default_factory=dict)  # charge point → when limits were sent again
    over: dict[str, int] = field(default_factory=dict)  # charge point → readings in a row above its limit
    asked: dict[str, OpenQuestion] = field(default_factory=dict)  # number → question
    verified_at: dict[str, datetime] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)  # stations of questions in a row to which nothing came back
    silent: bool = False  # too many were missed
    heard_at: datetime | None = None  # when anything was answered
    _facts: dict[tuple[str, str, StationFact], Learned] = field(default_factory=dict)
    _backoffs: dict[str, Backoff] = field(default_factory=dict)

    def restore(self, found: Iterable[Learned], *, silent: bool) -> None:
        """Take up what was known before a restart."""
        self._facts = {(one.station, one.charge_point, one.fact): one for one in found}
        self.silent = silent

    def known(self, point: ChargePoint, fact: StationFact) -> str | None:
        """Return what was learnt about a charge point or its station."""
        found = self._facts.get(_key(point.station, point.charge_point, fact))
        return None if found is None else found.value

    def known_of(self, station: str, fact: StationFact) -> str | None:
        """Return what was learnt about a whole station."""
        found = self._facts.get(_key(station, "", fact))
        return None if found is None else found.value

    def learn(self, tx: Tx, station: str, charge_point: str, fact: StationFact, value: str, now: datetime) -> bool:
        """Keep a fact; False where it was known. Facts of stations are kept without the charge point."""
        key = _key(station, charge_point, fact)
        before = self._facts.get(key)
        if before is not None and before.value == value:
            return False
        one = Learned(road=self.road, station=station, charge_point=key[1], fact=fact, value=value, at=now)
        self._facts[key] = one
        dispatch_facts.put(tx, one)
        return True

    def unlearn(self, tx: Tx, point: ChargePoint, *facts: StationFact) -> None:
        """Forget facts of a charge point or its station."""
        for fact in facts:
            key = _key(point.station, point.charge_point, fact)
            if self._facts.pop(key, None) is not None:
                dispatch_facts.forget(tx, self.road, *key)

    def unlearn_of(self, tx: Tx, station: str, fact: StationFact) -> bool:
        """Forget a fact of a whole station; False where it was not known."""
        key = _key(station, "", fact)
        if self._facts.pop(key, None) is None:
            return False
        dispatch_facts.forget(tx, self.road, *key)
        return True

    def speechless(self, point: ChargePoint) -> bool:
        """Say whether asking a station what it follows is of no use."""
        return self.known(point, StationFact.COMPOSITE) is not None

    def disputed(self, tx: Tx, point: ChargePoint, now: datetime) -> bool:
        """Note that a limit is to be sent again, for the station says that it follows another one; True: too often."""
        name = point.charge_point
        before = [at for at in self.disputes.get(name, ()) if now - at < _DAY]
        if len(before) >= _MOST_DISPUTES:
            self.learn(tx, point.station, name, StationFact.COMPOSITE, DISPUTED, now)
            return True
        self.disputes[name] = [*before, now]
        return False

    def agreed(self, tx: Tx, point: ChargePoint) -> None:
        """Note that a station can say what it follows."""
        if self.known(point, StationFact.COMPOSITE) == NOT_SAID:
            self.unlearn(tx, point, StationFact.COMPOSITE)

    def may(self, charge_point: str, now: datetime) -> bool:
        """Say whether it may be tried again by now."""
        found = self._backoffs.get(charge_point)
        return found is None or found.until is None or now >= found.until

    def failing(self, charge_point: str) -> bool:
        """Say whether the last attempt failed."""
        return charge_point in self._backoffs

    def failed(self, charge_point: str, now: datetime) -> int:
        """Note a failure, after which there is a pause; return how many there were."""
        found = self._backoffs.setdefault(charge_point, Backoff())
        pause_s = self.retry_s[min(found.failed, len(self.retry_s) - 1)]
        found.failed, found.until = found.failed + 1, now + timedelta(seconds=pause_s)
        return found.failed

    def worked(self, charge_point: str) -> None:
        """Note that it worked."""
        self._backoffs.pop(charge_point, None)
        self.cleared = {one for one in self.cleared if one[0] != charge_point}

    def learned(self, tx: Tx, station: str, charge_point: str, slot: int, receipt: Receipt, now: datetime) -> bool:
        """Keep what a refusal says; True where it can be mended at once."""
        if receipt.occupied:
            if (charge_point, slot) in self.cleared:
                return False  # clearing it did not help
            self.cleared.add((charge_point, slot))
            self.to_clear[charge_point] = slot
        if receipt.unit is not None:
            return self.learn(tx, station, charge_point, StationFact.UNIT, receipt.unit, now)
        if receipt.most_periods is not None:
            return self.learn(tx, station, charge_point, StationFact.PERIODS, str(receipt.most_periods), now)
        return receipt.occupied


def _key(station: str, charge_point: str, fact: StationFact) -> tuple[str, str, StationFact]:
    return station, "" if fact in _OF_STATIONS else charge_point, fact
