"""Execution in the JSON API: what became of a Period's plan, by resource, congestion point and session."""

from collections.abc import Sequence
from datetime import date, datetime
from math import isnan
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.dispatching.wishes import PointState
from agr.operations.execution.deviations import Deviation
from agr.operations.execution.overview import Overview, ResourceLine
from agr.operations.execution.point_lines import PointLine
from agr.operations.execution.sessions import SessionLine
from agr.store import executions
from agr.web.context import WebContext
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]


class DeviationOut(BaseModel):
    """Sums over the ISPs that have ended and were measured as a whole; consumption positive."""

    planned_kwh: float
    measured_kwh: float
    deviation_kwh: float
    settled_eur: float | None  # at imbalance prices, earned positive; null: no price is known
    verdicts: dict[str, int]  # verdict → ISPs


class ExecutedResourceOut(BaseModel):
    """One resource."""

    resource: str
    connection: str
    congestion_point: str | None
    charge_point: str | None
    sums: DeviationOut
    causes: dict[str, int]  # cause → ISPs that deviated
    last_isp: datetime
    last_verdict: str
    last_cause: str
    last_quality: str
    command: str | None  # state of the newest command to its charge point
    command_words: str


class ExecutedPointOut(BaseModel):
    """The resources of one congestion point; kW per ISP, null where nothing was measured."""

    congestion_point: str | None
    judged_resources: int
    resources: int
    sums: DeviationOut
    planned_kw: list[float]
    prognosed_kw: list[float] | None
    planned_of_judged_kw: list[float | None]
    measured_kw: list[float | None]


class ChargeSessionOut(BaseModel):
    """One charging session, planned or not."""

    resource: str | None
    charge_point: str | None
    began_at: datetime | None
    ended_at: datetime | None
    departure: datetime | None
    needed_kwh: float | None
    delivered_kwh: float | None
    planned_kwh: float | None  # delivered by now, if all had gone as planned
    state: str
    standing: str
    deviation_kwh: float | None  # in ISPs that have ended and were measured
    settled_eur: float | None  # at imbalance prices, earned positive; null: no price is known
    causes: dict[str, int]  # cause → ISPs that deviated


class ExecutedChargePointOut(BaseModel):
    """One charge point as it is now, whether a session is planned there or not."""

    charge_point: str
    station: str
    connection: str
    session: str | None  # what the session that runs there is doing
    command: str | None  # state of the newest command
    command_words: str
    stopped: bool
    back_end_silent: bool
    learnt: str  # of it and its station, in words


class ExecutionOut(BaseModel):
    """What became of a Period's plan so far. Each list is a page of `limit` from `offset` on, of so many in all."""

    period: date
    plan: int
    total: DeviationOut
    day_ahead_prices: bool  # some settlement prices are not known, day-ahead prices stand in
    matching: int
    resources: list[ExecutedResourceOut]
    points: list[ExecutedPointOut]
    points_in_all: int
    sessions: list[ChargeSessionOut]
    sessions_in_all: int
    charge_points: list[ExecutedChargePointOut]
    charge_points_in_all: int


class ExecutedIspOut(BaseModel):
    """One ISP of one resource."""

    isp: int
    start: datetime
    planned_kwh: float
    measured_kwh: float | None
    quality: str
    verdict: str
    cause: str
    plan: int


def overview_of(context: WebContext, day_: date) -> Overview:
    """Return what became of a day's plan. Raises MissingError where there is none."""
    return context.overviews.of(context.actions.period(day_))


def matching(found: Overview, search: str) -> list[ResourceLine]:
    """Return the resources whose name, connection, charge point or congestion point contains a text."""
    text = search.strip().lower()
    return [
        line
        for line in found.resources
        if any(text in name.lower() for name in (
            line.resource, line.connection, line.congestion_point, line.charge_point or "",
        ))
    ]  # fmt: skip


@router.get("/days/{period}/execution")
def execution(
    request: Request, _principal: Reader, period: date, search: Annotated[str, Query(max_length=255)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ExecutionOut:  # fmt: skip
    """What became of the plan of a Period so far, in pages; resources that match the search, the worst first."""
    found = overview_of(context_of(request), period)
    lines = matching(found, search)
    return ExecutionOut(
        period=found.period.day, plan=found.plan, total=_sums(found.total), day_ahead_prices=found.stand_in,
        matching=len(lines), resources=[_resource(line) for line in lines[offset : offset + limit]],
        points=[_point(line) for line in found.points[offset : offset + limit]], points_in_all=len(found.points),
        sessions=[_session(line) for line in found.sessions[offset : offset + limit]],
        sessions_in_all=len(found.sessions),
        charge_points=[_charge_point(one) for one in found.charge_points[offset : offset + limit]],
        charge_points_in_all=len(found.charge_points),
    )  # fmt: skip


@router.get("/days/{period}/execution/{resource}")
def of_resource(request: Request, _principal: Reader, period: date, resource: str) -> list[ExecutedIspOut]:
    """Every ISP of a resource that has ended; none for a resource that was neither measured nor commanded."""
    context = context_of(request)
    of = context.actions.period(period)
    with context.store.transaction() as tx:
        rows = executions.between(tx, of.start, of.starts()[-1], {resource})
    return [
        ExecutedIspOut(
            isp=of.isp_of(row.start), start=row.start, planned_kwh=row.planned_kwh, measured_kwh=row.measured_kwh,
            quality=row.quality, verdict=row.verdict.value, cause=row.cause.value, plan=row.plan,
        )
        for row in rows
    ]  # fmt: skip


def _sums(of: Deviation) -> DeviationOut:
    return DeviationOut(
        planned_kwh=of.planned_kwh, measured_kwh=of.measured_kwh, deviation_kwh=of.kwh, settled_eur=of.eur,
        verdicts=dict(of.counts),
    )  # fmt: skip


def _resource(line: ResourceLine) -> ExecutedResourceOut:
    last, answer = line.last, line.answer
    return ExecutedResourceOut(
        resource=line.resource, connection=line.connection, congestion_point=line.congestion_point or None,
        charge_point=line.charge_point, sums=_sums(line.deviation), causes=dict(line.causes), last_isp=last.start,
        last_verdict=last.verdict.value, last_cause=last.cause.value, last_quality=last.quality,
        command=None if answer is None else answer.state.value, command_words="" if answer is None else answer.reason,
    )  # fmt: skip


def _point(line: PointLine) -> ExecutedPointOut:
    def known(values: Sequence[float]) -> list[float | None]:
        return [None if isnan(value) else value for value in values]

    return ExecutedPointOut(
        congestion_point=line.address or None, judged_resources=line.judged, resources=line.resources,
        sums=_sums(line.deviation), planned_kw=line.planned_kw.tolist(),
        prognosed_kw=None if line.prognosed_kw is None else line.prognosed_kw.tolist(),
        planned_of_judged_kw=known(line.planned_judged_kw.tolist()), measured_kw=known(line.measured_kw.tolist()),
    )  # fmt: skip


def _charge_point(one: PointState) -> ExecutedChargePointOut:
    newest = one.rows[0] if one.rows else None
    return ExecutedChargePointOut(
        charge_point=one.point.charge_point, station=one.point.station, connection=one.point.connection,
        session=None if one.session is None else one.session.state.value,
        command=None if newest is None else newest.state.value, command_words="" if newest is None else newest.reason,
        stopped=one.stopped, back_end_silent=one.silent is not None, learnt=one.facts_words(),
    )  # fmt: skip


def _session(line: SessionLine) -> ChargeSessionOut:
    return ChargeSessionOut(**vars(line))
