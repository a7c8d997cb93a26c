"""scenario: list, show, validate, run, import. Heavy imports are inside the commands that need them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import JsonOption
from agr.cli.scenario_runs import (
    NameArgument,
    PeriodsOption,
    ReportOption,
    SetOption,
    WithoutOption,
    progress,
    read_changed,
    save_run,
    show_run,
)  # fmt: skip
from agr.cli.terminal import complain, in_words, print_json, print_whole, say, tell
from agr.domain.faults import number_of

if TYPE_CHECKING:
    from agr.scenario.record import Run

scenario_app = typer.Typer(no_args_is_help=True, help="Scenarios: list, show, validate, run, import.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(scenario_app, name="scenario")


@scenario_app.command("list")
def list_() -> None:
    """List the scenarios that can be run by name: those in ./scenarios and those of the project."""
    from agr.scenario.listing import scenarios_table
    from agr.scenario.places import all_folders, scenario_places

    folders = all_folders()
    if not folders:
        complain(f"there is no scenario in {', '.join(map(str, scenario_places()))}")
        raise typer.Exit(1)
    print_whole(scenarios_table(folders))


@scenario_app.command()
def show(name: NameArgument) -> None:
    """Show a scenario's question and contents."""
    from agr.scenario.rendering import scenario_overview

    with in_words():
        folder, scenario = read_changed(name, None, None)
    for part in scenario_overview(scenario, folder):
        print_whole(part)


@scenario_app.command()
def validate(name: NameArgument) -> None:
    """Check a scenario; print every fault with its file, its line and what was expected."""
    with in_words():
        _, scenario = read_changed(name, None, None)
    for warning in scenario.warnings:
        tell(f"warning: {warning}")
    say(f"{scenario.name}: {number_of(scenario.resources, 'resource')}, no faults")


@scenario_app.command()
def schema() -> None:
    """Print the JSON schema of scenario.yaml, for editors."""
    from agr.scenario.description import Description

    print_json(Description.model_json_schema())


@scenario_app.command()
def run(
    name: NameArgument,
    set_: SetOption = None,
    without: WithoutOption = None,
    period: PeriodsOption = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Folder of the results; default: runs/NAME.")] = None,
    executor: Annotated[
        str, typer.Option(help="Where best responses are computed: local, or dask://HOST:PORT.")
    ] = "local",
    report: ReportOption = True,
    json: JsonOption = False,
) -> None:
    """Run a scenario, with or without changes; write tidy tables and a report to a folder."""
    from agr.scenario.running import chosen_periods, solver_of
    from agr.scenario.running import run as run_scenario

    with in_words():
        folder, scenario = read_changed(name, set_, without)
        periods = chosen_periods(period, scenario)
        planning = scenario.description.planning
        with progress() as bar, solver_of(planning, _executor(executor)) as solver:
            made = run_scenario(scenario, periods=periods, solver=solver, progress=bar)
        saved = save_run(made, out_folder or Path("runs") / made.name, report=report)
        lacking = _lacking(made, folder) if not made.outcome["changes"] and periods is None else []
    show_run(made, saved, as_json=json)
    for line in lacking:
        complain(f"not as expected: {line}")
    if lacking or any(step["audit"] for step in made.steps) or made.outcome["cash"]["findings"]:
        raise typer.Exit(1)


def _executor(name: str) -> str:
    """Return the executor's name as the settings write it."""
    from pydantic import ValidationError

    from agr.domain.errors import InputError
    from agr.settings.compute import Compute

    try:
        return Compute(executor=name).executor
    except ValidationError as error:
        raise InputError(f"--executor {name}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error


def _lacking(made: "Run", folder: Path) -> list[str]:
    from agr.scenario.expected import disappointments, expectation

    return disappointments(expectation(folder), made.outcome)


@scenario_app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="New folder for the scenario.")],
    period: Annotated[str, typer.Option("--period", help="2025-01-20, or 2025-01-20..2025-01-26.")],
    day_ahead: Annotated[Path | None, typer.Option(help="Day-ahead prices, as ENTSO-E and others publish.")] = None,
    capacity: Annotated[list[Path] | None, typer.Option(help="Capacity results of regelleistung.net.")] = None,
    imbalance: Annotated[Path | None, typer.Option(help="Imbalance prices of TenneT or Elia.")] = None,
    sessions: Annotated[Path | None, typer.Option(help="A list of charging sessions.")] = None,
    sessions_from: Annotated[str | None, typer.Option(help="Day of the list that becomes the first Period.")] = None,
    country: Annotated[str, typer.Option(help="Country of the capacity prices, where a file has several.")] = "NL",
    area: Annotated[str | None, typer.Option(help="Area of the day-ahead prices, where a file has several.")] = None,
    zone: Annotated[str, typer.Option(help="The market's time zone.")] = "Europe/Amsterdam",
) -> None:
    """Build a scenario from your own downloads (CSV, JSON or XML, plain, gzipped or zipped)."""
    from agr.scenario.importing import ImportRequest, import_scenario
    from agr.scenario.running import days_between, parse_day

    with in_words():
        request = ImportRequest(
            periods=days_between(period, zone, 15), day_ahead=day_ahead, capacity=tuple(capacity or ()),
            imbalance=imbalance, sessions=sessions, country=country, area=area,
            sessions_from=parse_day(sessions_from) if sessions_from else None,
        )  # fmt: skip
        scenario, notes = import_scenario(folder, request)
    for kind, words in (("note", notes), ("warning", scenario.warnings)):
        for said in words:
            tell(f"{kind}: {said}")
    say(f"{folder}: {number_of(scenario.resources, 'session')}; run it with `agr scenario run {folder}`")
