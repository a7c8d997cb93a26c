"""Lists scenarios from their descriptions only; tables are not read, so this is quick. Prints nothing."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agr.domain.errors import AgrError
from agr.scenario.description import Description, describe


def scenarios_table(folders: Sequence[Path]) -> Table:
    """Return one row per scenario with its days and title, or with the fault of a description that cannot be read."""
    table = Table(box=SIMPLE_HEAD, padding=0)
    for title in ("scenario", "days", "about"):
        table.add_column(title, overflow="fold", no_wrap=title != "about")
    for folder in folders:
        try:
            described = describe(folder)
        except AgrError as error:
            first = " ".join(str(error).splitlines()[:2])
            table.add_row(folder.name, "", Text(f"`agr scenario validate {folder.name}`: {first}", style="red"))
        else:
            table.add_row(folder.name, days(described), Text(described.title))
    return table


def days(described: Description) -> str:
    """Return the planned days as text: one day, or FIRST..LAST."""
    periods = described.periods()
    return str(periods[0]) if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"
