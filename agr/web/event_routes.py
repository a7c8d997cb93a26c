"""The JSON API's lists of what has happened: reservation updates, messages, alarms and the audit log."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from agr.operations.accounts.roles import Permission, Principal
from agr.store import audit_log, day, outbox_rows, register_rows
from agr.web import schemas as a
from agr.web.log_page import chosen_of, log_file
from agr.web.security import api_for, context_of, narrowed, sight_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]
Day = Annotated[date | None, Query(description="Local day, YYYY-MM-DD; included.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Text = Annotated[str, Query(max_length=255)]


@router.get("/days/{period}/reservations")
@narrowed
def reservations(request: Request, principal: Reader, period: date) -> list[a.ReservationOut]:
    """All updates of a Period's reservations, newest first."""
    context = context_of(request)
    sight = sight_of(request, principal, context.actions.period(period))
    with context.store.transaction() as tx:
        history = day.reservation_history(tx, period)
        if not sight.everything:
            contracts = register_rows.every(tx, ("contracts",))["contracts"]
            mine = {c.contract for c in contracts if sight.row("contracts", c)}
            history = [one for one in history if one.contract in mine]
    return [
        a.ReservationOut(contract=h.contract, at=h.at, origin=h.message_id, power_w=list(h.power_w)) for h in history
    ]


@router.get("/messages")
def messages(
    request: Request, _principal: Reader, state: Text = "", search: Text = "", limit: Limit = 100, offset: Offset = 0
) -> a.MessagesOut:
    """The outbox, newest first."""
    with context_of(request).store.transaction() as tx:
        rows, count = outbox_rows.rows(tx, state=state or None, search=search, limit=limit, offset=offset)
    fields = a.MessageOut.model_fields
    found = [a.MessageOut(**{name: getattr(r, name) for name in fields}) for r in rows]
    return a.MessagesOut(matching=count, messages=found)


@router.get("/alarms")
@narrowed
def alarms(request: Request, principal: Reader) -> list[a.AlarmOut]:
    """Open alarms, newest first."""
    with context_of(request).store.transaction() as tx:
        opened = day.open_alarms(tx)
    fields, sight = a.AlarmOut.model_fields, sight_of(request, principal)
    return [a.AlarmOut(**{name: getattr(o, name) for name in fields}) for o in opened if sight.about(o.subject)]


@router.get("/log")
def log_(
    request: Request, _principal: Reader, limit: Limit = 100,
    before: Annotated[int | None, Query(ge=1, le=2**31, description="Only lines older than this one.")] = None,
    who: Text = "", action: Text = "", search: Text = "", first: Day = None, last: Day = None,
) -> list[a.AuditEntryOut]:  # fmt: skip
    """The audit log, newest first: of somebody, of one action, with a text, from a first to a last local day."""
    context = context_of(request)
    chosen = chosen_of(context, who, action, search, str(first or ""), str(last or ""))
    with context.store.transaction() as tx:
        lines = audit_log.entries(tx, limit=limit, before=before, chosen=chosen)
    return [a.AuditEntryOut(**vars(line)) for line in lines]


@router.get("/log.csv", response_class=StreamingResponse)
def log_csv(
    request: Request, _principal: Reader, who: Text = "", action: Text = "", search: Text = "", first: Day = None,
    last: Day = None,
) -> Response:  # fmt: skip
    """The chosen lines of the audit log as CSV, oldest first."""
    context = context_of(request)
    return log_file(context, chosen_of(context, who, action, search, str(first or ""), str(last or "")))
