"""How long rows hold: lengths as they are written, and the distance of rows that only say when they begin. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from agr.domain.errors import InputError
from agr.domain.isp import parse_duration
from agr.scenario.downloads.words import plain

MINUTE = timedelta(minutes=1)
_LENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_PER_UNIT = {"m": 1.0, "min": 1.0, "mins": 1.0, "minute": 1.0, "minutes": 1.0, "minuten": 1.0, "h": 60.0, "hr": 60.0,
             "hour": 60.0, "hours": 60.0, "std": 60.0, "stunde": 60.0, "stunden": 60.0, "uur": 60.0,
             "heure": 60.0, "heures": 60.0, "s": 1 / 60, "sec": 1 / 60, "seconds": 1 / 60}  # fmt: skip
_SPACINGS = (5, 10, 15, 20, 30, 60)
"""Distances between rows, in minutes, that may be how long each row holds."""


def minutes_of(text: str, column: str) -> int:
    """Return a length in minutes: PT15M, 15, "60 min", "1 h", 01:00, 0.25 of a column of hours. Raises ValueError."""
    stripped = text.strip()
    if stripped[:1] in ("P", "p"):
        try:
            minutes = parse_duration(stripped.upper()) / MINUTE
        except InputError as error:
            raise ValueError(str(error)) from error
    elif clock := _CLOCK.fullmatch(stripped):
        minutes = 60.0 * int(clock[1]) + int(clock[2])
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


def spacing_of(moments: Iterable[datetime]) -> int:
    """Return the length in minutes of rows that only say when they begin (or end): the distance of all of them.

    A larger distance once is a row that is missing; again and again, it is rows of another length. Raises ValueError
    where the length cannot be told.
    """
    starts = sorted(set(moments))
    gaps = [(after - before) // MINUTE for before, after in pairwise(starts)]
    if not gaps:
        raise ValueError("does not say how long its one row holds; add a column with its end, or resolution_min")
    least = min(gaps)
    mixed = next((gap for gap, after in pairwise(gaps) if gap == after != least and gap in _SPACINGS), None)
    if least in _SPACINGS and mixed is None:
        return least
    said = f"lie {least} and {mixed} minutes apart" if mixed else f"lie {least} minutes apart"
    raise ValueError(f"rows {said} and do not say how long they hold; add a column with their ends, or resolution_min")
