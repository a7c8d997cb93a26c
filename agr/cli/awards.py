"""`agr award`: what an auction awarded of our bid."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from agr.cli.terminal import in_words, out

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings file.", envvar="AGR_CONFIG")]
PeriodOption = Annotated[str | None, typer.Option("--period", help="Local day, YYYY-MM-DD; default: tomorrow.")]
DEFAULT = Path("agr.toml")


def register(app: typer.Typer) -> None:
    """Mount the command."""

    @app.command()
    def award(
        market: Annotated[str, typer.Argument(help="day-ahead, or the name of a capacity product.")],
        megawatts: Annotated[
            str | None, typer.Argument(help="MW per block (day-ahead: per ISP, bought positive), separated by commas.")
        ] = None,
        file: Annotated[
            Path | None, typer.Option(help="CSV with the columns start,mw: a row per ISP or product; for day-ahead.")
        ] = None,
        beyond_bid: Annotated[bool, typer.Option("--beyond-bid", help="Accept more than was bid.")] = False,
        why: Annotated[str, typer.Option("--why", "-m", help="Reason, for the audit log.")] = "result of the auction",
        period: PeriodOption = None,
        config: ConfigOption = DEFAULT,
    ) -> None:
        """Enter what an auction awarded, where it differs from our bid."""
        from agr.connectors.results import read_volumes_mw
        from agr.domain.errors import InputError
        from agr.domain.isp import Period, SystemClock
        from agr.operations import commands
        from agr.operations.accounts.roles import ROLES, Principal
        from agr.operations.auction_results import AuctionResults
        from agr.settings import load

        with in_words():
            settings = load(config)
            of = commands.next_period(settings)
            if period is not None:
                of = Period(commands.parse_day(period), settings.time_zone, settings.isp_minutes)
            if (megawatts is None) == (file is None):
                raise InputError("give the values, or a file with --file")
            if file is not None:
                values = read_volumes_mw(file, of, settings.markets.day_ahead.product_minutes)
            else:
                values = commands.parse_numbers(megawatts or "")
            by = Principal(name=getpass.getuser(), role="admin", allowed=ROLES["admin"], via="command")
            results = AuctionResults(commands.open_store(settings), settings, SystemClock(), lambda: None)
            done = results.enter(by, market, of.day, values, why, beyond_bid=beyond_bid)
        out.print(done.text, markup=False, highlight=False, soft_wrap=True)
