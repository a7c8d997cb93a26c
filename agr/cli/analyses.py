"""replay, compare, sweep, backtest: what changes, what it is worth. Heavy imports are inside the commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, JsonOption, PlanOption, plan_of
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
    from agr.planning.ports import Solver
    from agr.scenario.scenario import Scenario


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    for command in (replay, compare, sweep, backtest):
        app.command()(command)


def replay(
    plan: Annotated[int | None, typer.Argument(help="Number of the plan, as `agr status` shows it.")] = None,
    plan_: PlanOption = None,
    set_: SetOption = None,
    without: WithoutOption = None,
    config: ConfigOption = DEFAULT,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = Path("runs"),
    report: ReportOption = True,
    json: JsonOption = False,
) -> None:
    """Rerun a plan of the daemon from its stored case, exactly or with changes."""
    from agr.scenario.comparison import compare as compare_runs
    from agr.scenario.rendering import comparison_tables
    from agr.scenario.replaying import replay_from

    with in_words():
        found = replay_from(config, plan_of(plan, plan_), set_ or (), without or ())
        saved = save_run(found.rerun, out_folder / found.rerun.name, report=report)
        save_run(found.stored, out_folder / found.stored.name, report=report)
    if json:
        print_json(found.rerun.outcome | {"exact": found.exact, "remark": found.remark})
    else:
        show_run(found.rerun, saved, as_json=False)
        if found.rerun.outcome["changes"]:
            for part in comparison_tables(compare_runs([found.stored, found.rerun])):
                print_whole(part)
        elif found.exact:
            say("identical to the original plan, to the last bit")
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
        print_json(found.json())
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
    """Run every combination of a grid, in parallel; run again, it resumes where it stopped."""
    from agr.scenario.rendering import frame_table
    from agr.scenario.running import chosen_periods
    from agr.scenario.sweeping import read_grid
    from agr.scenario.sweeping import sweep as sweep_grid

    with in_words():
        _, scenario = read_changed(name, set_, without)
        folder = out_folder or Path("runs") / f"{scenario.name}-sweep"
        periods = chosen_periods(period, scenario)
        stopped = f"the same command resumes from the finished ones in {folder}"
        with progress(stopped) as bar, _cluster(cluster, scenario) as solver:
            found = sweep_grid(
                scenario, read_grid(grid), periods=periods, folder=folder, workers=workers, solver=solver, progress=bar
            )
    if json:
        print_json(found.table.astype(object).where(found.table.notna(), None).to_dict("records"))
    else:
        columns = [*read_grid(grid), "objective_eur", "flexibility_eur", "gap_eur", "error"]
        print_whole(frame_table(f"{scenario.name}, EUR", found.table.reindex(columns=columns)))
        say(f"{number_of(len(found.table), 'combination')}, {found.reused} of them from an earlier sweep, in {folder}")
    if found.failed:
        complain(f"{number_of(found.failed, 'combination has', 'combinations have')} no figures; see the column error")
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
    from agr.scenario.rendering import SOURCES, frame_table
    from agr.scenario.running import chosen_periods

    with in_words():
        _, scenario = read_changed(name, set_, without)
        with progress() as bar:
            found = test_back(scenario, periods=chosen_periods(period, scenario), progress=bar)
        if out_file is not None:
            out_file.parent.mkdir(parents=True, exist_ok=True)
            found.days.to_parquet(out_file)
    if json:
        print_json({"days": found.days.to_dict("records"), "totals": found.totals, "warnings": list(found.warnings)})
        return
    shown = found.days.rename(columns={"no_flexibility_eur": "nobody_steers_eur"})
    print_whole(frame_table(f"{found.name}: EUR, earned positive", shown.drop(columns=list(SOURCES))))
    lost = found.days[["period", *SOURCES]].rename(columns=SOURCES)
    print_whole(frame_table("What perfect foresight has more, EUR, by source; and what is not proven (gap)", lost))
    totals = found.totals
    say(
        f"flexibility was worth {totals['flexibility_eur']:z,.2f} EUR ({totals['markets_eur']:z,.2f} more than the "
        f"simple rule); a perfect forecast would add {totals['forecast_eur']:z,.2f} EUR"
    )
    for warning in found.warnings:
        tell(f"warning: {warning}")
