"""The page that shows the JSON API: every operation with what it takes and answers, and every model."""

from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from markupsafe import Markup, escape

from agr.operations.accounts.roles import Permission, Principal
from agr.web.api import described
from agr.web.api_description import ApiModel, Operation, models, operations
from agr.web.layout import render
from agr.web.security import narrowed, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]


@cache
def _content() -> tuple[list[Operation], list[ApiModel]]:
    return operations(described()), models(described())


def linked(kind: str) -> Markup:
    """Return a type with its models leading to where they are described."""
    known = {model.name for model in _content()[1]}
    parts = Markup("")
    word = ""
    for sign in f"{kind} ":
        if sign.isalnum() or sign == "_":
            word += sign
            continue
        parts += Markup('<a href="#{0}">{0}</a>').format(word) if word in known else escape(word)
        parts, word = parts + escape(sign), ""
    return Markup(parts.strip())  # noqa: S704 - made of escaped parts


@router.get("/api/client.py")
@narrowed
def client_file(_principal: Viewer) -> Response:
    """The typed Python client, as one file."""
    return PlainTextResponse((files("agr.client") / "generated.py").read_text(encoding="utf-8"))


@router.get("/api")
@narrowed
def api_(request: Request, principal: Viewer) -> HTMLResponse:
    """Every operation and model of the JSON API."""
    found, known = _content()
    return render(
        request, principal, "api.html", operations=found, models=known, linked=linked,
        base=str(request.base_url).rstrip("/"),
    )  # fmt: skip
