"""Finds out which layout a file has and reads it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agr.domain.errors import TableError
from agr.domain.register import Price
from agr.scenario.downloads.capacity import read_capacity
from agr.scenario.downloads.content import text_of
from agr.scenario.downloads.layout import FileRead, ImportOptions, Kind, Layout, RecordedSession
from agr.scenario.downloads.layouts import capacity_table, entsoe_publication, price_table, session_table
from agr.scenario.downloads.layouts.acn import ACN
from agr.scenario.downloads.layouts.elaad import ELAAD
from agr.scenario.downloads.layouts.elia import ELIA
from agr.scenario.downloads.layouts.energy_charts import ENERGY_CHARTS
from agr.scenario.downloads.layouts.entsoe import ENTSOE
from agr.scenario.downloads.layouts.entsoe_library import ENTSOE_LIBRARY
from agr.scenario.downloads.layouts.evcc import EVCC
from agr.scenario.downloads.layouts.nord_pool import NORD_POOL
from agr.scenario.downloads.layouts.ocpi import OCPI
from agr.scenario.downloads.layouts.smard import SMARD
from agr.scenario.downloads.layouts.tennet import TENNET
from agr.scenario.downloads.layouts.tennet_former import TENNET_FORMER
from agr.scenario.downloads.prices import read_prices
from agr.scenario.downloads.sessions import read_sessions
from agr.scenario.downloads.sheet import Sheet, candidates

LAYOUTS: tuple[Layout[Any], ...] = (
    ENTSOE, ENTSOE_LIBRARY, entsoe_publication.ENTSOE_PUBLICATION, ENERGY_CHARTS, NORD_POOL, SMARD,
    price_table.PRICE_TABLE,
    capacity_table.CAPACITY_TABLE, TENNET, TENNET_FORMER, ELIA,
    ELAAD, OCPI, EVCC, ACN, session_table.SESSION_TABLE,
)  # fmt: skip
"""Every layout; of each kind of data, those of publishers come before the table whose columns are known by their
names."""

Value = TypeVar("Value")


def day_ahead(path: Path, asked: ImportOptions) -> FileRead[Price]:
    """Read day-ahead prices, EUR/MWh → series day_ahead. Raises TableError."""
    return _read(path, "day_ahead", asked, lambda sheet, columns: read_prices(sheet, columns, asked))


def imbalance(path: Path, asked: ImportOptions) -> FileRead[Price]:
    """Read imbalance prices, EUR/MWh → series imbalance_shortage and imbalance_surplus. Raises TableError."""
    return _read(path, "imbalance", asked, lambda sheet, columns: read_prices(sheet, columns, asked))


def capacity(path: Path, asked: ImportOptions) -> FileRead[Price]:
    """Read capacity prices, EUR/MW/h → series fcr_capacity, afrr_up_capacity and so on. Raises TableError."""
    return _read(path, "capacity", asked, lambda sheet, columns: read_capacity(sheet, columns, asked))


def sessions(path: Path, asked: ImportOptions) -> FileRead[RecordedSession]:
    """Read charging sessions; those without energy are left out. Raises TableError."""
    return _read(path, "sessions", asked, lambda sheet, columns: read_sessions(sheet, columns))


def _read(path: Path, kind: Kind, asked: ImportOptions, read: Callable[[Sheet, Any], list[Value]]) -> FileRead[Value]:
    text, notes = text_of(Path(path))
    sheet, layout, columns = _recognised(Path(path), text, kind, asked)
    if not sheet.rows:
        sheet.check()
        raise sheet.refuse("holds no usable values")
    values = read(sheet, columns)
    return FileRead(values=values, layout=layout.name, notes=[*notes, *sheet.notes])


def _recognised(path: Path, text: str, kind: Kind, asked: ImportOptions) -> tuple[Sheet, Layout[Any], Any]:
    """Return the table, its layout and columns. Raises TableError when no layout fits."""
    of_kind = [layout for layout in LAYOUTS if layout.kind == kind]
    tried: list[Sheet] = []
    for sheet in _sheets(path, text):
        tried.append(sheet)
        for layout in of_kind:
            try:
                columns = layout.columns(sheet, asked)
            except ValueError as error:
                raise sheet.refuse(str(error), sheet.head_line) from error
            if columns is not None:
                return sheet, layout, columns
    raise _unknown(path, kind, tried, asked)


def _sheets(path: Path, text: str) -> Iterable[Sheet]:
    """Return the tables that a text may be read as."""
    if text.lstrip().startswith("<"):
        return [entsoe_publication.sheet_of(path.name, text)]
    return candidates(path.name, text)


def _unknown(path: Path, kind: Kind, tried: Sequence[Sheet], asked: ImportOptions) -> TableError:
    if not tried:
        return TableError([f"{path.name}: is not a table: it has no header of several columns"])
    sheet = max(tried, key=lambda s: (len(s.header), -s.head_line))
    lacking = {
        "day_ahead": lambda: price_table.lacking(sheet, asked), "capacity": lambda: capacity_table.lacking(sheet),
        "sessions": lambda: session_table.lacking(sheet), "imbalance": lambda: ["shortage", "surplus"],
    }[kind]()  # fmt: skip
    known = ", ".join(layout.name for layout in LAYOUTS if layout.kind == kind)
    missing = ", ".join(lacking) or "what is needed"
    words = f"found no column for {missing}; there is {', '.join(sheet.header)}. Known layouts: {known}"
    return sheet.refuse(words, sheet.head_line)
