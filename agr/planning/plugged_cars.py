"""Plugged-in cars that do not say what they need, or until when: expected to do as cars did before. Pure.

Source: docs/how-to/forecast.md (a car that says nothing).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from agr.dispatch.plugged import CarOutlook, PastSession, outlook
from agr.dispatch.unplanned import name_of
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.visit import Visit
from agr.planning.contents import named_some
from agr.store.charge_sessions import ChargeSession

CARS_DID = timedelta(days=100)
"""How far back past sessions count."""
ENOUGH = 30
"""Fewest past sessions of a car's group from which its behaviour is expected; with fewer, sessions of all groups
count."""


def as_cars_did(
    visits: Sequence[Visit], seen: Sequence[ChargeSession], past: Sequence[ChargeSession],
    group_of: Mapping[str, str], period: Period, now: datetime, notes: list[str],
) -> tuple[Visit, ...]:  # fmt: skip
    """Return the visits with an expected departure and energy where the car has told none; says in `notes` which.

    `seen`: the sessions of the Period; `past`: those that have ended; `group_of`: charge point → its
    group.
    """
    sessions = {name_of(one.charge_point, one.began_at): one for one in seen}
    found, said = [], []
    for visit in visits:
        session = sessions.get(visit.resource)
        if session is None or session.ended_at is not None or (
            session.departure is not None and visit.wants_kwh is not None
        ):  # fmt: skip
            found.append(visit)
            continue
        group = group_of.get(session.charge_point)
        near = [one for one in past if group_of.get(one.charge_point) == group]
        chosen = _ended(near, period.tz)
        if len(chosen) < ENOUGH:
            chosen = _ended(past, period.tz)
        ahead = outlook(chosen, visit.began, _hour(visit.began, period.tz), now, session.delivered_kwh)
        if ahead is None:
            found.append(visit)
            continue
        found.append(_expected(visit, session, ahead))
        said.append(_words(found[-1], period.tz))
    if said:
        cars = number_of(len(said), "car that has not told all is", "cars that have not told all are")
        notes.append(f"{cars} expected to do as cars did before: {named_some(said)}")
    return tuple(found)


def _expected(visit: Visit, session: ChargeSession, ahead: CarOutlook) -> Visit:
    leaves = visit.until if session.departure is not None else min(visit.until or ahead.departure, ahead.departure)
    wants = visit.wants_kwh if visit.wants_kwh is not None else ahead.wants_kwh
    return replace(visit, until=leaves, wants_kwh=wants)


def _ended(sessions: Sequence[ChargeSession], tz: tzinfo) -> list[PastSession]:
    return [
        PastSession(
            hour=_hour(one.began_at, tz), stay=one.ended_at - one.began_at, energy_kwh=one.delivered_kwh
        )
        for one in sessions
        if one.ended_at is not None and one.ended_at > one.began_at
    ]  # fmt: skip


def _hour(at: datetime, tz: tzinfo) -> float:
    local = at.astimezone(tz)
    return local.hour + local.minute / 60


def _words(visit: Visit, tz: tzinfo) -> str:
    until = "" if visit.until is None else f" until {visit.until.astimezone(tz):%H:%M}"
    wants = "" if visit.wants_kwh is None else f", {visit.wants_kwh:.1f} kWh more"
    return f"{visit.resource}{until}{wants}"
