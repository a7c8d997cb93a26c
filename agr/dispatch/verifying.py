"""Compares what a station says that it will follow with what it should follow. Pure.

Both are looked at away from the borders of their periods, for clocks and some stations are off by up to a minute. They
agree where they differ by no more than 1 A.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from agr.dispatch.exposure import PossibleProfile
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Profile

_AWAY = timedelta(seconds=75)
_SLACK_KW = 0.001


class Agreement(StrEnum):
    """How what is followed compares."""

    AGREES = "agrees"
    ABOVE = "above"  # more is allowed than should be
    BELOW = "below"  # something else holds it lower
    NOTHING = "nothing"  # there is no instant at which both say something


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A finding, and where it was made."""

    finding: Agreement
    at: datetime | None = None
    said_kw: float = 0.0
    expected_kw: float = 0.0


def expected_kw(point: ChargePoint, held: Sequence[PossibleProfile], instant: datetime) -> float | None:
    """Return what a point follows at an instant if all that is held is in force: the highest slot; None: nothing."""
    for one in sorted(held, key=lambda h: h.slot, reverse=True):
        kw = one.profile.kw_at(instant, point)
        if kw is not None:
            return kw
    return None


def compared(point: ChargePoint, said: Profile, held: Sequence[PossibleProfile]) -> Compared:
    """Return how a station's composite schedule compares with what is held; the worst where it differs."""
    profiles = [said, *(one.profile for one in held)]
    edges = [p.start + timedelta(seconds=step.after_s) for p in profiles for step in p.steps]
    edges += [p.end for p in profiles if p.end is not None]
    end = said.end or said.start + timedelta(hours=1)
    inside = sorted({said.start, *(edge for edge in edges if said.start < edge < end), end})
    found = Compared(finding=Agreement.NOTHING)
    for first, last in pairwise(inside):
        if last - first <= 2 * _AWAY:
            continue
        at = first + (last - first) / 2
        told, due = said.kw_at(at, point), expected_kw(point, held, at)
        if told is None or due is None:
            continue
        one = _one(point, at, told, due)
        if found.finding is Agreement.NOTHING or (
            found.finding is Agreement.AGREES and one.finding is not Agreement.AGREES
        ):
            found = one
        if one.finding is Agreement.ABOVE:
            return one
    return found


def _one(point: ChargePoint, at: datetime, told: float, due: float) -> Compared:
    slack = point.kw_per_a + _SLACK_KW
    if told > min(due, point.max_kw) + slack:
        finding = Agreement.ABOVE
    elif told < min(due, point.max_kw) - slack:
        finding = Agreement.BELOW
    else:
        finding = Agreement.AGREES
    return Compared(finding=finding, at=at, said_kw=told, expected_kw=due)
