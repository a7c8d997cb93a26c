"""The audit log: who did what, when and why; chosen, in pages, and as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from agr.domain.errors import InputError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.log_export import log_lines
from agr.store import audit_log
from agr.store.audit_log import Chosen
from agr.web.context import WebContext
from agr.web.layout import render
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Word = Annotated[str, Query(max_length=255)]
Day = Annotated[str, Query(max_length=10, description="Local day, YYYY-MM-DD.")]

ROWS = 50


def chosen_of(context: WebContext, who: str, action: str, q: str, first: str, last: str) -> Chosen:
    """Return the lines that are asked for; both days are included. Raises InputError."""
    begin, end = (context.period(day.strip()) if day.strip() else None for day in (first, last))
    if begin is not None and end is not None and end.day < begin.day:
        raise InputError(f"the last day ({end}) comes before the first ({begin})")
    return Chosen(
        who=who.strip(), action=action.strip(), text=q.strip(), since=begin.start if begin else None,
        until=end.end if end else None,
    )  # fmt: skip


def log_file(context: WebContext, chosen: Chosen) -> Response:
    """Return the chosen lines as a CSV file."""
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"'}
    lines = log_lines(context.store, chosen, context.today().tz)
    return StreamingResponse(lines, media_type="text/csv", headers=headers)


@router.get("/log")
def log_(
    request: Request, principal: Viewer, who: Word = "", action: Word = "", q: Word = "", first: Day = "",
    last: Day = "", before: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> HTMLResponse:  # fmt: skip
    """The audit log, newest first."""
    context = context_of(request)
    chosen = chosen_of(context, who, action, q, first, last)
    with context.store.transaction() as tx:
        lines = audit_log.entries(tx, limit=ROWS, before=before, chosen=chosen)
        actions = audit_log.actions(tx)
    asked = {"who": who, "action": action, "q": q, "first": first, "last": last}
    return render(
        request, principal, "log.html", lines=lines, actions=actions, rows=ROWS, asked=asked,
        query={name: text for name, text in asked.items() if text},
    )  # fmt: skip


@router.get("/log.csv")
def log_csv(
    request: Request, _principal: Viewer, who: Word = "", action: Word = "", q: Word = "", first: Day = "",
    last: Day = "",
) -> Response:  # fmt: skip
    """The chosen lines as a file."""
    context = context_of(request)
    return log_file(context, chosen_of(context, who, action, q, first, last))
