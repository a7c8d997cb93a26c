"""What is known of charge points in each ISP: whether the car was there, and which limit was in force."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from math import nan

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.unplanned import name_of
from agr.dispatch.verdicts import Evidence, presence
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, Dispatch, DispatchState, Purpose, SessionState
from agr.domain.isp import Period
from agr.store import charge_sessions, dispatches
from agr.store.charge_sessions import ChargeSession, Told
from agr.store.engine import Tx

_BACK = timedelta(days=2)
"""Commands sent this long before the Period may still be in force in it; older ones are not looked at."""
_TAKEN = (DispatchState.ACCEPTED, DispatchState.SUPERSEDED)
_PLAN = (Purpose.PLAN, Purpose.STOP)


def evidence(
    tx: Tx, period: Period, now: datetime, resources: Collection[str], points: Mapping[str, ChargePoint]
) -> dict[str, Evidence]:
    """Return resource → evidence per ISP, for the resources that charge at points.

    A session that no resource stands for is looked up by the name that plans give it.
    """
    stays: dict[str, list[ChargeSession]] = {}
    for session in charge_sessions.overlapping(tx, period.start, period.end):
        stays.setdefault(planned_name(session), []).append(session)
    sent: dict[str, list[Dispatch]] = {}
    found = {}
    for resource in sorted(resources):
        point = points.get(resource)
        if point is None:
            continue
        if point.charge_point not in sent:
            sent[point.charge_point] = dispatches.sent_to(tx, point.charge_point, period.start - _BACK, period.end)
        mine = stays.get(resource, ())
        told = [(session, charge_sessions.told_of(tx, session)) for session in mine]
        found[resource] = of_point(period, now, mine, sent[point.charge_point], point, told)
    return found


def planned_name(session: ChargeSession) -> str:
    """Return the resource that a session is, or how plans name it where it came unplanned."""
    return session.resource or name_of(session.charge_point, session.began_at)


def of_point(
    period: Period, now: datetime, stays: Sequence[ChargeSession], sent: Sequence[Dispatch], point: ChargePoint,
    told: Sequence[tuple[ChargeSession, Sequence[Told]]] = (),
) -> Evidence:  # fmt: skip
    """Return what is known of one resource at a charge point. Pure."""
    starts = period.starts()
    taken = [one for one in sent if one.action is Action.SET and one.state in _TAKEN and one.answered_at is not None]
    accepted, late, limit = [], [], []
    for start in starts:
        before = [one for one in taken if one.answered_at is not None and one.answered_at <= start]
        during = [
            one for one in taken if one.answered_at is not None and start < one.answered_at < start + period.isp_length
        ]
        kw = _in_force(before, start, point)
        accepted.append(any(_says(one, start) for one in before if one.purpose in _PLAN))
        late.append(any(_changes(one, start, kw, point) for one in during if one.purpose in _PLAN))
        limit.append(nan if kw is None else kw)
    ends = [(one.began_at, now if one.ended_at is None else one.ended_at) for one in stays]
    reached = np.array(accepted, dtype=bool) | np.array(late, dtype=bool) | bool(stays)
    return Evidence(
        present=np.where(reached, presence(ends, [*starts, period.end]), nan),
        accepted=np.array(accepted, dtype=bool), late=np.array(late, dtype=bool),
        limit_kw=np.array(limit, dtype=np.float64), offered_kw=_offered_kw(period, now, told),
        car_paused=_car_paused(period, now, told),
    )  # fmt: skip


def _car_paused(
    period: Period, now: datetime, told: Sequence[tuple[ChargeSession, Sequence[Told]]]
) -> NDArray[np.float64]:  # fmt: skip
    """Return the share of each ISP (T,) in which a car paused by itself."""
    spans = []
    for session, changes in told:
        states = [one for one in changes if one.state is not None]
        ends = [*(one.at for one in states[1:]), session.ended_at or now]
        spans += [(one.at, end) for one, end in zip(states, ends, strict=False) if one.state is SessionState.CAR_PAUSES]
    return presence(spans, [*period.starts(), period.end])


def _offered_kw(
    period: Period, now: datetime, told: Sequence[tuple[ChargeSession, Sequence[Told]]]
) -> NDArray[np.float64]:  # fmt: skip
    """Return the mean power (T,) that the station offered in the part of each ISP that is known; NaN: none is."""
    edges = np.array([border.timestamp() for border in (*period.starts(), period.end)])
    kw_s, known_s = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    for session, changes in told:
        offers = [one for one in changes if one.offered_w is not None]
        ends = [*(one.at for one in offers[1:]), session.ended_at or now]
        for one, end in zip(offers, ends, strict=False):
            inside = np.diff(np.clip(edges, one.at.timestamp(), max(end, one.at).timestamp()))
            kw_s += inside * (one.offered_w or 0.0) / 1000
            known_s += inside
    found: NDArray[np.float64] = np.divide(kw_s, known_s, out=np.full(len(kw_s), np.nan), where=known_s > 0)
    return found


def _says(one: Dispatch, at: datetime) -> bool:
    return one.profile is not None and one.profile.limit_at(at) is not None


def _in_force(before: Sequence[Dispatch], at: datetime, point: ChargePoint) -> float | None:
    """Return the limit in kW of the newest plan that says one, else of the fallback; None: nothing was accepted."""
    for purposes in (_PLAN, (Purpose.FALLBACK,)):
        for one in reversed(before):
            if one.purpose in purposes and one.profile is not None and _says(one, at):
                return one.profile.kw_at(at, point)
    return None


def _changes(one: Dispatch, start: datetime, kw: float | None, point: ChargePoint) -> bool:
    """Return whether a limit that was accepted within an ISP is another one than that at its start."""
    at = one.answered_at
    mine = None if one.profile is None or at is None else one.profile.kw_at(max(at, start), point)
    return mine is not None and mine != kw
