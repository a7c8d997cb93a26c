"""`agr dispatch`: what charge points were sent and what came of it; ask, send again, stop."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, WhyOption
from agr.cli.terminal import in_words, print_whole, say

dispatch_app = typer.Typer(no_args_is_help=True, help="Plans carried out at charge points.")
PointArgument = Annotated[str, typer.Argument(help="Name of the charge point.")]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(dispatch_app, name="dispatch")


@dispatch_app.command()
def status(
    point: Annotated[str | None, typer.Argument(help="Only this charge point, with all its commands.")] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Show each charge point: what it was sent last, what came of it, and the session that runs there."""
    from rich.table import Table

    from agr.domain.isp import SystemClock, zone
    from agr.operations import commands
    from agr.operations.dispatching.wishes import states
    from agr.settings import load

    with in_words():
        settings = load(config)
        store = commands.open_store(settings)
        with store.transaction() as tx:
            found = states(tx, point)
        store.close()
    tz = zone(settings.time_zone)
    table = Table()
    for title in ("charge point", "station", "command", "state", "since", "limit kW now", "session", "learnt", "why"):
        table.add_column(title)
    now = SystemClock().now()
    for one in found:
        for row in one.rows[: None if point else 1] or (None,):
            at = "" if row is None else f"{(row.answered_at or row.sent_at or row.at).astimezone(tz):%m-%d %H:%M:%S}"
            command = "" if row is None else f"{row.action} {row.purpose} {row.id}"
            kw = None if row is None or row.profile is None else row.profile.kw_at(now, one.point)
            table.add_row(
                one.point.charge_point + (" (stopped)" if one.stopped else ""), one.point.station,
                command, "nothing sent" if row is None else str(row.state),
                at, "" if kw is None else f"{kw:z,.2f}", "" if one.session is None else str(one.session.state),
                one.facts_words(),
                "" if row is None else row.reason,
            )  # fmt: skip
    for road, silence in sorted({one.point.road: one.silent for one in found if one.silent}.items()):
        say(f"{road} has not answered since {silence.since.astimezone(tz):%Y-%m-%d %H:%M}: {silence.why}")
    print_whole(table if found else "the table charge_points is empty: import it with `agr import FOLDER`")


def _wish(config: Path, what: str, point: str, why: str, *, on: bool = True) -> None:
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.dispatching.wishes import wish
    from agr.settings import load

    store = commands.open_store(load(config))
    with store.transaction() as tx:
        wish(tx, what, point, on, SystemClock().now(), f"{getpass.getuser()} (command)", why)
    store.close()


@dispatch_app.command()
def verify(point: PointArgument, config: ConfigOption = DEFAULT) -> None:
    """Have the daemon ask the station what it follows there; the answer is in `agr dispatch status`."""
    with in_words():
        _wish(config, "verify", point, "asked by command")
        say(f"the daemon asks for {point} within some seconds; see agr dispatch status {point}")


@dispatch_app.command()
def resend(point: PointArgument, why: WhyOption, config: ConfigOption = DEFAULT) -> None:
    """Have the daemon send fallback and plan again, whatever it believes to be in force."""
    with in_words():
        _wish(config, "resend", point, why)
        say(f"the daemon sends to {point} again within some seconds; see agr dispatch status {point}")


@dispatch_app.command()
def stop(
    point: PointArgument,
    why: WhyOption,
    release: Annotated[bool, typer.Option("--release", help="Take the stop back.")] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Let nothing be drawn at a charge point until the stop is taken back."""
    with in_words():
        _wish(config, "stop", point, why, on=not release)
        say(f"{point} follows its plan again" if release else f"{point} is told to draw nothing within some seconds")
