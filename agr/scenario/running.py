"""Runs a scenario: one day after another, each starting from the states in which the day before left its resources."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path

from agr.domain.errors import InputError, TableError
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.planning.failed_cases import FailedCases
from agr.planning.pool import SolverPool
from agr.planning.ports import Solver
from agr.scenario.cash_audit import cash_audit
from agr.scenario.change_expression import slug
from agr.scenario.day import Step, play
from agr.scenario.description import periods_between
from agr.scenario.forecasts_told import forecasts_told
from agr.scenario.reaction_told import reaction_told
from agr.scenario.record import Run, record
from agr.scenario.saved_by_rolling import saved
from agr.scenario.scenario import Scenario
from agr.scenario.selling import Sold
from agr.scenario.table_frames import known_of
from agr.settings import Planning
from agr.settings.expected_sessions import ExpectedSessions

ReportProgress = Callable[[int, int, str], None]
"""Called with (plans done, plans expected, the current step)."""


RUNS = Path("runs")
"""Folder to which runs are written unless another is given."""

_UNTOLD = {"join_triggers_s", "stale_portfolio", "workers", "failed_cases_folder", "failed_cases_kept"}
"""Planning settings that have no influence on the outcome of a scenario."""

_SIGNS = {"+": "plus", "-": "minus", "*": "times", "=": "set"}


def silent(_done: int, _all: int, _what: str) -> None:
    """Report no progress."""


@contextmanager
def solver_of(planning: Planning, executor: str = "local") -> Iterator[SolverPool]:
    """Yield a pool of solver processes and end them; `executor` as in the setting compute.executor."""
    solver = SolverPool(planning, executor, FailedCases.of(planning, RUNS))
    try:
        yield solver
    finally:
        solver.close()


def parse_day(text: str) -> date:
    """Read `2025-01-20`; raises InputError."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(f"{text!r} is not a Period; write 2025-01-20 or 2025-01-20..2025-01-26") from error


def days_between(text: str, zone: str, isp_minutes: int) -> tuple[Period, ...]:
    """Read `2025-01-20` or `2025-01-20..2025-01-26`; raises InputError."""
    first, dots, last = text.partition("..")
    begin, end = parse_day(first), parse_day(last if dots else first)
    if end < begin:
        raise InputError(f"{text!r}: the last Period is before the first")
    return periods_between(Period(begin, zone, isp_minutes), end)


def parse_periods(text: str, scenario: Scenario) -> tuple[Period, ...]:
    """Read one day or `FIRST..LAST` in the scenario's time zone; raises InputError."""
    return days_between(text, scenario.description.zone, scenario.description.isp_minutes)


def chosen_periods(text: str | None, scenario: Scenario) -> tuple[Period, ...] | None:
    """Read the Periods of an option; None where it is not given, which means those of the scenario."""
    return parse_periods(text, scenario) if text else None


def require_data(scenario: Scenario, periods: tuple[Period, ...]) -> None:
    """Raise TableError naming every Period to run for which the scenario has no forecasts."""
    following = any(scenario.register.of(kind.row) for kind in KINDS if kind.follows)
    lacking = [p for p in periods if following and p.day not in scenario.forecasts]
    days = ", ".join(str(day) for day in sorted(scenario.forecasts))
    if lacking:
        raise TableError([f"{p}: {scenario.name} has no forecasts of this day; it has {days}" for p in lacking])


def run(
    scenario: Scenario,
    *,
    periods: tuple[Period, ...] | None = None,
    solver: Solver | None = None,
    progress: ReportProgress = silent,
) -> Run:
    """Run a scenario's Periods and return the run. Raises PlanError when a problem cannot be stated or solved."""
    if solver is None:
        with solver_of(scenario.description.planning) as pool:
            return run(scenario, periods=periods, solver=pool, progress=progress)
    wanted = periods or scenario.description.periods()
    began, started = datetime.now(UTC), time.monotonic()
    sold = list[Sold]()
    steps = plans_of(scenario, wanted, solver, progress, sold)
    log = {"started_at": began.isoformat(timespec="seconds"), "total_s": round(time.monotonic() - started, 3)}
    name = run_name(scenario.name, scenario.changes)
    made = record(name, steps, known_of(scenario.register), head_of(scenario, wanted), log)
    if scenario.description.planning.rolling.on:
        rolled = saved(scenario, steps, lambda still: plans_of(still, wanted, solver), solver)
        told = asdict(rolled) | {"saved_eur": rolled.saved_eur}
        made = replace(made, outcome=made.outcome | {"rolling": told})
    if sold:
        made = replace(
            made, outcome=made.outcome | {"sold": [asdict(one) | {"limits": list(one.limits)} for one in sold]}
        )
    if scenario.description.markets.imbalance.reaction.on:
        told = reaction_told(scenario, steps, lambda still: plans_of(still, wanted, solver))
        made = replace(made, outcome=made.outcome | {"reaction": told})
    if scenario.description.forecasts is not None:
        made = replace(made, outcome=made.outcome | {"forecasts": forecasts_told(scenario, steps, solver)})
    cash = cash_audit(scenario, steps)
    told = asdict(cash) | {"findings": list(cash.findings)}  # as it is read again from outcome.json
    return replace(made, outcome=made.outcome | {"cash": told})


def plans_of(
    scenario: Scenario, periods: tuple[Period, ...], solver: Solver, progress: ReportProgress = silent,
    sold: list[Sold] | None = None,
) -> list[Step]:  # fmt: skip
    """Return every plan, Period by Period; each Period starts from the states that the one before left.

    What comes of requests for flexibility is added to `sold`.
    """
    require_data(scenario, periods)
    steps: list[Step] = []
    expected = sum(2 + _events_on(scenario, period) for period in periods)
    progress(0, expected, f"{periods[0]} first plan")
    for step in play(scenario, periods, solver, sold):
        steps.append(step)
        progress(len(steps), expected, f"{step.period} {step.reasons[0].kind.value}")
    return sorted(steps, key=lambda step: (step.period.day, step.number))


def _events_on(scenario: Scenario, period: Period) -> int:
    described = scenario.description
    every = described.planning.rolling.every_minutes
    regular = ceil((period.end - period.start) / timedelta(minutes=every)) if every else 0
    return regular + sum((event.period or described.period) == period.day for event in described.events)


def run_name(name: str, changes: Sequence[str]) -> str:
    """Return a name for a run that states its changes and is a valid folder name."""
    return "+".join([name, *(slug(_told(change)) for change in changes)])[:120]


def _told(change: str) -> str:
    """Return a change with its operator as a word; other signs belong to names."""
    path, equals, value = change.replace("%", "pc").partition("=")
    sign, rest = (value[:1], value[1:]) if value[:1] in _SIGNS else ("", value)
    return f"{path} {_SIGNS.get(sign, '')} {rest.replace('-', 'minus ')}" if equals else change


def described_changes(settings: Sequence[str], without: Sequence[str]) -> tuple[str, ...]:
    """Return changes as written in outcomes."""
    return (*(f"without {text}" for text in without), *settings)


def head_of(scenario: Scenario, periods: tuple[Period, ...]) -> dict[str, object]:
    """Return the facts at the start of an outcome: scenario, days, changes, inputs and settings."""
    described = scenario.description
    planning = described.planning
    return {
        "scenario": scenario.name,
        "title": described.title,
        "question": described.question,
        "zone": described.zone,
        "isp_minutes": described.isp_minutes,
        "periods": [str(period) for period in periods],
        "changes": list(scenario.changes),
        "seed": described.seed,
        "resources": scenario.resources,
        "solving": planning.model_dump(mode="json", exclude=_UNTOLD | _off(planning)),
        "inputs_sha256": dict(scenario.hashes),
        "doubts": list(scenario.warnings),
    }


def _off(planning: Planning) -> set[str]:
    """Return the settings that have no effect because the feature they belong to is off."""
    on = {
        "rolling": planning.rolling.on,
        "sessions": planning.sessions != ExpectedSessions(),
        "promises": planning.promises.on,
    }
    return {name for name, is_on in on.items() if not is_on}


def resized(scenario: Scenario, workers: int) -> Scenario:
    """Return the scenario with `workers` solver processes of one thread each."""
    planning = scenario.description.planning.model_copy(update={"workers": workers, "threads": 1})
    return replace(scenario, description=scenario.description.model_copy(update={"planning": planning}))
