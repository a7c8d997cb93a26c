"""`agr readings`: what devices report, from a file; what their registers have counted."""

from pathlib import Path
from typing import Annotated

import typer

from agr.cli.awards import whoever
from agr.cli.options import DEFAULT, ConfigOption, period_of
from agr.cli.terminal import in_words, print_whole, say, tell

readings_app = typer.Typer(no_args_is_help=True, help="What devices report.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(readings_app, name="readings")


@readings_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: resource,at,quantity,value.")], config: ConfigOption = DEFAULT
) -> None:
    """Store the readings of a file; lines that are refused are named, and the others are stored."""
    from agr.connectors.readings import read_readings
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.readings import REFUSED, ReadingIntake
    from agr.settings import load

    with in_words():
        settings, found = load(config), read_readings(file)
        taken = ReadingIntake(commands.open_store(settings), settings, SystemClock(), lambda: None).take(
            whoever(), found.rows
        )
    for fault in taken.faults:
        tell(f"{file}, line {found.lines[fault.row]}: {fault.state}: {fault.reason}")
    say(taken.text)
    if taken.count(REFUSED):
        raise typer.Exit(1)


@readings_app.command("energy")
def energy(
    resource: Annotated[str, typer.Argument(help="A resource.")],
    period: Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: today.")] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Show the energy per ISP that a resource's registers have counted."""
    from agr.cli.status_tables import energy_table
    from agr.domain.errors import MissingError
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.readings import ReadingIntake
    from agr.settings import load

    with in_words():
        settings = load(config)
        of = period_of(settings, period) if period else commands.next_period(settings).previous()
        store = commands.open_store(settings)
        readings = ReadingIntake(store, settings, SystemClock(), lambda: None)
        with store.transaction() as tx:
            found = readings.energies(tx, of, [resource]).get(resource)
        if found is None:
            raise MissingError(
                f"no registers of {resource!r} were read in or around {of}; name another day with --period"
            )
    print_whole(energy_table(of, resource, found))
