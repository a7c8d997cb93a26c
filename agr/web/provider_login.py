"""Log-in at an identity provider: the browser is sent there, and comes back with a code."""

import base64
import binascii
import json
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from agr.domain.errors import AccessError, MissingError
from agr.operations.accounts.identity_provider import Attempt, IdentityProvider, begin_attempt
from agr.web.context import WebContext
from agr.web.login import enter, login_page, safe_path
from agr.web.security import context_of

router = APIRouter(prefix="/login/oidc", include_in_schema=False)

_COOKIE = "agr_log_in"
_LASTS_S = 600


def _provider(context: WebContext) -> IdentityProvider:
    if context.identity_provider is None:
        raise MissingError("there is no identity provider; see operators.oidc in the settings")
    return context.identity_provider


def _redirect_uri(request: Request) -> str:
    """Return where the provider sends the browser back: the address that it must have on its list."""
    settings = context_of(request).settings.operators
    return f"{(settings.public_url or str(request.base_url)).rstrip('/')}/login/oidc/callback"


@router.get("")
def begin(request: Request, back: str = "/") -> Response:
    """Send the browser to the provider."""
    context = context_of(request)
    provider = _provider(context)
    attempt = begin_attempt(safe_path(back))
    try:
        answer = RedirectResponse(provider.address(attempt, _redirect_uri(request)), status_code=303)
    except AccessError as error:
        return login_page(request, safe_path(back), fault=str(error), status=error.status)
    public = context.settings.operators.public_url
    answer.set_cookie(
        _COOKIE, base64.urlsafe_b64encode(json.dumps(asdict(attempt)).encode()).decode(), httponly=True,
        samesite="lax", secure=public is not None and public.startswith("https://"), max_age=_LASTS_S,
        path="/login/oidc",
    )  # fmt: skip
    return answer


@router.get("/callback")
def come_back(request: Request) -> Response:
    """Log in the person whom the provider vouches for; each attempt works once."""
    context = context_of(request)
    provider = _provider(context)
    attempt = _attempt(request.cookies.get(_COOKIE, ""))
    try:
        if attempt is None:
            raise AccessError("this browser has not begun to log in within the last ten minutes; try again", status=401)
        with context.authentication.slowed_down(request.client.host if request.client else "unknown"):
            person = provider.person(attempt, dict(request.query_params), _redirect_uri(request))
            answer = enter(context, context.authentication.log_in_by_provider(person), attempt.back)
    except AccessError as error:
        answer = login_page(request, attempt.back if attempt else "/", fault=str(error), status=error.status)
        if error.retry_after_s is not None:
            answer.headers["Retry-After"] = f"{error.retry_after_s:.0f}"
    answer.delete_cookie(_COOKIE, path="/login/oidc")
    return answer


def _attempt(cookie: str) -> Attempt | None:
    try:
        found = Attempt(**json.loads(base64.urlsafe_b64decode(cookie)))
    except (binascii.Error, ValueError, TypeError):
        return None
    return Attempt(**(asdict(found) | {"back": safe_path(str(found.back))}))
