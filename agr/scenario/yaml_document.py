"""Reads YAML and JSON into a pydantic model; reports the line of every fault and what was expected."""

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agr.domain.errors import TableError
from agr.domain.faults import Finding
from agr.settings.model_faults import model_faults

Model = TypeVar("Model", bound=BaseModel)
Place = Sequence[str | int]

_NUMBERS = {"timestamp", "int", "float"}  # types of YAML 1.1, in which 12:30 is 750 and 2024-04-31 raises an error

_TRIES = 5
_GONE = object()


class _Loader(yaml.SafeLoader):
    """YAML with the numbers of YAML 1.2; days and clock times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag.rpartition(":")[2] not in _NUMBERS]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+0123456789."),
)


class Document:
    """A YAML or JSON text, with the line of every value."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        try:
            text = path.read_text(encoding="utf-8")
            self._root = yaml.compose(text, Loader=_Loader)
            self.value: Any = yaml.load(text, Loader=_Loader)  # noqa: S506  (a SafeLoader)
        except OSError as error:
            words = f"cannot be read ({error.strerror}); give a folder with a {path.name}"
            raise TableError([f"{path}: {words}"]) from error
        except UnicodeDecodeError as error:
            raise TableError([f"{name}: is not UTF-8 text (byte {error.start}); save it as UTF-8"]) from error
        except (yaml.YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            line = 0 if mark is None else mark.line + 1
            words = f"is not valid YAML: {getattr(error, 'problem', None) or error}"
            raise TableError([Finding(file=name, line=line, words=words)]) from error

    def line(self, place: Place) -> int:
        """Return the line (from 1) of the value, or of its innermost ancestor that exists."""
        node, line = self._root, 1
        for step in place:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if str(k.value) == str(step)), None)
                if found is None:
                    continue  # pydantic inserts the names of union members
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line

    def twice(self) -> list[Finding]:
        """Return the keys that are given more than once; YAML would keep the last."""
        found, waiting = [], [self._root] if self._root else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.SequenceNode):
                waiting += node.value
            elif isinstance(node, yaml.MappingNode):
                seen: dict[str, int] = {}
                for key, value in node.value:
                    line = key.start_mark.line + 1
                    if key.value in seen:
                        words = f"{key.value}: appears twice, first in line {seen[key.value]}; keep one"
                        found.append(Finding(file=self.name, line=line, words=words))
                    seen.setdefault(key.value, line)
                    waiting.append(value)
        return found

    def finding(self, place: Place, words: str) -> Finding:
        """Return a finding at a value."""
        return Finding(file=self.name, line=self.line(place), words=f"{dotted(place)}: {words}" if place else words)

    def read(self, model: type[Model]) -> Model:
        """Return the document as a model. Raises TableError with every fault."""
        if not isinstance(self.value, Mapping):
            raise TableError([f"{self.name}, line 1: expected `key: value` lines, the first of them `title:`"])
        faults = self.twice()
        try:
            read = model.model_validate(self.value)
        except ValidationError as error:
            faults += [self.finding(place, words) for place, words in model_faults(model, error)]
        if faults:
            raise TableError(sorted(faults))
        return read

    def without_faults(self, model: type[Model]) -> tuple[Model | None, frozenset[str]]:
        """Return the document without its faulty values, and the top-level keys that had them.

        The document is None when the rest is not valid either. For checks of other parts; raises nothing.
        """
        value = copy.deepcopy(self.value)
        doubtful: set[str] = set()
        for _ in range(_TRIES):
            try:
                return model.model_validate(value), frozenset(doubtful)
            except ValidationError as error:
                for fault in error.errors():
                    place = fault["loc"][:-1] if fault["type"] == "missing" else fault["loc"]
                    if not place or not _remove(value, place):
                        return None, frozenset(doubtful)
                    doubtful.add(str(place[0]))
                _drop_gone(value)
        return None, frozenset(doubtful)


def _remove(value: Any, place: Place) -> bool:
    """Remove a value; in a list, a mark stays in its place."""
    holder: Any = None
    last: str | int = ""
    for step in place:
        there = step in value if isinstance(value, dict) else isinstance(step, int) and isinstance(value, list)
        if there and value[step] is not _GONE:
            holder, last, value = value, step, value[step]
    if holder is None:
        return False
    if isinstance(holder, dict):
        del holder[last]
    else:
        holder[last] = _GONE
    return True


def _drop_gone(value: Any) -> None:
    if isinstance(value, dict):
        for part in value.values():
            _drop_gone(part)
    elif isinstance(value, list):
        value[:] = [part for part in value if part is not _GONE]
        for part in value:
            _drop_gone(part)


def dotted(place: Place) -> str:
    """Return a value's place as users write it."""
    return ".".join(str(step) for step in place)
