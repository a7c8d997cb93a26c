"""`agr award`: what an auction awarded of our bid. `agr bids`: our day-ahead bids, and their approval."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, WhyOption, period_of
from agr.cli.terminal import in_words, print_whole, say, say_done

if TYPE_CHECKING:
    from agr.operations.accounts.roles import Principal


def whoever() -> "Principal":
    """Return who runs a command on the daemon's machine, with every permission."""
    from agr.operations.accounts.roles import ROLES, Principal

    return Principal(name=getpass.getuser(), role="admin", allowed=ROLES["admin"], via="command")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.command()(award)
    app.command()(bids)


def award(
    market: Annotated[str, typer.Argument(help="day-ahead, or the name of a capacity product.")],
    megawatts: Annotated[
        str | None, typer.Argument(help="MW per block (day-ahead: per ISP, bought positive), separated by commas.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns start,mw and perhaps price_eur_per_mwh: a row per ISP or product; for day-ahead."
        ),
    ] = None,
    beyond_bid: Annotated[bool, typer.Option("--beyond-bid", help="Accept more than was bid.")] = False,
    why: WhyOption = "result of the auction",
    period: PeriodOption = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Enter what an auction awarded, where it differs from our bid."""
    from agr.connectors.results import Results, read_results_file
    from agr.domain.errors import InputError
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.auction_results import AuctionResults
    from agr.settings import load

    with in_words():
        settings = load(config)
        of = period_of(settings, period)
        if (megawatts is None) == (file is None):
            raise InputError("give the values, or a file with --file")
        if file is not None:
            found = read_results_file(file, of, settings.markets.day_ahead.product_minutes)
        else:
            found = Results(mw=commands.parse_numbers(megawatts or ""))
        results = AuctionResults(commands.open_store(settings), settings, SystemClock(), lambda: None)
        done = results.enter(
            whoever(), market, of.day, found.mw, why, beyond_bid=beyond_bid, price_eur_per_mwh=found.price_eur_per_mwh
        )
    say_done(done)


def bids(
    approve: Annotated[
        bool, typer.Option("--approve", help="Send the bid of the plan in force through every channel, now.")
    ] = False,
    plan: Annotated[
        int | None, typer.Option(min=1, help="The plan whose bid you have seen; another one is not approved.")
    ] = None,
    market: Annotated[str, typer.Option(help="day-ahead, or the name of a capacity product.")] = "day-ahead",
    why: WhyOption = "",
    period: PeriodOption = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Show our bids on a market in a Period with their receipts; approve the one of the plan in force."""
    from agr.cli.status_tables import bids_table
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.bid_approval import BidApproval
    from agr.schedule.auctions import auction_of
    from agr.schedule.bidding import Bidding
    from agr.settings import load
    from agr.store import bids as stored

    with in_words():
        settings = load(config)
        of, store, clock = period_of(settings, period), commands.open_store(settings), SystemClock()
        auction_of(settings, of, market)  # it refuses what is no market
        if approve:
            approval = BidApproval(store, settings, clock, lambda: None, Bidding(settings, clock))
            say(approval.approve(whoever(), of.day, why, plan=plan, market=market).text)
        with store.transaction() as tx:
            known, left = stored.of_period(tx, of.day, market), stored.deliveries(tx, of.day, market)
    print_whole(bids_table(of, known, left, market) if known else f"no {market} bid has been made for {of}")
