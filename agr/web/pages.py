"""The pages: read data and render a template. The data comes from agr.operations."""

from datetime import timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import MissingError
from agr.operations.accounts.roles import ROLES, Permission, Principal
from agr.operations.point import detail
from agr.operations.point_table import SORTS
from agr.store import access, audit_log, day, inbox, outbox, overrides, plans, register
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Admin = Annotated[Principal, Depends(page_for(Permission.ADMIN))]

ROWS = 50
_SHOWN_ISPS = 400


@router.get("/points")
def points(
    request: Request, principal: Viewer, period: str | None = None, q: Annotated[str, Query(max_length=255)] = "",
    state: Annotated[str, Query(max_length=16)] = "", sort: str = "state", order: str = "up",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """The congestion points of a Period: searched, sorted, in pages."""
    context = context_of(request)
    of, sort = context.period(period), sort if sort in SORTS else "state"
    found = context.point_table.page(
        of.day, search=q, state=state, sort=sort, descending=order == "down", limit=ROWS, offset=(page - 1) * ROWS
    )
    pages = max((found.matching + ROWS - 1) // ROWS, 1)
    return render(
        request, principal, "points.html", of=of, found=found, q=q, state=state, sort=sort, order=order, page=page,
        pages=pages,
    )  # fmt: skip


@router.get("/points/{day_}/{address:path}")
def point(request: Request, principal: Viewer, day_: str, address: str) -> HTMLResponse:
    """One congestion point: program, revisions, reservation, limits, called program, conversation."""
    context = context_of(request)
    of = context.period(day_)
    number, rows = context.point_table.rows(of.day)
    row = next((r for r in rows if r.address == address), None)
    if row is None:
        raise MissingError(f"{address!r} is not a congestion point of {of}")
    with context.store.transaction() as tx:
        sent = plans.prognoses_of(tx, of.day, address)
        lines = inbox.conversation(tx, inbox.conversations_of(tx, [s.message_id for s in sent]))
        history = day.reservation_history(tx, of.day)
    found = detail(context.plan_cache.solved(number), address) if number is not None else None
    contracts = {h.contract for h in found.held} if found else set()
    plan = context.plan_cache.plan(number) if number is not None else None
    changed = next((p.isps for p in plan.change.points if p.address == address), ()) if plan and plan.change else ()
    data = chart(
        starts=starts_of(of), zone=of.zone_name, unit="kW",
        series=[
            *(
                {"label": f"revision {s.revision} ({s.state})", "kind": "sent", "values": [w / 1000 for w in s.power_w]}
                for s in sent[-4:]
            ),
            {"label": "plan", "kind": "plan", "values": list(found.program_kw) if found else None},
            {"label": "called", "kind": "called", "values": _list(found.called_kw if found else None)},
            {"label": "import limit", "kind": "limit", "values": _list(found.import_kw if found else None)},
            {"label": "export limit", "kind": "limit", "values": _list(found.export_kw if found else None)},
        ],
        band=_band(found.program_kw, [h.reserved_kw for h in found.held]) if found and found.held else None,
    )  # fmt: skip
    return render(
        request, principal, "point.html", of=of, row=row, sent=sent, lines=lines, found=found, number=number, data=data,
        changed=changed[:_SHOWN_ISPS], reserved=[h for h in history if h.contract in contracts],
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


@router.get("/reservations")
def reservations(request: Request, principal: Viewer, period: str | None = None) -> HTMLResponse:
    """Contracts, their reservations and all updates of them; unavailable resources."""
    context = context_of(request)
    of = context.period(period)
    with context.store.transaction() as tx:
        whole = register.load(tx)
        history = day.reservation_history(tx, of.day)
        current = day.reservations_on(tx, of.day)
        off = overrides.unavailable_from(tx, context.today().day)
    valid = [c for c in whole.contracts if any(c.contracted_w(of))]
    rows = [
        {
            "contract": c,
            "contracted_kw": c.power_w / 1000,
            "reserved_kw": _largest_kw(current.get(c.contract, c.contracted_w(of))),
            "updated": c.contract in current,
        }
        for c in valid
    ]
    return render(request, principal, "reservations.html", of=of, rows=rows, history=history[:200], off=off)


def _largest_kw(power_w: tuple[int, ...]) -> float:
    return max(power_w, key=abs, default=0) / 1000


@router.get("/alarms")
def alarms(request: Request, principal: Viewer) -> HTMLResponse:
    """Open alarms, and alarms that ended in the last two days."""
    context = context_of(request)
    with context.store.transaction() as tx:
        opened = day.open_alarms(tx)
        ended = day.recovered_alarms(tx, context.clock.now() - timedelta(days=2))
    return render(request, principal, "alarms.html", opened=opened, ended=ended)


@router.get("/outbox")
def outbox_(
    request: Request, principal: Viewer, state: Annotated[str, Query(max_length=16)] = "",
    q: Annotated[str, Query(max_length=255)] = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """Messages in the outbox: which leave, which are stuck, and why."""
    context = context_of(request)
    with context.store.transaction() as tx:
        rows, count = outbox.rows(tx, state=state or None, search=q.strip(), limit=ROWS, offset=(page - 1) * ROWS)
        counts = outbox.counts(tx)
        stuck = outbox.stuck(tx, context.clock.now() - timedelta(minutes=5))
    pages = max((count + ROWS - 1) // ROWS, 1)
    return render(
        request, principal, "outbox.html", rows=rows, count=count, counts=counts, stuck=stuck, state=state, q=q,
        page=page, pages=pages, participants=context.participants.everybody(),
    )  # fmt: skip


@router.get("/conversations/{conversation}")
def conversation(request: Request, principal: Viewer, conversation: str) -> HTMLResponse:
    """The messages of a conversation, readable and raw."""
    with context_of(request).store.transaction() as tx:
        lines = inbox.conversation(tx, [conversation])
    if not lines:
        raise MissingError(f"there is no conversation {conversation!r}")
    return render(request, principal, "conversation.html", lines=lines, conversation=conversation)


@router.get("/log")
def log_(
    request: Request, principal: Viewer, before: int | None = None, action: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Who did what, when and why."""
    with context_of(request).store.transaction() as tx:
        lines = audit_log.entries(tx, limit=ROWS, before=before, action=action or None)
    return render(request, principal, "log.html", lines=lines, action=action, rows=ROWS)


@router.get("/account")
def account(request: Request, principal: Viewer) -> HTMLResponse:
    """One's own tokens and, for an admin, every account."""
    with context_of(request).store.transaction() as tx:
        known = access.accounts(tx) if principal.may(Permission.ADMIN) else []
        tokens = [t for t in access.tokens(tx) if principal.may(Permission.ADMIN) or t.account == principal.name]
    return render(
        request, principal, "account.html", accounts=known, tokens=tokens, roles=list(ROLES),
        scopes=[m.value for m in Permission if m in principal.allowed], made=None,
    )  # fmt: skip
