"""`agr award`: what an auction awarded of our bid."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, WhyOption, period_of
from agr.cli.terminal import in_words, say


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(award)


def award(
    market: Annotated[str, typer.Argument(help="day-ahead, or the name of a capacity product.")],
    megawatts: Annotated[
        str | None, typer.Argument(help="MW per block (day-ahead: per ISP, bought positive), separated by commas.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="CSV with the columns start,mw: a row per ISP or product; for day-ahead.")
    ] = None,
    beyond_bid: Annotated[bool, typer.Option("--beyond-bid", help="Accept more than was bid.")] = False,
    why: WhyOption = "result of the auction",
    period: PeriodOption = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Enter what an auction awarded, where it differs from our bid."""
    from agr.connectors.results import read_volumes_mw
    from agr.domain.errors import InputError
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.accounts.roles import ROLES, Principal
    from agr.operations.auction_results import AuctionResults
    from agr.settings import load

    with in_words():
        settings = load(config)
        of = period_of(settings, period)
        if (megawatts is None) == (file is None):
            raise InputError("give the values, or a file with --file")
        if file is not None:
            values = read_volumes_mw(file, of, settings.markets.day_ahead.product_minutes)
        else:
            values = commands.parse_numbers(megawatts or "")
        by = Principal(name=getpass.getuser(), role="admin", allowed=ROLES["admin"], via="command")
        results = AuctionResults(commands.open_store(settings), settings, SystemClock(), lambda: None)
        done = results.enter(by, market, of.day, values, why, beyond_bid=beyond_bid)
    say(done.text)
