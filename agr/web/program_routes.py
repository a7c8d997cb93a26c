"""Programs of resources in the JSON API, as pages of JSON or as a whole file."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.program_files import csv_lines, parquet_bytes
from agr.operations.resource_programs import ResourcePrograms
from agr.store import plans
from agr.web.action_routes import Number
from agr.web.security import api_for, context_of, narrowed, sight_of


class ProgramOut(BaseModel):
    """What one resource is to do."""

    resource: str
    kind: str
    connection: str
    congestion_point: str | None
    revision: int | None  # of the newest D-Prognosis of its congestion point; null: none was sent
    power_kw: list[float]  # per ISP, consumption positive
    stored_kwh: list[float] | None  # at the end of each ISP; null: it stores nothing


class ProgramsOut(BaseModel):
    """A page of programs of a Period."""

    period: date
    plan: int
    start: datetime
    isp_minutes: int
    isps: int
    matching: int
    total: int
    programs: list[ProgramOut]


router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Plan = Annotated[Number | None, Query(description="A plan's number; default: the plan in force.")]
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "If-None-Match names what is in force."}}
_NOT_CHANGED_SINCE = "If-None-Match"


def _found(request: Request, principal: Principal, period: date, plan: int | None) -> ResourcePrograms:
    context = context_of(request)
    of = context.actions.period(period)
    found = context.programs.in_force(of) if plan is None else context.programs.of(plan, period)
    return found.seen_by(sight_of(request, principal, of))


def _tag(programs: ResourcePrograms, newest_prognosis: int = 0) -> dict[str, str]:
    """Name what an answer says: the plan, with the moment it was made, since a restored store counts plans anew."""
    made = f"{programs.made.timestamp():.0f}"
    parts = ("plan", str(programs.plan), made, str(newest_prognosis), *([programs.seen] if programs.seen else []))
    return {"ETag": f'"{"-".join(parts)}"'}


def _unchanged(request: Request, tag: dict[str, str]) -> bool:
    """Say whether the client has what the tag names; a proxy may have marked its tag as weak (W/)."""
    known = request.headers.get(_NOT_CHANGED_SINCE, "").split(",")
    return tag["ETag"] in (one.strip().removeprefix("W/") for one in known)


@router.get("/days/{period}/programs", responses=_UNCHANGED, response_model=ProgramsOut)
@narrowed
def programs(
    request: Request, principal: Reader, period: date, plan: Plan = None,
    search: Annotated[str, Query(max_length=255)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response | ProgramsOut:  # fmt: skip
    """What each resource is to do in a Period: searched by name, connection or congestion point, in pages."""
    found = _found(request, principal, period, plan)
    with context_of(request).store.transaction() as tx:
        tag = _tag(found, plans.newest_prognosis(tx, found.period.day))
        if _unchanged(request, tag):
            return Response(status_code=304, headers=tag)
    places = found.matching(search)
    shown = [found[place] for place in places[offset : offset + limit]]
    with context_of(request).store.transaction() as tx:
        revisions = plans.newest_revisions(tx, found.period.day, (row.congestion_point for row in shown))
    body = ProgramsOut(
        period=found.period.day, plan=found.plan, start=found.period.start, isp_minutes=found.period.isp_minutes,
        isps=found.period.isp_count, matching=len(places), total=len(found),
        programs=[
            ProgramOut(
                resource=row.resource, kind=row.kind, connection=row.connection,
                congestion_point=row.congestion_point or None, revision=revisions.get(row.congestion_point),
                power_kw=row.power_kw.tolist(),
                stored_kwh=None if row.stored_kwh is None else row.stored_kwh.tolist(),
            )
            for row in shown
        ],
    )  # fmt: skip
    return Response(body.model_dump_json(), media_type="application/json", headers=tag)


@router.get("/days/{period}/programs.csv", responses=_UNCHANGED, response_class=StreamingResponse)
@narrowed
def programs_csv(request: Request, principal: Reader, period: date, plan: Plan = None) -> Response:
    """All programs of a Period as CSV: a row per resource and ISP."""
    found = _found(request, principal, period, plan)
    tag = _tag(found)
    if _unchanged(request, tag):
        return Response(status_code=304, headers=tag)
    headers = tag | {"Content-Disposition": f'attachment; filename="programs-{found.period.day}.csv"'}
    return StreamingResponse(csv_lines(found), media_type="text/csv", headers=headers)


@router.get("/days/{period}/programs.parquet", responses=_UNCHANGED, response_class=Response)
@narrowed
def programs_parquet(request: Request, principal: Reader, period: date, plan: Plan = None) -> Response:
    """All programs of a Period as Parquet: a row per resource, with lists of values."""
    found = _found(request, principal, period, plan)
    tag = _tag(found)
    if _unchanged(request, tag):
        return Response(status_code=304, headers=tag)
    headers = tag | {"Content-Disposition": f'attachment; filename="programs-{found.period.day}.parquet"'}
    return Response(parquet_bytes(found), media_type="application/vnd.apache.parquet", headers=headers)
