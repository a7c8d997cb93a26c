"""Turns a plan, kW per ISP, into the limits of a charge point, rounded towards the grid's safety. Pure.

A plan is a mean over an ISP, a limit a ceiling at every instant: in the ISPs in which a car is there only for a part,
the limit is the plan divided by that part. Times are UTC, so days of 92 and 100 ISPs need nothing of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import LimitStep, Profile

_ROUNDING = 1e-6  # A or W by which arithmetic may miss a whole number
_LEAST_ROUNDING_KW = 1e-6


@dataclass(frozen=True, kw_only=True)
class Stay:
    """When a planned session's car is there."""

    arrival: datetime
    departure: datetime


@dataclass(frozen=True, kw_only=True)
class PointPlan:
    """What is planned at a charge point: ISPs that follow each other, from the first one that is not over."""

    starts: tuple[datetime, ...]  # UTC, of each ISP
    isp: timedelta
    kw: tuple[float, ...]  # mean power per ISP of all sessions there
    stays: tuple[Stay, ...]  # of these sessions


def limit_of(kw: float, point: ChargePoint, unit: str) -> int:
    """Return the largest limit, whole W or A, that allows no more than a power; 0 where a car would pause anyway.

    A negative power (a car that is to discharge) is 0: neither OCPP 1.6 nor 2.0.1 can say it.
    """
    kw = min(kw, point.max_kw)
    size_kw = point.kw_per_a if unit == "A" else 0.001
    limit = floor(kw / size_kw + _ROUNDING)
    return 0 if limit * size_kw < point.least_kw - _LEAST_ROUNDING_KW else max(limit, 0)


def share_there(start: datetime, end: datetime, stays: Sequence[Stay]) -> float:
    """Return the share of [start, end) in which any of the cars is there."""
    spans = sorted((max(stay.arrival, start), min(stay.departure, end)) for stay in stays)
    there, until = timedelta(0), start
    for first, last in spans:
        if last > max(first, until):
            there += last - max(first, until)
            until = last
    return there / (end - start)


def wanted_profile(
    plan: PointPlan, point: ChargePoint, unit: str, now: datetime, *, spread: bool = True
) -> Profile | None:
    """Return the limits from now to the last departure, at most `max_periods` of them; None: no session is planned.

    Where no session is planned in between, the fallback counts. `spread`: divide the plan of an ISP by the share of it
    in which a car is there; without, the mean is the limit.
    """
    found: list[tuple[datetime, int]] = []
    end: datetime | None = None
    fallback = limit_of(point.fallback_kw, point, unit)
    for start, kw in zip(plan.starts, plan.kw, strict=True):
        after = start + plan.isp
        if after <= now:
            continue
        share = share_there(start, after, plan.stays)
        limit = fallback if share == 0 else limit_of(kw / share if spread else kw, point, unit)
        found.append((start, limit))
        if share > 0:
            end = after
    if end is None:
        return None
    found = [one for one in found if one[0] < end]
    return _profile(found, end, unit, point.max_periods)


def _profile(limits: Sequence[tuple[datetime, int]], end: datetime, unit: str, most: int) -> Profile:
    """Return the profile of limits, each from an instant on: equal neighbours merged, cut after `most` of them."""
    merged: list[tuple[datetime, int]] = []
    for start, limit in limits:
        if not merged or merged[-1][1] != limit:
            merged.append((start, limit))
    if len(merged) > most:
        end, merged = merged[most][0], merged[:most]
    first = merged[0][0]
    steps = tuple(LimitStep(after_s=_seconds(start - first), limit=limit) for start, limit in merged)
    return Profile(start=first, unit=unit, steps=steps, duration_s=_seconds(end - first))


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def fallback_profile(point: ChargePoint, unit: str, now: datetime) -> Profile:
    """Return what a session without a plan may draw, without end."""
    return constant(limit_of(point.fallback_kw, point, unit), unit, now)


def maximum_profile(kw: float, point: ChargePoint, unit: str, now: datetime) -> Profile:
    """Return what the station of a point may draw at all its EVSEs together, without end."""
    return constant(floor(kw / (point.kw_per_a if unit == "A" else 0.001) + _ROUNDING), unit, now)


def constant(limit: int, unit: str, now: datetime) -> Profile:
    """Return one limit without end, from the midnight (UTC) before the last: clocks a day behind follow it too."""
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return Profile(start=start, unit=unit, steps=(LimitStep(after_s=0, limit=limit),))


def first_difference(old: Profile, new: Profile, now: datetime) -> datetime | None:
    """Return from when on two profiles differ while the old one counts; None: they do not.

    Where only the old one ends, they do not differ: it is to be renewed (see `due_for_renewal`).
    """
    for at in _borders(old, new, now):
        if old.end is not None and at >= old.end:
            return None
        if (old.unit, old.limit_at(at)) != (new.unit, new.limit_at(at)):
            return at
    return None


def _borders(old: Profile, new: Profile, now: datetime) -> list[datetime]:
    """Return the instants from now on at which either of them may change."""
    edges = {one.start + timedelta(seconds=step.after_s) for one in (old, new) for step in one.steps}
    edges |= {one.end for one in (old, new) if one.end is not None}
    return sorted({max(edge, now) for edge in edges} | {now})


def due_for_renewal(old: Profile, new: Profile, now: datetime) -> bool:
    """Say whether a profile that says nothing wrong is to be sent anew, since half of it is over."""
    if old.end is None or (new.end is not None and new.end <= old.end):
        return False
    used = sum(old.start + timedelta(seconds=step.after_s) <= now for step in old.steps)
    return now - old.start >= (old.end - old.start) / 2 or used > max(len(old.steps) // 2, 1)
