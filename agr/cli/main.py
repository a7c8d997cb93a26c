"""The command line: mounts every command. Imports are inside the commands, so that each command starts quickly."""

import atexit
import gc
import os
from typing import Annotated

import typer

from agr.cli import (
    accounts,
    analyses,
    awards,
    backups,
    days,
    dispatch,
    forecasts,
    history,
    keys,
    offers,
    operators,
    programs,
    readings,
    running,
    scenario,
    setting_up,
    tables,
    trades,
)
from agr.cli.terminal import say

COLLECT_EVERY = 50_000
"""Net new objects after which Python's garbage collector runs. Imports make tens of thousands that all stay: with
Python's default of 700, the collector takes a tenth of a short command's time. A larger value costs memory; this one
costs a few megabytes."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The AGR portfolio optimizer daemon.")
for part in (
    setting_up, tables, running, days, programs, forecasts, history, awards, trades, offers, readings, dispatch,
    operators, backups, accounts, keys, scenario, analyses,
):  # fmt: skip
    part.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"agr {version('agr-optimizer')}")
        raise typer.Exit


@app.callback()
def about(
    _wanted: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The AGR portfolio optimizer daemon."""


def main() -> None:
    """Entry point of the console script."""
    gc.set_threshold(COLLECT_EVERY)
    atexit.register(gc.freeze)  # the process ends: looking for cycles once more would take a fifth of a short command
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every package's metadata
    app()


if __name__ == "__main__":
    main()
