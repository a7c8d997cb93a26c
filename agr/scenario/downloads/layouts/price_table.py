"""Day-ahead prices in columns with telling names, in any order: Ember's, open-data portals', a user's own."""

import re
from collections.abc import Sequence

from agr.scenario.downloads.areas import area_code
from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.roles import AREAS, DAYS, ENDS, LENGTHS, SEQUENCES, UNITS, one_of, start_of, zone_column
from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.times import is_clock, parts
from agr.scenario.downloads.timing import Timing, read_day_first
from agr.scenario.downloads.words import clock_of, foreign, names_zone, per_mwh, plain

_PRICES = {"price", "marketprice", "prices", "preis", "preise", "prijs", "prijzen", "prix"}
_SAMPLE = 3
"""Rows that are looked at to see whether times stand in a column apart from the days."""
_OTHERS = {"intraday", "imbalance", "balancing", "onbalans", "forecast", "forecasted", "predicted", "prognose"}
"""Words in the names of columns whose prices are not those of the day-ahead auction."""
_UNIT = re.compile(r"[\[(]?\s*(?:€|EUR|ct|cent)\s*(?:/|per\s)\s*k?M?Wh[a-z]*\s*[\])]?", re.IGNORECASE)


def price_columns(sheet: Sheet) -> list[PriceColumn]:
    """Return the columns in EUR per energy; several are told apart by the rest of their names."""
    priced = {at: factor for at, name in enumerate(sheet.header) if (factor := per_mwh(name)) is not None}
    found = {at: factor for at, factor in priced.items() if not _OTHERS & set(plain(sheet.header[at]).split("_"))}
    if priced and not found:
        raise ValueError(
            f"column '{sheet.header[min(priced)]}' holds no day-ahead prices; give it another file or name"
        )
    if not found and any(foreign(name) for name in sheet.header):
        there = next(name for name in sheet.header if foreign(name))
        raise ValueError(f"column '{there}' is not in EUR; convert its prices to EUR and rename it")
    if not found:
        return _by_unit_column(sheet)
    of_day = [at for at in found if "day_ahead" in plain(sheet.header[at])]
    if len(of_day) == 1:
        found = {of_day[0]: found[of_day[0]]}
    if len(found) == 1:
        return [PriceColumn(column=at, factor=factor) for at, factor in found.items()]
    return [
        PriceColumn(column=at, factor=factor, area=_UNIT.sub("", sheet.header[at]).strip() or sheet.header[at])
        for at, factor in found.items()
    ]


def _by_unit_column(sheet: Sheet) -> list[PriceColumn]:
    """Return the column of prices whose unit stands in a column of its own, the same in every row."""
    unit = one_of(sheet, UNITS)
    named = [at for at, name in enumerate(sheet.names()) if at != unit and _PRICES & set(name.split("_"))]
    units = set() if unit is None else {per_mwh(cell) for cell in sheet.column(unit)}
    factor = units.pop() if len(units) == 1 else None
    if factor is None:
        return []
    return [PriceColumn(column=at, factor=factor, area="" if len(named) == 1 else sheet.header[at]) for at in named]


def timing_of(sheet: Sheet, asked: ImportOptions) -> Timing | None:
    """Return the columns of times; None where no column says when a row begins or ends."""
    start = start_of(sheet)
    end = one_of(sheet, ENDS, but=(start,))
    anchor = start if start is not None else end
    if anchor is None:
        return None
    apart = any(is_clock(parts(cell)[0]) for cell in sheet.column(anchor)[:_SAMPLE])
    day = one_of(sheet, DAYS, but=(start, end)) if apart else None
    clock = clock_of(sheet.header[anchor], asked.tz)
    offset, told = zone_column(sheet, asked.tz, but=(start, end, day))
    clock = told if told is not None and not names_zone(sheet.header[anchor]) else clock
    end_clock = clock if end is None or not names_zone(sheet.header[end]) else clock_of(sheet.header[end], asked.tz)
    length = one_of(sheet, LENGTHS, but=(start, end))
    return Timing(
        start=start, end=end, day=day, length=length, clock=clock, end_clock=end_clock, offset=offset,
        day_first=read_day_first(sheet, start, end, day, dense=True),
    )  # fmt: skip


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    prices, timing = price_columns(sheet), timing_of(sheet, asked)
    if not prices or timing is None:
        return None
    used = (timing.start, timing.end, timing.day, timing.length, *(one.column for one in prices))
    area, sequence = one_of(sheet, AREAS, but=used), one_of(sheet, SEQUENCES, but=used)
    if area is None and asked.area:
        area = _holding(sheet, asked.area, but=used)
    return PriceColumns(timing=timing, prices=prices, area=area, sequence=sequence)


def _holding(sheet: Sheet, area: str, but: Sequence[int | None]) -> int | None:
    """Return the one other column in which the area stands, whatever its name; None where there is none or several."""
    code = area_code(area)
    others = [at for at in range(len(sheet.header)) if at not in but]
    found = [at for at in others if code in {area_code(cell) for cell in set(sheet.column(at))}]
    return found[0] if len(found) == 1 else None


def lacking(sheet: Sheet, asked: ImportOptions) -> list[str]:
    """Return what no column was found for."""
    unnamed = any(_PRICES & set(name.split("_")) for name in sheet.names())
    price = "price with its unit, such as 'price (EUR/MWh)'" if unnamed else "price"
    found = {"time": timing_of(sheet, asked), price: price_columns(sheet)}
    return [name for name, there in found.items() if not there]


PRICE_TABLE = Layout(name="a table of prices", kind="day_ahead", columns=_columns)
