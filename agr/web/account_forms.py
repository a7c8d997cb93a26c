"""The page's forms about accounts and tokens. Only people manage them, so there is no JSON twin."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.web.action_routes import done_page
from agr.web.layout import render
from agr.web.security import context_of, form_for

router = APIRouter(prefix="/do", include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]
Admin = Annotated[Principal, Depends(form_for(Permission.ADMIN))]
Reader = Annotated[Principal, Depends(form_for(Permission.READ))]


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
    return done_page(request, Done(text=f"{name} is {role} now"), "/account")


@router.post("/account/{name}/disabled")
def disable(request: Request, visitor: Admin, name: str, on: Text) -> Response:
    """Shut an account out, or let it in again."""
    context_of(request).authentication.set_disabled(visitor, name, on == "yes")
    return done_page(request, Done(text=f"{name} is {'disabled' if on == 'yes' else 'enabled'}"), "/account")


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
    return done_page(request, Done(text=f"token {number} is revoked"), "/account")
