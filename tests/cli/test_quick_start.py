"""Light commands import no heavy modules, so that they answer at once."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.isp import SystemClock
from agr.operations import commands
from agr.settings import load
from agr.store.engine import Store
from tests.builders.plans import planned

ALWAYS_HEAVY = {
    "models", "numba", "scipy", "pyomo", "highspy", "numpy", "pandas", "pyarrow", "lxml", "alembic", "apscheduler",
    "pydantic_settings", "structlog", "fastapi", "starlette", "uvicorn", "jinja2", "distributed", "argon2", "dns",
    "cryptography", "prometheus_client", "psycopg", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "tenacity",
    "threadpoolctl", "multiprocessing", "rich.traceback", "agr.planning", "agr.service", "agr.web",
}  # fmt: skip
STORE, SETTINGS, HTTP = {"sqlalchemy", "sqlite3", "asyncio"}, {"pydantic", "agr.settings"}, {"httpx", "ssl"}
KEYS, YAML, PLANS = {"nacl", "agr.uftp"}, {"yaml"}, {"agr.store.plans", "agr.domain.plan"}
HELP = ALWAYS_HEAVY - {"rich.traceback"}  # typer's pages of help import it
LIGHT = {
    ("--help",): HELP | STORE | SETTINGS | HTTP | KEYS | YAML | PLANS,
    ("scenario", "--help"): HELP | STORE | HTTP | KEYS | YAML | PLANS | {"agr.settings"},
    ("scenario", "list"): ALWAYS_HEAVY | STORE | HTTP | KEYS | PLANS,
    ("alarms",): ALWAYS_HEAVY | STORE | KEYS | YAML | PLANS,
    ("status",): ALWAYS_HEAVY | {"httpx"} | KEYS | YAML,
    ("check",): ALWAYS_HEAVY | {"httpx"} | YAML | PLANS,
}
"""Command → what it may not import."""
IMPORTED = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write("\\n" + json.dumps(sorted(sys.modules))))
from agr.cli.main import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A daemon's folder without a store: what opens it first makes it."""
    done = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert done.exit_code == 0, done.output
    return tmp_path


def imported_by(command: tuple[str, ...], folder: Path) -> set[str]:
    """Return the modules that a command imports."""
    named = {name: value for name, value in os.environ.items() if not name.startswith(("AGR_", "COV_"))}
    environment = named | {"AGR_TOKEN": "a-token", "AGR_URL": "http://127.0.0.1:9"}  # nobody answers at that port
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *command], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@dataclass
class _Planned:
    """A store with a plan in force for tomorrow."""

    store: Store
    clock: SystemClock


def test_status_of_a_day_that_is_planned_imports_nothing_heavy_either(folder: Path) -> None:
    settings = load(folder / "agr.toml")
    store, period = commands.open_store(settings), commands.next_period(settings)
    planned(_Planned(store, SystemClock()), (0.0,) * period.isp_count, period)
    store.close()
    imported = imported_by(("status",), folder)
    assert imported & LIGHT["status",] == set()


def test_check_of_a_register_imports_nothing_heavy_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (("init", ".", "--example"), ("import", "tables")):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    assert imported_by(("check",), tmp_path) & LIGHT["check",] == set()


@pytest.mark.parametrize("command", LIGHT, ids=" ".join)
def test_a_command_that_only_looks_imports_nothing_heavy(command: tuple[str, ...], folder: Path) -> None:
    imported = imported_by(command, folder)
    assert "typer" in imported
    assert imported & LIGHT[command] == set()


def test_the_analysts_side_offers_its_functions_without_importing_them() -> None:
    listed = "import sys; from agr import scenario; print('run' in dir(scenario), 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_the_analysts_side_imports_a_function_on_first_use() -> None:
    from agr import scenario

    assert scenario.run.__module__ == "agr.scenario.api"
    assert set(scenario.__all__) <= set(dir(scenario))
    with pytest.raises(AttributeError, match=r"module \'agr\.scenario\' has no attribute \'runs\'"):
        _ = scenario.runs


def test_the_daemon_leaves_the_modeller_and_its_statistics_to_its_workers() -> None:
    """Pyomo, and what it imports of SciPy, cost a second and 60 MB in the process that answers the market.

    What cuts parts out of a portfolio costs half a second more, and is imported once there is a plan to cut.
    """
    script = "import agr.service.daemon, sys; print(*sys.modules); import models.audit, models.evaluation; "
    script += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    at_start, with_plans = (set(line.split()) for line in done.stdout.splitlines())
    assert "models.evaluation" in with_plans
    assert not {"pyomo", "scipy.stats", "pandas"} & with_plans
    assert "agr.planning.incremental" in at_start
    assert not {"numba", "scipy", "highspy", "models.decomposition", "lightgbm", "distributed"} & at_start
