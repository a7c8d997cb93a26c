"""The analysts' commands: parse, call, print. Heavy imports are inside the commands that need them."""

import json as text_of
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agr.cli.terminal import complain, err, in_words, out, print_whole

if TYPE_CHECKING:
    from agr.planning.ports import Solver
    from agr.scenario.record import Run
    from agr.scenario.running import Progress
    from agr.scenario.scenario import Scenario

scenario_app = typer.Typer(no_args_is_help=True, help="Scenarios: list, show, validate, run, import.")

NameArgument = Annotated[str, typer.Argument(help="Name of a scenario below scenarios/, or a folder.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="A change, e.g. markets.afrr_down.price=+20%.")]
WithoutOption = Annotated[list[str] | None, typer.Option("--without", help="Leave out, e.g. reservation:FO-1.")]
PeriodsOption = Annotated[str | None, typer.Option("--period", help="2025-01-20, or 2025-01-20..2025-01-26.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
ReportOption = Annotated[bool, typer.Option(help="Write report.html beside the tables.")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(scenario_app, name="scenario")
    for command in (replay, compare, sweep, backtest):
        app.command()(command)


@contextmanager
def progress() -> "Iterator[Progress]":
    """Show a progress bar on a terminal, and nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what: bar.update(task, completed=done, total=max(total, done), description=what)


def _print_json(value: Any) -> None:
    typer.echo(text_of.dumps(value, indent=1, ensure_ascii=False))


def _read(name: str, settings: list[str] | None, without: list[str] | None) -> "tuple[Path, Scenario]":
    from agr.scenario.changes import changed
    from agr.scenario.folder import read_scenario
    from agr.scenario.places import find_folder

    folder = find_folder(name)
    return folder, changed(read_scenario(folder), settings or (), without or ())


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
        folder, scenario = _read(name, None, None)
    for part in scenario_overview(scenario, folder):
        print_whole(part)


@scenario_app.command()
def validate(name: NameArgument) -> None:
    """Check a scenario; print every fault with its file, its line and what was expected."""
    with in_words():
        _, scenario = _read(name, None, None)
    for warning in scenario.warnings:
        err.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    out.print(f"{scenario.name}: {scenario.resources:,} resources, no faults", highlight=False)


@scenario_app.command()
def schema() -> None:
    """Print the JSON schema of scenario.yaml, for editors."""
    from agr.scenario.description import Description

    _print_json(Description.model_json_schema())


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
    from agr.scenario.running import parse_periods, solver_of
    from agr.scenario.running import run as run_scenario

    with in_words():
        folder, scenario = _read(name, set_, without)
        periods = parse_periods(period, scenario) if period else None
        planning = scenario.description.planning
        with solver_of(planning, _executor(executor)) as solver, progress() as bar:
            made = run_scenario(scenario, periods=periods, solver=solver, progress=bar)
        saved = _save(made, out_folder or Path("runs") / made.name, report=report)
        lacking = _lacking(made, folder) if not made.outcome["changes"] and periods is None else []
    _show(made, saved, as_json=json)
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


def _save(made: "Run", folder: Path, *, report: bool) -> Path:
    saved = made.save(folder)
    if report:
        from agr.scenario.reports.page import write_report

        write_report([made], saved / "report.html")
    return saved


def _lacking(made: "Run", folder: Path) -> list[str]:
    from agr.scenario.expected import disappointments, expectation

    return disappointments(expectation(folder), made.outcome)


def _show(made: "Run", saved: Path, *, as_json: bool) -> None:
    from agr.scenario.rendering import run_tables

    if as_json:
        _print_json(made.outcome)
        return
    for part in run_tables(made):
        print_whole(part)
    out.print(f"results in {saved}", highlight=False, soft_wrap=True)


def replay(
    plan: Annotated[int, typer.Argument(help="Number of the plan, as `agr status` shows it.")],
    set_: SetOption = None,
    without: WithoutOption = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="AGR_CONFIG")] = Path(
        "agr.toml"
    ),
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = Path("runs"),
    report: ReportOption = True,
    json: JsonOption = False,
) -> None:
    """Rerun a plan of the daemon from its stored case, exactly or with changes."""
    from agr.scenario.comparison import compare as compare_runs
    from agr.scenario.rendering import comparison_tables
    from agr.scenario.replaying import replay_from

    with in_words():
        found = replay_from(config, plan, set_ or (), without or ())
        saved = _save(found.rerun, out_folder / found.rerun.name, report=report)
        _save(found.stored, out_folder / found.stored.name, report=report)
    if json:
        _print_json(found.rerun.outcome | {"exact": found.exact, "remark": found.remark})
    else:
        _show(found.rerun, saved, as_json=False)
        if found.rerun.outcome["changes"]:
            for part in comparison_tables(compare_runs([found.stored, found.rerun])):
                print_whole(part)
        elif found.exact:
            out.print("identical to the original plan, to the last bit")
    if found.remark:
        complain(f"not identical to the original plan: {found.remark}")
        raise typer.Exit(1)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs; the others are compared with the first.")],
    report: Annotated[Path | None, typer.Option("--report", help="Write the comparison as an HTML file.")] = None,
    json: JsonOption = False,
) -> None:
    """Compare runs: value by market, positions, peaks per congestion point, differing ISPs."""
    from agr.scenario.comparison import compare as compare_runs
    from agr.scenario.record import open_run
    from agr.scenario.rendering import comparison_tables

    with in_words():
        opened = [open_run(folder) for folder in runs]
        found = compare_runs(opened)
        if report is not None:
            from agr.scenario.reports.page import write_report

            write_report(opened, report)
    if json:
        _print_json(found.json())
        return
    for part in comparison_tables(found):
        print_whole(part)


def sweep(
    name: NameArgument,
    grid: Annotated[list[str], typer.Option("--grid", help="Values to combine, e.g. batteries=0,500,1000.")],
    set_: SetOption = None,
    without: WithoutOption = None,
    period: PeriodsOption = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the results; default: runs/NAME-sweep.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of solver processes.")] = 2,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to solve on.")] = None,
    json: JsonOption = False,
) -> None:
    """Run every combination of a grid, in parallel; run again, resume where it stopped."""
    from agr.scenario.rendering import frame_table
    from agr.scenario.running import parse_periods
    from agr.scenario.sweeping import read_grid
    from agr.scenario.sweeping import sweep as sweep_grid

    with in_words():
        _, scenario = _read(name, set_, without)
        folder = out_folder or Path("runs") / f"{scenario.name}-sweep"
        periods = parse_periods(period, scenario) if period else None
        try:
            with _cluster(cluster, scenario) as solver, progress() as bar:
                found = sweep_grid(
                    scenario, read_grid(grid), periods=periods, folder=folder, workers=workers, solver=solver,
                    progress=bar,
                )  # fmt: skip
        except KeyboardInterrupt:
            complain(f"stopped; the same command resumes from the finished ones in {folder}")
            raise typer.Exit(130) from None
    if json:
        _print_json(found.table.astype(object).where(found.table.notna(), None).to_dict("records"))
    else:
        columns = [*read_grid(grid), "objective_eur", "flexibility_eur", "gap_eur", "error"]
        print_whole(frame_table(f"{scenario.name}, EUR", found.table.reindex(columns=columns)))
        out.print(
            f"{len(found.table)} combinations, {found.reused} of them from an earlier sweep, in {folder}",
            highlight=False,
        )
    if found.failed:
        complain(f"{found.failed} combinations have no figures; see the column error")
        raise typer.Exit(1)


@contextmanager
def _cluster(address: str | None, scenario: "Scenario") -> "Iterator[Solver | None]":
    """Yield a solver on a Dask cluster, or None without an address."""
    if address is None:
        yield None
        return
    from agr.scenario.cluster import cluster_solver

    with cluster_solver(address, scenario.description.planning) as solver:
        yield solver


def backtest(
    name: NameArgument,
    set_: SetOption = None,
    without: WithoutOption = None,
    period: PeriodsOption = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Parquet file of the days.")] = None,
    json: JsonOption = False,
) -> None:
    """Compare each day's plan with perfect foresight, with no flexibility, and with a simple rule."""
    from agr.scenario.backtesting import backtest as test_back
    from agr.scenario.rendering import frame_table
    from agr.scenario.running import parse_periods

    with in_words():
        _, scenario = _read(name, set_, without)
        with progress() as bar:
            found = test_back(scenario, periods=parse_periods(period, scenario) if period else None, progress=bar)
        if out_file is not None:
            out_file.parent.mkdir(parents=True, exist_ok=True)
            found.days.to_parquet(out_file)
    if json:
        _print_json({"days": found.days.to_dict("records"), "totals": found.totals, "warnings": list(found.warnings)})
        return
    shown = found.days.rename(columns={"no_flexibility_eur": "nobody_steers_eur"})
    print_whole(frame_table(f"{found.name}: EUR, earned positive", shown))
    totals = found.totals
    out.print(
        f"flexibility was worth {totals['flexibility_eur']:,.2f} EUR ({totals['markets_eur']:,.2f} more than the "
        f"simple rule); a perfect forecast would add {totals['forecast_eur']:,.2f} EUR",
        highlight=False,
    )
    for warning in found.warnings:
        err.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)


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
            err.print(f"{kind}: {said}", markup=False, highlight=False, soft_wrap=True)
    out.print(
        f"{folder}: {scenario.resources:,} sessions; run it with `agr scenario run {folder}`",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
