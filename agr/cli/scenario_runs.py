"""What the analysts' commands share: options, a progress bar, scenarios with changes, saving and showing runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.terminal import complain, err, print_json, print_whole, say

if TYPE_CHECKING:
    from agr.scenario.record import Run
    from agr.scenario.running import ReportProgress
    from agr.scenario.scenario import Scenario

NameArgument = Annotated[str, typer.Argument(help="Name of a scenario below scenarios/, or a folder.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="A change, e.g. markets.afrr_down.price=+20%.")]
WithoutOption = Annotated[list[str] | None, typer.Option("--without", help="Leave out, e.g. reservation:FO-1.")]
PeriodsOption = Annotated[str | None, typer.Option("--period", help="2025-01-20, or 2025-01-20..2025-01-26.")]
ReportOption = Annotated[bool, typer.Option(help="Write report.html beside the tables.")]


@contextmanager
def progress(stopped: str = "nothing was written") -> "Iterator[ReportProgress]":
    """Show a progress bar on a terminal, and nothing elsewhere; Ctrl-C says what becomes of the work."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total, what: bar.update(task, completed=done, total=max(total, done), description=what)
    except KeyboardInterrupt:
        complain(f"stopped; {stopped}")
        raise typer.Exit(130) from None


def read_changed(name: str, settings: list[str] | None, without: list[str] | None) -> "tuple[Path, Scenario]":
    """Return a scenario's folder, and the scenario with the changes of --set and --without. Raises InputError."""
    from agr.scenario.changes import changed
    from agr.scenario.folder import read_scenario
    from agr.scenario.places import find_folder

    folder = find_folder(name)
    return folder, changed(read_scenario(folder), settings or (), without or ())


def save_run(made: "Run", folder: Path, *, report: bool) -> Path:
    """Write a run, and its report if wanted; return the folder."""
    saved = made.save(folder)
    if report:
        from agr.scenario.reports.page import write_report

        write_report([made], saved / "report.html")
    return saved


def show_run(made: "Run", saved: Path, *, as_json: bool) -> None:
    """Print a run: as JSON, or as tables with the folder it was written to."""
    from agr.scenario.rendering import run_tables

    if as_json:
        print_json(made.outcome)
        return
    for part in run_tables(made):
        print_whole(part)
    say(f"results in {saved}")
