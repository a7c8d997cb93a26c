"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agr.domain.isp import Period
    from agr.settings import Settings

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="AGR_CONFIG")]
DEFAULT = Path("agr.toml")
"""The settings file that a command reads when none is named."""
PeriodOption = Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: tomorrow.")]
PlanOption = Annotated[int | None, typer.Option("--plan", min=1, help="The plan's number, in place of the argument.")]
WhyOption = Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]


def period_of(settings: "Settings", text: str | None) -> "Period":
    """Return the Period that --period names, or tomorrow's. Raises InputError."""
    from agr.domain.isp import Period
    from agr.operations import commands

    if text is None:
        return commands.next_period(settings)
    return Period(commands.parse_day(text), settings.time_zone, settings.isp_minutes)


def plan_of(argument: int | None, option: int | None) -> int:
    """Return the plan's number, given as an argument or with --plan. Raises InputError unless it is given once."""
    from agr.domain.errors import InputError

    given = [number for number in (argument, option) if number is not None]
    if len(given) != 1:
        raise InputError("give the plan's number once, as `agr status` shows it: 7, or --plan 7")
    return given[0]
