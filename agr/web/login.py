"""Log-in, log-out, and one-time set-up links."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agr.domain.errors import AccessError, InputError
from agr.operations.accounts.passwords import SHORTEST_PASSWORD
from agr.web.context import WebContext
from agr.web.layout import render
from agr.web.security import COOKIE, check_csrf, check_origin, context_of, principal_of

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=512)]


def safe_path(back: str) -> str:
    """Return the path to open after the log-in; never another site."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"


def enter(context: WebContext, secret: str, to: str) -> Response:
    """Return the way to a page, with the cookie of a new session."""
    answer = RedirectResponse(to, status_code=303)
    settings = context.settings.operators
    secure = settings.public_url is not None and settings.public_url.startswith("https://")
    answer.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", secure=secure, max_age=int(settings.session_hours * 3600)
    )
    return answer


def login_page(request: Request, back: str, *, fault: str = "", name: str = "", status: int = 200) -> HTMLResponse:
    """Return the log-in form, with a link to the identity provider where there is one."""
    provider = context_of(request).settings.operators.oidc
    return render(
        request, None, "login.html", back=back, fault=fault, name=name, status=status,
        provider=provider.label if provider else None,
    )  # fmt: skip


@router.get("/login")
def ask(request: Request, back: str = "/") -> Response:
    """Show the log-in form."""
    return login_page(request, safe_path(back))


@router.post("/login")
def log_in(request: Request, name: Text = "", password: Text = "", back: Text = "/") -> Response:
    """Log a person in."""
    check_origin(request)
    context = context_of(request)
    address = request.client.host if request.client else "unknown"
    try:
        secret = context.authentication.log_in(name, password, address)
    except AccessError as error:
        page = login_page(request, safe_path(back), fault=str(error), name=name, status=error.status)
        if error.retry_after_s is not None:
            page.headers["Retry-After"] = f"{error.retry_after_s:.0f}"
        return page
    return enter(context, secret, safe_path(back))


@router.post("/logout")
def log_out(request: Request, csrf: Text = "") -> Response:
    """End the session."""
    principal = principal_of(request)
    if principal is not None and principal.via == "session":
        check_csrf(request, principal, csrf)
        context_of(request).authentication.log_out(request.cookies[COOKIE])
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


def _set_up_page(request: Request, secret: str, fault: str = "", name: str = "") -> HTMLResponse:
    opened = context_of(request).authentication.link_opens(secret)
    status = 404 if opened is None else 422 if fault else 200
    return render(
        request, None, "setup.html", opened=opened, fault=fault, name=name, shortest=SHORTEST_PASSWORD, status=status
    )


@router.get("/setup/{secret}")
def set_up_form(request: Request, secret: str) -> Response:
    """Show the form that sets a password."""
    return _set_up_page(request, secret)


@router.post("/setup/{secret}")
def set_up(request: Request, secret: str, name: Text = "", password: Text = "", again: Text = "") -> Response:
    """Set the password; the link then no longer works."""
    check_origin(request)
    context = context_of(request)
    if password != again:
        return _set_up_page(request, secret, "the two passwords differ", name)
    try:
        session = context.authentication.set_up(secret, name, password)
    except (InputError, AccessError) as error:
        return _set_up_page(request, secret, str(error), name)
    return enter(context, session, "/")
