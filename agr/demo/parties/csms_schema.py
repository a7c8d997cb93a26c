"""Checks a body as the CSMS's web server does: by the published OCPP schema, first fault only, in its own words.

Texts as numbers are read as numbers, unknown fields are dropped, and numbers with one decimal that a binary fraction
cannot hold are refused (1380.3 / 0.1 is 13802.999…): all three were seen. Source: docs/reference/demo-csms.md.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import ocpp

_FOLDERS = {"1.6": "v16", "2.0.1": "v201"}
_TENTHS = ("limit", "minChargingRate")
"""Fields that must be multiples of 0.1, although the published schema does not say so."""


class BodyError(Exception):
    """A body that the web server refuses with 400; the message is its own."""


@cache
def schema(protocol: str, action: str) -> Any:
    """Return the schema of a request, e.g. ("2.0.1", "SetChargingProfile"); None where OCPP has no such action."""
    name = action if protocol == "1.6" else f"{action}Request"
    path = Path(ocpp.__file__).parent / _FOLDERS[protocol] / "schemas" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else None


def checked(body: Any, root: Any) -> Any:
    """Return the body as it is passed on. Raises BodyError."""
    return _checked(body, root, root, "body", "")


def _checked(value: Any, part: Any, root: Any, path: str, name: str) -> Any:
    if "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[-1]]
    value = _typed(value, part.get("type"), path)
    if "enum" in part and value not in part["enum"]:
        raise BodyError(f"{path} must be equal to one of the allowed values")
    tenth = part.get("multipleOf") or (0.1 if name in _TENTHS else None)
    if tenth and value / float(tenth) != int(value / float(tenth)):
        raise BodyError(f"{path} must be multiple of 0.1")
    if isinstance(value, str):
        _text(value, part, path)
    if isinstance(value, list):
        if len(value) < part.get("minItems", 0):
            raise BodyError(f"{path} must NOT have fewer than {part['minItems']} items")
        if len(value) > part.get("maxItems", len(value)):
            raise BodyError(f"{path} must NOT have more than {part['maxItems']} items")
        return [_checked(one, part.get("items", {}), root, f"{path}/{at}", "") for at, one in enumerate(value)]
    if isinstance(value, dict):
        return _object(value, part, root, path)
    return value


def _object(value: dict[str, Any], part: Any, root: Any, path: str) -> dict[str, Any]:
    for needed in part.get("required", ()):
        if needed not in value:
            raise BodyError(f"{path} must have required property '{needed}'")
    known = part.get("properties", {})
    return {
        key: _checked(one, known.get(key, {}), root, f"{path}/{key}", key)
        for key, one in value.items()
        if key in known or part.get("additionalProperties") is not False
    }


def _typed(value: Any, wanted: str | None, path: str) -> Any:
    """Return a value in the wanted type, with the few conversions that the web server makes."""
    if wanted in ("number", "integer"):
        if isinstance(value, str):
            try:
                value = float(value) if wanted == "number" else int(value)
            except ValueError:
                raise BodyError(f"{path} must be {wanted}") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or (wanted == "integer" and value % 1):
            raise BodyError(f"{path} must be {wanted}")
        return value
    kinds = {"object": dict, "array": list, "boolean": bool}
    if wanted == "string":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise BodyError(f"{path} must be string")
    if wanted in kinds and not isinstance(value, kinds[wanted]):
        raise BodyError(f"{path} must be {wanted}")
    return value


def _text(value: str, part: Any, path: str) -> None:
    if len(value) > part.get("maxLength", len(value)):
        raise BodyError(f"{path} must NOT have more than {part['maxLength']} characters")
    if part.get("format") == "date-time":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise BodyError(f'{path} must match format "date-time"') from None
