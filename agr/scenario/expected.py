"""Compares a run's figures with the bounds that a scenario's expected.yaml states for it."""

import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from agr.scenario.yaml_document import Document
from agr.settings.section import Section


class Bounds(Section):
    """A bound on a figure."""

    equals: Any = Field(default=None, description="Exactly this.")
    at_least: float | None = Field(default=None, description="At least this.")
    at_most: float | None = Field(default=None, description="At most this.")


class Rise(Section):
    """A figure that must exceed another."""

    from_: str = Field(alias="from", description="Dotted path of the lower figure.")
    to: str = Field(description="Dotted path of the higher figure.")
    at_least: float = Field(description="By at least this.")


class Expectation(Section):
    """Bounds on figures by dotted path, and figures that must exceed others."""

    figures: dict[str, Bounds] = Field(default={}, description="Dotted path → bounds.")
    rises: tuple[Rise, ...] = Field(default=(), description="Figures that must exceed others.")


class Expected(Expectation):
    """expected.yaml: `run` for outcome.json of `agr scenario run`; the rest for `agr demo --once --json`."""

    run: Expectation = Field(default=Expectation(), description="Figures of outcome.json.")


_RULES: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq, "at_least": operator.ge, "at_most": operator.le
}  # fmt: skip


def expectation(folder: Path) -> Expectation:
    """Return the bounds for a run of the scenario; empty without an expected.yaml."""
    path = folder / "expected.yaml"
    return Document(path, "expected.yaml").read(Expected).run if path.is_file() else Expectation()


def disappointments(expected: Expectation, result: Mapping[str, Any]) -> list[str]:
    """Return a sentence for every figure that is out of bounds."""
    found = []
    for path, bounds in expected.figures.items():
        value = _figure(result, path)
        for rule, bound in bounds.model_dump(exclude_unset=True).items():
            if value is None or not _RULES[rule](value, bound):
                found.append(f"{path} is {value}, expected {rule.replace('_', ' ')} {bound}")
    for rise in expected.rises:
        low, high = _figure(result, rise.from_), _figure(result, rise.to)
        if low is None or high is None or high - low < rise.at_least:
            found.append(f"{rise.to} is {high}, expected {rise.at_least:g} above {rise.from_}, which is {low}")
    return found


def _figure(result: Any, path: str) -> Any:
    """Return a figure by its dotted path, or None; list places count from 0, and -1 is the last."""
    for name in path.split("."):
        if isinstance(result, list):
            place = int(name) if name.lstrip("-").isdigit() else len(result)
            result = result[place] if -len(result) <= place < len(result) else None
        else:
            result = result.get(name) if isinstance(result, Mapping) else None
    return result
