"""The markets' part of the example configuration, made from their settings' classes."""

from collections.abc import Iterator
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agr.settings.markets import Markets

_COMMENTS_BEGIN = 38  # columns before the space and the comment, as in the rest of the example


def market_sections() -> str:
    """Return a section for every market, with every setting: its default, or an example as a comment.

    Sections that a configuration need not have are comments as a whole.
    """
    return "\n".join(
        "".join(f"{line}\n" for line in _section(f"markets.{name}", field))
        for name, field in Markets.model_fields.items()
    )


def _section(path: str, field: FieldInfo) -> Iterator[str]:
    kinds = get_args(field.annotation) or (field.annotation,)
    kind = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    several, left_out = isinstance(field.default, tuple), not isinstance(field.default, BaseModel)
    mark = "#" if left_out else ""
    yield f"# {field.description}"
    yield f"{mark}[[{path}]]" if several else f"{mark}[{path}]"
    for name, setting in kind.model_fields.items():
        given = not setting.is_required() and setting.default is not None
        value = setting.default if given else (setting.examples or [None])[0]
        if value is None:
            raise TypeError(f"{path}.{name} has neither a default nor an example; give its Field one")
        line = f"{mark if given else '#'}{name} = {_value(value)}"
        yield f"{line:{_COMMENTS_BEGIN}} # {setting.description}"


def _value(value: Any) -> str:
    """Return a value in TOML, a table in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()
