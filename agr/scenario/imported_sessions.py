"""Charging sessions of a scenario from a user's list, moved to its days at the same wall-clock time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agr.domain.errors import InputError, TableError
from agr.domain.faults import number_of
from agr.domain.isp import Period, local_instant
from agr.domain.kinds.ev_session import EvSession
from agr.scenario.downloads import RecordedSession

_PRIVATE_KW = 11.0
"""Power in kW of a charger whose list does not give it."""


@dataclass(kw_only=True)
class Moved:
    """The sessions of the scenario's days, and what is to be said about them."""

    sessions: list[EvSession] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def moved_sessions(
    path: Path, listed: Sequence[RecordedSession], periods: Sequence[Period], since: date | None
) -> Moved:
    """Return the sessions that overlap the Periods; day `since` of the list becomes the first Period.

    Raises InputError when there are none, TableError when the times of one cannot be told.
    """
    first, last = periods[0], periods[-1]
    by = first.day - (since or first.day)
    made = Moved()
    raised, doubts = 0, []
    for one in listed:
        arrival, departure = _shifted(one.start, by, first.tz), _shifted(one.end, by, first.tz)
        charge_kw = one.max_kw or _PRIVATE_KW
        if _needed(one, one.end - one.start) <= charge_kw < _needed(one, departure - arrival):
            departure = arrival + (one.end - one.start)  # the night had an hour more than the one it is moved to
        if arrival >= last.end or departure <= first.start or departure <= arrival:
            continue
        if one.doubt:
            doubts.append(one.doubt)
        needed = _needed(one, departure - arrival)
        raised += needed > charge_kw
        made.sessions.append(
            EvSession(
                resource=f"session-{one.session}", connection=f"ea1.2024-01.example.chargers:{one.charger}",
                arrival=arrival, departure=departure, energy_kwh=one.energy_kwh, charge_kw=max(charge_kw, needed),
            )
        )  # fmt: skip
    if doubts:
        raise TableError(doubts)
    if not made.sessions:
        days = f"{first.day - by}" + (f" to {last.day - by}" if last != first else "")
        spread = f"{listed[0].start:%Y-%m-%d} to {listed[-1].start:%Y-%m-%d}"
        raise InputError(f"{path.name} has no session on {days}; it has {spread}: use --sessions-from DAY")
    if raised:
        words = "took more energy than the highest power allows; the power was raised to match"
        made.notes.append(f"{number_of(raised, 'session')} {words}")
    return made


def _needed(one: RecordedSession, during: timedelta) -> float:
    """Return the power in kW that a session needs; infinite where there is no time."""
    return one.energy_kwh / (during / timedelta(hours=1)) if during > timedelta(0) else float("inf")


def _shifted(instant: datetime, by: timedelta, tz: ZoneInfo) -> datetime:
    local = instant.astimezone(tz)
    return instant if not by else local_instant(local.date() + by, local.time(), tz, second=bool(local.fold))
