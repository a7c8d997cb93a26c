"""Pages that only list what is stored: reservations, alarms, messages, accounts."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import MissingError
from agr.operations.accounts.roles import ROLES, Permission, Principal
from agr.store import access, day, inbox, outbox_rows, overrides, register_rows
from agr.web.layout import render
from agr.web.security import context_of, narrowed, page_for, sight_of

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

ROWS = 50


@router.get("/reservations")
@narrowed
def reservations(request: Request, principal: Viewer, period: str | None = None) -> HTMLResponse:
    """Contracts, their reservations and all updates of them; unavailable resources."""
    context = context_of(request)
    of = context.period(period)
    sight = sight_of(request, principal, of)
    with context.store.transaction() as tx:
        contracts = register_rows.every(tx, ("contracts",))["contracts"]
        history = day.reservation_history(tx, of.day)
        current = day.reservations_on(tx, of.day)
        off = overrides.unavailable_from(tx, context.today().day)
        resources = register_rows.resources_named(tx, (one.name for one in off))
    mine = [c for c in contracts if sight.row("contracts", c)]
    if not sight.everything:
        names = {c.contract for c in mine}
        history = [one for one in history if one.contract in names]
        behind = {name: stored.row.connection for name, stored in resources.items()}
        off = [one for one in off if sight.place(behind.get(one.name, one.name))]
    valid = [c for c in mine if any(c.contracted_w(of))]
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
@narrowed
def alarms(request: Request, principal: Viewer) -> HTMLResponse:
    """Open alarms, and alarms that ended in the last two days."""
    context = context_of(request)
    with context.store.transaction() as tx:
        opened = day.open_alarms(tx)
        ended = day.recovered_alarms(tx, context.clock.now() - timedelta(days=2))
    sight = sight_of(request, principal)
    opened, ended = ([one for one in some if sight.about(one.subject)] for some in (opened, ended))
    return render(request, principal, "alarms.html", opened=opened, ended=ended)


@router.get("/outbox")
def outbox_(
    request: Request, principal: Viewer, state: Annotated[str, Query(max_length=16)] = "",
    q: Annotated[str, Query(max_length=255)] = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """Messages in the outbox: which leave, which are stuck, and why."""
    context = context_of(request)
    with context.store.transaction() as tx:
        rows, count = outbox_rows.rows(tx, state=state or None, search=q.strip(), limit=ROWS, offset=(page - 1) * ROWS)
        counts = outbox_rows.counts(tx)
        stuck = outbox_rows.stuck(tx, context.clock.now() - timedelta(minutes=5))
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


@router.get("/account")
@narrowed
def account(request: Request, principal: Viewer) -> HTMLResponse:
    """One's own tokens and, for an admin, every account."""
    context = context_of(request)
    with context.store.transaction() as tx:
        known = access.accounts(tx) if principal.may(Permission.ADMIN) else []
        tokens = [t for t in access.tokens(tx) if principal.may(Permission.ADMIN) or t.account == principal.name]
    oidc = context.settings.operators.oidc
    return render(
        request, principal, "account.html", company=oidc.label if oidc else "", accounts=known, tokens=tokens,
        roles=list(ROLES), brps=context.settings.brps,
        scopes=[m.value for m in Permission if m in principal.allowed], made=None,
    )  # fmt: skip
