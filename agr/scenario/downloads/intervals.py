"""Finds from when to when each row holds: zones, nights on which the clock changes, lengths that are read, not guessed.

Raises nothing: rows whose time cannot be told for certain are noted as faults of the sheet.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from agr.domain.errors import InputError
from agr.domain.isp import parse_duration
from agr.scenario.downloads.sheet import Row, Sheet
from agr.scenario.downloads.times import day_first_of, is_clock, parts, read_time
from agr.scenario.downloads.words import Clock, plain

_MINUTE = timedelta(minutes=1)
_LENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)", re.IGNORECASE)
_PER_UNIT = {"m": 1.0, "min": 1.0, "mins": 1.0, "minute": 1.0, "minutes": 1.0, "minuten": 1.0, "h": 60.0, "hr": 60.0,
             "hour": 60.0, "hours": 60.0, "std": 60.0, "stunde": 60.0, "stunden": 60.0, "uur": 60.0,
             "heure": 60.0, "heures": 60.0, "s": 1 / 60, "sec": 1 / 60, "seconds": 1 / 60}  # fmt: skip
_REMEDY = "write the offset behind it, such as +01:00"
_SPACINGS = (5, 10, 15, 20, 30, 60)
"""Distances in minutes between rows that may be the length of each."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Which columns (from 0) say when a row begins and ends, and how to read them."""

    start: int | None = None  # may hold both: "10.04.2024 00:00 - 10.04.2024 01:00"
    end: int | None = None
    day: int | None = None  # the day, where start and end are times of day
    length: int | None = None
    fixed_minutes: int | None = None  # what every row of this publisher holds for
    clock: Clock
    end_clock: Clock | None = None
    day_first: bool | None = None  # None: as the file's dates tell


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A row with the interval it holds for."""

    row: Row
    start: datetime
    minutes: int


@dataclass(kw_only=True)
class _Written:
    """A row's times as written: in UTC, or as the clock shows."""

    row: Row
    start: datetime | None = None
    end: datetime | None = None
    minutes: int | None = None
    at: datetime | None = None  # the start, or the end where that is all there is, in UTC
    earlier: bool = False  # the first of the two instants that its time may mean


def minutes_of(text: str, column: str) -> int:
    """Return a length in minutes: PT15M, 15, "60 min", "1 h", 0.25 of a column of hours. Raises ValueError."""
    stripped = text.strip()
    if stripped[:1] in ("P", "p"):
        try:
            minutes = parse_duration(stripped.upper()) / _MINUTE
        except InputError as error:
            raise ValueError(str(error)) from error
    else:
        found = _LENGTH.fullmatch(stripped)
        named = [word for word in plain(column).split("_") if word in _PER_UNIT]
        unit = (found[2].lower() if found else "") or (named[0] if named else "")
        if found is None or (unit and unit not in _PER_UNIT):
            raise ValueError(f"'{stripped}' is not a length; expected PT15M, 15 min or 1 h")
        value = float(found[1].replace(",", "."))
        if not unit and 1 <= value < 5:
            raise ValueError(f"'{stripped}' may be minutes or hours; name the column minutes or hours")
        minutes = value * (_PER_UNIT[unit] if unit else 60.0 if value < 1 else 1.0)
    if minutes != round(minutes) or minutes <= 0:
        raise ValueError(f"'{stripped}' is not a whole number of minutes")
    return round(minutes)


def timed(
    sheet: Sheet, timing: Timing, rows: Sequence[Row], *, silent: Callable[[Row], bool], days: tuple[date, date] | None,
) -> list[Timed]:  # fmt: skip
    """Return the rows with their intervals, in the order of the file.

    Rows that are `silent` (without a value) are left out where others are faults; so are rows of nights outside the
    `days`, first and last, whose times the clock repeats or skips.
    """
    written = [one for row in rows if (one := _written(sheet, timing, row, silent)) is not None]
    found: list[Timed] = []
    groups: dict[int | None, list[_Written]] = {}
    for one in written:
        groups.setdefault(one.minutes, []).append(one)
    for group in groups.values():
        _settle(sheet, timing, group, silent, days)
        told = [one for one in group if one.at is not None]
        lengthless = any(one.minutes is None and (one.start is None or one.end is None) for one in told)
        spacing = _spacing(sheet, told) if lengthless else None
        found += [t for one in told if (t := _interval(sheet, timing, one, spacing)) is not None]
    order = {id(row): n for n, row in enumerate(rows)}
    return sorted(found, key=lambda t: order[id(t.row)])


def _cell(column: int | None, row: Row) -> str:
    return "" if column is None else row.cells[column]


def _texts(timing: Timing, row: Row) -> tuple[str, str]:
    """Return a row's begin and end as written, with its day where that stands apart."""
    begin, end = _cell(timing.start, row), _cell(timing.end, row)
    if timing.end is None:
        begin, end = parts(begin)
    day = _cell(timing.day, row).split(" ")[0].split("T")[0]
    return (f"{day} {begin}" if day and is_clock(begin) else begin, f"{day} {end}" if day and is_clock(end) else end)


def _written(sheet: Sheet, timing: Timing, row: Row, silent: Callable[[Row], bool]) -> _Written | None:
    try:
        begin, end = _texts(timing, row)
        first = timing.day_first
        one = _Written(row=row, minutes=timing.fixed_minutes)
        if timing.start is not None:
            one.start = read_time(begin, first)
        if end or timing.start is None:
            one.end = read_time(end, first)
            if one.start is None and timing.day is not None and re.fullmatch("0?0:00(:00)?", _cell(timing.end, row)):
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


def _next_day(one: _Written) -> bool:
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


def _settle(
    sheet: Sheet, timing: Timing, group: list[_Written], silent: Callable[[Row], bool], days: tuple[date, date] | None,
) -> None:  # fmt: skip
    """Find the instant of every row, of times that the clock repeats from the row's end or the order of the rows."""
    doubtful: list[tuple[_Written, list[datetime]]] = []
    for one in group:
        anchor, clock = _anchor(timing, one)
        try:
            instants = [anchor] if anchor.tzinfo is not None else clock.instants(anchor)
        except ValueError as error:
            _note(sheet, one, str(error), silent, None)
            continue
        if not instants:
            _note(sheet, one, f"{_said(timing, one)} does not exist: the clock skips it", silent, days)
        elif len(instants) == 1:
            one.at = instants[0]
        else:
            doubtful.append((one, instants))
    counts = Counter(_anchor(timing, one)[0] for one, _ in doubtful)
    paired = [(one, instants) for one, instants in doubtful if counts[_anchor(timing, one)[0]] == 2]
    if paired and not _ordered(timing, group, paired):
        for one, _ in paired:
            one.at = None
            words = f"{_said(timing, one)} comes twice that night and the rows are not in the order of time"
            _note(sheet, one, f"{words}; {_REMEDY}", silent, days)
    for one, instants in doubtful:
        if counts[_anchor(timing, one)[0]] != 2:
            one.at = _by_end(timing, one, instants)
            if one.at is None:
                words = f"{_said(timing, one)} may mean two moments: the clock repeats it that night"
                _note(sheet, one, f"{words}; {_REMEDY}", silent, days)


def _anchor(timing: Timing, one: _Written) -> tuple[datetime, Clock]:
    if one.start is not None:
        return one.start, timing.clock
    assert one.end is not None
    return one.end, timing.end_clock or timing.clock


def _said(timing: Timing, one: _Written) -> str:
    return f"'{_anchor(timing, one)[0]:%Y-%m-%d %H:%M}'"


def _note(
    sheet: Sheet, one: _Written, words: str, silent: Callable[[Row], bool], days: tuple[date, date] | None
) -> None:  # fmt: skip
    moment = one.start or one.end
    assert moment is not None
    around = timedelta(days=1)
    if silent(one.row) or (days and not days[0] - around <= moment.date() <= days[1] + around):
        return
    sheet.fault(one.row.line, words)


def _ordered(timing: Timing, group: list[_Written], paired: list[tuple[_Written, list[datetime]]]) -> bool:
    """Give the two rows of each repeated time the two instants, as the order of the rows around them demands."""
    nights = {_anchor(timing, one)[0].date() for one, _ in paired}
    near = [one for one in group if _near(timing, one, nights)]
    for forward in (True, False):
        seen = set[datetime]()
        for one, instants in paired:
            anchor = _anchor(timing, one)[0]
            one.at = instants[(anchor in seen) == forward]
            one.earlier = one.at == instants[0]
            seen.add(anchor)
        at = [one.at for one in near if one.at is not None]
        if all((a < b) == forward and a != b for a, b in pairwise(at)):
            return True
    return False


def _near(timing: Timing, one: _Written, nights: set[date]) -> bool:
    """Return whether a row is of such a night or the days beside it."""
    day = _anchor(timing, one)[0].date()
    return any(abs(day - night) <= timedelta(days=1) for night in nights)


def _by_end(timing: Timing, one: _Written, instants: list[datetime]) -> datetime | None:
    """Return the start that a row's own end or length leaves; None where both are possible."""
    if one.start is None or one.end is None:
        return None
    ends = [one.end] if one.end.tzinfo is not None else (timing.end_clock or timing.clock).instants(one.end)
    if one.minutes is not None:
        left = {start for start in instants for end in ends if end - start == one.minutes * _MINUTE}
    elif one.end.tzinfo is None and one.end <= one.start:
        left = {instants[0]}
    else:
        return None
    return left.pop() if len(left) == 1 else None


def _interval(sheet: Sheet, timing: Timing, one: _Written, spacing: int | None) -> Timed | None:
    assert one.at is not None
    minutes = one.minutes if one.minutes is not None else spacing
    if one.start is not None and one.end is not None:
        lengths = _lengths(timing, one)
        if one.minutes is not None and one.minutes not in lengths:
            said = f"begins and ends {lengths[0]:g} minutes apart" if lengths else "ends before it begins"
            sheet.fault(one.row.line, f"{said}, but its length is {one.minutes} minutes")
            return None
        minutes = one.minutes if one.minutes is not None else next(iter(lengths), None)
        if minutes is None:
            sheet.fault(one.row.line, f"'{one.end:%Y-%m-%d %H:%M}', its end, is not after its start")
            return None
    if minutes is None:
        return None
    start = one.at if one.start is not None else one.at - minutes * _MINUTE
    return Timed(row=one.row, start=start.astimezone(UTC), minutes=minutes)


def _lengths(timing: Timing, one: _Written) -> list[int]:
    """Return the lengths in minutes that a row's start and end allow, the likeliest first."""
    assert one.at is not None
    assert one.start is not None
    assert one.end is not None
    clock = timing.end_clock or timing.clock
    ends = [one.end] if one.end.tzinfo is not None else clock.instants(one.end)
    found = sorted({(end - one.at) // _MINUTE for end in ends if end > one.at})
    if one.start.tzinfo is None and one.end.tzinfo is None and one.end > one.start:
        on_the_clock = (one.end - one.start) // _MINUTE
        if one.earlier or not ends:  # "02:00 - 03:00" of the first of two such hours; an end that the clock skips
            found = [on_the_clock, *(length for length in found if length != on_the_clock)]
    return found


def _spacing(sheet: Sheet, told: Sequence[_Written]) -> int | None:
    """Return the length of rows that only say when they begin: their distance, where all of them have the same one."""
    starts = sorted({one.at for one in told if one.at is not None})
    gaps = Counter((b - a) // _MINUTE for a, b in pairwise(starts))
    if not gaps:
        words = "says when its row begins and not how long it holds; add a column with its end, or resolution_min"
        sheet.fault(told[0].row.line, words)
        return None
    least = min(gaps)
    runs = [(b - a) // _MINUTE for a, b in pairwise(starts)]
    mixed = next((gap for gap, after in pairwise(runs) if gap == after != least and gap in _SPACINGS), None)
    if least in _SPACINGS and mixed is None:
        return least
    said = f"lie {least} and {mixed} minutes apart" if mixed else f"lie {least} minutes apart"
    words = f"rows {said} and do not say how long they hold; add a column with their ends, or resolution_min"
    sheet.fault(told[0].row.line, words)
    return None
