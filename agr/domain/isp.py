"""All time arithmetic: Period, ISP, DST, gates and the clock. Nothing else computes with time.

A Period is a local calendar day; ISP n (from 1) is counted in elapsed time from local midnight, so a day has
92, 96 or 100 ISPs of 15 minutes in a zone with daylight saving time. Source: UFTP specification, glossary
(ISP, Period) and message descriptions.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cached_property, lru_cache
from threading import Lock
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agr.domain.errors import InputError

_DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_DURATION_LETTERS = 4096  # a longer text says nothing that a shorter one could not
_NONE = Fraction(0)
_SECONDS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_YEARS = range(1900, 9000)  # beyond them instants overflow


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone; raises InputError with the name when it does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name!r} is not a time zone; use an IANA name such as Europe/Amsterdam") from error


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration by value: PT15M, PT0.25H and P0Y0M0DT0H15M0.000S are equal.

    Raises InputError, also for years and months other than 0, which have no fixed length, and for parts of a µs.
    """
    match = _DURATION.fullmatch(text.strip()) if len(text) <= _DURATION_LETTERS else None
    parts = {} if match is None else {k: Fraction(v) for k, v in match.groupdict().items() if v is not None}
    if not parts or parts.pop("years", _NONE) or parts.pop("months", _NONE):
        raise InputError(f"{_short(text)} is not an ISO 8601 duration of days, hours, minutes or seconds, e.g. PT15M")
    microseconds = 1_000_000 * sum(number * _SECONDS[unit] for unit, number in parts.items())
    if microseconds % 1 or microseconds > timedelta.max // timedelta(microseconds=1):
        raise InputError(f"{_short(text)} is not an ISO 8601 duration of whole µs, e.g. PT15M")
    return timedelta(microseconds=int(microseconds))


def _short(text: str) -> str:
    return repr(text if len(text) <= 64 else text[:64] + "…")


def local_instant(day: date, at: time, tz: ZoneInfo, *, second: bool = False) -> datetime:
    """Return the UTC instant of a wall-clock time; a time that DST skips is moved forward.

    Of a time that DST repeats, the first instant is returned, or the second with `second`.
    """
    return datetime.combine(day, at.replace(fold=int(second)), tzinfo=tz).astimezone(UTC)


@lru_cache(maxsize=4096)
def _midnight(day: date, zone_name: str) -> datetime:
    """Return the beginning of a local day: a case of 100,000 units asks a million times for the same few."""
    return local_instant(day, time(0), zone(zone_name))


def require_isp_minutes(minutes: int) -> None:
    """Raise InputError unless ISPs of this length fill every hour: else the last minutes of a day would be lost."""
    if minutes < 1 or 60 % minutes:
        raise InputError(f"isp_minutes is {minutes}, which does not divide an hour; markets use 5, 15, 30 or 60")


@dataclass(frozen=True, order=True)
class Period:
    """One local calendar day of ISPs."""

    day: date
    zone_name: str = "Europe/Amsterdam"
    isp_minutes: int = 15

    def __post_init__(self) -> None:
        if self.day.year not in _YEARS:
            raise InputError(f"Period {self.day} is outside the years {_YEARS[0]}..{_YEARS[-1]}")
        require_isp_minutes(self.isp_minutes)

    @property
    def tz(self) -> ZoneInfo:
        """The market's time zone."""
        return zone(self.zone_name)

    @property
    def start(self) -> datetime:
        """Local midnight, as a UTC instant."""
        return _midnight(self.day, self.zone_name)

    @property
    def end(self) -> datetime:
        """The next local midnight, as a UTC instant."""
        return _midnight(self.day + timedelta(days=1), self.zone_name)

    @property
    def isp_length(self) -> timedelta:
        """Length of one ISP."""
        return timedelta(minutes=self.isp_minutes)

    @cached_property  # a case of 100,000 units asks a million times
    def isp_count(self) -> int:
        """How many ISPs the day has: 92, 96 or 100 of 15 minutes where DST applies.

        Raises InputError where the day is no whole number of ISPs: some zones change their clocks by half an hour.
        """
        count, left = divmod(self.end - self.start, self.isp_length)
        if left:
            raise InputError(
                f"Period {self} lasts {self.end - self.start} in {self.zone_name}, no whole number of ISPs of "
                f"{self.isp_minutes} minutes; use a shorter ISP"
            )
        return count

    @property
    def isp_hours(self) -> float:
        """Length of one ISP in hours (Δ)."""
        return self.isp_minutes / 60

    def isp_start(self, isp: int) -> datetime:
        """Return the UTC instant at which ISP `isp` (from 1) starts; isp_count + 1 gives the end of the day."""
        if not 1 <= isp <= self.isp_count + 1:
            raise InputError(f"ISP {isp} is outside 1..{self.isp_count} of Period {self}")
        return self.start + (isp - 1) * self.isp_length

    def isp_of(self, instant: datetime) -> int:
        """Return the ISP (from 1) that contains the instant; may lie outside 1..isp_count."""
        return int((instant - self.start) // self.isp_length) + 1

    def starts(self) -> list[datetime]:
        """Return the start of every ISP, in UTC."""
        first, length = self.start, self.isp_length
        return [first + i * length for i in range(self.isp_count)]

    def label(self, isp: int) -> str:
        """Return the local wall-clock time at which the ISP starts, with its UTC offset on days that repeat an hour."""
        local = self.isp_start(isp).astimezone(self.tz)
        return local.strftime("%H:%M" if self.isp_count * self.isp_minutes <= 24 * 60 else "%H:%M%z")

    def isps_of_wall_clock(self, other: "Period") -> list[int]:
        """Return for each ISP of another Period the ISP (from 0) of this one at the same wall-clock time.

        Of an hour that this day repeats, the first one is taken, but the second for the second of the other day. An
        hour that this day skips is taken from the hour after it.
        """
        found = []
        for start in other.starts():
            wall = start.astimezone(other.tz)
            same = local_instant(self.day, wall.time(), self.tz)
            if wall.fold:  # the second of an hour that is skipped here would be the one before
                same = max(same, local_instant(self.day, wall.time(), self.tz, second=True))
            found.append(min(max(self.isp_of(same), 1), self.isp_count) - 1)
        return found

    def wall_clock_minutes(self) -> list[int]:
        """Return for each ISP when it starts on the clock, in minutes from 00:00; DST skips or repeats some."""
        return clock_minutes(self.starts(), self.tz)

    def as_early(self, now: datetime, other: "Period") -> datetime:
        """Return the instant as many days before another Period as `now` is before this one, at the same time of day.

        Of a time that the clock repeats, the first; 7:00 of the day before stays 7:00, whatever the clock did since.
        """
        local = now.astimezone(self.tz)
        return local_instant(other.day - (self.day - local.date()), local.time(), other.tz)

    def blocks(self, hours: int = 4) -> list[int]:
        """Return for each ISP its block of `hours` local wall-clock hours, from 0.

        On DST days the 00-04 block has 12 or 20 ISPs. Source: regelleistung.net product definition.
        """
        return [start.astimezone(self.tz).hour // hours for start in self.starts()]

    def next(self) -> "Period":
        """Return the Period after this one."""
        return Period(self.day + timedelta(days=1), self.zone_name, self.isp_minutes)

    def previous(self) -> "Period":
        """Return the Period before this one."""
        return Period(self.day - timedelta(days=1), self.zone_name, self.isp_minutes)

    def __str__(self) -> str:
        return self.day.isoformat()


def clock_minutes(instants: Iterable[datetime], tz: ZoneInfo) -> list[int]:
    """Return the local time of instants on the clock, in minutes from 00:00."""
    local = (instant.astimezone(tz) for instant in instants)
    return [instant.hour * 60 + instant.minute for instant in local]


def period_of(instant: datetime, zone_name: str, isp_minutes: int = 15) -> Period:
    """Return the Period that contains an aware instant."""
    return Period(instant.astimezone(zone(zone_name)).date(), zone_name, isp_minutes)


@dataclass(frozen=True)
class Gate:
    """A named moment of the market day in local time, `days_before` the Period (negative: after its start)."""

    name: str
    at: time
    days_before: int = 1

    def instant(self, period: Period) -> datetime:
        """Return the gate's UTC instant for a Period."""
        return local_instant(period.day - timedelta(days=self.days_before), self.at, period.tz)


class Clock(Protocol):
    """The clock that every part of the service reads."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""

    def real(self, instant: datetime) -> datetime:
        """Return when, on the machine's own clock, `instant` will be reached."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def real(self, instant: datetime) -> datetime:
        """Return the instant itself: this is the machine's clock."""
        return instant


@dataclass
class JumpingClock:
    """A clock that runs at the real pace from a chosen instant and can be moved forward (demo, replay, tests)."""

    start: datetime
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _offset: timedelta = field(init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        self._offset = self.start - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the chosen instant plus the time that has passed since."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def real(self, instant: datetime) -> datetime:
        """Return when `instant` will be reached if nobody jumps."""
        with self._lock:
            return instant - self._offset

    def jump_to(self, instant: datetime) -> None:
        """Move forward to `instant` and tell the listeners; never moves back."""
        with self._lock:
            ahead = instant - (datetime.now(UTC) + self._offset)
            if ahead <= timedelta(0):
                return
            self._offset += ahead
        for listener in self.listeners:
            listener()
