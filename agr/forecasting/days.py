"""A series as a matrix of local days by wall-clock slots: what every model learns from.

People, machines and auctions keep to the clock. So a day of 23 or 25 hours becomes one of 24: the hour that is skipped
takes the value before it, of an hour that is repeated the mean counts. `Days.on` turns a forecast back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period, period_of

Floats = NDArray[np.float64]
DAY_MINUTES = 1440


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was measured or published: `value` holds for `minutes` from `start`, in the series' own unit."""

    start: datetime  # aware
    minutes: int
    value: float


def slot_minutes(known: Sequence[Observed]) -> int:
    """Return the length of slots that suits the newest values: 15, 30 or 60 minutes; 60 where none are known."""
    shortest = min((one.minutes for one in known[-200:]), default=60)
    return next(minutes for minutes in (60, 30, 15) if minutes <= max(shortest, 15))


@dataclass(frozen=True, kw_only=True, eq=False)
class Days:
    """Whole local days of a series. `values` (D,N): N slots of `minutes` from local midnight, NaN where not known."""

    first: date
    values: Floats
    minutes: int
    zone_name: str
    country: str | None = None  # whose public holidays count as Sundays; ISO 3166, None: nobody's
    inputs: Floats | None = None  # (K,D',N), D' > D: forecasts by others, of each day as known before it; NaN: unknown
    input_names: tuple[str, ...] = ()

    @property
    def slots(self) -> int:
        """How many slots a day has."""
        return int(self.values.shape[1])

    def day(self, row: int) -> date:
        """Return the day of a row; rows beyond the last are later days."""
        return self.first + timedelta(days=row)

    def row(self, day: date) -> int:
        """Return the row of a day; it may lie outside."""
        return (day - self.first).days

    def known(self, rows: int) -> "Days":
        """Return the first rows only: whoever gets them cannot look ahead. Inputs of later days were known before."""
        return replace(self, values=self.values[: max(rows, 0)])

    def kinds(self, rows: int) -> NDArray[np.int64]:
        """Return the kind of day of the first rows, and of later ones, (rows,): 0 Monday to 6 Sunday or holiday."""
        weekdays = (self.first.weekday() + np.arange(rows)) % 7
        years = range(self.first.year, self.day(rows).year + 1)
        holidays = holidays_of(self.country, tuple(years))
        if holidays:
            weekdays[[row for row in range(rows) if self.day(row) in holidays]] = 6
        return weekdays

    def on(self, slots: Floats, period: Period) -> Floats:
        """Return a day of slots (N,) on the ISPs of a Period, (T,): repeated, or averaged where ISPs are longer."""
        fine = np.repeat(slots, self.minutes)
        first = np.array(period.wall_clock_minutes())
        return np.array([fine[start : start + period.isp_minutes].mean() for start in first])

    def period(self, row: int) -> Period:
        """Return the Period of a row, in intervals as long as the slots."""
        return Period(self.day(row), self.zone_name, self.minutes)

    def by_the_clock(self, values: Floats, minutes: int, period: Period) -> Floats:
        """Return a Period's values per interval of `minutes` from its start on slots (N,); NaN in skipped ones."""
        found = np.full(self.slots, np.nan)
        starts = np.array(period.wall_clock_minutes()) // self.minutes
        elapsed = np.arange(period.isp_count) * period.isp_minutes
        found[starts] = values[elapsed // minutes]
        return found

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Which days are known as a whole, (D,)."""
        return np.asarray(np.isfinite(self.values).all(axis=1), dtype=bool)


_KNOWN: dict[tuple[str, tuple[int, ...]], frozenset[date]] = {}


def holidays_of(country: str | None, years: tuple[int, ...]) -> frozenset[date]:
    """Return the public holidays of a country; none for None."""
    if country is None:
        return frozenset()
    if (country, years) not in _KNOWN:
        import holidays

        _KNOWN[country, years] = frozenset(holidays.country_holidays(country, years=years))
    return _KNOWN[country, years]


def days_of(
    observed: Sequence[Observed], zone_name: str, minutes: int, *, country: str | None = None, until: date | None = None
) -> Days:  # fmt: skip
    """Return observations as whole local days from the first one on, to the last, or to before `until`.

    Values of other lengths are repeated or averaged; slots that are not covered at all are NaN. Raises ValueError for
    no observations.
    """
    if not observed:
        raise ValueError("there are no observations")
    ordered = sorted(observed, key=lambda one: one.start)
    first = period_of(ordered[0].start, zone_name, minutes)
    last = period_of(ordered[-1].start, zone_name, minutes).day if until is None else until - timedelta(days=1)
    rows = max((last - first.day).days + 1, 0)
    origin, width = first.start, DAY_MINUTES // minutes
    end = Period(last, zone_name, minutes).end
    five = np.full(max(int((end - origin) / timedelta(minutes=5)), 0), np.nan)
    for one in ordered:
        at = int((one.start - origin) / timedelta(minutes=5))
        five[max(at, 0) : max(at + max(one.minutes // 5, 1), 0)] = one.value
    values = np.full((rows, width), np.nan)
    position, step = 0, minutes // 5
    for row in range(rows):
        period = Period(first.day + timedelta(days=row), zone_name, minutes)
        count = period.isp_count
        mine = five[position : position + count * step].reshape(count, step)
        position += count * step
        means = mine.mean(axis=1) if step > 1 else mine[:, 0]
        values[row] = means if count == width else _by_the_clock(means, period, width)
    return Days(first=first.day, values=values, minutes=minutes, zone_name=zone_name, country=country)


def _by_the_clock(values: Floats, period: Period, width: int) -> Floats:
    """Return the values of a day of 23 or 25 hours on 24."""
    slots = np.array(period.wall_clock_minutes()) // period.isp_minutes
    total, count = np.zeros(width), np.zeros(width)
    np.add.at(total, slots, values)
    np.add.at(count, slots, 1)
    found: Floats = np.divide(total, count, out=np.full(width, np.nan), where=count > 0)
    for slot in np.flatnonzero(count == 0):
        found[slot] = found[slot - 1]
    return found
