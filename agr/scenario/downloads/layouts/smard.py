"""SMARD's export of wholesale prices, in English or German: start and end on the German clock, a column per area."""

import re

from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import one_of
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing, read_day_first
from agr.scenario.downloads.words import clock_of

_PRICE = re.compile(r"(.+?)\s*\[(?:€|EUR)/MWh\](?:\s.*)?")


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    prices = [
        PriceColumn(column=at, area=found[1])
        for at, name in enumerate(sheet.header)
        if (found := _PRICE.fullmatch(name.strip()))
    ]
    start = one_of(sheet, ("start_date", "datum_von", "start", "anfang"))
    end = one_of(sheet, ("end_date", "datum_bis", "end", "ende"))
    if not prices or start is None or end is None:
        return None
    day = one_of(sheet, ("date", "datum"))
    clock = clock_of("CET/CEST", asked.tz)
    first = read_day_first(sheet, start, day, dense=True)
    timing = Timing(start=start, end=end, day=day, clock=clock, day_first=first)
    return PriceColumns(timing=timing, prices=prices)


SMARD = Layout(name="SMARD's export", kind="day_ahead", columns=_columns)
