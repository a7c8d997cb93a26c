"""The OpenAPI description of the JSON API as operations and models, for the page that shows it and for the client."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_FORMATS = {"date": "date", "date-time": "datetime"}
_JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a model, or a parameter of an operation."""

    name: str
    kind: str  # as Python writes the type
    required: bool
    default: object
    words: str
    place: str = ""  # of a parameter: path, query or header


@dataclass(frozen=True, kw_only=True)
class ApiModel:
    """A body that is sent or answered."""

    name: str
    words: str
    fields: tuple[Field, ...]
    closed: bool  # unknown fields are refused


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    words: str
    parameters: tuple[Field, ...]
    body: str | None  # type of what is sent
    answer: str  # type of a good answer; bytes: a file


def operations(document: Json) -> list[Operation]:
    """Return every operation of an OpenAPI document, by path."""
    found = [
        _operation(path, method, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    return sorted(found, key=lambda one: (one.path, one.method))


def models(document: Json) -> list[ApiModel]:
    """Return every model of an OpenAPI document, those that others are made of first."""
    schemas = document["components"]["schemas"]
    ordered: dict[str, ApiModel] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for other in sorted(set(re.findall(r"#/components/schemas/(\w+)", str(schemas[name])))):
            if other != name:
                visit(other)
        ordered[name] = _model(name, schemas[name])

    for name in sorted(schemas):
        if name not in ("HTTPValidationError", "ValidationError"):  # we answer Fault instead
            visit(name)
    return list(ordered.values())


def _model(name: str, schema: Json) -> ApiModel:
    required = schema.get("required", ())
    return ApiModel(
        name=name, words=schema.get("description", ""), closed=schema.get("additionalProperties") is False,
        fields=tuple(
            Field(
                name=key, kind=kind_of(value), required=key in required, default=value.get("default"),
                words=value.get("description", ""),
            )
            for key, value in schema.get("properties", {}).items()
        ),
    )  # fmt: skip


def _operation(path: str, method: str, described: Json) -> Operation:
    ending = re.sub(r"\W", "_", path) + f"_{method}"
    body = described.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema")
    answer = described["responses"]["200"].get("content", {}).get(_JSON, {}).get("schema")
    return Operation(
        name=described["operationId"].removesuffix(ending).rstrip("_"), method=method.upper(), path=path,
        words=described.get("description", ""), body=kind_of(body) if body else None,
        answer=kind_of(answer) if answer else "bytes",
        parameters=tuple(
            Field(
                name=one["name"], kind=kind_of(one["schema"]), required=one.get("required", False),
                default=one["schema"].get("default"), words=one.get("description", ""), place=one["in"],
            )
            for one in described.get("parameters", ())
        ),
    )  # fmt: skip


def kind_of(schema: Json) -> str:
    """Return a schema's type as Python writes it."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(kind_of(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{kind_of(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {kind_of(values) if isinstance(values, Mapping) else 'object'}]"
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "str")
    return _PLAIN.get(str(kind), "object")
