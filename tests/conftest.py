"""Fixtures for several packages: counterparties, and a PostgreSQL server and a browser if installed."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agr.cli.main import COLLECT_EVERY
from agr.demo.counterparties import Counterparty
from agr.demo.environment import counterparty_python
from agr.store.scratch import scratch_folder
from tests.builders.answers import SHARED
from tests.builders.once import AUTHORITIES, compile_statements_once, trusting_nobody
from tests.builders.postgres import postgres_bin, postgres_server
from tests.builders.tools import browser_path, lacking
from tests.day.parties import Parties

PROJECT = Path(__file__).parents[1]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

LONGEST = (
    "demo/test_shipped_days", "torture/test_crash_safety", "web/test_page", "web/test_page_of_the_day",
    "project/test_worked_examples", "scenario/test_running", "models/test_false_proofs", "benchmarks/test_instances",
    "day/test_both_ways", "models/test_replan", "scenario/test_against_monolith", "web/test_register_in_browser",
    "models/test_executors", "day/test_small_day", "models/test_decomposition", "scenario/test_empty_sets",
    "models/test_whole_bids", "models/test_lone_bids", "planning/case_audit/test_stores_and_runs",
    "models/test_mixtures", "operations/test_disk", "models/test_formulation_invariants",
    "models/test_formulation_oracle", "scenario/test_looking_ahead", "scenario/test_over_midnight",
    "store/test_store", "history/test_thirty_days", "demo/test_first_own_day", "planning/test_one_transaction",
    "scenario/test_sweeps_and_backtests", "models/test_switched", "scenario/test_calm_plans", "models/test_sampling",
    "web/test_api", "trading/test_offers_bind_plans", "models/test_activations",
    "scenario/test_worth_of_what_is_left", "day/test_sent_again", "operations/test_backup",
    "scenario/test_documented_example", "scenario/test_commands", "demo/test_counterparty_messages",
    "models/test_storage_responses", "day/test_agreed_with_dsos", "nomination/test_brp_page",
    "scenario/test_imbalance_reaction", "models/test_compiled", "models/test_index_bounds",
    "torture/test_killed_dispatch", "history/test_where_it_is_seen", "planning/test_reserve_while_offered",
    "web/test_forecast_page", "models/test_connection_limits", "planning/test_pool", "web/test_flex_pages",
    "planning/test_promises_by_probability", "demo/test_dispatch_to_stations", "scenario/test_minimum_power",
    "planning/test_promised_points", "web/test_execution_page", "models/test_limits_in_parts", "scenario/test_replay",
    "forecasting/test_inputs", "cli/test_quick_start", "torture/test_killed_trading", "torture/test_hot_standby",
)  # fmt: skip
"""Files that take the most processor time or wait the longest, the first ones most."""


START_MS = 120_000
"""How long a browser may take to start, and a page to show what is waited for: a guard, on however busy a machine."""

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

MEMORY, ROOM = Path("/dev/shm"), 8 * 2**30
"""Where stores of tests are kept if so many bytes are free: a transaction waits for a disk, not for memory."""


_answers = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is plenty of it, unless told where to keep them.

    Test processes of one run keep the answers of their solvers for one another. None searches for garbage while it
    imports and collects, when there is hardly any.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):  # else others collect
        gc.disable()
    compile_statements_once()
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    if SHARED not in os.environ:
        root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
        folder = _answers.enter_context(scratch_folder("answers", Path(root) if root else None))
        _answers.callback(os.environ.pop, SHARED, None)
        os.environ[SHARED] = str(folder)
        if AUTHORITIES not in os.environ:
            _answers.callback(os.environ.pop, AUTHORITIES, None)
            os.environ[AUTHORITIES] = str(trusting_nobody(folder))


def pytest_unconfigure() -> None:
    """Remove what this process has made for all of them."""
    _answers.close()


def pytest_xdist_auto_num_workers() -> int:
    """One test process more than cores: half of the time is waiting for daemons, counterparties and a browser."""
    return 1 + (os.cpu_count() or 1)


def pytest_collection(session: pytest.Session) -> None:
    """Let each process of a run import another part of the tests first: what one has compiled, the others only read.

    In a fresh copy all of them would else compile the same file at the same time, each for itself.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    named = [Path(arg.partition("::")[0]).absolute() for arg in session.config.args]
    files = sorted(file for path in named for file in ([path] if path.is_file() else path.rglob("test_*.py")))
    first = int(worker["workerid"].removeprefix("gw")) * len(files) // int(worker["workercount"])
    for file in files[first:] + files[:first]:
        with suppress(Exception, pytest.skip.Exception):  # raised again, and said, where the file is collected
            _ = pytest.Module.from_parent(session, path=file).obj


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: begun last, one would keep a single worker busy while the others have ended."""
    places = {f"{PROJECT / 'tests' / name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))


def pytest_collection_finish() -> None:
    """Search no longer for garbage in what was imported: half a million objects that all tests of a process need.

    And search as rarely as the daemon does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
    gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    if postgres_bin() is None:
        lacking("PostgreSQL's server", "apt-get install postgresql")
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def python() -> Path:
    return counterparty_python(PROJECT / ".venv-counterparty")


@pytest.fixture(scope="session")
def parties(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    logs = tmp_path_factory.mktemp("counterparties")
    with ExitStack() as stack:
        started = [
            stack.enter_context(Counterparty(python, role=role, domain=domain, log=logs / f"{domain}.log"))
            for role, domain in (
                ("CRO", "cro.example"),
                ("DSO", "north-grid.example"),
                ("DSO", "south-grid.example"),
            )
        ]
        yield Parties(*started)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A headless Chromium; closed with its module, because the event loop it runs on would be in others' way."""
    from playwright.sync_api import sync_playwright

    path = browser_path()
    if path is None:
        lacking("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=START_MS)
        opened.on("context", lambda context: context.set_default_timeout(START_MS))
        yield opened
        opened.close()
