"""The page of actions that wait for a second person, and of those that were decided."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.approvals import expire, in_words
from agr.store import approvals
from agr.store.approvals import Approval
from agr.web import schemas as a
from agr.web.action_routes import UNREADABLE, asked_for
from agr.web.context import WebContext
from agr.web.layout import render
from agr.web.security import api_for, context_of, narrowed, page_for

router = APIRouter(include_in_schema=False)
api_router = APIRouter()
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]

_SHOWN = 50


def _seen(context: WebContext, by: Principal, found: list[Approval]) -> list[Approval]:
    """Return what accounts asked for that act for no others than the caller does; all where the caller sees all."""
    if context.sights.sees_everything(by):
        return found

    def within(asker: str) -> bool:
        one = context.authentication.by_name(asker, via="asked")
        pairs = () if one is None else ((by.dsos, one.dsos), (by.brps, one.brps))
        return bool(pairs) and all(not mine or bool(theirs and theirs <= mine) for mine, theirs in pairs)

    return [one for one in found if one.asked_by == by.name or within(one.asked_by)]


def _may_decide(principal: Principal, one: Approval) -> bool:
    readable = asked_for(one)
    return readable is not None and principal.may(readable[0].needed(readable[1]))


def _words(one: Approval) -> dict[str, Any]:
    words = one.words or in_words(one.action, one.given, one.names)
    if one.state == approvals.WAITING and asked_for(one) is None:
        words = f"{words} ({UNREADABLE})"
    return {"words": words, "why": str(one.given.get("why", ""))}


@router.get("/approvals")
@narrowed
def approvals_(request: Request, principal: Viewer) -> HTMLResponse:
    """What waits for a second person, and what was decided lately."""
    context = context_of(request)
    expire(context.store, context.clock.now())
    with context.store.transaction() as tx:
        waiting, decided = approvals.waiting(tx), approvals.decided(tx, _SHOWN)
    waiting, decided = (_seen(context, principal, some) for some in (waiting, decided))
    return render(
        request, principal, "approvals.html", needed=context.settings.operators.four_eyes,
        waiting=[(one, _words(one), _may_decide(principal, one)) for one in waiting],
        decided=[(one, _words(one)) for one in decided],
    )  # fmt: skip


@api_router.get("/approvals", name="approvals")
@narrowed
def approvals_out(request: Request, principal: Reader) -> list[a.ApprovalOut]:
    """What waits for a second person, oldest first, then what was decided lately."""
    context = context_of(request)
    expire(context.store, context.clock.now())
    with context.store.transaction() as tx:
        found = [*approvals.waiting(tx), *approvals.decided(tx, _SHOWN)]
    found = _seen(context, principal, found)
    fields = a.ApprovalOut.model_fields
    return [a.ApprovalOut(**{k: v for k, v in (asdict(one) | _words(one)).items() if k in fields}) for one in found]
