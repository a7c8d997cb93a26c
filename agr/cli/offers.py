"""`agr offers`: flexibility that DSOs request, what we offer, what they order."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.awards import whoever
from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, WhyOption, period_of
from agr.cli.terminal import in_words, print_whole, say

if TYPE_CHECKING:
    from agr.operations.flex_offers import OfferActions

offers_app = typer.Typer(no_args_is_help=True, help="Flexibility for DSOs: requests, offers, orders.")
OfferArgument = Annotated[str, typer.Argument(help="The offer's MessageID, or its beginning.")]


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(offers_app, name="offers")


def _actions(config: Path) -> "OfferActions":
    from agr.domain.isp import SystemClock
    from agr.messaging.gopacs_directory import participants_beside
    from agr.operations import commands
    from agr.operations.flex_offers import OfferActions
    from agr.settings import load
    from agr.trading.offering import Offering

    settings, clock = load(config), SystemClock()
    store = commands.open_store(settings)
    offering = Offering(store, settings, clock, participants_beside(settings))
    return OfferActions(store, settings, clock, lambda: None, offering)


@offers_app.command("list")
def list_(period: PeriodOption = None, config: ConfigOption = DEFAULT) -> None:
    """List requests, offers and orders of a Period."""
    from agr.cli.flex_tables import trading_tables
    from agr.operations import commands
    from agr.operations.flex_offers import trading_day
    from agr.settings import load

    with in_words():
        settings = load(config)
        of = period_of(settings, period)
        with commands.open_store(settings).transaction() as tx:
            found = trading_day(tx, of)
    for table in trading_tables(of, found):
        print_whole(table)


@offers_app.command("metering")
def metering(period: PeriodOption = None, config: ConfigOption = DEFAULT) -> None:
    """List what DSOs were told that connections have measured; by default, yesterday."""
    from agr.cli.flex_tables import metering_table
    from agr.domain.isp import SystemClock
    from agr.domain.isp import period_of as period_at
    from agr.operations import commands
    from agr.settings import load
    from agr.trading.metering import metering_lines

    with in_words():
        settings = load(config)
        today = period_at(SystemClock().now(), settings.time_zone, settings.isp_minutes)
        of = today.previous() if period is None else period_of(settings, period)
        with commands.open_store(settings).reading() as tx:
            found = metering_lines(tx, of)
    print_whole(metering_table(of, found))


@offers_app.command("show")
def show(offer: OfferArgument, config: ConfigOption = DEFAULT) -> None:
    """Show an offer: its options, what it costs us, what limits it, and its order."""
    from agr.cli.flex_tables import offer_lines

    with in_words():
        stored, order = _actions(config).offer(offer)
    for line in offer_lines(stored, order):
        say(line)


@offers_app.command("propose")
def propose(
    congestion_point: Annotated[str, typer.Argument(help="Where the program would deviate.")],
    first: Annotated[int, typer.Option(min=1, help="First ISP, from 1.")],
    power_kw: Annotated[float, typer.Option(help="Deviation from the accepted D-Prognosis; negative: less.")],
    count: Annotated[int, typer.Option(min=1, help="How many ISPs.")] = 1,
    period: PeriodOption = None,
    why: WhyOption = "proposed by hand",
    config: ConfigOption = DEFAULT,
) -> None:
    """Let the daemon price an offer that a DSO has not asked for (unsolicited_offers of the participant)."""
    from agr.settings import load

    with in_words():
        of = period_of(load(config), period)
        power_w = round(1000 * power_kw)
        done = _actions(config).propose(whoever(), congestion_point, of.day, first, count, power_w, why)
    say(done.text)


@offers_app.command("send")
def send(offer: OfferArgument, why: WhyOption = "sent by hand", config: ConfigOption = DEFAULT) -> None:
    """Send an offer that waits for an operator; the daemon delivers it."""
    with in_words():
        done = _actions(config).send(whoever(), offer, why)
    say(done.text)


@offers_app.command("discard")
def discard(offer: OfferArgument, why: WhyOption, config: ConfigOption = DEFAULT) -> None:
    """Discard an offer that has not left."""
    with in_words():
        done = _actions(config).discard(whoever(), offer, why)
    say(done.text)


@offers_app.command("revoke")
def revoke(offer: OfferArgument, why: WhyOption, config: ConfigOption = DEFAULT) -> None:
    """Revoke an open offer; the DSO is told that it can no longer be ordered."""
    with in_words():
        done = _actions(config).revoke(whoever(), offer, why)
    say(done.text)
