"""Which values of a series are taken: a wrong one is refused with its reason, the others are kept. Pure.

Refused are values from the future, two values for one moment, values that stay the same for more than a day (0 may:
the sun in winter), days whose level jumps three hundredfold or more, and, of measured powers, outliers beyond five
interquartile ranges and beyond what occurs every other day. Published prices have no outliers: spikes are real.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import period_of
from agr.forecasting.days import Observed

FROZEN = timedelta(hours=24)
_RANGES = 5.0
_OFTEN = 0.005
"""Share of the values at either end that are never outliers, however far from the others they lie: a kettle boils
daily."""
_LEAST = 14 * 24
_JUMP = 300.0
"""A day whose level is this many times the usual one, or the usual one divided by this, is in another unit."""
_RUN = 4
"""Fewest values that tell a level; fewer may be a spike, or a machine that stands still."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A value that is not taken; `place` is its position in what was given."""

    place: int
    why: str


def admitted(
    rows: Sequence[Observed], now: datetime, zone_name: str, *, price: bool, earlier: Sequence[Observed] = ()
) -> tuple[list[int], list[Refusal]]:
    """Return the positions of the rows to take, and the refusals, both in the order given.

    `earlier`: what is known already, to compare levels with, local day by local day. Published prices may lie ahead of
    now.
    """
    why: dict[int, str] = {}
    _doubled(rows, why)
    if not price:
        _ahead(rows, now, why)
    _frozen(rows, why, earlier)
    usual = np.array([one.value for one in (*earlier, *(rows if len(earlier) < _LEAST else ()))])
    if len(usual) >= _LEAST:
        _jumped(rows, earlier, usual, zone_name, why)
        if not price:
            _outside(rows, usual, why)
    taken = [place for place in range(len(rows)) if place not in why]
    return taken, [Refusal(place=place, why=why[place]) for place in sorted(why)]


def believable(rows: Sequence[Observed], low: float, high: float) -> tuple[list[int], list[Refusal]]:
    """Return the positions to take of a forecast that others made, and the refusals: doubles, frozen, out of range."""
    why: dict[int, str] = {}
    _doubled(rows, why)
    _frozen(rows, why)
    for place, one in enumerate(rows):
        if not low <= one.value <= high:
            why.setdefault(
                place, f"{one.start.isoformat()}: {one.value:g} lies outside {low:g} to {high:g}; another unit?"
            )
    taken = [place for place in range(len(rows)) if place not in why]
    return taken, [Refusal(place=place, why=why[place]) for place in sorted(why)]


def _doubled(rows: Sequence[Observed], why: dict[int, str]) -> None:
    first: dict[datetime, int] = {}
    for place, one in enumerate(rows):
        other = first.setdefault(one.start, place)
        if other == place:
            continue
        if rows[other].value == one.value:
            why[place] = f"{one.start.isoformat()} is given twice with the same value"
        else:
            words = f"{one.start.isoformat()} has two values, {rows[other].value:g} and {one.value:g}"
            why[place] = why[other] = f"{words}; if the clock was set back that hour, give each its UTC offset"


def _ahead(rows: Sequence[Observed], now: datetime, why: dict[int, str]) -> None:
    for place, one in enumerate(rows):
        if one.start + timedelta(minutes=one.minutes) > now:
            why.setdefault(place, f"{one.start.isoformat()} is not over yet: nothing can have been measured")


def _frozen(rows: Sequence[Observed], why: dict[int, str], earlier: Sequence[Observed] = ()) -> None:
    """Refuse what has stood still for too long, also where it came bit by bit; the first of it is taken."""
    new = {one.start for one in rows}
    both = [*rows, *(one for one in earlier if one.start not in new)]
    order = sorted(range(len(both)), key=lambda place: both[place].start)
    for value, group in groupby(order, key=lambda place: both[place].value):
        run = list(group)
        last = both[run[-1]]
        lasted = last.start + timedelta(minutes=last.minutes) - both[run[0]].start
        if value and len(run) > 1 and lasted > FROZEN:
            for place in run[1:]:
                if place < len(rows):
                    still = f"the value has been {value:g} for {lasted}; nothing can be learned from what stands still"
                    why.setdefault(place, still)


def _jumped(
    rows: Sequence[Observed], earlier: Sequence[Observed], usual: NDArray[np.float64], zone_name: str,
    why: dict[int, str],
) -> None:  # fmt: skip
    """Refuse days in another unit; where a day's values come a few at a time, those that follow others in it."""
    level = float(np.median(np.abs(usual)))
    by_day: dict[object, list[int]] = {}
    for place, one in enumerate(rows):
        by_day.setdefault(period_of(one.start, zone_name).day, []).append(place)
    for places in by_day.values():
        if len(places) < _RUN:
            _jumped_one_by_one(rows, places, earlier, why)
            continue
        mine = float(np.median([abs(rows[place].value) for place in places]))
        if level > 0 and mine > 0 and not 1 / _JUMP < mine / level < _JUMP:
            for place in places:
                words = f"the day's level is {mine:g}, usual is {level:g}"
                why.setdefault(place, f"{words}: another unit, W for kW perhaps")


def _jumped_one_by_one(
    rows: Sequence[Observed], places: Sequence[int], earlier: Sequence[Observed], why: dict[int, str]
) -> None:
    """Refuse a value that is far from what is usual at its time of day, like all those of the day before it.

    The first few cannot be told from a spike or from a machine that stands, and are taken.
    """
    new = {rows[place].start for place in places}
    before = sorted((one for one in earlier if one.start not in new), key=lambda one: one.start)
    at_time: dict[time, list[float]] = {}
    for one in before:
        at_time.setdefault(one.start.time(), []).append(abs(one.value))

    def far(one: Observed) -> int:
        """Say whether a value is in a larger unit than usual (1), in a smaller one (-1), or as usual (0)."""
        same = at_time.get(one.start.time(), [])
        level = float(np.median(same)) if len(same) >= _RUN else 0.0
        if level <= 0 or one.value == 0:
            return 0
        ratio = abs(one.value) / level
        return int(ratio >= _JUMP) - int(ratio <= 1 / _JUMP)

    for place in sorted(places, key=lambda place: rows[place].start):
        one = rows[place]
        last = [other for other in before[-_RUN:] if one.start - FROZEN <= other.start < one.start][1 - _RUN :]
        before.append(one)
        sides = {far(other) for other in (*last, one)}
        if len(last) == _RUN - 1 and sides in ({1}, {-1}):
            words = f"{one.value:g} and the {len(last)} values before it are far from what is usual at that time"
            why.setdefault(place, f"{words}: another unit, W for kW perhaps; give those before it anew, too")


def _outside(rows: Sequence[Observed], usual: NDArray[np.float64], why: dict[int, str]) -> None:
    low, high = np.quantile(usual, [0.25, 0.75])
    width = high - low
    if width <= 0:
        return
    level = float(np.median(np.abs(usual)))
    same_unit = usual[np.abs(usual) < _JUMP * level] if level > 0 else usual  # a day in another unit hides no outlier
    least = min(low - _RANGES * width, np.quantile(same_unit, _OFTEN, method="higher"))
    most = max(high + _RANGES * width, np.quantile(same_unit, 1 - _OFTEN, method="lower"))
    for place, one in enumerate(rows):
        if not least <= one.value <= most:
            words = f"{one.value:g} lies more than {_RANGES:g} interquartile ranges outside {low:g} to {high:g}"
            why.setdefault(place, words)
