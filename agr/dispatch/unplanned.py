"""Cars of which the register has no row: how plans name those that came unplanned, and those that are expected. Pure.

Also the session of an unplanned car that says what it needs.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agr.domain.charge_point import ChargePoint
from agr.domain.kinds.ev_session import EvSession

PREFIX = "unplanned "
EXPECTED = "expected "
"""How the names of sessions begin that stand, in plans, for sessions that are not known yet."""
LONGEST = timedelta(days=7)
"""A stated departure further away than this is not believed."""
_SHORTEST = timedelta(minutes=15)
_OTHER_KWH = 1.0
_OTHER = timedelta(minutes=15)
_LONGEST_NAME = 255
_TIME = len(" 2024-04-10T00:00:00Z")
_EXPECTED = re.compile(EXPECTED + r".* \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII | re.DOTALL)


def name_of(charge_point: str, began: datetime) -> str:
    """Return how plans name the car that came to a charge point at an instant (UTC)."""
    return f"{PREFIX}{charge_point} {began:%Y-%m-%dT%H:%M:%SZ}"[-_LONGEST_NAME:]


def stem_of(name: str) -> str:
    """Return what the names of all cars that came to a charge point, or are expected there, have in common."""
    return name[:-_TIME]


def points_named(points: Iterable[ChargePoint]) -> dict[str, ChargePoint]:
    """Return what the names of cars have in common → the charge point to which they came unplanned."""
    return {f"{PREFIX}{point.charge_point}"[_TIME - _LONGEST_NAME :]: point for point in points}


def points_expecting(points: Iterable[ChargePoint]) -> dict[str, ChargePoint]:
    """Return what the names of expected sessions have in common → the charge point where they are expected."""
    return {f"{EXPECTED}{point.charge_point}"[: _LONGEST_NAME - _TIME]: point for point in points}


def expected_name(charge_point: str, arrival: datetime) -> str:
    """Return how plans name a session that is expected at a charge point at an instant."""
    return f"{EXPECTED}{charge_point}"[: _LONGEST_NAME - _TIME] + f" {arrival.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def is_expected(resource: str) -> bool:
    """Say whether a resource of a plan only stands in for sessions that are not known yet: nothing is sent to it."""
    return _EXPECTED.fullmatch(resource) is not None


def arrival_of(resource: str) -> datetime:
    """Return when the car that a plan's resource is named after came, or is expected."""
    return datetime.strptime(resource[-len("2024-04-10T00:00:00Z") :], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def behind(resources: Iterable[str], points: Iterable[ChargePoint]) -> dict[str, str]:
    """Return resource → connection of the cars among some resources: the register has no row of most of them."""
    known = tuple(points)
    stems = points_named(known) | points_expecting(known)
    return {name: stems[stem_of(name)].connection for name in resources if stem_of(name) in stems} if stems else {}


class NeedsError(ValueError):
    """What a car says that it needs cannot be; the message says why."""


def believed_wh(
    point: ChargePoint, began: datetime, now: datetime, departure: datetime | None, energy_wh: float | None
) -> float | None:  # fmt: skip
    """Return the energy that a car needs, at most what its point can give until it leaves; None: it does not say.

    Raises NeedsError for what cannot be.
    """
    if departure is not None and departure - now > LONGEST:
        raise NeedsError(f"it says that it leaves {departure:%Y-%m-%dT%H:%M}Z, more than {LONGEST.days} days from now")
    if departure is not None and departure - now < _SHORTEST:
        raise NeedsError(f"it says that it leaves {departure:%Y-%m-%dT%H:%M}Z, which is over or about to be")
    if energy_wh is None:
        return None
    if not energy_wh > 0:
        raise NeedsError(f"it says that it needs {energy_wh / 1000:g} kWh")
    hours = ((departure or now + timedelta(days=1)) - began) / timedelta(hours=1)
    return min(energy_wh, point.max_kw * 1000 * hours)


def session_of(point: ChargePoint, began: datetime, departure: datetime, energy_kwh: float) -> EvSession:
    """Return the session of a car at a charge point."""
    return EvSession(
        resource=name_of(point.charge_point, began), connection=point.connection,
        charge_point=point.charge_point, arrival=began, departure=departure, energy_kwh=energy_kwh,
        charge_kw=point.max_kw, charge_min_kw=min(point.least_kw, point.max_kw),
    )  # fmt: skip


def differs(old: EvSession, new: EvSession) -> bool:
    """Say whether a car says something that is worth another plan."""
    same = replace(old, departure=new.departure, energy_kwh=new.energy_kwh) == new
    far = abs(old.energy_kwh - new.energy_kwh) > _OTHER_KWH or abs(old.departure - new.departure) > _OTHER
    return far or not same


def even_kw(row: EvSession, point: ChargePoint) -> float:
    """Return the power at which a car is ready just in time, until a plan says otherwise; at least the fallback."""
    hours = (row.departure - row.arrival) / timedelta(hours=1)
    even = row.energy_kwh / row.charge_efficiency / hours
    return min(max(even, point.least_kw, point.fallback_kw), point.max_kw)
