"""`agr history`: what past days earned, as tables, files and a page to be mailed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agr.cli.options import DEFAULT, ConfigOption, JsonOption
from agr.cli.terminal import in_words, print_json, print_whole, tell

if TYPE_CHECKING:
    from rich.table import Table as Shown

    from agr.history.tables import Cell, Table

_FILES = (".csv", ".parquet", ".html")
_NAMES = ("day", "week", "term", "congestion_point", "contract", "connection", "brp", "dso", "order")
_ON_THE_TERMINAL = (
    "paid_eur", "owner_eur", "carried_eur", "customer_eur", "money_eur", "planning_eur", "first_plan_eur", "gap_eur",
    "executed_eur", "deviation_mwh", "orders", "ordered_mwh", "ordered_eur", "settled_eur", "correction_eur", "state",
    "promises_kept", "promises_broken",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(history)


def history(
    since: Annotated[str | None, typer.Option("--from", help="First day; default: 29 days before the last.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day; default: today.")] = None,
    by: Annotated[str, typer.Option(help="day, week, market, point, contract, connection, brp, dso or order.")] = "day",
    out: Annotated[
        Path | None,
        typer.Option(help="File: .csv or .parquet, or .html with all tables but those by connection and BRP."),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Show what past days earned, by the plans in force, and which promises were kept."""
    from agr.domain.errors import InputError
    from agr.history import files
    from agr.history.reading import range_of, read_history
    from agr.history.tables import OF_PARTIES, parse_by
    from agr.operations import commands
    from agr.settings import load

    with in_words():
        settings, chosen = load(config), parse_by(by)
        if out is not None and out.suffix not in _FILES:
            raise InputError(f"{out}: its name must end in {', '.join(_FILES[:-1])} or {_FILES[-1]}")
        begin, end = (None if text is None else commands.parse_day(text) for text in (since, until))
        first, last = range_of(settings, begin, end)
        store = commands.open_store(settings)
        found = read_history(store, settings, first, last, connections=chosen in OF_PARTIES)
        table = found.rows(chosen)
        if out is not None:
            content = {".csv": lambda: files.csv_text(table).encode(), ".parquet": lambda: files.parquet_bytes(table)}
            files.write(content.get(out.suffix, lambda: found.html().encode())(), out)
            tell(f"wrote {first} to {last} to {out}")
            return
    if json:
        print_json(table.records())
        return
    if not table.rows:
        print_whole(f"nothing is kept of {first} to {last}: no plan of these days has been in force")
        return
    print_whole(_shown(table, f"{first} to {last}, {settings.currency} (earned positive; planning prices apart)"))


def _shown(table: "Table", title: str) -> "Shown":
    """Return a table for the terminal: money with cents, and a last line with sums; what is not known is a dash."""
    from rich.table import Table as Shown

    most = 4 if table.by in ("dso", "order") else 2
    names = [name for name in table.columns if not name.endswith(("_eur", "_kwh", "_mwh"))][:most]
    names = [name for name in names if name in _NAMES]
    places = [table.columns.index(name) for name in (*names, *_ON_THE_TERMINAL) if name in table.columns]
    shown = Shown(title=title, title_justify="left")
    for place in places:
        column = table.columns[place]
        words = column.removesuffix("_eur").replace("_", " ")
        shown.add_column(words, justify="left" if column in names else "right")
    for row in table.rows:
        shown.add_row(*(_cell(row[place]) for place in places))
    if len(table.rows) > 1:
        shown.add_section()
        shown.add_row("all", *(_cell(_sum([row[place] for row in table.rows])) for place in places[1:]))
    return shown


def _sum(cells: "list[Cell]") -> "Cell":
    """Return the sum of numbers, None where one is not known; nothing for words."""
    if any(cell is None for cell in cells):
        return None
    if any(isinstance(cell, str) for cell in cells):
        return ""
    numbers = [cell for cell in cells if isinstance(cell, int | float)]
    return sum(numbers) if len(numbers) == len(cells) else ""


def _cell(cell: "Cell") -> str:
    if cell is None:
        return "–"
    return f"{cell:z,.2f}" if isinstance(cell, float) else str(cell)
