"""The markets' part of the example configuration, made from their settings' classes."""

from collections.abc import Iterator
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agr.settings.markets import Markets

_COMMENTS_BEGIN = 38  # columns before the space and the comment, as in the rest of the example


def market_sections() -> str:
    """Return what concerns all markets and a section for every market, with every setting: its default, or an example.

    Examples, and sections that a configuration need not have, are comments.
    """
    fields = Markets.model_fields.items()
    common = ["[markets]", *(line for name, field in fields if _kind(field) is None for line in _setting(name, field))]
    sections = [list(_section(f"markets.{name}", kind, f)) for name, f in fields if (kind := _kind(f)) is not None]
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in (common, *sections))


def _kind(field: FieldInfo) -> type[BaseModel] | None:
    """Return the class of a market's section; None for a setting of all markets."""
    kinds = get_args(field.annotation) or (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _section(path: str, kind: type[BaseModel], field: FieldInfo) -> Iterator[str]:
    several, left_out = isinstance(field.default, tuple), not isinstance(field.default, BaseModel)
    mark = "#" if left_out else ""
    yield f"# {field.description}"
    yield f"{mark}[[{path}]]" if several else f"{mark}[{path}]"
    inner = {name: of for name, setting in kind.model_fields.items() if (of := _kind(setting)) and _whole(setting)}
    for name, setting in kind.model_fields.items():
        if name not in inner:
            yield from _setting(name, setting, mark)
    for name, of in inner.items():  # after all settings of the section itself
        yield ""
        yield from _section(f"{path}.{name}", of, kind.model_fields[name])


def _whole(setting: FieldInfo) -> bool:
    """Say whether a setting is a section of its own, which stands there with its defaults."""
    return isinstance(setting.default, BaseModel)


def _setting(name: str, setting: FieldInfo, mark: str = "") -> Iterator[str]:
    given = not setting.is_required() and setting.default is not None
    value = setting.default if given else (setting.examples or [None])[0]
    if value is None:
        raise TypeError(f"markets: {name} has neither a default nor an example; give its Field one")
    line = f"{mark if given else '#'}{name} = {_value(value)}"
    yield f"{line:{_COMMENTS_BEGIN}} # {setting.description}"


def _value(value: Any) -> str:
    """Return a value in TOML, a table in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()
