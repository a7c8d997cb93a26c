"""When rows hold, as they are written: which columns say it, and the times of each row before their zone is known."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.scenario.downloads.lengths import minutes_of
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.times import day_first_of, is_clock, parts, read_time
from agr.scenario.downloads.words import TimeConvention

_MIDNIGHT = re.compile("0?0:00(?::00)?")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Which columns (from 0) say when a row begins and ends, and how to read them."""

    start: int | None = None  # may hold both: "10.04.2024 00:00 - 10.04.2024 01:00"
    end: int | None = None
    day: int | None = None  # the day, where start and end are times of day
    length: int | None = None
    fixed_minutes: int | None = None  # what every row of this publisher holds for
    clock: TimeConvention
    end_clock: TimeConvention | None = None
    offset: int | None = None  # a column of offsets such as +02:00
    day_first: bool | None = None  # None: as the file's dates tell


@dataclass(kw_only=True)
class Written:
    """A row's times as written: in UTC, or as the clock shows."""

    row: SheetRow
    start: datetime | None = None
    end: datetime | None = None
    minutes: int | None = None
    at: datetime | None = None  # the start, or the end where that is all there is, in UTC
    earlier: bool = False  # the first of the two instants that its time may mean

    def anchor(self, timing: Timing) -> tuple[datetime, TimeConvention]:
        """Return the start, or the end where that is all there is, and how it is meant without an offset."""
        if self.start is not None:
            return self.start, timing.clock
        assert self.end is not None
        return self.end, timing.end_clock or timing.clock

    def ends(self, timing: Timing) -> list[datetime]:
        """Return the instants that the end may mean."""
        assert self.end is not None
        return [self.end] if self.end.tzinfo is not None else (timing.end_clock or timing.clock).instants(self.end)


def written_of(sheet: Sheet, timing: Timing, row: SheetRow, silent: Callable[[SheetRow], bool]) -> Written | None:
    """Return a row's times; None, and a noted fault unless the row is `silent`, where they cannot be read."""
    try:
        begin, end = _texts(timing, row)
        first = timing.day_first
        one = Written(row=row, minutes=timing.fixed_minutes)
        if timing.start is not None:
            one.start = read_time(begin, first)
        if end or timing.start is None:
            one.end = read_time(end, first)
            if one.start is None and timing.day is not None and _MIDNIGHT.fullmatch(_cell(timing.end, row)):
                raise ValueError(
                    f"'{end}' may be the midnight before or after that day; write 24:00, or the end's own day"
                )
            if timing.day is not None and one.start and one.end.tzinfo == one.start.tzinfo and _next_day(one):
                one.end += timedelta(days=1)
        if timing.length is not None:
            one.minutes = minutes_of(row.cells[timing.length], sheet.header[timing.length])
    except ValueError as error:
        if not silent(row):
            sheet.fault(row.line, str(error))
        return None
    return one


def _cell(column: int | None, row: SheetRow) -> str:
    return "" if column is None else row.cells[column]


def _texts(timing: Timing, row: SheetRow) -> tuple[str, str]:
    """Return a row's start and end as written, with its day where that stands apart."""
    begin, end = _cell(timing.start, row), _cell(timing.end, row)
    if timing.end is None:
        begin, end = parts(begin)
    day = _cell(timing.day, row).split(" ")[0].split("T")[0]
    offset = _cell(timing.offset, row)
    begin, end = (f"{day} {text}" if day and is_clock(text) else text for text in (begin, end))
    return (begin + offset if begin else begin, end + offset if end else end)


def _next_day(one: Written) -> bool:
    """Return whether an end, written as a time of the start's day, is of the next day: "23:00 - 00:00"."""
    assert one.start is not None
    assert one.end is not None
    return one.end - one.start <= -timedelta(hours=12)


def read_day_first(sheet: Sheet, *columns: int | None, dense: bool = False) -> bool | None:
    """Return whether days come before months in these columns' dates; None where they do not tell.

    `dense`: the table has rows of every day from its first to its last.
    """
    cells = [cell for column in columns if column is not None for cell in sheet.column(column)]
    return day_first_of(cells, dense=dense)
