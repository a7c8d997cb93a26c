"""What commands print to narrow terminals, pipes and programs."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.markup import render
from typer.main import get_command
from typer.testing import CliRunner, Result

from agr.cli.main import app
from agr.domain.moments import MomentState
from agr.domain.plan import Reason, ReasonKind
from agr.settings import load
from agr.store import day
from tests.builders.stores import migrated
from tests.builders.worlds import NOW

ALARM = "north-grid.example rejected the D-Prognosis: [register] under repair until tomorrow morning at half past nine"
RESULT = "cro.example answered: 323 connections at 13 congestion points (323 joined, 0 left, 0 moved)"
PERIOD_DAY = NOW.date() + timedelta(days=1)
PERIOD = str(PERIOD_DAY)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and a store, in which a few things have happened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    assert agr("init", ".").exit_code == 0
    settings = load(tmp_path / "agr.toml")
    store = migrated(settings.store_url)
    with store.transaction() as tx:
        day.moment_done(tx, NOW.date() + timedelta(days=1), "retention_job", NOW - timedelta(days=3), "deleted nothing")
        day.moment_done(tx, NOW.date() + timedelta(days=1), "portfolio_query", NOW, RESULT)
        day.moment_done(
            tx, NOW.date() + timedelta(days=1), "day_ahead_gate", NOW, "+0.000 MWh net (no plan before the gate)",
            MomentState.MISSED,
        )  # fmt: skip
        day.raise_alarm(tx, "prognosis rejected", "ea1.2024-01.example.north-grid:cp-001", ALARM, NOW)
        day.put_trigger(tx, NOW.date(), Reason(kind=ReasonKind.FIRST_PLAN), NOW)
    store.close()
    return tmp_path


def agr(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def piped(folder: Path, *arguments: str) -> str:
    """Run a command with its output in a pipe."""
    command = [sys.executable, "-m", "agr.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=120).stdout


def on_terminal(folder: Path, *arguments: str, columns: int = 80, command: list[str] | None = None) -> str:
    """Run a command of ours, or any, on a terminal of its own."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    command = command or [sys.executable, "-m", "agr.cli.main", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs, stdin=theirs, env=environment):
        os.close(theirs)
        text = b""
        try:
            while chunk := os.read(ours, 65536):
                text += chunk
        except OSError:  # Linux says so when the other end is closed
            pass
    os.close(ours)
    return text.decode()


def test_status_cuts_no_words_in_a_pipe(folder: Path) -> None:
    text = piped(folder, "status", "--period", PERIOD)
    for whole in (RESULT, ALARM, "prognosis_last_safe_start", "[ea1.2024-01.example.north-grid:cp-001]"):
        assert any(whole in line for line in text.splitlines()), whole
    assert "\x1b[" not in text


def test_status_cuts_no_words_on_a_terminal_of_80_columns(folder: Path) -> None:
    text = on_terminal(folder, "status", "--period", PERIOD)
    words = {word.strip("│┃ \r\n") for line in text.splitlines() for word in line.replace("│", " ").split()}
    whole = {"prognosis_last_safe_start", "ea1.2024-01.example.north-grid:cp-001", *RESULT.split(), *ALARM.split()}
    assert {w for w in whole if not any(w in word for word in words)} == set()
    assert "…" not in text


def test_status_is_json_for_programs(folder: Path) -> None:
    found = json.loads(piped(folder, "status", "--period", PERIOD, "--json"))
    states = {moment["name"]: moment["state"] for moment in found["moments"]}
    assert (found["period"], found["isps"], found["time_zone"]) == (PERIOD, 92, "Europe/Amsterdam")
    assert states["portfolio_query"] == "done"
    assert states["day_ahead_gate"] == "missed", "a gate that passed without a plan is no success"
    assert found["alarms"][0]["text"] == ALARM
    assert found["moments"][0]["at"].endswith(("+01:00", "+02:00"))


def test_the_version_is_printed(folder: Path) -> None:
    assert piped(folder, "--version").startswith("agr 0.")


def test_the_log_has_colours_on_a_terminal_only(folder: Path) -> None:
    script = "from agr.operations import log; import structlog; log.configure(); structlog.get_logger().info('it.runs')"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert "it.runs" in done.stderr
    assert "\x1b[" not in done.stderr
    shown = on_terminal(folder, command=command)
    assert "it.runs" in shown
    assert "\x1b[" in shown


def test_what_is_printed_for_people_is_printed_as_it_is() -> None:
    text = "ea1.2024-01.example.dso:smile: [bold]register[/bold] " + "long " * 50
    script = f"from agr.cli.terminal import complain, print_whole, say; say({text!r}); complain({text!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{text}\n", f"agr: {text}\n")


def test_json_has_neither_markup_nor_what_is_no_json() -> None:
    found = {"text": ":smile: [bold] é", "value": float("nan"), "day": "2026-03-29"}
    script = f"from agr.cli.terminal import print_json; nan = float('nan'); print_json({found!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout.decode()) == found | {"value": None}


def test_no_word_of_a_help_text_is_taken_for_markup() -> None:
    def texts(command: object, path: str) -> Iterator[tuple[str, str]]:
        yield path, getattr(command, "help", None) or ""
        for option in getattr(command, "params", ()):
            yield f"{path} {option.name}", getattr(option, "help", None) or ""
        for name, inner in getattr(command, "commands", {}).items():
            yield from texts(inner, f"{path} {name}")

    found = dict(texts(get_command(app), "agr"))
    assert len(found) > 200
    assert [path for path, text in found.items() if render(text).plain != text] == []
