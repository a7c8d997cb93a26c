"""The page's forms for accounts and tokens. Only people manage them, so the JSON API has no counterpart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from agr.domain.errors import InputError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.web.action_routes import done_page
from agr.web.layout import render
from agr.web.security import context_of, form_for, narrowed

router = APIRouter(prefix="/do", include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]
Admin = Annotated[Principal, Depends(form_for(Permission.ADMIN))]
Reader = Annotated[Principal, Depends(form_for(Permission.READ))]


def _shown_once(request: Request, principal: Principal, what: str, secret: str) -> Response:
    return render(request, principal, "once.html", what=what, secret=secret)


def _link(request: Request, secret: str) -> str:
    return str(request.url_for("set_up_form", secret=secret))


@router.post("/account")
def add_account(request: Request, principal: Admin, name: Text, role: Text, company: Text = "") -> Response:
    """Create an account; its set-up link is shown once. `company`: yes where it logs in at the identity provider."""
    if company == "yes":
        if context_of(request).identity_provider is None:
            raise InputError("there is no identity provider; see operators.oidc in the settings")
        context_of(request).authentication.add_for_provider(principal.label, name, role)
        done = Done(text=f"{name} is added as {role}; whoever has this name at the identity provider may log in")
        return done_page(request, done, "/account")
    secret = context_of(request).authentication.add_account(principal.label, name, role)
    return _shown_once(request, principal, f"set-up link for {name}", _link(request, secret))


@router.post("/account/{name}/link")
def new_link(request: Request, principal: Admin, name: str) -> Response:
    """Create a new set-up link; it is shown once."""
    secret = context_of(request).authentication.new_link(principal.label, name)
    return _shown_once(request, principal, f"set-up link for {name}", _link(request, secret))


@router.post("/account/{name}/role")
def change_role(request: Request, principal: Admin, name: str, role: Text) -> Response:
    """Give an account another role."""
    context_of(request).authentication.change_role(principal, name, role)
    return done_page(request, Done(text=f"{name} now has the role {role}"), "/account")


@router.post("/account/{name}/dsos")
def change_dsos(request: Request, principal: Admin, name: str, dsos: Text = "") -> Response:
    """Let an account act for some DSOs only, or for all."""
    found = context_of(request).authentication.change_dsos(principal.label, name, dsos.replace(",", " ").split())
    return done_page(request, Done(text=f"{name} acts for {', '.join(found) or 'all DSOs'}"), "/account")


@router.post("/account/{name}/brps")
def change_brps(request: Request, principal: Admin, name: str, brps: Text = "") -> Response:
    """Let an account act for some balance responsible parties only, or for all."""
    context, wanted = context_of(request), brps.replace(",", " ").split()
    known = [brp.name for brp in context.settings.brps]
    found = context.authentication.change_brps(principal.label, name, wanted, known)
    return done_page(request, Done(text=f"{name} acts for {', '.join(found) or 'all BRPs'}"), "/account")


@router.post("/account/{name}/disabled")
def disable(request: Request, principal: Admin, name: str, on: Text) -> Response:
    """Disable or enable an account."""
    context_of(request).authentication.set_disabled(principal, name, on == "yes")
    return done_page(request, Done(text=f"{name} is {'disabled' if on == 'yes' else 'enabled'}"), "/account")


@router.post("/token")
@narrowed
def make_token(
    request: Request,
    principal: Reader,
    purpose: Text,
    days: Annotated[int, Form()],
    scope: Annotated[list[str], Form()],
) -> Response:
    """Create an API token; it is shown once."""
    secret = context_of(request).authentication.make_token(principal, purpose, scope, days)
    return _shown_once(request, principal, f"token for {purpose}", secret)


@router.post("/token/{number}/revoke")
@narrowed
def revoke(request: Request, principal: Reader, number: int) -> Response:
    """Revoke a token."""
    context_of(request).authentication.revoke_token(principal, number)
    return done_page(request, Done(text=f"token {number} is revoked"), "/account")
