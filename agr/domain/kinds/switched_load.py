"""Switched loads: on or off, for as long as their needs say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import Annotated

from agr.domain.bounds import Bound, NotNegative, Spelling
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import above, below


@dataclass(frozen=True, kw_only=True)
class Need:
    """How long a switched load is on in a daily local window; without `most_hours`, the whole window if that pays."""

    start: time
    end: time  # exclusive; 00:00 means the end of the day
    hours: float
    most_hours: float | None


_NEED = re.compile(r"(\d\d:\d\d) ?- ?(\d\d:\d\d) +(\d+(?:\.\d+)?)(?: ?- ?(\d+(?:\.\d+)?))?", re.ASCII)


def needs_of(text: str) -> tuple[Need, ...]:
    """Return the needs of a switched load in their order in the day; raises ValueError, in words, for other texts."""
    found = []
    for part in text.split(";"):
        words = _NEED.fullmatch(part.strip())
        if words is None:
            raise ValueError(f'"{part.strip()}" is not a window with hours; write 00:00-06:00 4 or 00:00-06:00 4-6')
        start, end = (time(0) if word == "24:00" else time.fromisoformat(word) for word in words.group(1, 2))
        if end != time(0) and end <= start:
            raise ValueError(f'"{part.strip()}" goes over midnight; write two windows, to 24:00 and from 00:00')
        hours, most = float(words[3]), None if words[4] is None else float(words[4])
        if most is not None and most < hours:
            raise ValueError(f'"{part.strip()}" has a most that is below the least')
        found.append(Need(start=start, end=end, hours=hours, most_hours=most))
    found.sort(key=lambda need: need.start)
    for one, other in pairwise(found):
        if one.end == time(0) or other.start < one.end:
            raise ValueError(f"windows from {one.start:%H:%M} and from {other.start:%H:%M} overlap; join them")
    return tuple(found)


def _needs_fault(text: str) -> str | None:
    try:
        needs_of(text)
    except ValueError as error:
        return f"is not understood: {error}"
    return None


_NOT_ZERO = Bound(lambda value: value != 0, "is how long it has been on (above 0) or off (below 0); not 0")


@dataclass(frozen=True, kw_only=True)
class SwitchedLoad:
    """A boiler, pump or compressor: on at its power or off, for at least a while each, as long as its needs say."""

    resource: str
    connection: str
    power_kw: NotNegative  # while on
    needs: Annotated[str, Spelling(_needs_fault)]
    """Local windows of the day with the hours that it must be on in each: "00:00-06:00 4-6; 12:00-15:00 1" means 4 to 6
    hours in the first window and 1 hour in the second."""
    min_run_minutes: NotNegative = 0.0
    min_rest_minutes: NotNegative = 0.0
    start_eur: NotNegative = 0.0
    initial_minutes: Annotated[float, _NOT_ZERO] = -1440.0
    """Minutes for which it has been on (+) or off (−) when the first planned Period begins."""


def _shortfalls(row: SwitchedLoad) -> Iterator[Remark]:
    for need in needs_of(row.needs):
        end = 24 * 60 if need.end == time(0) else need.end.hour * 60 + need.end.minute
        hours = (end - need.start.hour * 60 - need.start.minute) / 60
        if need.hours > hours:
            words = f"hours do not fit into the {hours:g} of the window from {need.start:%H:%M}"
            yield "needs", f"{need.hours:g} {words}"


_MOST_KW = 500.0  # a boiler has 2 to 6 kW, a pumping station 100 to 400
_LEAST_KW = 0.005  # the circulation pump of a house has 5 to 50 W


def _mistaken(row: SwitchedLoad) -> Iterator[Remark]:
    yield from above(row, "power_kw", row.power_kw, _MOST_KW, "kW", "a boiler, pump or compressor has")
    yield from below(row, "power_kw", row.power_kw, _LEAST_KW, "kW", "a boiler, pump or compressor has")


KIND = Kind(
    row=SwitchedLoad,
    table="switched_loads",
    name="switched_load",
    look=Look(words="switched loads", light="#b0653b", dark="#d99a74", layer=50),
    stream=6,
    shortfalls=_shortfalls,
    mistaken=_mistaken,
    rated_kw=lambda row: row.power_kw,
)
