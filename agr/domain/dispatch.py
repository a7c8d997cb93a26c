"""What is sent to charge points and what comes back, as values that no back-end's words reach.

A limit is a ceiling on what a charge point may draw from an instant on, not a setpoint. Consumption positive.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agr.domain.charge_point import ChargePoint


class DispatchState(StrEnum):
    """What is known of a command."""

    QUEUED = "queued"  # stored, not sent yet
    SENT = "sent"  # the back-end took it; the station has not answered yet
    ACCEPTED = "accepted"  # the station said so, or it was found to follow it
    REJECTED = "rejected"  # the back-end or the station refused it: it is not in force
    UNKNOWN = "unknown"  # no answer: it may be in force or not
    SUPERSEDED = "superseded"  # it is not in force any more, or was not sent because of a newer one


OPEN_STATES = (DispatchState.QUEUED, DispatchState.SENT)


class Action(StrEnum):
    """What a command does."""

    SET = "set"
    CLEAR = "clear"


class Purpose(StrEnum):
    """What a profile is for."""

    FALLBACK = "fallback"  # what a session without a plan may draw; without end
    PLAN = "plan"
    STOP = "stop"  # an operator's: nothing may be drawn until it is taken back
    FOREIGN = "foreign"  # profiles of a transaction that are not ours; they are only cleared
    MAXIMUM = "maximum"  # what the whole station may draw of its connection; without end


@dataclass(frozen=True, kw_only=True)
class LimitStep:
    """A limit from some seconds after a profile's start on."""

    after_s: int
    limit: int  # in the profile's unit: whole W of all phases together, or whole A per phase


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Limits from an instant on. The first step begins at 0 s; steps rise in time."""

    start: datetime  # UTC
    unit: str  # A or W
    steps: tuple[LimitStep, ...]
    duration_s: int | None = None  # None: the last limit counts without end

    @property
    def end(self) -> datetime | None:
        """When it ends; None: never."""
        return None if self.duration_s is None else self.start + timedelta(seconds=self.duration_s)

    @property
    def digest(self) -> str:
        """What it is told apart by: equal for equal limits at equal instants."""
        edges = [f"{self.start.timestamp():.0f}+{step.after_s}={step.limit}" for step in self.steps]
        text = f"{self.unit} {' '.join(edges)} {self.duration_s}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def limit_at(self, instant: datetime) -> int | None:
        """Return the limit in its unit at an instant; None: it says nothing then."""
        since = (instant - self.start).total_seconds()
        if since < 0 or (self.duration_s is not None and since >= self.duration_s):
            return None
        return next((step.limit for step in reversed(self.steps) if step.after_s <= since), None)

    def kw_at(self, instant: datetime, point: ChargePoint) -> float | None:
        """Return the limit in kW at an instant; None: it says nothing then."""
        limit = self.limit_at(instant)
        if limit is None:
            return None
        return limit * point.kw_per_a if self.unit == "A" else limit / 1000


@dataclass(frozen=True, kw_only=True)
class Command:
    """One change at one charge point. `slot` 0 is the fallback, 1 and 2 take turns with plans.

    A station's maximum has a slot of its own.
    """

    id: int
    point: ChargePoint
    action: Action
    purpose: Purpose
    slot: int
    profile: Profile | None  # None: to clear
    transaction: str | None = None  # of the session, where its carrier needs one


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a back-end or a station said to a command."""

    command: int
    state: DispatchState
    words: str = ""
    occupied: bool = False  # refused because a profile of its place is there; clear it, then try again
    unit: str | None = None  # refused because of its unit: the one that is taken
    most_periods: int | None = None  # refused because of their number
    by_station: bool = False  # refused by the station itself


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a station says that it will follow."""

    charge_point: str
    profile: Profile | None  # None: it did not say; `words` has the reason
    words: str = ""
    answered: bool = True  # False: nothing came back from the station
    refused: bool = False  # the back-end answered itself, so it lives: the station is not connected, or not known


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A command as it is stored, with what became of it."""

    id: int
    charge_point: str
    road: str
    station: str
    action: Action
    purpose: Purpose
    slot: int
    transaction: str | None
    plan: int | None
    profile: Profile | None  # None: to clear
    state: DispatchState
    attempt: int
    reason: str
    at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    next_attempt_at: datetime
    evse: int | None = None  # None: stored before it was kept
    protocol: str | None = None

    @property
    def digest(self) -> str:
        """Of its limits; empty: to clear."""
        return "" if self.profile is None else self.profile.digest


class StationFact(StrEnum):
    """What a road has learnt of a station, or of one charge point of it."""

    UNIT = "unit"  # of a station: the unit of limits that it takes, A or W
    PERIODS = "periods"  # of a station: the most periods of a schedule that it takes
    MAXIMUM = "maximum"  # of a station: why it refuses a profile for all of it
    CARRIER = "carrier"  # of a point: tx_default, for it does not follow the profile of a transaction
    COMPOSITE = "composite"  # of a point: that its station cannot say what it follows, or says it wrongly
    FOLLOWS = "follows"  # of a point: that it draws more than it has accepted
    CLOCK = "clock"  # of a station: how far its clock is off


NOT_SAID, DISPUTED = "not said", "disputed"
"""Values of the fact COMPOSITE: the station does not answer when asked; it names other limits however often it is sent
ours."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A fact and its value. `charge_point` is empty where it is of the whole station."""

    road: str
    station: str
    charge_point: str
    fact: StationFact
    value: str
    at: datetime


class SessionState(StrEnum):
    """What a session is doing."""

    WAITING = "waiting"  # plugged in
    CHARGING = "charging"
    CAR_PAUSES = "car pauses"  # SuspendedEV
    STATION_PAUSES = "station pauses"  # SuspendedEVSE: our limit
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class SessionSeen:
    """News of a session at an EVSE."""

    station: str
    evse: int
    transaction: str
    at: datetime
    state: SessionState | None = None  # None: not told
    began: bool = False


@dataclass(frozen=True, kw_only=True)
class NeedsSeen:
    """What a car says that it needs. Source: OCPP 2.0.1, NotifyEVChargingNeeds."""

    station: str
    evse: int
    at: datetime
    departure: datetime | None
    energy_wh: float | None
    soc_percent: float | None = None
    capacity_wh: float | None = None


@dataclass(frozen=True, kw_only=True)
class Metered:
    """What a meter at an EVSE showed; None: not told."""

    station: str
    evse: int
    at: datetime
    transaction: str | None = None
    register_wh: float | None = None  # energy imported, a sum that only grows
    power_w: float | None = None
    offered_w: float | None = None
    soc_percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class StationSeen:
    """A station has connected to its back-end, or has lost it."""

    station: str
    at: datetime
    connected: bool


@dataclass(frozen=True, kw_only=True)
class ClockSeen:
    """The time that a message of a station bears, and when we heard it. What else the message says comes after."""

    station: str
    at: datetime
    heard: datetime


Observation = SessionSeen | NeedsSeen | Metered | StationSeen | ClockSeen
"""What a back-end reports without being asked."""
