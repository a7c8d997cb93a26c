"""The documents keep up with the code: commands, files, links, words."""

import re
from pathlib import Path

import pytest

from agr.cli.keys import keys_app
from agr.cli.main import app, connections_app
from agr.cli.scenario import scenario_app
from agr.domain.isp import Period
from agr.scenario.description import Description
from agr.scenario.tidy_tables import TABLES
from agr.schedule.scheduler import moments_of
from agr.settings import Settings

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "models" / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def commands() -> list[str]:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    groups = (("connections", connections_app), ("scenario", scenario_app), ("keys", keys_app))
    named = ((group, command) for group, part in groups for command in part.registered_commands)
    return [*names, *(f"{group} {c.name or c.callback.__name__}" for group, c in named if c.callback)]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command: str) -> None:
    documents = ("README.md", "docs/operations.md", "docs/scenarios.md")
    assert any(f"agr {command}" in (PROJECT / document).read_text() for document in documents)


def test_every_moment_of_the_day_is_documented() -> None:
    from datetime import date

    text = (PROJECT / "docs" / "operations.md").read_text()
    for moment in moments_of(Settings(domain="agr.example"), Period(date(2026, 3, 29))):
        assert f"`{moment.name}`" in text


def test_every_key_and_every_table_of_a_scenario_is_documented() -> None:
    text = (PROJECT / "docs" / "scenarios.md").read_text()
    assert [key for key in Description.model_fields if f"`{key}`" not in text] == []
    assert [table for table in TABLES if f"`{table}.parquet`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(PROJECT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_alarm_the_code_raises_is_explained() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    source = "\n".join(p.read_text() for p in (PROJECT / "agr").glob("*.py"))
    kinds = set(re.findall(r'raise_alarm\(\s*tx, "([^"]+)"', source)) | set(re.findall(r'_alarm\("([^"]+)"', source))
    assert len(kinds) > 10
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []


def test_every_test_the_documents_name_exists() -> None:
    written = {
        name for p in (PROJECT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", p.read_text())
    }
    named = {name for document in DOCUMENTS for name in re.findall(r"`(test_\w+)`", document.read_text())}
    assert len(named) > 60
    assert named - written == set()


def test_every_test_file_the_documents_name_exists() -> None:
    named = {path for document in DOCUMENTS for path in re.findall(r"`(tests/[\w/.]+)`", document.read_text())}
    assert [path for path in sorted(named) if not (PROJECT / path).exists()] == []
