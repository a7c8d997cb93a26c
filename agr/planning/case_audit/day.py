"""Local time of the audit's own: a day in minutes since its midnight, and its clock on the wall. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from agr.planning.case_audit.facts import Calendar, Floats

_MINUTE = timedelta(minutes=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Day:
    """One local day, cut into ISPs of equal length from midnight on."""

    midnight: datetime  # UTC
    minutes: int  # 1380, 1440 or 1500 where clocks change by an hour
    length: int  # of an ISP, minutes
    clock: NDArray[np.int64]  # (T,) minutes on the clock on the wall when each ISP begins

    @property
    def isps(self) -> int:
        """How many ISPs the day has."""
        return len(self.clock)

    @property
    def hours(self) -> float:
        """Length of an ISP in hours."""
        return self.length / 60

    @property
    def begins(self) -> Floats:
        """Minutes since midnight at which each ISP begins, (T,)."""
        return np.arange(self.isps, dtype=np.float64) * self.length

    def since(self, instant: datetime) -> float:
        """Return the minutes from midnight to an instant, below 0 before it."""
        return (instant - self.midnight) / _MINUTE

    def within(self, start: time, end: time) -> NDArray[np.bool_]:
        """Return which ISPs (T,) begin in a daily window; an end of 00:00 is the end of the day.

        A window whose end is not after its start goes over midnight.
        """
        first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
        after, before = self.clock >= first, self.clock < last
        if last == 0:
            return np.asarray(after)
        return np.asarray(after & before if first < last else after | before)


def day_of(period: Calendar) -> Day:
    """Return the local day of a Period."""
    zone = ZoneInfo(period.zone_name)
    midnight = _midnight(period.day, zone)
    minutes = int((_midnight(period.day + timedelta(days=1), zone) - midnight) / _MINUTE)
    local = [
        (midnight + begin * _MINUTE).astimezone(zone)
        for begin in range(0, minutes - minutes % period.isp_minutes, period.isp_minutes)
    ]
    clock = np.array([at.hour * 60 + at.minute for at in local], dtype=np.int64)
    return Day(midnight=midnight, minutes=minutes, length=period.isp_minutes, clock=clock)


def calendar_after(period: Calendar) -> Calendar:
    """Return the calendar of the local day after a Period."""
    return _Next(day=period.day + timedelta(days=1), zone_name=period.zone_name, isp_minutes=period.isp_minutes)


def after(period: Calendar) -> Day:
    """Return the local day after a Period."""
    return day_of(calendar_after(period))


@dataclass(frozen=True, kw_only=True)
class _Next:
    day: date
    zone_name: str
    isp_minutes: int
