"""Sessions that a group's forecast expects in a Period: arrivals, energy and stay add up to it. Pure.

Each expected session is a car, or the part of one where fewer are expected. It arrives when the hour's cars do, and
takes and stays what the forecast says of one car then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_CARS = 0.5
"""Neighbouring intervals are joined until this many cars are expected in them: smaller sessions would add nothing."""
_NOTHING = 1e-6
_SHORTEST = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class ExpectedSession:
    """A car that is expected, or a part of one."""

    arrival: datetime
    stay: timedelta
    cars: float  # above 0, at most 1
    energy_kwh: float  # of these cars

    def only(self, cars: float) -> "ExpectedSession":
        """Return what is left of it with fewer cars."""
        return replace(self, cars=cars, energy_kwh=self.energy_kwh * cars / self.cars)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Neighbouring intervals: what arrives in them, and when, in minutes from the Period's start."""

    first: float
    last: float
    cars: float
    energy_kwh: float
    stay_h: float
    moment: float  # the sum of cars times minutes

    def with_(self, other: "_Block") -> "_Block":
        return _Block(
            first=self.first, last=other.last, cars=self.cars + other.cars,
            energy_kwh=self.energy_kwh + other.energy_kwh, stay_h=self.stay_h + other.stay_h,
            moment=self.moment + other.moment,
        )  # fmt: skip


def expected_sessions(
    arrivals: Floats, energy_kwh: Floats, stay_h: Floats, start: datetime, minutes: int
) -> tuple[ExpectedSession, ...]:
    """Return the sessions that are expected, by arrival.

    All (T,), per interval of `minutes` from `start`: cars, and the energy and the hours of all of them together.
    """
    blocks: list[_Block] = []
    whole = True  # the last block has enough cars
    for place in np.flatnonzero(arrivals > _NOTHING).tolist():
        cars, begin = float(arrivals[place]), float(place * minutes)
        one = _Block(
            first=begin, last=begin + minutes, cars=cars, energy_kwh=max(float(energy_kwh[place]), 0.0),
            stay_h=max(float(stay_h[place]), 0.0), moment=cars * (begin + minutes / 2),
        )  # fmt: skip
        if whole:
            blocks.append(one)
        else:
            blocks[-1] = blocks[-1].with_(one)
        whole = blocks[-1].cars >= LEAST_CARS
    if not whole and len(blocks) > 1:
        blocks[-2:] = [blocks[-2].with_(blocks[-1])]
    return tuple(session for block in blocks for session in _sessions(block, start))


def _sessions(block: _Block, start: datetime) -> Iterable[ExpectedSession]:
    count = max(ceil(block.cars - _NOTHING), 1)
    span = block.last - block.first
    # around the mean of the block's cars, as far apart as its intervals allow
    middle = block.moment / block.cars
    reach = min(middle - block.first, block.last - middle, span / 2)
    stay = max(timedelta(hours=block.stay_h / block.cars), _SHORTEST)
    for number in range(count):
        at = middle + ((2 * number + 1) / count - 1) * reach
        yield ExpectedSession(
            arrival=start + timedelta(seconds=round(at * 60)), stay=stay, cars=block.cars / count,
            energy_kwh=block.energy_kwh / count,
        )  # fmt: skip


def still_expected(
    sessions: Sequence[ExpectedSession], known: Iterable[datetime], now: datetime
) -> tuple[ExpectedSession, ...]:
    """Return what is still expected at an instant: what arrives later, less one car for each that is known to come.

    `known`: arrivals of sessions that are known beforehand. Each takes the place of the cars that are expected nearest
    to it. Those expected before now have either come, and are known, or have not come.
    """
    later = [one for one in sessions if one.arrival >= now]
    left = [one.cars for one in later]
    at = np.array([one.arrival.timestamp() for one in later])
    for arrival in sorted(moment for moment in known if moment >= now):
        cars = 1.0
        for place in np.argsort(np.abs(at - arrival.timestamp()), kind="stable").tolist():
            taken = min(left[place], cars)
            left[place] -= taken
            cars -= taken
            if cars <= _NOTHING:
                break
    return tuple(one.only(cars) for one, cars in zip(later, left, strict=True) if cars > _NOTHING)
