"""Charging sessions of a Period: what each needs, what it got, and whether it will be ready in time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from agr.dispatch.session_points import points_of
from agr.dispatch.unplanned import name_of
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.operations.resource_programs import ResourceProgram, ResourcePrograms
from agr.store.charge_sessions import ChargeSession

_SLACK_KWH = 0.1
_LATE = timedelta(minutes=15)

READY, ON_TRACK, BEHIND, SHORT = "ready", "on track", "behind", "left short"
UNPLANNED, TO_COME, MISSING, NOT_MEASURED = "unplanned", "to come", "did not come", "not measured"


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """One session; `resource` None: it came unplanned, `began_at` None: it has not come."""

    resource: str | None
    charge_point: str | None
    began_at: datetime | None
    ended_at: datetime | None
    departure: datetime | None  # as the car said, else as planned
    needed_kwh: float | None  # at the meter: as planned, else as the car said
    delivered_kwh: float | None
    planned_kwh: float | None  # delivered by now, if all had gone as planned
    state: str  # of the station: charging, car pauses, …; empty: no session
    standing: str
    deviation_kwh: float | None = None  # of the Period's ISPs that have ended and were measured; None: none was
    settled_eur: float | None = None  # what that is settled for; None: no price is known
    causes: Mapping[str, int] = field(default_factory=dict)  # cause → ISPs that deviated

    @property
    def name(self) -> str | None:
        """How verdicts name it; None: it has not come, and was not planned."""
        if self.resource is not None or self.charge_point is None or self.began_at is None:
            return self.resource
        return name_of(self.charge_point, self.began_at)


def session_lines(
    known: Register, seen: Sequence[ChargeSession], programs: ResourcePrograms, now: datetime
) -> Iterator[SessionLine]:
    """Yield the sessions that were planned in a Period or ran in it: by arrival."""
    period, points = programs.period, points_of(known)
    of = {one.resource: one for one in seen if one.resource is not None}
    rows = [
        row
        for row in known.of(EvSession)
        if row.arrival < period.end and row.departure > period.start and row.resource in points
    ]
    found = [_planned(row, of.get(row.resource), points[row.resource].charge_point, programs, now) for row in rows]
    names = {row.resource for row in rows}
    found += [_unplanned(one, programs, now) for one in seen if one.resource not in names]
    yield from sorted(found, key=lambda line: (line.began_at or line.departure or now, line.charge_point or ""))


def _planned(
    row: EvSession, session: ChargeSession | None, point: str, programs: ResourcePrograms, now: datetime
) -> SessionLine:
    needed = row.energy_kwh / row.charge_efficiency
    delivered = None if session is None else session.delivered_kwh
    departure = row.departure if session is None or session.departure is None else session.departure
    planned = _planned_by(programs, row, now)
    return SessionLine(
        resource=row.resource, charge_point=point, began_at=session.began_at if session else None,
        ended_at=session.ended_at if session else None, departure=departure, needed_kwh=needed,
        delivered_kwh=delivered, planned_kwh=planned, state=session.state.value if session else "",
        standing=_standing(row, session, needed, planned, now),
    )  # fmt: skip


def _standing(
    row: EvSession, session: ChargeSession | None, needed: float, planned: float | None, now: datetime
) -> str:  # fmt: skip
    if session is None:
        return MISSING if now > row.arrival + _LATE else TO_COME
    delivered = session.delivered_kwh
    if delivered is None:
        return NOT_MEASURED
    if delivered >= needed - _SLACK_KWH:
        return READY
    if session.ended_at is not None or now >= row.departure:
        return SHORT
    hours = (row.departure - now) / timedelta(hours=1)
    enough = needed - delivered <= row.charge_kw * hours + _SLACK_KWH
    as_planned = planned is None or delivered >= planned - max(_SLACK_KWH, 0.05 * planned)
    return ON_TRACK if enough and as_planned else BEHIND


def _planned_by(programs: ResourcePrograms, row: EvSession, now: datetime) -> float | None:
    """Return what the plan of this Period had delivered by now; None where the session began in an earlier one."""
    program = programs.of_resource(row.resource)
    if program is None or row.arrival < programs.period.start:
        return None
    return _taken_by(program, programs, now)


def _taken_by(program: ResourceProgram, programs: ResourcePrograms, now: datetime) -> float:
    """Return what a program takes from the beginning of its Period up to now, kWh."""
    period: Period = programs.period
    edges = [border.timestamp() for border in (*period.starts(), period.end)]
    total = np.concatenate([[0.0], np.cumsum(np.maximum(program.power_kw, 0.0) * period.isp_hours)])
    return float(np.interp(now.timestamp(), edges, total))


def _unplanned(one: ChargeSession, programs: ResourcePrograms, now: datetime) -> SessionLine:
    known = programs.of_resource(one.resource or name_of(one.charge_point, one.began_at))
    return SessionLine(
        resource=one.resource, charge_point=one.charge_point, began_at=one.began_at, ended_at=one.ended_at,
        departure=one.departure, needed_kwh=None if one.needed_wh is None else one.needed_wh / 1000,
        delivered_kwh=one.delivered_kwh, planned_kwh=None if known is None else _taken_by(known, programs, now),
        state=one.state.value, standing=UNPLANNED,
    )  # fmt: skip
