"""Says in words what pydantic found wrong in what a user wrote: where, what, and what belongs there. Pure."""

from collections.abc import Collection, Sequence
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from agr.domain.faults import meant

Place = tuple[str | int, ...]

_IN_WORDS = {"model_type": "should be a section", "tuple_type": "should be a list", "dict_type": "should be a table"}
_UNION_BRANCHES = ("tuple", "str", "nullable")
_TAG = "api="  # begins the tag of a class in a union that is told apart by `api`: see agr.settings.feeds


def model_faults(
    model: type[BaseModel], error: ValidationError, *, secret: Collection[str] = ()
) -> list[tuple[Place, str]]:
    """Return (place, what is wrong there and what was expected) of each fault. Values of `secret` keys are not shown.

    The place is empty for a fault of the whole.
    """
    return [_fault(model, detail, secret) for detail in error.errors()]


def _fault(model: type[BaseModel], detail: ErrorDetails, secret: Collection[str]) -> tuple[Place, str]:
    steps = tuple(step for step in detail["loc"] if step not in _UNION_BRANCHES)
    section, description = _described(model, steps)
    place = tuple(step for step in steps if not str(step).startswith(_TAG))
    kind = detail["type"]
    if kind == "extra_forbidden":
        return place, f"is not known here; {meant(str(place[-1]), list(section.model_fields) if section else [])}"
    if kind == "missing":
        return place, f"is missing; add it. {description}".strip()
    message = _IN_WORDS.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if not place:
        return place, message
    shown = place[-1] not in secret and isinstance(detail["input"], str | int | float)
    given = f"{detail['input']!r} " if shown else ""
    return place, f"{given}{message if message.startswith('should') else f'is wrong: {message}'}. {description}".strip()


def _described(model: type[BaseModel], steps: Sequence[str | int]) -> tuple[type[BaseModel] | None, str]:
    """Return the section that the last key of a place stands in, and the key's description."""
    inside: type[BaseModel] | None = model
    section, description = inside, ""
    held: object = None  # by the last key
    for key in steps:
        if isinstance(key, int):
            continue
        if key.startswith(_TAG):
            inside = _section_in(held, key)
            continue
        section = inside
        field = inside.model_fields.get(key) if inside else None
        if field is None:
            break
        held, description = field.annotation, field.description or ""
        inside = _section_in(held)
    return section, description


def _section_in(annotation: object, tag: str = "") -> type[BaseModel] | None:
    """Return the section a field holds: alone, in a tuple, or as one possibility; the one with the tag, if given."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if tag else annotation
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated and any(isinstance(m, Tag) and m.tag == tag for m in parts[1:]):
        tag = ""
    return next((found for part in parts if (found := _section_in(part, tag)) is not None), None)
