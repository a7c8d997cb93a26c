"""Reads times as publishers write them; a date that can mean two days is refused. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from agr.scenario.downloads.words import MARKS

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "mrt": 3, "maa": 3, "mär": 3, "apr": 4, "may": 5, "mai": 5, "mei": 5, "jun": 6,
           "jul": 7, "aug": 8, "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12}  # fmt: skip
_TIME = re.compile(
    r"""(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,\s*)?
    (?:(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})
      |(?P<a>\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})(?P=sign)(?P<year>\d{4})
      |(?P<month>[A-Za-zä]{3,9})\.?\s(?P<mday>\d{1,2}),?\s(?P<myear>\d{4})
      |(?P<dday>\d{1,2})\.?[\s-](?P<dmonth>[A-Za-zä]{3,9})\.?[\s-](?P<dyear>\d{4}))
    (?:(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?(?:\s*(?P<half>AM|PM))?)?
    (?:\s*(?P<offset>[+-]\d{2}:?\d{2})|\s*\(?(?P<mark>[A-Z]{1,4})\)?)?""",
    re.VERBOSE | re.ASCII,
)
_DAY = re.compile(r"\s*(\d{1,2})([/-])(\d{1,2})\2(\d{4})", re.ASCII)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:\s*[AP]M)?", re.ASCII)
_RANGE = re.compile(r"\s+(?:[-–—]|to|bis|tot)\s+")
_YEARS = range(1900, 2100)
_EXPECTED = "expected 2024-04-10T00:00Z or 10/04/2024 00:00"


def is_clock(text: str) -> bool:
    """Return whether a text is a time of day without its day."""
    return _CLOCK.fullmatch(text.strip()) is not None


def has_clock(text: str) -> bool:
    """Return whether a text has a day and a time of day."""
    found = _TIME.match(text.strip())
    return found is not None and found["hour"] is not None


def parts(text: str) -> tuple[str, str]:
    """Return start and end of "10.04.2024 00:00 - 10.04.2024 01:00"; the end is empty where there is none."""
    begin, *rest = _RANGE.split(text.strip(), maxsplit=1)
    end = rest[0] if rest else ""
    return begin, f"{begin.rsplit(' ', 1)[0]} {end}" if is_clock(end) and " " in begin else end


def day_first_of(texts: Iterable[str], *, dense: bool = False) -> bool | None:
    """Return whether days come before months in 04/10/2024; None where the dates do not tell, or contradict each other.

    A number above 12 is a day. Where rows are `dense` (of every day from first to last), days in a row tell as well.
    """
    written = {(int(day[1]), int(day[3]), int(day[4])) for text in texts if (day := _DAY.match(text))}
    told = {first > 12 for first, second, _ in written if (first > 12) != (second > 12)}
    if dense and not told and len(written) > 1 and all(first <= 12 for first, _, _ in written):
        days_first = sorted(date(year, second, first) for first, second, year in written)
        months_first = sorted(date(year, first, second) for first, second, year in written)
        told = {days is days_first for days in (days_first, months_first) if _in_a_row(days)}
    return told.pop() if len(told) == 1 else None


def _in_a_row(days: Sequence[date]) -> bool:
    return (days[-1] - days[0]).days == len(days) - 1


def read_time(text: str, day_first: bool | None = None) -> datetime:
    """Return a time: in UTC where an offset or zone stands behind it, else as the clock shows. Raises ValueError."""
    stripped = text.strip()
    found = _TIME.fullmatch(stripped)
    if found is None or (found["mark"] and found["mark"] not in MARKS):
        raise ValueError(f"'{stripped}' is not a time; {_EXPECTED}")
    year, month, day = _date(found, stripped, day_first)
    if year not in _YEARS:
        raise ValueError(f"'{stripped}' is not a time of this century or the last; {_EXPECTED}")
    try:
        hour, extra = _hour(found)
        local = datetime(year, month, day, hour, int(found["minute"] or 0), int(found["second"] or 0)) + extra  # noqa: DTZ001
        return _aware(local, found)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{stripped}' is not a time ({error}); {_EXPECTED}") from error


def _date(found: re.Match[str], text: str, day_first: bool | None) -> tuple[int, int, int]:
    if found["y"]:
        return int(found["y"]), int(found["m"]), int(found["d"])
    named = found["month"] or found["dmonth"]
    if named:
        month = _MONTHS.get(named.lower()[:3])
        if month is None:
            raise ValueError(f"'{text}' is not a time: '{named}' is not a month; {_EXPECTED}")
        return int(found["myear"] or found["dyear"]), month, int(found["mday"] or found["dday"])
    first, second, year = int(found["a"]), int(found["b"]), int(found["year"])
    if found["sign"] == "." or first == second:
        day_first = True
    elif day_first is None:
        if first <= 12 and second <= 12:
            meant = f"{year}-{second:02d}-{first:02d} or {year}-{first:02d}-{second:02d}"
            raise ValueError(f"'{text}' may be {meant}, and no other date of the file tells; write {meant}")
        day_first = first > 12
    return (year, second, first) if day_first else (year, first, second)


def _hour(found: re.Match[str]) -> tuple[int, timedelta]:
    hour, none = int(found["hour"] or 0), timedelta(0)
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour {hour} {found['half']}")
        return hour % 12 + (12 if found["half"] == "PM" else 0), none
    if hour == 24 and not int(found["minute"]) and not int(found["second"] or 0):
        return 0, timedelta(days=1)
    return hour, none


def _aware(local: datetime, found: re.Match[str]) -> datetime:
    if found["mark"]:
        return (local - timedelta(hours=MARKS[found["mark"]])).replace(tzinfo=UTC)
    if not found["offset"]:
        return local
    digits = found["offset"].replace(":", "")
    ahead = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
    return (local - ahead if digits[0] == "+" else local + ahead).replace(tzinfo=UTC)
