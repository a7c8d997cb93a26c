"""What the JSON API does: the page's actions, each with a reason and, on request, only once (Idempotency-Key)."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel

from agr.domain.errors import InputError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.web import schemas as a
from agr.web.context import Context
from agr.web.idempotency import Key, act_once
from agr.web.security import api_for, context_of

router = APIRouter()
Previewer = Annotated[Principal, Depends(api_for(Permission.PREVIEW))]
Actor = Annotated[Principal, Depends(api_for(Permission.ACT))]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _act(
    request: Request, visitor: Principal, key: str | None, given: BaseModel, act: Callable[[Context], Done]
) -> Response:
    context = context_of(request)
    return act_once(request, visitor, key, given, lambda: act(context))


@router.post("/plans", response_model=a.Did)
def replan(request: Request, visitor: Previewer, given: a.PlanWanted, key: Key = None) -> Response:
    """Optimise a Period again; the answer names the trigger to ask about. Without preview it takes the scope act."""
    if not given.preview:
        api_for(Permission.ACT)(request)
    return _act(
        request, visitor, key, given,
        lambda do: do.actions.replan(
            visitor, given.period, given.why, points=tuple(given.points), preview=given.preview
        ),
    )  # fmt: skip


@router.post("/plans/{plan}/send", response_model=a.Did)
def send(request: Request, visitor: Actor, plan: Number, given: a.Because, key: Key = None) -> Response:
    """Send a preview."""
    return _act(request, visitor, key, given, lambda do: do.actions.send(visitor, plan, given.why))


@router.post("/plans/{plan}/discard", response_model=a.Did)
def discard(request: Request, visitor: Previewer, plan: Number, given: a.Because, key: Key = None) -> Response:
    """Put a preview away."""
    return _act(request, visitor, key, given, lambda do: do.actions.discard(visitor, plan, given.why))


@router.post("/hold", response_model=a.Did)
def hold(request: Request, visitor: Actor, given: a.Because, key: Key = None) -> Response:
    """Stop sending D-Prognoses by itself."""
    return _act(request, visitor, key, given, lambda do: do.actions.hold(visitor, given.why))


@router.post("/release", response_model=a.Did)
def release(request: Request, visitor: Actor, given: a.Because, key: Key = None) -> Response:
    """Let D-Prognoses leave by themselves again."""
    return _act(request, visitor, key, given, lambda do: do.actions.release(visitor, given.why))


@router.post("/send-waiting", response_model=a.Did)
def send_waiting(request: Request, visitor: Actor, given: a.PeriodAct, key: Key = None) -> Response:
    """Send what waits, once, although sending is on hold or waits for approval."""
    return _act(request, visitor, key, given, lambda do: do.actions.send_waiting(visitor, given.period, given.why))


@router.post("/reservations", response_model=a.Did)
def reserve(request: Request, visitor: Actor, given: a.ReservationGiven, key: Key = None) -> Response:
    """Enter what a DSO still reserves; plans again."""
    if (given.keep_share is None) == (given.power_w is None):
        raise InputError("give exactly one of keep_share and power_w")

    def act(do: Context) -> Done:
        power_w = tuple(given.power_w) if given.power_w is not None else None
        if power_w is None and given.keep_share is not None:
            power_w = do.manual_inputs.keep_share(given.contract, given.period, given.keep_share)
        return do.manual_inputs.reserve(visitor, given.contract, given.period, power_w or (), given.why)

    return _act(request, visitor, key, given, act)


@router.post("/unavailable", response_model=a.Did)
def make_unavailable(request: Request, visitor: Actor, given: a.UnavailableGiven, key: Key = None) -> Response:
    """Plan without a resource or connection."""
    return _act(
        request, visitor, key, given,
        lambda do: do.manual_inputs.make_unavailable(visitor, given.name, given.first_day, given.last_day, given.why),
    )  # fmt: skip


@router.post("/unavailable/{entry}/end", response_model=a.Did)
def make_available(request: Request, visitor: Actor, entry: Number, given: a.Because, key: Key = None) -> Response:
    """Plan with it again."""
    return _act(request, visitor, key, given, lambda do: do.manual_inputs.make_available(visitor, entry, given.why))


@router.post("/messages/{message_id}/resend", response_model=a.Did)
def resend(request: Request, visitor: Actor, message_id: str, given: a.Because, key: Key = None) -> Response:
    """Let a queued or failed message leave now."""
    return _act(request, visitor, key, given, lambda do: do.actions.resend(visitor, message_id, given.why))


@router.post("/messages/{message_id}/cancel", response_model=a.Did)
def cancel(request: Request, visitor: Actor, message_id: str, given: a.Because, key: Key = None) -> Response:
    """Take a queued message back."""
    return _act(request, visitor, key, given, lambda do: do.actions.cancel(visitor, message_id, given.why))


@router.post("/alarms/{alarm}/acknowledge", response_model=a.Did)
def acknowledge(request: Request, visitor: Actor, alarm: Number, given: a.Acknowledged, key: Key = None) -> Response:
    """Take an alarm on."""
    return _act(request, visitor, key, given, lambda do: do.actions.acknowledge(visitor, alarm, given.why))


@router.post("/participants/bar", response_model=a.Did)
def bar(request: Request, visitor: Actor, given: a.Barred, key: Key = None) -> Response:
    """Bar a participant, or let it in again."""
    return _act(
        request, visitor, key, given,
        lambda do: do.actions.bar(visitor, given.domain, given.role, given.barred, given.why),
    )  # fmt: skip
