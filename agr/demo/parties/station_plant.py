"""A station apart from its protocol: what it takes of charging profiles, what it does wrong on order, and its queue."""

from asyncio import Event
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties.station_physics import Car, Evse, Happening, Physics
    from agr.demo.parties.station_profiles import TX, Outlet, StationProfile, profile_of
else:
    from station_physics import Car, Evse, Happening, Physics
    from station_profiles import TX, Outlet, StationProfile, profile_of

Json: TypeAlias = dict[str, Any]
ANSWERS = ("normal", "silent", "slow", "held", "rejected", "tx_rejected", "error")


@dataclass
class Faults:
    """What a station does wrong."""

    answers: str = "normal"  # to commands; held: until it is told; tx_rejected: TxProfiles only
    delay_s: float = 0.0  # of slow answers
    obeys: bool = True  # False: profiles are accepted and not followed
    meters: bool = True  # False: it reports no meter values, not even in transaction events
    away: bool = False  # True: not connected; what happens meanwhile is told afterwards


class Plant:
    """One station: physics, profiles and faults."""

    def __init__(self, given: Json, now: datetime, note: Callable[..., None], rate: float = 1.0) -> None:
        self.note = note  # tells whoever started us: event, fields
        self.name, self.protocol = str(given["name"]), str(given.get("protocol", "2.0.1"))
        self.units, self.periods = str(given.get("units", "A,W")), int(given.get("periods", 24))
        self.levels, self.has_composite = int(given.get("levels", 3)), bool(given.get("composite", True))
        outlets = [
            Outlet(evse=int(one["id"]), volts=float(one.get("volts", 230)), phases=int(one.get("phases", 3)),
                   max_w=float(one.get("max_w", 11_040)))
            for one in given.get("evses", [{"id": 1}])
        ]  # fmt: skip
        register = float(given.get("register_wh", 100_000))
        evses = [Evse(outlet=one, register_wh=register) for one in outlets]
        self.physics = Physics(evses, now, float(given.get("aligned_s", 900)))
        self.faults = Faults()
        self._rate = rate  # seconds of the station's time in one of ours
        self.set_clock(now)
        self.queue: deque[Happening] = deque()  # what is still to be told
        self.held: deque[Event] = deque()  # answers held back, the oldest first
        self.numbers: dict[str, str] = {}  # of sessions, as the CSMS calls them (1.6)

    def now(self) -> datetime:
        """Return the station's time."""
        return self._set_to + (datetime.now(UTC) - self._set_at) * self._rate

    def set_clock(self, now: datetime) -> None:
        """Let the station's time go on from a moment."""
        self._set_to, self._set_at = now, datetime.now(UTC)

    def run(self) -> None:
        """Let time pass up to now, and queue what happened for the CSMS."""
        for one in self.physics.advance(max(self.now(), self.physics.now)):
            if one.what in ("departed", "stopped"):
                self.physics.session_ended(one.transaction)
            self.queue.append(one)

    def visit(self, evse: int, given: Json) -> None:
        """Let a car come."""
        told: Json = dict(given)
        for name in ("at", "until", "says_until"):
            if name in told:
                told[name] = datetime.fromisoformat(told[name])
        self.physics.visit(evse, Car(**told))

    def take(self, evse: int, source: Json) -> str:
        """Keep a charging profile; return why it is rejected, or nothing."""
        new = profile_of(evse, source)
        running = {one.outlet.transaction for one in self.physics.evses.values()} - {None}
        if self.faults.answers == "rejected" or (self.faults.answers == "tx_rejected" and new.purpose == TX):
            return "ToldTo"
        if evse != 0 and evse not in self.physics.evses:
            return "UnknownEvse"
        if new.purpose == TX and new.transaction is not None and new.transaction not in running:
            return "TxNotFound"
        if new.schedule.unit not in self.units.split(","):
            return "UnsupportedRateUnit"
        if len(new.schedule.periods) > self.periods or new.level < 0:
            return "InvalidSchedule"
        self._replace(new)
        return ""

    def _replace(self, new: StationProfile) -> None:
        """Put a profile in place of the one with its id; in 1.6 of the same purpose and level at that connector too."""

        def same(one: StationProfile) -> bool:
            alike = (one.evse, one.purpose, one.level) == (new.evse, new.purpose, new.level)
            return one.id == new.id or (self.protocol == "1.6" and alike)

        self.physics.profiles = [one for one in self.physics.profiles if not same(one)] + [new]

    def clear(self, number: int | None, evse: int | None, purpose: str | None, level: int | None) -> bool:
        """Forget the profiles that fit all that is given; return whether there were any."""

        def fits(one: StationProfile) -> bool:
            pairs = ((number, one.id), (evse, one.evse), (purpose, one.purpose), (level, one.level))
            return all(wanted is None or wanted == mine for wanted, mine in pairs)

        kept = [one for one in self.physics.profiles if not fits(one)]
        found = len(kept) < len(self.physics.profiles)
        self.physics.profiles = kept
        return found

    def act(self, line: Json) -> Json | None:
        """Carry out a command of whoever started us."""
        match line["command"]:
            case "visit":
                self.visit(int(line.get("evse", 1)), line["car"])
            case "depart":
                at = datetime.fromisoformat(line["at"]) if "at" in line else self.now()
                self.physics.depart(int(line.get("evse", 1)), at)
            case "faults":
                wrong: Json = dict(line["faults"])
                if wrong.get("answers", "normal") not in ANSWERS:
                    raise ValueError(f"answers are one of {', '.join(ANSWERS)}")
                self.faults = Faults(**wrong)
                self.physics.obeys = self.faults.obeys
                while self.held:
                    self._answer()
            case "answer":
                self._answer()
            case "state":
                return self.state()
            case unknown:
                raise ValueError(f"there is no command {unknown!r}")
        self.run()
        return None

    def _answer(self) -> None:
        """Let the oldest answer go that is held back. Raises ValueError where there is none."""
        if not self.held:
            raise ValueError(f"{self.name} holds no answer back")
        self.held.popleft().set()

    def state(self) -> Json:
        """Return what is going on at each EVSE."""
        self.run()
        return {
            "time": self.physics.now.isoformat(),
            "profiles": [one.source for one in self.physics.profiles],
            "evses": [
                {
                    "id": one.outlet.evse, "transaction": one.outlet.transaction, "state": one.state,
                    "power_w": one.power_w, "limit_w": one.offered_w, "register_wh": one.register_wh,
                    "stored_kwh": one.stored_kwh, "car": one.car is not None,
                }
                for one in self.physics.evses.values()
            ],
        }  # fmt: skip


def stamp(at: datetime) -> str:
    """Return a moment as stations write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
