"""Reads results of capacity auctions, EUR/MW per hour: the type of reserve, blocks of the local day, doubles."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agr.domain.faults import number_of
from agr.domain.isp import local_instant
from agr.domain.register import Price
from agr.scenario.downloads.areas import area_code
from agr.scenario.downloads.layout import ImportOptions
from agr.scenario.downloads.numbers import Decimals, decimals_of
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.times import read_time
from agr.scenario.downloads.timing import read_day_first
from agr.scenario.downloads.words import TimeConvention

_BLOCK = re.compile(r"(?P<side>NEGPOS|NEG|POS)_(?P<first>\d\d)_(?P<last>\d\d)")
_TYPES = {"fcr": "fcr", "prl": "fcr", "afrr": "afrr", "srl": "afrr", "mfrr": "mfrr", "mrl": "mfrr"}
"""Type of reserve, as files name it → our name for it."""
_SIDES = {"NEGPOS": "", "POS": "_up", "NEG": "_down"}
_MARKET = ZoneInfo("Europe/Berlin")
"""Time zone of the capacity market: in every country that buys there, products are named after hours in this zone."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class CapacityColumns:
    """Where a table has its blocks and prices."""

    time: int
    product: int
    price: int
    until: int | None
    last_day: int | None
    type: int | None
    country: int | None
    clock: TimeConvention
    per_block: bool  # else per hour


def read_capacity(sheet: Sheet, columns: CapacityColumns, asked: ImportOptions) -> list[Price]:
    """Return the series TYPE_up_capacity, TYPE_down_capacity and fcr_capacity. Raises TableError with all faults."""
    rows = sheet.rows
    if columns.country is not None:
        rows = [row for row in rows if area_code(row.cells[columns.country]) == area_code(asked.country)]
        if not rows and sheet.rows:
            there = ", ".join(sorted(set(sheet.column(columns.country))))
            raise sheet.refuse(f"has no prices of {asked.country}; it has those of {there}; choose with --country")
    decimals = decimals_of([[row.cells[columns.price] for row in rows]], sheet.separator)
    first = read_day_first(sheet, columns.time, dense=True)
    seen: dict[tuple[str, datetime], tuple[SheetRow, Price]] = {}
    empty = doubles = 0
    for row in rows:
        try:
            price = _price(sheet, columns, row, decimals, first)
        except ValueError as error:
            sheet.fault(row.line, str(error))
            continue
        if price is None:
            empty += 1
            continue
        before = seen.setdefault((price.series, price.start), (row, price))
        if before[0] is row:
            continue
        doubles += 1
        if before[1] != price:
            said = (
                f"{price.series} from {price.start.isoformat()} is {price.value:g} EUR/MW/h for {price.minutes} minutes"
            )
            other = f"{before[1].value:g} for {before[1].minutes} in {sheet.place} {before[0].line}"
            sheet.fault(row.line, f"{said} here and {other}; keep one of them")
    sheet.check()
    if not seen:
        raise sheet.refuse("holds no usable values")
    _say(sheet, columns, empty, doubles, {series for series, _ in seen})
    return sorted((price for _, price in seen.values()), key=lambda p: (p.series, p.start))


def _say(sheet: Sheet, columns: CapacityColumns, empty: int, doubles: int, series: set[str]) -> None:
    if empty:
        sheet.note(f"{number_of(empty, 'row has', 'rows have')} no price")
    if doubles:
        sheet.note(f"{number_of(doubles, 'row says', 'rows say')} what others said before")
    if columns.type is None and not _named(sheet.file) and series - {"fcr_capacity"}:
        sheet.notes.append(f"{sheet.file} does not say which reserve its POS and NEG are; they were taken as aFRR")


def _named(file: str) -> str | None:
    """Return the type of reserve that a file's name has."""
    return next((kind for word, kind in _TYPES.items() if word in file.lower()), None)


def _price(
    sheet: Sheet, columns: CapacityColumns, row: SheetRow, decimals: Decimals, first: bool | None
) -> Price | None:
    product = row.cells[columns.product]
    block, value = _BLOCK.search(product), decimals.number(row.cells[columns.price])
    if block is None:
        raise ValueError(f"'{product}' is not a product such as NEGPOS_00_04 or POS_00_04")
    if value is None:
        return None
    series = _series(sheet, columns, row, block["side"])
    begin, end = _span(columns, row, block, first)
    minutes = (end - begin) // _MINUTE
    if minutes <= 0:
        raise ValueError(f"'{product}' ends at {end.isoformat()}, not after {begin.isoformat()}")
    hourly = value / (minutes / 60) if columns.per_block else value
    return Price(series=series, start=begin, minutes=minutes, value=round(hourly, 4))


def _series(sheet: Sheet, columns: CapacityColumns, row: SheetRow, side: str) -> str:
    kind = "fcr" if side == "NEGPOS" else _named(sheet.file) or "afrr"
    if columns.type is not None:
        text = row.cells[columns.type]
        told = _TYPES.get(text.strip().lower())
        if told is None:
            raise ValueError(f"'{text}' is not a type of reserve that is known; known are FCR, aFRR and mFRR")
        kind = told
    if (kind == "fcr") != (side == "NEGPOS"):
        raise ValueError(f"'{row.cells[columns.product]}' is not a product of {kind.upper()}")
    return f"{kind}{_SIDES[side]}_capacity"


def _span(
    columns: CapacityColumns, row: SheetRow, block: re.Match[str], first: bool | None
) -> tuple[datetime, datetime]:
    """Return the start and end of a block, in UTC: as written, or by the hours of its product on the local day."""
    begin = read_time(row.cells[columns.time], first)
    if columns.until is not None:
        end = read_time(row.cells[columns.until], first)
        return _instant(begin, columns.clock), _instant(end, columns.clock)
    last = "" if columns.last_day is None else row.cells[columns.last_day]
    if last and read_time(last, first).date() != begin.date():
        raise ValueError(f"'{last}' is another day than '{row.cells[columns.time]}'; expected products of one day")
    day = (begin if begin.tzinfo is None else begin.astimezone(_MARKET)).date()
    return _hour(day, int(block["first"])), _hour(day, int(block["last"]))


def _instant(moment: datetime, clock: TimeConvention) -> datetime:
    if moment.tzinfo is not None:
        return moment
    instants = clock.instants(moment)
    if len(instants) != 1:
        raise ValueError(f"'{moment:%Y-%m-%d %H:%M}' is not one moment on that night; write its offset behind it")
    return instants[0]


def _hour(day: date, hour: int) -> datetime:
    return local_instant(day + timedelta(days=hour // 24), time(hour % 24), _MARKET)
