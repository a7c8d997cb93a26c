"""`agr trades`: intraday trades, entered as they happen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.awards import whoever
from agr.cli.options import DEFAULT, ConfigOption, PeriodOption, WhyOption, period_of
from agr.cli.terminal import in_words, print_whole, say_done

if TYPE_CHECKING:
    from agr.operations.intraday_trades import IntradayTrades

trades_app = typer.Typer(no_args_is_help=True, help="Intraday trades.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(trades_app, name="trades")


def _entries(config: Path) -> "IntradayTrades":
    from agr.domain.isp import SystemClock
    from agr.operations import commands
    from agr.operations.intraday_trades import IntradayTrades
    from agr.settings import load

    settings = load(config)
    return IntradayTrades(commands.open_store(settings), settings, SystemClock(), lambda: None)


@trades_app.command("list")
def list_(period: PeriodOption = None, config: ConfigOption = DEFAULT) -> None:
    """List the trades of a Period, cancelled ones included."""
    from agr.cli.status_tables import trades_table
    from agr.operations import commands
    from agr.settings import load
    from agr.store import trades

    with in_words():
        settings = load(config)
        of = period_of(settings, period)
        with commands.open_store(settings).transaction() as tx:
            known = trades.of_period(tx, of.day)
    print_whole(trades_table(of, known, settings.currency))


@trades_app.command("add", context_settings={"ignore_unknown_options": True})
def add(
    trade: Annotated[str, typer.Argument(help="The identifier that the exchange gave the trade.")],
    start: Annotated[str, typer.Argument(help="When delivery begins, such as 2026-03-29T18:00+02:00.")],
    mw: Annotated[float, typer.Argument(help="MW, bought positive, sold negative.")],
    price: Annotated[float, typer.Argument(help="Price per MWh.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 15,
    brp: Annotated[str, typer.Option(help="The BRP that it was made for; none: the first in the settings.")] = "",
    why: WhyOption = "traded",
    config: ConfigOption = DEFAULT,
) -> None:
    """Enter a trade; the daemon plans again."""
    from agr.connectors.tables.cells import CellError, read_instant
    from agr.domain.award import Trade
    from agr.domain.errors import InputError

    with in_words():
        try:
            begins = read_instant(start)
        except CellError as error:
            raise InputError(f"start: {start!r} {error}") from error
        one = Trade(trade=trade, start=begins, minutes=minutes, mw=mw, price_eur_per_mwh=price, brp=brp)
        done = _entries(config).enter(whoever(), [one], why)
    say_done(done)


@trades_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV: trade,start,minutes,mw,price_eur_per_mwh[,brp], bought positive.")],
    why: WhyOption = "traded",
    config: ConfigOption = DEFAULT,
) -> None:
    """Enter the trades of a file, all of them or none; those that are known already change nothing."""
    from agr.connectors.trades import read_trades

    with in_words():
        found = read_trades(file)
        lines = [f"line {number}" for number in found]
        done = _entries(config).enter(whoever(), list(found.values()), why, places=lines)
    say_done(done)


@trades_app.command("cancel")
def cancel(
    trade: Annotated[str, typer.Argument(help="The trade's identifier.")],
    why: WhyOption,
    config: ConfigOption = DEFAULT,
) -> None:
    """Cancel a trade; the daemon plans again."""
    with in_words():
        done = _entries(config).cancel(whoever(), trade, why)
    say_done(done)
