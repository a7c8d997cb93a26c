"""Commands: parse, call, print. Imports are inside the commands, so that each command starts quickly."""

import atexit
import gc
import getpass
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agr.cli import awards, keys, programs, scenario
from agr.cli import operators as operating
from agr.cli.terminal import err, in_words, out, print_json, print_whole
from agr.domain.faults import number_of

if TYPE_CHECKING:
    from agr.domain.isp import Period
    from agr.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The AGR portfolio optimizer daemon.")
connections_app = typer.Typer(no_args_is_help=True, help="Our connections at the CRO.")
app.add_typer(connections_app, name="connections")
scenario.mount(app)
operating.register(app, in_words)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="AGR_CONFIG")]
PeriodOption = Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: tomorrow.")]
DEFAULT = Path("agr.toml")
STOP_WITHIN_S = 3.5
"""Seconds after SIGTERM after which work that has not ended is left alone; systems that stop services wait ten."""
COLLECT_EVERY = 50_000
"""Objects made between two looks for unreachable cycles. Importing makes tens of thousands and none of them can go;
at Python's own 700 a tenth of a short command's time is spent looking. More costs memory: some megabytes here."""


keys.register(app, in_words)
programs.register(app)
awards.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out.print(f"agr {version('agr-optimizer')}", highlight=False)
        raise typer.Exit


@app.callback()
def about(
    _wanted: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The AGR portfolio optimizer daemon."""


def _period(settings: "Settings", text: str | None) -> "Period":
    from agr.domain.isp import Period
    from agr.operations import commands

    if text is None:
        return commands.next_period(settings)
    return Period(commands.parse_day(text), settings.time_zone, settings.isp_minutes)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder for agr.toml and keys/.")] = Path(),
    domain: Annotated[str, typer.Option(help="Our internet domain.")] = "agr.example.com",
    example: Annotated[
        bool, typer.Option("--example", help="Also write a small portfolio, as tables to change.")
    ] = False,
) -> None:
    """Write a commented example configuration and a new key pair (private key: mode 0600)."""
    from agr.operations import commands
    from agr.settings import load, write_example
    from agr.uftp.signing import KeyPair

    with in_words():
        path = write_example(folder, domain)
        settings = load(path)
        key = KeyPair.generate()
        settings.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.save(settings.key_file)
        out.print(
            f"wrote {path} and {settings.key_file}\npublic key for your counterparties: {key.public}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        if example:
            from agr.scenario.example import write_example_day

            period = commands.next_period(settings)
            write_example_day(folder, domain, period)
            out.print(
                f"wrote {folder / 'tables'}, a portfolio for {period}, and a practice day with it; play it with\n"
                f"  agr demo --scenario {folder} --once",
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip


@app.command()
def check(config: ConfigOption = DEFAULT) -> None:
    """Check configuration, keys and store, and try feeds and endpoints; print what is wrong and what is doubtful."""
    from agr.operations.configuration_check import doubtful, findings
    from agr.operations.trials import tried
    from agr.settings import load

    with in_words():
        settings = load(config)
        found = findings(settings)
        trial = tried(settings)
        found += trial.faults
        doubts = [*doubtful(settings), *trial.doubts]
    for line in doubts:
        err.print(f"warning: {line}", markup=False, highlight=False, soft_wrap=True)
    for line in found:
        err.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    out.print("no faults found")


@app.command()
def run(config: ConfigOption = DEFAULT, json: Annotated[bool, typer.Option(help="Log as JSON lines.")] = False) -> None:
    """Run the daemon until it is stopped (Ctrl-C or SIGTERM)."""
    from agr.operations import log
    from agr.service import Service
    from agr.settings import load

    log.configure(json=json)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with in_words():
        daemon = Service(load(config))
        daemon.start()
        try:
            err.print(f"operators' page: {daemon.page}", highlight=False, soft_wrap=True)
            link = daemon.set_up_link()
            if link is not None:
                err.print(
                    f"there is no account yet; set up the first one with this link, valid once and for a day: {link}",
                    highlight=False,
                    soft_wrap=True,
                )
            ended.wait()
        finally:
            daemon.stop(STOP_WITHIN_S)
    sys.stderr.flush()
    os._exit(0)  # what still hangs, such as a post to a silent peer, would keep the process; it is tried again


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder of CSV or Parquet tables.")], config: ConfigOption = DEFAULT
) -> None:
    """Load connections, resources, contracts, forecasts and prices; on any fault, load nothing and list all faults."""
    from agr.operations import commands
    from agr.operations.tables import import_tables
    from agr.settings import load

    with in_words():
        settings = load(config)
        reading = import_tables(settings, commands.open_store(settings), folder)
    for warning in reading.warnings:
        err.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    for table, rows in reading.register.tables().items():
        out.print(f"{len(rows):>9,} {table.replace('_', ' ')}", highlight=False)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    config: ConfigOption = DEFAULT,
    format: Annotated[Literal["csv", "parquet"], typer.Option(help="File format.")] = "csv",  # noqa: A002
) -> None:
    """Write all tables in the form that `agr import` reads."""
    from agr.operations import commands
    from agr.operations.tables import export_tables
    from agr.settings import load

    with in_words():
        settings = load(config)
        export_tables(settings, commands.open_store(settings), folder, format)
    out.print(f"wrote {folder}", highlight=False)


@app.command()
def plan(config: ConfigOption = DEFAULT, period: PeriodOption = None) -> None:
    """Plan a Period now: in the running daemon, or in this process when no daemon runs."""
    from agr.cli import status_tables
    from agr.operations import commands, log
    from agr.operations.planning_once import plan_now
    from agr.planning import explanation as why
    from agr.settings import load

    log.configure(quiet=True)
    with in_words():
        settings = load(config)
        made = plan_now(settings, commands.open_store(settings), _period(settings, period), getpass.getuser())
    out.print(why.headline(made), markup=False, highlight=False, soft_wrap=True)
    print_whole(status_tables.terms_table(made, settings.currency))
    for note in made.result.notes:
        out.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def status(
    config: ConfigOption = DEFAULT,
    period: PeriodOption = None,
    json: Annotated[bool, typer.Option(help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Show a day: moments, CROs, plans, prognoses, alarms."""
    from agr.cli import status_tables
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.day_status import day_status
    from agr.settings import load

    with in_words():
        settings = load(config)
        store = commands.open_store(settings)
        with store.transaction() as tx:
            found = day_status(tx, settings, _period(settings, period), SystemClock().now())
    if json:
        print_json(found)
        return
    for part in status_tables.day_overview(found):
        print_whole(part)


@app.command()
def explain(
    period: Annotated[str, typer.Argument(help="Local day, YYYY-MM-DD.")],
    congestion_point: Annotated[str, typer.Argument(help="Entity address of the congestion point.")],
    isp: Annotated[int | None, typer.Argument(help="ISP, from 1; default: all that changed.")] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Explain a congestion point's program: what holds it, what changed it, and what the change earned."""
    from agr.cli import status_tables
    from agr.operations import commands
    from agr.planning import explanation as why
    from agr.planning.plan_loader import load_solved
    from agr.settings import load
    from agr.store import plans

    with in_words():
        settings = load(config)
        store = commands.open_store(settings)
        day = _period(settings, period)
        with store.transaction() as tx:
            history, sent = plans.history(tx, day.day), plans.prognoses(tx, day.day)
            status_tables.require(history, day, congestion_point, isp)
            solved = load_solved(tx, history[-1].id)
        for made in history:
            lines = why.changed_isps(made, congestion_point, isp)
            out.print(why.headline(made), markup=False, highlight=False, soft_wrap=True)
            for term, value in why.terms(made):
                out.print(f"    {term:<24} {value:>+14,.2f} {settings.currency}", highlight=False)
            if lines:
                print_whole(status_tables.lines_table(lines, settings.currency))
                for line in why.circumstances(made, congestion_point):
                    out.print(f"    also changed: {line}", markup=False, highlight=False, soft_wrap=True)
        if isp is not None:
            out.print("The program of this ISP is held by:", style="bold")
            print_whole(
                status_tables.lines_table([why.standing(history[-1], solved, congestion_point, isp)], settings.currency)
            )
        for line in why.revisions(sent, congestion_point):
            out.print(line, markup=False, highlight=False)


@connections_app.command("register")
def connections_register(config: ConfigOption = DEFAULT) -> None:
    """Register our connections with every CRO (AGRPortfolioUpdate); the running daemon delivers the messages."""
    from agr.domain.errors import AgrError
    from agr.domain.isp import SystemClock
    from agr.messaging.directory import participants_of
    from agr.messaging.portfolio_requests import PortfolioRequests
    from agr.operations import commands
    from agr.settings import load
    from agr.store import register

    with in_words():
        settings = load(config)
        store = commands.open_store(settings)
        with store.transaction() as tx:
            known = register.load(tx).connections
        if not known:
            raise AgrError("the register has no connections: load them with `agr import FOLDER`")
        portfolio_requests = PortfolioRequests(store, settings, SystemClock(), participants_of(settings))
        sent = portfolio_requests.register_connections(known)
    out.print(f"queued {len(sent)} AGRPortfolioUpdate with {number_of(len(known), 'connection')}", highlight=False)


@app.command()
def demo(
    scenario: Annotated[Path | None, typer.Option(help="Scenario folder; default: the shipped weekday.")] = None,
    once: Annotated[bool, typer.Option(help="Exit after the day instead of continuing to serve.")] = False,
    json: Annotated[bool, typer.Option(help="Print the result as a JSON object, last on standard output.")] = False,
    data: Annotated[Path | None, typer.Option(help="Data folder; default: a new temporary one.")] = None,
) -> None:
    """Play a whole market day on this machine: the real daemon with a CRO and two DSOs."""
    from agr.demo.run import demo as run_demo

    with in_words():
        code = run_demo(scenario, once=once, as_json=json, data=data)
    raise typer.Exit(code)


def main() -> None:
    """Entry point of the console script."""
    gc.set_threshold(COLLECT_EVERY)
    atexit.register(gc.freeze)  # the process ends: looking for cycles once more would take a fifth of a short command
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every package's metadata
    app()


if __name__ == "__main__":
    main()
