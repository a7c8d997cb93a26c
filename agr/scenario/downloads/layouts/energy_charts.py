"""Energy-Charts' export: instants with their offset, a second header line with units, an area in a column's name."""

import re

from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of, per_mwh, plain

_PRICE = re.compile(r"day[ -]ahead[ -](?:auktion|auction)\s*\((.+)\)", re.IGNORECASE)


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    if not sheet.rows or not re.match(r"(?:date|datum)", plain(sheet.header[0])):
        return None
    named = {at: found[1] for at, name in enumerate(sheet.header) if (found := _PRICE.fullmatch(name.strip()))}
    units = sheet.rows[0]
    if not named or units.cells[0]:
        return None
    for at in named:
        if per_mwh(units.cells[at]) is None:
            raise ValueError(f"'{units.cells[at]}', the unit of column '{sheet.header[at]}', is not EUR/MWh")
    return PriceColumns(
        timing=Timing(start=0, clock=clock_of(sheet.header[0], asked.tz)),
        prices=[
            PriceColumn(column=at, area=area, factor=per_mwh(units.cells[at]) or 1.0) for at, area in named.items()
        ],
        skipped=frozenset({units.line}),
    )


ENERGY_CHARTS = Layout(name="Energy-Charts' export", kind="day_ahead", columns=_columns)
