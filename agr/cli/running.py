"""run, demo: the daemon, on its own or with counterparties on this machine."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption
from agr.cli.terminal import in_words, tell

STOP_WITHIN_S = 3.5
"""Seconds after SIGTERM for which unfinished work is waited for; service managers kill a process after ten or more."""


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(run)
    app.command()(demo)


def run(config: ConfigOption = DEFAULT, json: Annotated[bool, typer.Option(help="Log as JSON lines.")] = False) -> None:
    """Run the daemon until it is stopped (Ctrl-C or SIGTERM)."""
    from agr.operations import log
    from agr.operations.configuration_check import lacking
    from agr.service import Service
    from agr.settings import load

    log.configure(json=json)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with in_words():
        settings = load(config)
        for line in lacking(settings):
            tell(f"warning: {line}")
        daemon = Service(settings)
        daemon.start()
        try:
            tell(f"operators' page: {daemon.page}")
            link = daemon.set_up_link()
            if link is not None:
                tell(f"there is no account yet; set up the first one with this link, valid once and for a day: {link}")
            ended.wait()
        finally:
            daemon.stop(STOP_WITHIN_S)
    sys.stderr.flush()
    os._exit(0)  # what still hangs, such as a post to a silent peer, would keep the process; it is tried again


def demo(
    scenario: Annotated[Path | None, typer.Option(help="Scenario folder; default: the shipped weekday.")] = None,
    once: Annotated[bool, typer.Option(help="Exit after the day instead of continuing to serve.")] = False,
    json: Annotated[bool, typer.Option(help="Print the result as a JSON object, last on standard output.")] = False,
    data: Annotated[Path | None, typer.Option(help="Data folder; default: a new temporary one.")] = None,
) -> None:
    """Play a whole market day on this machine: the real daemon with a CRO and two DSOs."""
    from agr.planning import fork_server

    if scenario is None or (scenario / "scenario.yaml").is_file():
        fork_server.begin()  # beside our own imports
    from agr.demo.run import demo as run_demo

    with in_words():
        code = run_demo(scenario, once=once, as_json=json, data=data)
    raise typer.Exit(code)
