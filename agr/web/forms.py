"""The page's actions: each form is confirmed, carries a CSRF token and a reason, and comes back with what was done."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.web.layout import render
from agr.web.login import safe_path
from agr.web.security import COOKIE, check_csrf, context_of, page_for

router = APIRouter(prefix="/do", include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]
Why = Annotated[str, Form(max_length=2000)]
Back = Annotated[str, Form(max_length=2000)]


def sender_with(may: Permission) -> Callable[..., Principal]:
    """Return a dependency: somebody who may do this and whose browser was not tricked into it."""
    inner = page_for(may)

    def check(request: Request, csrf: Annotated[str, Form(max_length=200)] = "") -> Principal:
        visitor = inner(request)
        check_csrf(request, visitor, csrf)
        return visitor

    return check


Previewer = Annotated[Principal, Depends(sender_with(Permission.PREVIEW))]
Actor = Annotated[Principal, Depends(sender_with(Permission.ACT))]
Admin = Annotated[Principal, Depends(sender_with(Permission.ADMIN))]
Reader = Annotated[Principal, Depends(sender_with(Permission.READ))]


def _back(request: Request, done: Done, to: str) -> Response:
    context_of(request).flashes.say(request.cookies.get(COOKIE, ""), done.text)
    return RedirectResponse(safe_path(to), status_code=303)


@router.post("/preview")
def preview(request: Request, visitor: Previewer, period: Text, why: Why, points: Text = "") -> Response:
    """Ask for a plan that is only shown."""
    context = context_of(request)
    chosen = tuple(points.split())
    done = context.actions.replan(visitor, context.period(period).day, why, points=chosen, preview=True)
    return _back(request, done, f"/asked/{done.trigger}")


@router.post("/replan")
def replan(request: Request, visitor: Actor, period: Text, why: Why, points: Text = "") -> Response:
    """Ask for a plan that is sent like any other."""
    context = context_of(request)
    chosen = tuple(points.split())
    done = context.actions.replan(visitor, context.period(period).day, why, points=chosen, preview=False)
    return _back(request, done, f"/asked/{done.trigger}")


@router.post("/send/{number}")
def send(request: Request, visitor: Actor, number: int, why: Why) -> Response:
    """Send a preview."""
    return _back(request, context_of(request).actions.send(visitor, number, why), f"/runs/{number}")


@router.post("/discard/{number}")
def discard(request: Request, visitor: Previewer, number: int, why: Why) -> Response:
    """Put a preview away."""
    return _back(request, context_of(request).actions.discard(visitor, number, why), f"/runs/{number}")


@router.post("/hold")
def hold(request: Request, visitor: Actor, why: Why, back: Back = "/") -> Response:
    """Stop sending."""
    return _back(request, context_of(request).actions.hold(visitor, why), back)


@router.post("/release")
def release(request: Request, visitor: Actor, why: Why, back: Back = "/") -> Response:
    """Send again."""
    return _back(request, context_of(request).actions.release(visitor, why), back)


@router.post("/send-waiting")
def send_waiting(request: Request, visitor: Actor, period: Text, why: Why, back: Back = "/") -> Response:
    """Send what waits, once."""
    context = context_of(request)
    return _back(request, context.actions.send_waiting(visitor, context.period(period).day, why), back)


@router.post("/unavailable")
def unavailable(request: Request, visitor: Actor, name: Text, first: Text, last: Text, why: Why) -> Response:
    """Plan without a resource or connection."""
    context = context_of(request)
    days = context.period(first).day, context.period(last).day
    return _back(request, context.manual_inputs.make_unavailable(visitor, name, *days, why), "/reservations")


@router.post("/available/{entry}")
def available(request: Request, visitor: Actor, entry: int, why: Why) -> Response:
    """Plan with it again."""
    return _back(request, context_of(request).manual_inputs.make_available(visitor, entry, why), "/reservations")


@router.post("/resend/{message_id}")
def resend(request: Request, visitor: Actor, message_id: str, why: Why, back: Back = "/outbox") -> Response:
    """Let a message leave now."""
    return _back(request, context_of(request).actions.resend(visitor, message_id, why), back)


@router.post("/cancel/{message_id}")
def cancel(request: Request, visitor: Actor, message_id: str, why: Why, back: Back = "/outbox") -> Response:
    """Take a message back."""
    return _back(request, context_of(request).actions.cancel(visitor, message_id, why), back)


@router.post("/acknowledge/{alarm}")
def acknowledge(request: Request, visitor: Actor, alarm: int, why: Why = "", back: Back = "/alarms") -> Response:
    """Take an alarm on."""
    return _back(request, context_of(request).actions.acknowledge(visitor, alarm, why), back)


@router.post("/bar")
def bar(request: Request, visitor: Actor, domain: Text, role: Text, why: Why, on: Text = "yes") -> Response:
    """Bar a participant, or let it in again."""
    done = context_of(request).actions.bar(visitor, domain, role, on == "yes", why)
    return _back(request, done, "/outbox")


# --- accounts and tokens ---------------------------------------------------------------------------------------------


def _shown_once(request: Request, visitor: Principal, what: str, secret: str) -> Response:
    return render(request, visitor, "once.html", what=what, secret=secret)


def _link(request: Request, secret: str) -> str:
    return str(request.url_for("set_up_form", secret=secret))


@router.post("/account")
def add_account(request: Request, visitor: Admin, name: Text, role: Text) -> Response:
    """Create an account; its set-up link is shown once."""
    secret = context_of(request).authentication.add_account(visitor.label, name, role)
    return _shown_once(request, visitor, f"set-up link for {name}", _link(request, secret))


@router.post("/account/{name}/link")
def new_link(request: Request, visitor: Admin, name: str) -> Response:
    """Make a new set-up link."""
    secret = context_of(request).authentication.new_link(visitor.label, name)
    return _shown_once(request, visitor, f"set-up link for {name}", _link(request, secret))


@router.post("/account/{name}/role")
def change_role(request: Request, visitor: Admin, name: str, role: Text) -> Response:
    """Give an account another role."""
    context_of(request).authentication.change_role(visitor, name, role)
    return _back(request, Done(text=f"{name} is {role} now"), "/account")


@router.post("/account/{name}/disabled")
def disable(request: Request, visitor: Admin, name: str, on: Text) -> Response:
    """Shut an account out, or let it in again."""
    context_of(request).authentication.set_disabled(visitor, name, on == "yes")
    return _back(request, Done(text=f"{name} is {'disabled' if on == 'yes' else 'enabled'}"), "/account")


@router.post("/token")
def make_token(
    request: Request, visitor: Reader, purpose: Text, days: Annotated[int, Form()], scope: Annotated[list[str], Form()]
) -> Response:
    """Make an API token; it is shown once."""
    secret = context_of(request).authentication.make_token(visitor, purpose, scope, days)
    return _shown_once(request, visitor, f"token for {purpose}", secret)


@router.post("/token/{number}/revoke")
def revoke(request: Request, visitor: Reader, number: int) -> Response:
    """End a token."""
    context_of(request).authentication.revoke_token(visitor, number)
    return _back(request, Done(text=f"token {number} is revoked"), "/account")
