"""plan, status, explain: make a day's plan, show the day, and say why its programs are as they are."""

import getpass
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, JsonOption, PeriodOption, period_of
from agr.cli.terminal import in_words, out, print_json, print_whole, say


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    for command in (plan, status, explain):
        app.command()(command)


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
        made = plan_now(settings, commands.open_store(settings), period_of(settings, period), getpass.getuser())
    say(why.headline(made))
    print_whole(status_tables.terms_table(made, settings.currency))
    for note in made.result.notes:
        say(f"note: {note}")


def status(
    config: ConfigOption = DEFAULT,
    period: PeriodOption = None,
    json: JsonOption = False,
) -> None:
    """Show a day: moments, CROs, plans, prognoses, the imbalance it is expected to end with, alarms."""
    from dataclasses import replace

    from agr.cli import status_tables
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.day_status import day_status
    from agr.settings import load

    with in_words():
        settings = load(config)
        store, of = commands.open_store(settings), period_of(settings, period)
        with store.transaction() as tx:
            found = day_status(tx, settings, of, SystemClock().now())
        if found.in_force and found.imbalance is None:
            from agr.operations.expected_imbalance import imbalance_status

            found = replace(found, imbalance=imbalance_status(store, settings, SystemClock(), of))
    if json:
        print_json(found)
        return
    for part in status_tables.day_overview(found):
        print_whole(part)


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
        day = period_of(settings, period)
        with store.transaction() as tx:
            history, sent = plans.history(tx, day.day), plans.prognoses(tx, day.day)
            status_tables.require(history, day, congestion_point, isp)
            solved = load_solved(tx, history[-1].id)
        for made in history:
            lines = why.changed_isps(made, congestion_point, isp)
            say(why.headline(made))
            for term, value in why.terms(made):
                say(f"    {term:<24} {value:>+14,.2f} {settings.currency}")
            if lines:
                print_whole(status_tables.lines_table(lines, settings.currency))
                for line in why.circumstances(made, congestion_point):
                    say(f"    also changed: {line}")
        if isp is not None:
            out.print("The program of this ISP is held by:", style="bold")
            print_whole(
                status_tables.lines_table([why.standing(history[-1], solved, congestion_point, isp)], settings.currency)
            )
        for line in (*why.promised(history[-1], congestion_point), *why.revisions(sent, congestion_point)):
            say(line)
