"""What a plugged-in car that says nothing is expected to do, from what cars did before. Pure.

Only past sessions count that lasted at least as long as this one has, began at about the same hour and, for its energy,
took more: about a car that came at 18:00 and is still there at 22:00, those that left at 20:00 say nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

LEAST = 10
"""With fewer past sessions of the same time of day, those of the whole day count; with fewer of these, too, nothing is
expected."""
_HOURS = 2.0


@dataclass(frozen=True, kw_only=True)
class PastSession:
    """A session that has ended. `hour`: of its arrival, by the clock on the wall, 0 to 24."""

    hour: float
    stay: timedelta
    energy_kwh: float | None  # None: nobody measured it


@dataclass(frozen=True, kw_only=True)
class CarOutlook:
    """What a car is expected to do from now on."""

    departure: datetime
    wants_kwh: float | None  # from now on; None: no such session was measured


def outlook(
    past: Sequence[PastSession], began: datetime, hour: float, now: datetime, delivered_kwh: float | None
) -> CarOutlook | None:  # fmt: skip
    """Return what a car that came at an instant and has taken so much is expected to do; None: too little is known.

    It leaves when half of such cars have left, and wants what such cars took on the average.
    """
    since = now - began
    there = [one for one in past if one.stay > since]
    alike = [one for one in there if _apart(one.hour, hour) <= _HOURS]
    chosen = alike if len(alike) >= LEAST else there
    if len(chosen) < LEAST:
        return None
    leaves = began + timedelta(seconds=median(one.stay.total_seconds() for one in chosen))
    taken = delivered_kwh or 0.0
    energies = list(_more_than(chosen, taken)) or list(_more_than(there, taken))
    wants = fmean(energies) - taken if energies else None if _unmeasured(chosen) else 0.0
    return CarOutlook(departure=max(leaves, now), wants_kwh=wants)


def _apart(one: float, other: float) -> float:
    """Return how many hours two hours of the day lie apart."""
    return min(abs(one - other), 24.0 - abs(one - other))


def _more_than(past: Iterable[PastSession], kwh: float) -> Iterable[float]:
    return (one.energy_kwh for one in past if one.energy_kwh is not None and one.energy_kwh > kwh)


def _unmeasured(past: Iterable[PastSession]) -> bool:
    return all(one.energy_kwh is None for one in past)
