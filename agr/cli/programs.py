"""`agr programs`: what each resource is to do."""

from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, period_of
from agr.cli.terminal import in_words, tell
from agr.domain.faults import number_of


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(programs)


def programs(
    out: Annotated[Path | None, typer.Option(help="File: .csv or .parquet; default: CSV on the terminal.")] = None,
    plan: Annotated[int | None, typer.Option(min=1, help="Number of a plan; default: the plan in force.")] = None,
    period: PeriodOption = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Write every resource's program of a day: power per ISP, and what is stored."""
    from agr.domain.errors import InputError
    from agr.operations import commands
    from agr.operations.plan_cache import PlanCache
    from agr.operations.program_files import FORMATS, csv_lines, write
    from agr.operations.resource_programs import ProgramCache
    from agr.settings import load

    with in_words():
        settings = load(config)
        kind = next((known for known in FORMATS if out is not None and out.suffix == f".{known}"), None)
        if out is not None and kind is None:
            raise InputError(f"{out}: its name must end in .csv or .parquet")
        store = commands.open_store(settings)
        cache = ProgramCache(store, PlanCache(store))
        if plan is not None:
            found = cache.of(plan, None if period is None else commands.parse_day(period))
        else:
            found = cache.in_force(period_of(settings, period))
        if out is None or kind is None:
            for part in csv_lines(found):
                typer.echo(part, nl=False)
            return
        try:
            write(found, out, kind)
        except OSError as error:
            raise InputError(f"{out}: cannot be written ({error.strerror})") from error
        tell(f"wrote {number_of(len(found), 'program')} of plan {found.plan} ({found.period}) to {out}")
