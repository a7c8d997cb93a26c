"""Log-in, log-out, and one-time set-up links."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agr.domain.errors import AccessError, InputError
from agr.operations.accounts.authentication import SHORTEST_PASSWORD
from agr.web.context import Context
from agr.web.layout import render
from agr.web.security import COOKIE, check_csrf, check_origin, context_of, principal_of

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=512)]


def safe_path(back: str) -> str:
    """Return the path to open after the log-in; never another site."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"


def _enter(context: Context, secret: str, to: str) -> Response:
    answer = RedirectResponse(to, status_code=303)
    settings = context.settings.operators
    secure = settings.public_url is not None and settings.public_url.startswith("https://")
    answer.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", secure=secure, max_age=int(settings.session_hours * 3600)
    )
    return answer


@router.get("/login")
def ask(request: Request, back: str = "/") -> Response:
    """Show the log-in form."""
    return render(request, None, "login.html", back=safe_path(back), fault="", name="")


@router.post("/login")
def log_in(request: Request, name: Text = "", password: Text = "", back: Text = "/") -> Response:
    """Log a person in."""
    check_origin(request)
    context = context_of(request)
    address = request.client.host if request.client else "unknown"
    try:
        secret = context.authentication.log_in(name, password, address)
    except AccessError as error:
        page = render(
            request, None, "login.html", back=safe_path(back), fault=str(error), name=name, status=error.status
        )
        if error.retry_after_s is not None:
            page.headers["Retry-After"] = f"{error.retry_after_s:.0f}"
        return page
    return _enter(context, secret, safe_path(back))


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
    return _enter(context, session, "/")
