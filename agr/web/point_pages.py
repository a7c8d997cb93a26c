"""The pages about congestion points: the list, and one of them in detail, of the plan in force or of any other."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import InputError, MissingError
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.point import Detail, beyond, detail
from agr.operations.point_table import SORTS
from agr.planning.explanation import Line, changed_isps, circumstances, promised, standing
from agr.store import day, inbox, plans
from agr.store.plans import Sent
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.named_plan import PlanNumber, plan_of, state_of
from agr.web.security import context_of, narrowed, page_for, sight_of

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

ROWS = 50
_SHOWN_ISPS = 400


@router.get("/points")
@narrowed
def points(
    request: Request, principal: Viewer, period: str | None = None, q: Annotated[str, Query(max_length=255)] = "",
    state: Annotated[str, Query(max_length=16)] = "", sort: str = "state", order: str = "up",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1, plan: PlanNumber = None,
) -> HTMLResponse:  # fmt: skip
    """The congestion points of a Period: searched, sorted, in pages; with the figures of any plan."""
    context = context_of(request)
    of, sort = context.period(period), sort if sort in SORTS else "state"
    looked_at, sight = plan_of(context, of, plan), sight_of(request, principal, of)
    found = context.point_table.page(
        of.day, search=q, state=state, sort=sort, descending=order == "down", limit=ROWS, offset=(page - 1) * ROWS,
        plan=plan, seen=sight.place,
    )  # fmt: skip
    pages = max((found.matching + ROWS - 1) // ROWS, 1)
    return render(
        request, principal, "points.html", of=of, found=found, q=q, state=state, sort=sort, order=order, page=page,
        pages=pages, plan=plan, plan_state=state_of(context, of, plan),
        whole_eur=looked_at.result.money_eur if looked_at and sight.everything else None,
    )  # fmt: skip


@router.get("/points/{day_}/{address:path}")
@narrowed
def point(
    request: Request, principal: Viewer, day_: str, address: str, plan: PlanNumber = None, isp: str = ""
) -> HTMLResponse:
    """One congestion point: program, revisions, reservation, limits, called program, conversation, reasons."""
    context = context_of(request)
    of = context.period(day_)
    in_force, rows = context.point_table.rows(of.day)
    sight = sight_of(request, principal, of)
    row = next((r for r in rows if r.address == address and sight.place(address)), None)
    if row is None:
        raise MissingError(f"{address!r} is not a congestion point of {of}")
    looked_at = plan_of(context, of, plan)
    number = looked_at.id if looked_at else None
    with context.store.transaction() as tx:
        sent = plans.prognoses_of(tx, of.day, address)
        lines = inbox.conversation(tx, inbox.conversations_of(tx, [s.message_id for s in sent]))
        history = day.reservation_history(tx, of.day)
    found = detail(context.plan_cache.solved(number), address) if number is not None else None
    other = None
    if plan is not None and in_force is not None and plan != in_force:
        row = context.point_table.with_figures((row,), plan)[0]
        other = detail(context.plan_cache.solved(in_force), address)
    contracts = {h.contract for h in found.held} if found else set()
    changed = (
        next((p for p in looked_at.change.points if p.address == address), None)
        if looked_at and looked_at.change
        else None
    )
    return render(
        request, principal, "point.html", of=of, row=row, sent=sent, lines=lines, found=found, number=number, plan=plan,
        plan_state=state_of(context, of, plan), states=context.plan_cache.states(of.day), in_force=in_force, isp=isp,
        looked_at=looked_at,
        changed=changed.isps[:_SHOWN_ISPS] if changed else (), change=changed,
        reserved=[h for h in history if h.contract in contracts],
        data=_programs(of, sent, found, number, other, in_force), why=_why(context, looked_at, address, isp),
        around=circumstances(looked_at, address) if looked_at and sight.everything else (),
        promised=promised(looked_at, address) if looked_at and sight.everything else (),
        reasons=looked_at.reasons if looked_at and sight.everything else (),
        planning=looked_at.result.planning if looked_at else (), beyond=beyond(found) if found else None,
    )  # fmt: skip


def _why(context: WebContext, plan: Plan | None, address: str, isp: str) -> Line | None:
    """Return why an ISP is as it is in a plan: what changed it, or what holds it. Raises InputError for no ISP."""
    if plan is None or not isp.strip():
        return None
    number = _isp_of(plan.period, isp)
    changed = changed_isps(plan, address, number)
    if changed:
        return changed[0]
    if address not in {point.address for point in plan.points}:
        raise InputError(f"plan {plan.id} has no program for {address}: it was not a congestion point then")
    return standing(plan, context.plan_cache.solved(plan.id), address, number)


def _isp_of(of: Period, text: str) -> int:
    """Return the ISP of a number from 1, or of the local time at which it starts. Raises InputError."""
    said = text.strip()
    for isp in range(1, of.isp_count + 1):
        if said in (str(isp), of.label(isp)):
            return isp
    raise InputError(f"{text!r} is not an ISP of {of}; write 1 to {of.isp_count}, or the time when it starts: 14:15")


def _programs(
    of: Period, sent: list[Sent], found: Detail | None, number: int | None, other: Detail | None, in_force: int | None
) -> str:
    """Return the chart's data: revisions, programs and limits, and what may be called."""
    series: list[dict[str, Any]] = [
        {"label": f"revision {s.revision} ({s.state})", "kind": "sent", "values": [w / 1000 for w in s.power_w]}
        for s in sent[-4:]
    ]
    if other is not None:
        series.append({"label": f"plan {in_force}, in force", "kind": "price", "values": list(other.program_kw)})
    series += [
        {"label": f"plan {number}" if number else "plan", "kind": "plan", "values": found and list(found.program_kw)},
        {"label": "if called", "kind": "called", "values": _list(found.called_kw if found else None)},
        {"label": "import limit", "kind": "limit", "values": _list(found.import_kw if found else None)},
        {"label": "export limit", "kind": "limit", "values": _list(found.export_kw if found else None)},
    ]
    return chart(
        starts=starts_of(of), zone=of.zone_name, unit="kW", series=series,
        band=_band(found.program_kw, [h.reserved_kw for h in found.held]) if found and found.held else None,
    )  # fmt: skip


def _list(values: tuple[float | None, ...] | None) -> list[float | None] | None:
    return None if values is None else list(values)


def _band(program_kw: tuple[float, ...], held: list[tuple[float, ...]]) -> dict[str, list[float | None]]:
    """Return the band between the program and the power it must be able to reach, where anything is reserved."""
    total, program = np.array(held).sum(axis=0), np.array(program_kw)
    high, low = np.maximum(program, program + total), np.minimum(program, program + total)
    return {
        name: [round(float(v), 3) if r else None for v, r in zip(edge, total, strict=True)]
        for name, edge in (("high", high), ("low", low))
    }
