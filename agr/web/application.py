"""The operators' web application: pages, actions, JSON API, live updates, health."""

from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from agr.domain.errors import AccessError, AgrError
from agr.web import (
    account_forms,
    actions,
    api,
    api_page,
    approval_page,
    award_page,
    brp_page,
    connection_page,
    day_page,
    events,
    execution_page,
    flex_page,
    forecast_page,
    history_page,
    layout,
    log_page,
    login,
    market_page,
    monitoring,
    pages,
    point_pages,
    program_page,
    provider_login,
    register_forms,
    register_pages,
    reservation_page,
    run_pages,
)
from agr.web.context import WebContext
from agr.web.formatting import environment
from agr.web.http_status import status_of
from agr.web.security import LogInFirst, Shield, hosts_of, principal_of

_FOR_PROGRAMS = ("/api/", "/metrics", "/events", "/healthz", "/readyz", "/static/")


def operators_app(context: WebContext) -> FastAPI:
    """Return the application."""
    app = FastAPI(
        title="AGR portfolio optimizer",
        version=version("agr-optimizer"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        description="What operators see and do, for the AGR's own systems.",
    )
    app.state.context, app.state.templates = context, environment()
    settings = context.settings.operators
    secure = bool(settings.public_url and settings.public_url.startswith("https://"))
    app.add_middleware(Shield, hosts=hosts_of(settings), secure=secure)
    for module in (
        monitoring,
        login,
        provider_login,
        events,
        day_page,
        pages,
        log_page,
        api_page,
        approval_page,
        point_pages,
        connection_page,
        run_pages,
        market_page,
        flex_page,
        brp_page,
        award_page,
        forecast_page,
        history_page,
        reservation_page,
        program_page,
        execution_page,
        register_forms,
        register_pages,
        account_forms,
    ):
        app.include_router(module.router)
    app.include_router(actions.form_router)
    app.include_router(api.router)
    app.mount("/static/charts", GZipMiddleware(StaticFiles(directory=str(files("agr") / "charts"))), name="charts")
    app.mount("/static", StaticFiles(directory=str(files("agr.web") / "static")), name="static")
    app.add_exception_handler(LogInFirst, _log_in_first)
    app.add_exception_handler(AgrError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    return app


def _log_in_first(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LogInFirst)
    return RedirectResponse(f"/login?back={error.back}", status_code=303)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AgrError)
    headers = {}
    if isinstance(error, AccessError) and error.retry_after_s is not None:
        headers["Retry-After"] = f"{error.retry_after_s:.0f}"
    return await _answer(request, status_of(error), str(error), headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(one, request.headers.get("content-type", "")) for one in error.errors()]
    return await _answer(request, 422, "; ".join(faults))


def _fault(found: Mapping[str, Any], content_type: str) -> str:
    """Return what is wrong with a request, in words."""
    if found["type"] == "json_invalid":
        return f"the body is not JSON: {found['ctx']['error']} at character {found['loc'][-1]}"
    if tuple(found["loc"]) == ("body",) and found["type"] in ("model_attributes_type", "dict_type"):
        kind = content_type.partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            return "the body was not read as JSON: send the header Content-Type: application/json"
    return f"{'.'.join(str(part) for part in found['loc'][1:]) or found['loc'][0]}: {found['msg']}"


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "there is no page at this address" if error.status_code == 404 else str(error.detail)
    return await _answer(request, error.status_code, text, dict(error.headers or {}))


async def _answer(request: Request, status: int, text: str, headers: "dict[str, str] | None" = None) -> Response:
    """Answer a refusal: as JSON to programs, as a page with the filled-in form to people."""
    if request.url.path.startswith(_FOR_PROGRAMS):
        return JSONResponse({"error": text}, status_code=status, headers=headers)
    fields: list[tuple[str, str]] = []
    if request.method == "POST":
        form = await request.form()
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    page = await run_in_threadpool(_page, request, status, text, fields)
    page.headers.update(headers or {})
    return page


def _page(request: Request, status: int, text: str, fields: list[tuple[str, str]]) -> Response:
    principal = principal_of(request)
    return layout.render(request, principal, "refused.html", status=status, text=text, code=status, fields=fields)
