"""The JSON API /api/v1: the contents of the page, for the AGR's own systems and the command line."""

from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from agr.domain.errors import InputError, MissingError
from agr.domain.faults import meant
from agr.domain.plan import PlanState
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.plan_cache import Head
from agr.operations.point import detail
from agr.operations.point_table import SORTS
from agr.operations.timeline import timeline
from agr.planning.promises import at_risk
from agr.store import day, overrides, plans
from agr.web import (
    actions,
    approval_page,
    connection_page,
    event_routes,
    execution_routes,
    flex_routes,
    forecast_routes,
    history_routes,
    imbalance_routes,
    nomination_routes,
    program_routes,
    reading_routes,
    register_routes,
    setpoint_routes,
    trade_routes,
)
from agr.web import schemas as a
from agr.web.action_routes import Number
from agr.web.query import known_query
from agr.web.run_pages import heads_of
from agr.web.security import api_for, context_of, narrowed, sight_of

_FAULTS: dict[int | str, dict[str, Any]] = {
    401: {"model": a.Fault, "description": "No valid token or session."},
    403: {"model": a.Fault, "description": "The token or role does not allow this."},
    404: {"model": a.Fault, "description": "Not found."},
    409: {"model": a.Fault, "description": "The state has changed in the meantime."},
    422: {"model": a.Fault, "description": "The request is wrong; the text says how."},
    503: {"model": a.Fault, "description": "The store does not answer; try again."},
}
router = APIRouter(prefix="/api/v1", responses=_FAULTS, dependencies=[Depends(known_query)])
router.include_router(actions.api_router)
router.include_router(program_routes.router)
router.include_router(connection_page.api_router)
router.include_router(nomination_routes.router)
router.include_router(trade_routes.router)
router.include_router(flex_routes.router)
router.include_router(reading_routes.router)
router.include_router(setpoint_routes.router)
router.include_router(imbalance_routes.router)
router.include_router(execution_routes.router)
router.include_router(history_routes.router)
router.include_router(forecast_routes.router)
router.include_router(register_routes.router)
router.include_router(approval_page.api_router)
router.include_router(event_routes.router)
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Text = Annotated[str, Query(max_length=255)]


@cache
def described() -> dict[str, Any]:
    """Return the OpenAPI description of this API."""
    document = get_openapi(
        title="AGR portfolio optimizer", version=version("agr-optimizer"), routes=router.routes,
        description="What operators see and do, for the AGR's own systems.",
    )  # fmt: skip
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document


@router.get("/openapi.json", include_in_schema=False)
@narrowed
def openapi(_principal: Reader) -> JSONResponse:
    """The OpenAPI description of this API."""
    return JSONResponse(described())


@router.get("/me")
@narrowed
def me(principal: Reader) -> a.Me:
    """The caller and its permissions."""
    return a.Me(
        name=principal.name,
        role=principal.role,
        scopes=sorted(m.value for m in principal.allowed),
        dsos=sorted(principal.dsos),
        brps=sorted(principal.brps),
    )


@router.get("/days/{period}")
def day_(request: Request, _principal: Reader, period: date) -> a.DayOut:
    """The state of a Period."""
    context = context_of(request)
    of = context.actions.period(period)
    states = context.point_table.states(of.day)
    with context.store.transaction() as tx:
        line = timeline(tx, context.settings, of, context.clock.now(), states)
        held = overrides.held(tx) is not None
    head = context.plan_cache.head(line.in_force) if line.in_force else None
    risks = at_risk(head.plan) if head else ()
    return a.DayOut(
        period=of.day, isps=of.isp_count,
        steps=[a.StepOut(name=s.name, at=s.at, state=s.state, result=s.result) for s in line.steps],
        cros={c.cro: c.state for c in line.cros}, congestion_points=line.points, prognoses=line.prognoses,
        plan_in_force=line.in_force,
        at_risk=[a.AtRiskOut(kind=r.kind, text=r.text, eur=r.eur) for r in risks], held=held,
    )  # fmt: skip


@router.get("/days/{period}/points")
@narrowed
def points(
    request: Request, principal: Reader, period: date, search: Text = "", state: Text = "", sort: Text = "address",
    descending: bool = False, limit: Limit = 100, offset: Offset = 0,
) -> a.PointsOut:  # fmt: skip
    """Congestion points of a Period: searched, sorted, in pages."""
    if sort not in SORTS:
        raise InputError(f"sort {sort!r}: {meant(sort, list(SORTS))}")
    context = context_of(request)
    found = context.point_table.page(
        period, search=search, state=state, sort=sort, descending=descending, limit=limit, offset=offset,
        seen=sight_of(request, principal, context.actions.period(period)).place,
    )  # fmt: skip
    rows = [a.PointOut(**vars(r)) for r in found.rows]
    return a.PointsOut(matching=found.matching, total=found.total, plan=found.plan, points=rows)


@router.get("/days/{period}/points/{address:path}")
@narrowed
def point(request: Request, principal: Reader, period: date, address: str) -> a.PointDetail:
    """One congestion point with its program, revisions, limits and reservations."""
    context = context_of(request)
    number, rows = context.point_table.rows(period)
    sight = sight_of(request, principal, context.actions.period(period))
    row = next((r for r in rows if r.address == address and sight.place(address)), None)
    if row is None:
        raise MissingError(f"{address!r} is not a congestion point of {period}")
    found = detail(context.plan_cache.solved(number), address) if number is not None else None
    with context.store.transaction() as tx:
        sent = plans.prognoses_of(tx, period, address)
    return a.PointDetail(
        point=a.PointOut(**vars(row)),
        program_kw=list(found.program_kw) if found else None,
        called_kw=list(found.called_kw) if found and found.called_kw else None,
        import_limit_kw=list(found.import_kw) if found and found.import_kw else None,
        export_limit_kw=list(found.export_kw) if found and found.export_kw else None,
        reservations=[
            a.ReservedOut(contract=h.contract, reserved_kw=list(h.reserved_kw), shortfall_kwh=h.shortfall_kwh)
            for h in (found.held if found else ())
        ],
        revisions=[
            a.RevisionOut(
                revision=s.revision, plan=s.plan, message_id=s.message_id, at=s.at, state=s.state, reason=s.reason,
                power_w=list(s.power_w),
            )
            for s in sent
        ],
    )  # fmt: skip


def _plan(head: Head, state: PlanState) -> a.PlanOut:
    plan, result = head.plan, head.plan.result
    return a.PlanOut(
        id=plan.id, period=plan.period.day, created_at=plan.created_at, state=state.value,
        reasons=[str(r) for r in plan.reasons], predecessor=plan.predecessor, objective_eur=result.objective_eur,
        money_eur=result.money_eur, flexibility_eur=result.flexibility_eur, gap_eur=result.proven_gap_eur,
        terms_eur=result.terms_eur, planning_terms=list(result.planning),
        earned_eur=plan.change.earned_eur if plan.change else None,
        change_eur=plan.change.terms_eur if plan.change else None, changed_points=head.changed_points,
        moved_kwh=head.moved_kwh, imbalance_mwh=result.imbalance_mwh,
        reservation_shortfall_kwh=result.reservation_shortfall_kwh, audit=list(result.audit),
        notes=list(result.notes), seconds=sum(result.seconds.values()),
        promised=[
            a.PromisedOut(
                congestion_point=one.address, probability=one.probability, scenarios=one.scenarios, days=one.days,
                answered=one.answered, recounted=one.recounted, met=one.met, margin_kw=one.margin_kw,
                hedge_eur=one.hedge_eur, scenario=one.scenario, isp=one.isp, why=one.why, within_kw=one.within_kw,
            )
            for one in result.promised
        ],
    )  # fmt: skip


@router.get("/days/{period}/plans")
def plans_(request: Request, _principal: Reader, period: date) -> list[a.PlanOut]:
    """The plans of a Period, newest first."""
    context = context_of(request)
    return [_plan(head, state) for head, state in heads_of(context, context.actions.period(period))]


@router.get("/plans/{plan}")
def plan_(request: Request, _principal: Reader, plan: Number) -> a.PlanOut:
    """One plan."""
    context = context_of(request)
    head = context.plan_cache.head(plan)
    if head is None:
        raise MissingError(f"there is no plan {plan}")
    return _plan(head, context.plan_cache.states(head.plan.period.day)[plan])


@router.get("/asked/{trigger}")
@narrowed
def asked(request: Request, principal: Reader, trigger: Number) -> a.AskedOut:
    """The outcome of a request for a plan."""
    with context_of(request).store.transaction() as tx:
        wanted, outcome = day.trigger(tx, trigger), day.trigger_outcome(tx, trigger)
    if wanted is None:
        raise MissingError(f"there is no request for a plan with number {trigger}")
    number, text = outcome or (None, "")
    if not context_of(request).sights.sees_everything(principal):
        text = ""  # it speaks of the whole portfolio
    return a.AskedOut(
        trigger=trigger, period=wanted.period, preview=wanted.preview, plan=number if number and number > 0 else None,
        outcome=text,
    )  # fmt: skip


@router.get("/run")
def run(request: Request, _principal: Reader) -> a.RunOut | None:
    """The run under way with its rounds, or the last one; null before the first."""
    found = context_of(request).progress.latest()
    return None if found is None else a.RunOut.model_validate(asdict(found))


@router.get("/hold")
def held(request: Request, _principal: Reader) -> a.HoldOut:
    """Whether sending is on hold."""
    context = context_of(request)
    with context.store.transaction() as tx:
        switch = overrides.held(tx)
    automatic = context.settings.publication.automatic
    if switch is None:
        return a.HoldOut(held=False, automatic=automatic)
    return a.HoldOut(held=True, automatic=automatic, who=switch.who, why=switch.why, since=switch.at)
