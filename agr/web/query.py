"""Refuses query parameters that the JSON API does not know: a misspelt filter would return too much."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from agr.domain.errors import InputError
from agr.domain.faults import meant

_KNOWN: dict[tuple[str, str], frozenset[str]] = {}
"""(method, path) → the query parameters that it accepts."""


def known_query(request: Request) -> None:
    """Raise InputError that names the unknown query parameters, and what was probably meant."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = _known(route, request.method)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        named = "; ".join(f"{name!r} ({meant(name, sorted(known))})" for name in unknown)
        raise InputError(f"{request.url.path} does not take the query parameter {named}")


def _known(route: APIRoute, method: str) -> frozenset[str]:
    key = (method, route.path_format)
    if key not in _KNOWN:
        paths: Mapping[str, Any] = get_openapi(title="", version="", routes=[route]).get("paths", {})
        described = [one for methods in paths.values() for one in methods.values()]
        taken = (one for each in described for one in each.get("parameters", ()) if one["in"] == "query")
        _KNOWN[key] = frozenset(one["name"] for one in taken)
    return _KNOWN[key]
