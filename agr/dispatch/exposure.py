"""What a charge point may draw at most, given what was sent to it and what is known of the answers. Pure.

A profile that the station accepted counts. One that is under way or whose answer never came may count or not, and so
may the one before it: the larger one is taken. Where no accepted profile says anything, the fallback counts, if the
station has accepted that one; else all that the point can give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Profile

Floats = NDArray[np.float64]
FALLBACK_SLOT = 0
MAXIMUM_SLOT = 9
"""The slot of a whole station's maximum; it limits other profiles, and allows nothing by itself."""


@dataclass(frozen=True, kw_only=True)
class PossibleProfile:
    """A profile that is or may be in force."""

    slot: int
    profile: Profile
    sure: bool  # accepted, and nothing under way removes it


@dataclass(frozen=True, kw_only=True)
class IspGrid:
    """ISPs on which power is compared."""

    starts: tuple[datetime, ...]
    isp: timedelta


def worst_kw(point: ChargePoint, held: Sequence[PossibleProfile], grid: IspGrid, now: datetime) -> Floats:
    """Return (T,) kW: the most that a point may draw at any instant of each ISP from now on."""
    edges = [edge for one in held for edge in (one.profile.start, one.profile.end) if edge is not None]
    edges += [one.profile.start + timedelta(seconds=step.after_s) for one in held for step in one.profile.steps]
    borders = sorted(set(edges))
    found = np.zeros(len(grid.starts))
    for place, start in enumerate(grid.starts):
        first, last = max(start, now), start + grid.isp
        instants = [first, *(edge for edge in borders if first < edge < last)]
        found[place] = max(_at(point, held, instant) for instant in instants)
    return found


def _at(point: ChargePoint, held: Sequence[PossibleProfile], instant: datetime) -> float:
    plans = [(one, one.profile.kw_at(instant, point)) for one in held if one.slot != FALLBACK_SLOT]
    said = [kw for _, kw in plans if kw is not None]
    if any(one.sure and kw is not None for one, kw in plans):
        return min(max(said), point.max_kw)
    below = [one for one in held if one.slot == FALLBACK_SLOT]
    fallback = [kw for one in below if (kw := one.profile.kw_at(instant, point)) is not None]
    if not any(one.sure for one in below) or not fallback:
        return point.max_kw
    return min(max(said + fallback), point.max_kw)
