"""Admits or refuses requests: hosts, sizes, log-ins, roles, CSRF. All requests but health checks pass through here."""

import hmac
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlsplit

from fastapi import Form, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agr.domain.errors import AccessError
from agr.domain.isp import Period
from agr.operations.accounts.roles import ROLES, Permission, Principal, guest
from agr.operations.sight import Sight
from agr.settings import Operators
from agr.settings.operators import is_loopback
from agr.web.context import WebContext

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_NARROWED = "shows_what_is_seen"

COOKIE = "agr_session"
MAX_BODY_BYTES = 1_000_000

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class LogInFirst(Exception):  # noqa: N818 - a redirect, not a fault
    """The page needs a log-in; `back` is the page that was asked for."""

    def __init__(self, back: str) -> None:
        self.back = back


def hosts_of(settings: Operators) -> frozenset[str]:
    """Return the host names that we answer to; another name may be a DNS rebinding attack."""
    known = {"127.0.0.1", "localhost", "[::1]"} if is_loopback(settings.listen_host) else set()
    if settings.public_url:
        known.add(urlsplit(settings.public_url).netloc.rsplit("@", 1)[-1].lower())
    return frozenset(known)


class Shield:
    """Middleware: refuses unknown hosts and large bodies, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], secure: bool) -> None:
        self._app, self._hosts, self._secure = app, hosts, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    out.setdefault("Cache-Control", "no-store")
                if self._secure:
                    out.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        refusal = self._refusal(scope, headers)
        await (refusal or self._app)(scope, receive, shielded)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "").lower()
        name = host if host in self._hosts else host.rsplit(":", 1)[0]
        if name not in self._hosts and scope["path"] not in ("/healthz", "/readyz"):
            return PlainTextResponse("this host name is not ours; see operators.public_url", status_code=421)
        if "transfer-encoding" in headers:
            return PlainTextResponse("send Content-Length, not chunks", status_code=411)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return PlainTextResponse(f"the body is larger than {MAX_BODY_BYTES} bytes", status_code=413)
        return None


def context_of(request: Request) -> WebContext:
    """Return the operators' side of the daemon."""
    context: WebContext = request.app.state.context
    return context


def principal_of(request: Request) -> Principal | None:
    """Return the caller, by token or session or, in the demo, without either."""
    context = context_of(request)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return context.authentication.by_token(secret.strip()) if scheme.lower() == "bearer" else None
    cookie = request.cookies.get(COOKIE)
    found = context.authentication.by_session(cookie) if cookie else None
    return found or (guest(context.guest) if context.guest else None)


def narrowed(endpoint: Endpoint) -> Endpoint:
    """Mark a page, a form or a call that shows each account only what it may see.

    Everything else is refused to accounts from whom something is hidden: what is new is hidden until it is marked.
    """
    setattr(endpoint, _NARROWED, True)
    return endpoint


def sight_of(request: Request, principal: Principal, *periods: Period) -> Sight:
    """Return what the caller sees of some Periods; without any, of today and tomorrow."""
    context = context_of(request)
    today = context.today()
    return context.sights.of(principal, periods or (today, today.next()))


def _check_sight(request: Request, principal: Principal) -> None:
    if context_of(request).sights.sees_everything(principal) or hasattr(request.scope["endpoint"], _NARROWED):
        return
    whom = ", ".join(sorted(principal.dsos) + sorted(principal.brps))
    raise AccessError(f"{principal.name} sees only what concerns {whom}, and this concerns the whole portfolio")


def page_for(permission: Permission) -> Callable[[Request], Principal]:
    """Return a dependency: the caller of a page, who is sent to the log-in first. Programs use the API."""

    def check(request: Request) -> Principal:
        if "authorization" in request.headers:
            raise AccessError("pages are for people; programs use /api/v1", status=403)
        principal = principal_of(request)
        if principal is None:
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            raise LogInFirst(quote(back if request.method == "GET" else "/"))
        if not principal.may(permission):
            raise AccessError(f"a {principal.role} may not do this; it needs the permission {permission.value!r}")
        _check_sight(request, principal)
        return principal

    return check


def form_for(permission: Permission) -> Callable[..., Principal]:
    """Return a dependency: the sender of a form, checked for permission and CSRF."""
    inner = page_for(permission)

    def check(request: Request, csrf: Annotated[str, Form(max_length=200)] = "") -> Principal:
        principal = inner(request)
        check_csrf(request, principal, csrf)
        return principal

    return check


def api_for(permission: Permission) -> Callable[[Request], Principal]:
    """Return a dependency: the caller of the API. A session needs its CSRF token in a header to write."""

    def check(request: Request) -> Principal:
        principal = principal_of(request)
        if principal is None:
            if "authorization" in request.headers:
                unknown = "this token is not known here, or has been revoked; `agr accounts token NAME` makes one"
                raise AccessError(unknown, status=401)
            raise AccessError("log in, or send a token: Authorization: Bearer agr_…", status=401)
        if not principal.may(permission):
            hint = ""
            if permission not in ROLES.get(principal.role, ()):
                hint = f", and so does the role {principal.role}"
            elif principal.via.startswith("token"):
                hint = f": make one with --scope {permission.value}, too"
            raise AccessError(
                f"this needs the permission (scope) {permission.value!r}, which {principal.label} lacks{hint}"
            )
        if request.method not in ("GET", "HEAD") and not principal.via.startswith("token"):
            check_csrf(request, principal, request.headers.get("x-csrf-token", ""))
        _check_sight(request, principal)
        return principal

    return check


def check_origin(request: Request) -> None:
    """Raise AccessError for a form that was sent from another site's page."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    strange = origin is not None and origin != "null" and urlsplit(origin).netloc != request.headers.get("host")
    if site not in ("same-origin", "none") or strange:
        raise AccessError("this form was sent from another site's page; nothing was done")


def check_csrf(request: Request, principal: Principal, token: str) -> None:
    """Raise AccessError for a request that another site made the browser send."""
    check_origin(request)
    if not principal.csrf or not hmac.compare_digest(principal.csrf.encode(), token.encode()):
        raise AccessError("the form is not from this log-in (it may have ended); reload the page and try again")
