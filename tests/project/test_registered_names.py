"""Resource classes are named where they register, and nowhere else: a new one need not be told to anyone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.case import UNIT_CLASSES

PROJECT = Path(__file__).parents[2]
OWN_WORDS = {
    "agr/web/formatting.py": {"fixed"},  # the state of a position
    "agr/scenario/tidy_tables.py": {"fixed"},  # a column: whether a bid is
}
JOINT_PROGRAM = "models/decomposition/joint/connections.py"
"""States one program of stores and generation together, so it names both, once."""


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield lines and values of the strings in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def named(folder: str, registers: tuple[str, ...]) -> list[str]:
    """Return where the name of a class is written outside the modules that register it, `{name}` in their paths."""
    found = []
    for path in sorted((PROJECT / folder).rglob("*.py")):
        here = path.relative_to(PROJECT).as_posix()
        for line, value in literals(path):
            if value not in UNIT_CLASSES or value in OWN_WORDS.get(here, set()):
                continue
            if not any(here.startswith(place.format(name=value)) for place in registers):
                found.append(f"{here}:{line}: {value}")
    return found


@pytest.mark.parametrize("folder", ["agr", "models"])
def test_resource_classes_are_named_only_where_they_register(folder: str) -> None:
    registers = (
        "models/resources/{name}/", "models/resources/registry.py", "models/audit/resources/", JOINT_PROGRAM,
        "agr/planning/case/{name}.py", "agr/planning/case_audit/",  # an audit of its own, which shares no registry
    )  # fmt: skip
    assert named(folder, registers) == []


def test_a_name_that_is_written_elsewhere_is_found() -> None:
    assert named("agr/planning/case", ()) != []
