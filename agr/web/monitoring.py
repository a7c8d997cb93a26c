"""Monitoring: /healthz and /readyz without log-in, /metrics with a token."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from agr.operations.accounts.roles import Permission, Principal
from agr.web.security import api_for, context_of

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """Whether the daemon is alive; if not, only a restart helps."""
    dead = context_of(request).health.dead()
    return JSONResponse({"alive": not dead, "stopped": dead}, status_code=503 if dead else 200)


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Whether the daemon can do its work now."""
    missing = context_of(request).health.unready()
    return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)


@router.get("/metrics")
def metrics(request: Request, _principal: Annotated[Principal, Depends(api_for(Permission.METRICS))]) -> Response:
    """Metrics for Prometheus."""
    body = context_of(request).metrics()
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")
