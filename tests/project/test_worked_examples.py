"""The worked examples of the how-to guides: their steps, applied to a copy of the project, work as promised."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.project.test_length import MOST_LINES

PROJECT = Path(__file__).parents[2]
COPIED = ("agr", "models", "tests", "docs")
MOST_FILES = {
    "add-a-resource-class": 12,
    "add-a-kind-of-resource": 5,
    "add-a-market": 10,
    "add-a-connector": 4,
    "add-a-message": 7,
}
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A block of a page: a file to write, lines to change, or commands to run."""

    language: str  # python: a new file; diff: changed lines; sh: commands
    path: str
    text: str


def steps_of(page: Path) -> Iterator[Step]:
    for language, path, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if path or language == "sh":
            yield Step(language, path, text.replace("\\\n", " ") if language == "sh" else text)


def changed(before: str, hunk: str, path: str) -> str:
    """Return a file's text with a hunk applied; its unchanged and removed lines must occur there exactly once."""
    lines = [(line[:1], line[1:]) for line in hunk.splitlines()]
    old = "".join(f"{text}\n" for sign, text in lines if sign != "+")
    new = "".join(f"{text}\n" for sign, text in lines if sign != "-")
    assert before.count(old) == 1, f"{path} has these lines {before.count(old)} times:\n{old}"
    return before.replace(old, new)


def take(step: Step, project: Path) -> None:
    target = project / step.path
    if step.language == "diff":
        target.write_text(changed(target.read_text(encoding="utf-8"), step.text, step.path), encoding="utf-8")
    else:
        assert not target.exists(), f"{step.path} is said to be new"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(step.text, encoding="utf-8")


def run(commands: str, project: Path) -> None:
    """Run the commands in the project; what a line prints goes into the file after its ">", if it has one."""
    for line in commands.splitlines():
        command, into = words_of(line)
        assert command[0] == "python", "only Python is known to be there"
        environment = os.environ | {"PYTHONPATH": str(project), "PYTEST_ADDOPTS": "-p no:cacheprovider"}
        done = subprocess.run(
            [sys.executable, *command[1:]], cwd=project, env=environment, capture_output=True, text=True, timeout=800
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if into:
            (project / into).write_text(done.stdout, encoding="utf-8")


def words_of(line: str) -> tuple[list[str], str]:
    """Return a command, and the file that its output goes into, or nothing."""
    command, _, into = line.partition(" > ")
    return shlex.split(command), into.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:  # with what Python and numba have compiled, which is most of the time otherwise
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("corpus"))
    (tmp_path / "pyproject.toml").symlink_to(PROJECT / "pyproject.toml")
    (tmp_path / "scenarios").mkdir()
    for path in (PROJECT / "scenarios").iterdir():
        if path.is_dir():
            (tmp_path / "scenarios" / path.name).symlink_to(path)
        else:
            shutil.copy2(path, tmp_path / "scenarios")
    return tmp_path


@pytest.mark.parametrize("page", sorted((PROJECT / "docs" / "how-to").glob("add-*.md")), ids=lambda p: p.stem)
def test_the_steps_of_a_worked_example_lead_to_what_it_promises(page: Path, copy: Path) -> None:
    steps = list(steps_of(page))
    assert [s for s in steps if s.language == "sh"], "a worked example ends with a command that shows that it works"
    for step in steps:
        if step.language == "sh":
            run(step.text, copy)
        else:
            take(step, copy)
    written = {words_of(line)[1] for step in steps if step.language == "sh" for line in step.text.splitlines()}
    touched = {step.path for step in steps if step.path} | written - {""}
    assert len(touched) <= MOST_FILES[page.stem], sorted(touched)
    long = [path for path in touched if path.endswith(".py") and (copy / path).read_text().count("\n") > MOST_LINES]
    assert not long, "whoever follows the page should not have to cut a file first"
