"""The documents agree with the code: commands, files, links, sections, names."""

import re
from datetime import date
from pathlib import Path

import pytest

from agr.cli.forecasts import forecast_app
from agr.cli.keys import keys_app
from agr.cli.main import app
from agr.cli.readings import readings_app
from agr.cli.scenario import scenario_app
from agr.cli.tables import connections_app
from agr.cli.trades import trades_app
from agr.domain.isp import Period
from agr.planning.promises import KINDS as PROMISES
from agr.scenario.description import Description
from agr.scenario.tidy_tables import TABLES
from agr.schedule.moments import moments_of
from agr.settings import Settings
from models.decomposition.protocols import Steps
from models.decomposition.tuning import DEFAULT

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
DOCUMENTS = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "models" / "README.md",
    PROJECT / "benchmarks" / "README.md",
    PROJECT / "benchmarks" / "measurements.md",
    *sorted(DOCS.rglob("*.md")),
]
CODE = [
    *(path for room in ("agr", "models", "tests", "benchmarks") for path in sorted((PROJECT / room).rglob("*.py"))),
    PROJECT / "agr" / "settings" / "template.toml",
]
# A document, and what of it is meant: "§3.5", "§3.3 and §3.4", or the title of a section in quotation marks.
REFERENCE = re.compile(r'\b((?:docs|benchmarks)/[\w/-]+\.md)((?:(?:, | and )?\s?§[\d.]*\d)*)(?:, "([^"]+)")?')


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list[str]:
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    groups = (
        ("connections", connections_app),
        ("scenario", scenario_app),
        ("keys", keys_app),
        ("trades", trades_app),
        ("readings", readings_app),
        ("forecast", forecast_app),
    )
    named = ((group, command) for group, part in groups for command in part.registered_commands)
    return [*names, *(f"{group} {c.name or c.callback.__name__}" for group, c in named if c.callback)]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command: str) -> None:
    assert f"`agr {command}" in text_of("reference/commands.md")


def test_every_moment_of_the_day_is_documented() -> None:
    text = text_of("reference/market-day.md")
    for moment in moments_of(Settings(domain="agr.example"), Period(date(2026, 3, 29))):
        assert f"`{moment.name}`" in text


def test_every_key_and_every_table_of_a_scenario_is_documented() -> None:
    text = text_of("reference/scenarios.md")
    assert [key for key in Description.model_fields if f"`{key}`" not in text] == []
    assert [table for table in TABLES if f"`{table}.parquet`" not in text] == []


def test_every_alarm_the_code_raises_is_explained() -> None:
    text = text_of("reference/alarms.md")
    source = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "agr").rglob("*.py"))
    kinds = set(re.findall(r'raise_alarm\(\s*tx, "([^"]+)"', source)) | set(re.findall(r'_alarm\("([^"]+)"', source))
    kinds |= set(re.findall(r'AlarmChange\(kind="([^"]+)"', source)) | set(PROMISES)
    assert len(kinds) > 20
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(PROJECT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        linked = document if target == "" else document.parent / target
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors_of(linked), f"{target}#{anchor}"


def test_every_document_is_reached_from_the_index() -> None:
    index = text_of("README.md")
    missing = [
        name for path in DOCUMENTS if path.is_relative_to(DOCS) and (name := str(path.relative_to(DOCS))) not in index
    ]
    assert missing == ["README.md"]


def test_every_document_and_section_the_code_refers_to_exists() -> None:
    referred, wrong = 0, []
    for path in CODE:
        for document, numbers, title in REFERENCE.findall(path.read_text(encoding="utf-8")):
            referred += 1
            if not (PROJECT / document).exists():
                wrong.append(f"{path.relative_to(PROJECT)}: {document}")
                continue
            text = (PROJECT / document).read_text(encoding="utf-8")
            sections = [rf"^#+ {re.escape(number)}\.? " for number in re.findall(r"§([\d.]*\d)", numbers)]
            sections += [rf"^#+ {re.escape(title)}$"] if title else []
            wrong += [f"{path.relative_to(PROJECT)}: {document} {s}" for s in sections if not re.search(s, text, re.M)]
    assert wrong == []
    assert referred > 50


def test_every_test_the_documents_name_exists() -> None:
    written = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }
    named = {name for path in DOCUMENTS for name in re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8"))}
    assert len(named) > 60
    assert named - written == set()


def test_every_file_the_documents_name_exists() -> None:
    """Paths in code marks that begin with a room of the project; worked examples also write files of their own."""
    rooms = r"`((?:agr|models|tests|benchmarks|docs|deploy|scenarios)/[\w/.-]*)`"
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    named = {path for text in texts for path in re.findall(rooms, text)}
    made = {path for text in texts for path in re.findall(r"^```python (\S+)$", text, re.MULTILINE)}
    made |= {f"{path.rpartition('/')[0]}/" for path in made}
    assert len(named) > 20
    assert [path for path in sorted(named - made) if not (PROJECT / path).exists()] == []


def test_every_make_target_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert named - targets == set()


def test_every_room_is_named_in_the_readme() -> None:
    """Every package directly below agr/, as `agr/ROOM/`."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (PROJECT / "agr").glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`agr/{room}/`" not in text] == []


def test_the_explanation_of_the_decomposition_names_its_steps_and_its_numbers() -> None:
    text = " ".join(text_of("explanation/optimisation.md").split())
    steps = [
        name for name in vars(Steps) if name.startswith(("first", "search", "generate", "solve", "settle", "recov"))
    ]
    assert len(steps) == 6
    assert [step for step in steps if f"(`{step}`" not in text and f", `{step}`)" not in text] == []
    cycles, sampling = DEFAULT.cycles, DEFAULT.sampling
    for words in (
        f"From {sampling.large * sampling.units:,.0f} units on, a *sample* of some {sampling.units:,} units",
        f"(with a factor of {cycles.first_step:g})",
        f"begin with a factor of {cycles.later_step:g}.",
        f"it has {cycles.least_rounds} to {cycles.most_rounds} rounds of search",
        f"at most {cycles.search_rounds} rounds, and at most {cycles.generation_rounds} of generation",
    ):
        assert words in text


def test_every_file_that_names_a_market_of_single_points_is_in_the_how_to() -> None:
    """Limits and announced programs stand for all such markets; their own packages and the audit name them anyway."""
    page = text_of("how-to/add-a-market.md")
    own = ("models/markets/", "models/audit/", "models/case.py")
    naming = {
        name
        for path in CODE
        if (name := path.relative_to(PROJECT).as_posix()).startswith(("models/", "agr/")) and not name.startswith(own)
        if re.search(r"\bcase\.limits\b|\banchor=", path.read_text(encoding="utf-8"))
    }
    assert len(naming) > 5
    assert [name for name in sorted(naming) if f"`{name}`" not in page] == []
