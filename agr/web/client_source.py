"""Writes the typed Python client of the JSON API from its description: `make client`."""

import re
import sys
from keyword import iskeyword
from textwrap import wrap

from agr.web.api import described
from agr.web.api_description import ApiModel, Field, Json, Operation, models, operations

_BEGIN = '''"""A typed client of the JSON API. Generated from its description by `make client`; not written by hand.

It needs httpx and pydantic, and nothing else of this project: the file may be copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter


class Refused(Exception):  # noqa: N818 - an answer, and no fault of this program
    """The daemon refused a request; `status` is the HTTP status, `error` says what is wrong and what to do."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{error} (HTTP {status})")
        self.status, self.error = status, error
'''
_CLIENT = '''
class Client:
    """One daemon. `url` is the address of the operators' page, `token` what `agr accounts token` printed."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 60, verify: Any = True) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None, body: BaseModel | None = None,
    ) -> httpx.Response:  # fmt: skip
        asked = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        said = {name: value for name, value in (headers or {}).items() if value is not None}
        sent = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        answer = self._http.request(method, path, params=asked, headers=said, json=sent)
        if answer.status_code != 200:
            raise Refused(answer.status_code, _error_of(answer))
        return answer
'''
_END = """

def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error_of(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return answer.text[:500]
    return str(found["error"]) if isinstance(found, dict) and "error" in found else answer.text[:500]
"""


def client_source(document: Json) -> str:
    """Return the module's text; `ruff format` gives it its final form."""
    classes = [_class(model) for model in models(document)]
    methods = [_method(operation) for operation in operations(document)]
    return "\n\n".join([_BEGIN, *classes]) + "\n\n" + _CLIENT + "\n" + "\n".join(methods) + _END


def _class(model: ApiModel) -> str:
    lines = [f"class {model.name}(BaseModel):", *_docstring(model.words, "    "), ""]
    if model.closed:
        lines += ['    model_config = ConfigDict(extra="forbid")', ""]
    lines += [f"    {field.name}: {field.kind}{_default(field)}" for field in model.fields]
    return "\n".join(lines) + "\n"


def _default(field: Field) -> str:
    return "" if field.required else f" = {field.default!r}"


def _method(operation: Operation) -> str:
    required = [one for one in operation.parameters if one.required]
    optional = [one for one in operation.parameters if not one.required]
    takes = ["self", *(f"{_name(one)}: {one.kind}" for one in required)]
    takes += [f"given: {operation.body}"] if operation.body else []
    takes += ["*"] if optional else []
    takes += [f"{_name(one)}: {one.kind}{_default(one)}" for one in optional]
    path = re.sub(r"\{(\w+)\}", r"{quote(_text(\1), safe='')}", operation.path)
    says = {place: [one for one in operation.parameters if one.place == place] for place in ("query", "header")}
    asks = [f'"{operation.method}"', f'f"{path}"' if "{" in path else f'"{path}"']
    for place, word in (("query", "query"), ("header", "headers")):
        if says[place]:
            asks.append(f"{word}={{{', '.join(f'{one.name!r}: {_name(one)}' for one in says[place])}}}")
    asks += ["body=given"] if operation.body else []
    returns = "answer.content" if operation.answer == "bytes" else _read(operation.answer)
    return "\n".join(
        [
            f"    def {operation.name}({', '.join(takes)}) -> {operation.answer}:",
            *_docstring(operation.words, "        "),
            f"        answer = self._ask({', '.join(asks)})",
            f"        return {returns}",
            "",
        ]
    )


def _docstring(text: str, indent: str) -> list[str]:
    words = " ".join(text.split())
    if len(indent) + len(words) + 6 <= _WIDTH:
        return [f'{indent}"""{words}"""']
    mark = next((mark for mark in (". ", ": ", "; ") if mark in words), ". ")
    first, _, rest = words.partition(mark)
    more = [f"{indent}{line}" for line in wrap(rest[:1].upper() + rest[1:], _WIDTH - 10)]
    return [f'{indent}"""{first.removesuffix(".")}.', "", *more, f'{indent}"""']


_WIDTH = 120
"""Most characters in a line of the client."""


def _read(kind: str) -> str:
    if re.fullmatch(r"[A-Z]\w*", kind):
        return f"{kind}.model_validate_json(answer.content)"
    return f"TypeAdapter[{kind}]({kind}).validate_json(answer.content)"


def _name(parameter: Field) -> str:
    name = parameter.name.lower().replace("-", "_")
    return f"{name}_" if iskeyword(name) else name


def main() -> None:
    """Print the client's module."""
    sys.stdout.write(client_source(described()))


if __name__ == "__main__":
    main()
