"""Nord Pool's export of day-ahead prices: delivery begins and ends on the clock of CET and CEST, a column per area."""

import re

from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of

_PRICE = re.compile(r"([A-Z]{2,3}[A-Z0-9-]*)(?:\s+Price)?\s*\(([A-Z]{3})\)")


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    start, end = one_of(sheet, (r"delivery_start(_.*)?",)), one_of(sheet, (r"delivery_end(_.*)?",))
    named = {at: found for at, name in enumerate(sheet.header) if (found := _PRICE.fullmatch(name.strip()))}
    if start is None or end is None or not named:
        return None
    foreign = [sheet.header[at] for at, found in named.items() if found[2] != "EUR"]
    if foreign:
        raise ValueError(f"column '{foreign[0]}' is not in EUR; export the prices in EUR")
    clock = clock_of("CET/CEST" if "CET" in sheet.header[start] else sheet.header[start], asked.tz)
    timing = Timing(start=start, end=end, clock=clock)
    return PriceColumns(timing=timing, prices=[PriceColumn(column=at, area=found[1]) for at, found in named.items()])


NORD_POOL = Layout(name="Nord Pool's export", kind="day_ahead", columns=_columns)
