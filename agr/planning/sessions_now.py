"""Charging sessions as charge points have seen them: who has left, and what cars have said they need. Pure.

A plan of a running day takes a planned session as it is: a car that has left takes nothing more, wherever a program in
force still wants it to, and a car that has told its need or its departure gets that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import Register
from agr.store.charge_sessions import ChargeSession

Programs = Mapping[str, NDArray[np.float64]]
_LEAST = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class AsSeen:
    """What sessions make of a register and of the programs in force (resource → (T,), kW)."""

    register: Register
    programs_kw: Programs
    left: tuple[str, ...]  # resources whose car left earlier than planned


def as_seen(register: Register, sessions: Iterable[ChargeSession], programs_kw: Programs, period: Period) -> AsSeen:
    """Return the sessions of a register as they are, and the programs without what cars that have left cannot take."""
    seen = {one.resource: one for one in sessions if one.resource is not None}  # of several the last began last
    if not seen:
        return AsSeen(register=register, programs_kw=programs_kw, left=())
    rows, programs, left = [], dict(programs_kw), list[str]()
    for row in register.resources:
        session = seen.get(row.resource) if isinstance(row, EvSession) else None
        if session is None or not isinstance(row, EvSession):
            rows.append(row)
            continue
        now = _row(row, session)
        rows.append(now)
        if session.ended_at is not None and session.ended_at < row.departure:
            left.append(row.resource)
            if row.resource in programs:
                programs[row.resource] = np.where(
                    _there(period, session.ended_at), programs[row.resource], 0.0
                )  # fmt: skip
    return AsSeen(register=replace(register, resources=tuple(rows)), programs_kw=programs, left=tuple(left))


def _row(row: EvSession, session: ChargeSession) -> EvSession:
    """Return a session with the departure and the energy that are known by now."""
    if session.ended_at is not None:
        if session.ended_at >= row.departure:
            return row
        taken = row.energy_kwh if session.delivered_kwh is None else session.delivered_kwh * row.charge_efficiency
        return replace(
            row, arrival=min(row.arrival, session.began_at, session.ended_at - _LEAST), departure=session.ended_at,
            energy_kwh=min(row.energy_kwh, max(taken, 0.0)),
        )  # fmt: skip
    departure = row.departure if session.departure is None else session.departure
    energy = row.energy_kwh if session.needed_wh is None else session.needed_wh / 1000
    if row.capacity_kwh is not None:
        energy = min(energy, row.capacity_kwh - row.initial_kwh)
    return replace(row, departure=max(departure, row.arrival + _LEAST), energy_kwh=max(energy, 0.0))


def _there(period: Period, ended_at: datetime) -> NDArray[np.bool_]:
    """Return in which ISPs (T,) a car that has left was there for some time."""
    return np.array([start < ended_at for start in period.starts()])


@dataclass(frozen=True, kw_only=True)
class SessionNews:
    """How sessions differ from the plan in force."""

    resource: str
    kwh: float  # by which the plan gives too much or too little
    words: str


def session_news(
    register: Register, sessions: Iterable[ChargeSession], programs_kw: Programs, period: Period, now: datetime,
    since: datetime,
) -> list[SessionNews]:  # fmt: skip
    """Return which sessions differ from the plan in force, the largest differences first.

    `since`: when that plan was made; unplanned sessions that began before are known by then.
    """
    rows = {row.resource: row for row in register.of(EvSession)}
    found = []
    for one in sessions:
        row = None if one.resource is None else rows.get(one.resource)
        if row is None:
            if one.resource is None and one.ended_at is None and one.began_at > since:
                kwh = (one.needed_wh or 0.0) / 1000 or one.delivered_kwh or 0.0
                found.append(SessionNews(resource=one.charge_point, kwh=kwh, words=f"{one.charge_point} unplanned"))
            continue
        program = programs_kw.get(row.resource)
        if one.ended_at is not None and one.ended_at < row.departure:
            ahead = np.array([start >= max(one.ended_at, since) for start in period.starts()])
            kwh = 0.0 if program is None else float(np.abs(program[ahead]).sum()) * period.isp_hours
            found.append(SessionNews(resource=row.resource, kwh=kwh, words=f"{row.resource} has left"))
        elif one.ended_at is None and one.needed_wh is not None and one.seen_at > since:
            kwh = abs(one.needed_wh / 1000 - row.energy_kwh)
            found.append(SessionNews(resource=row.resource, kwh=kwh, words=f"{row.resource} needs another amount"))
    return sorted((one for one in found if one.kwh > 0), key=lambda one: -one.kwh)
