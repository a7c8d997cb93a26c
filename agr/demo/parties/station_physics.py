"""A charging station's physical side: cars that come, charge within limits, and go; a register that counts. Pure.

Time is whatever one advances it to: `advance` tells what happened on the way, moment by moment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties.station_profiles import Outlet, StationProfile, edges, limit_w
else:
    from station_profiles import Outlet, StationProfile, edges, limit_w

LEAST_A = 6.0
"""Current per phase, in A, below which a car that charges with alternating current pauses."""
_FULL_KWH = 1e-6
_SOON = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Car:
    """A car's visit."""

    at: datetime
    until: datetime
    tag: str
    capacity_kwh: float
    stored_kwh: float  # on arrival
    target_kwh: float  # it stops there
    max_a: float = 16.0
    phases: int = 3
    efficiency: float = 0.9  # of what the register counts, this share ends in the battery
    says_needs: bool = False  # it speaks ISO 15118
    says_until: datetime | None = None  # the departure that it states; None: the real one


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something at an EVSE that a station would report."""

    what: str  # arrived | state | clock | departed | stopped
    at: datetime
    evse: int
    car: Car | None
    transaction: str | None
    state: str
    register_wh: float
    power_w: float
    offered_w: float
    stored_kwh: float


@dataclass
class Evse:
    """One outlet with its register and who is there."""

    outlet: Outlet
    register_wh: float
    cars: list[Car] = field(default_factory=list)  # to come, by time
    car: Car | None = None
    stored_kwh: float = 0.0
    state: str = "Idle"
    power_w: float = 0.0
    offered_w: float = 0.0

    def judge(self, profiles: Sequence[StationProfile], now: datetime, *, obeys: bool) -> str:
        """Set power and offer; return the state of charging."""
        own = self.outlet
        said = limit_w(profiles, own, now) if obeys else None
        self.offered_w = own.max_w if said is None else max(min(said, own.max_w), 0.0)
        self.power_w = 0.0
        if self.car is None:
            return "Idle"
        if own.transaction is None:
            return "EVConnected"
        if self.car.target_kwh - self.stored_kwh <= _FULL_KWH:
            return "SuspendedEV"
        per_amp = own.volts * min(self.car.phases, own.phases)
        allowed = min(self.offered_w, self.car.max_a * per_amp)
        if allowed < LEAST_A * per_amp - 1e-9:
            return "SuspendedEVSE" if self.offered_w < LEAST_A * per_amp - 1e-9 else "SuspendedEV"
        self.power_w = allowed
        return "Charging"

    def happened(self, what: str, at: datetime) -> Happening:
        """Return what a station would say now."""
        return Happening(
            what=what, at=at, evse=self.outlet.evse, car=self.car, transaction=self.outlet.transaction,
            state=self.state, register_wh=self.register_wh, power_w=self.power_w, offered_w=self.offered_w,
            stored_kwh=self.stored_kwh,
        )  # fmt: skip

    def leave(self) -> None:
        """Let the car go."""
        self.car, self.state, self.power_w = None, "Idle", 0.0
        self.outlet = replace(self.outlet, transaction=None, session_start=None)


class Physics:
    """All outlets of a station."""

    def __init__(self, evses: Sequence[Evse], now: datetime, aligned_s: float) -> None:
        self.evses, self.now, self.aligned_s = {one.outlet.evse: one for one in evses}, now, aligned_s
        self.profiles: list[StationProfile] = []
        self.obeys = True
        self._sessions = 0

    def visit(self, evse: int, car: Car) -> None:
        """Let a car come at its time."""
        self.evses[evse].cars = sorted([*self.evses[evse].cars, car], key=lambda one: one.at)

    def depart(self, evse: int, at: datetime) -> None:
        """Let the car that is there go at another time."""
        one = self.evses[evse]
        if one.car is None:
            raise ValueError(f"no car is at EVSE {evse}")
        one.car = replace(one.car, until=at)

    def advance(self, to: datetime) -> Iterator[Happening]:
        """Go on to a moment, and tell what happens on the way. Between two, profiles may be changed."""
        yield from self._changes()
        while self.now < to:
            then = min([to, *self._next(to)])
            for one in self.evses.values():
                kwh = one.power_w * (then - self.now).total_seconds() / 3.6e6
                one.register_wh += kwh * 1000
                if one.car is not None:
                    one.stored_kwh = min(one.stored_kwh + kwh * one.car.efficiency, one.car.capacity_kwh)
            self.now = then
            yield from self._visits()
            yield from self._changes()
            if (self.now.timestamp() % self.aligned_s) == 0:
                yield from [one.happened("clock", self.now) for one in self.evses.values()]

    def _next(self, to: datetime) -> Iterator[datetime]:
        border = (self.now.timestamp() // self.aligned_s + 1) * self.aligned_s
        yield datetime.fromtimestamp(border, UTC)
        for one in self.evses.values():
            yield from (max(car.at, self.now + _SOON) for car in one.cars[:1] if one.car is None)
            yield from edges(self.profiles, one.outlet, self.now, to)
            if one.car is not None:
                yield max(one.car.until, self.now + _SOON)
                if one.power_w > 0:
                    missing = one.car.target_kwh - one.stored_kwh
                    seconds = missing * 3.6e6 / (one.power_w * one.car.efficiency)
                    yield self.now + max(timedelta(seconds=seconds), _SOON)

    def _visits(self) -> Iterator[Happening]:
        for one in self.evses.values():
            if one.car is not None and one.car.until <= self.now:
                gone = one.happened("departed", self.now)
                one.leave()
                yield gone
            while one.cars and one.car is None and one.cars[0].at <= self.now:
                car = one.cars.pop(0)
                if car.until > self.now:
                    self._sessions += 1
                    one.car, one.stored_kwh = car, car.stored_kwh
                    one.outlet = replace(
                        one.outlet, transaction=f"t{self._sessions}-{int(self.now.timestamp())}",
                        session_start=self.now,
                    )  # fmt: skip
                    one.state = "EVConnected"
                    yield one.happened("arrived", self.now)

    def _changes(self) -> Iterator[Happening]:
        for one in self.evses.values():
            state = one.judge(self.profiles, self.now, obeys=self.obeys)
            if state != one.state:
                one.state = state
                if one.car is not None:
                    yield one.happened("state", self.now)

    def stop(self, transaction: str) -> Happening | None:
        """End a transaction from afar; the car stays and does not charge."""
        for one in self.evses.values():
            if one.outlet.transaction == transaction:
                one.power_w = 0.0
                said = one.happened("stopped", self.now)
                one.outlet = replace(one.outlet, transaction=None)
                return said
        return None

    def session_ended(self, transaction: str | None) -> None:
        """Forget the profiles of a session that is over."""
        self.profiles = [one for one in self.profiles if one.transaction != transaction or transaction is None]
