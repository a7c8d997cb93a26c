"""Reads a table of prices whose columns are known: area, sequence, unit, numbers, intervals, doubles."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from agr.domain.faults import number_of
from agr.domain.register import Price
from agr.scenario.downloads.areas import area_code, chosen_area, listed
from agr.scenario.downloads.intervals import Timed, timed
from agr.scenario.downloads.isp_numbers import numbered
from agr.scenario.downloads.layout import ImportOptions, PriceColumn, PriceColumns
from agr.scenario.downloads.numbers import Decimals, decimals_of
from agr.scenario.downloads.plausibility import check_prices
from agr.scenario.downloads.resolutions import finest
from agr.scenario.downloads.roles import UNITS, one_of
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.words import per_mwh, plain

_CURRENCY_COLUMNS = ("currency", "currency_unit_name", "currency_unit", "wahrung", "valuta", "devise")
_FEW = 3
"""Most different values in a column that tells markets apart; columns of volumes and the like have more."""
_LENGTHS = (5, 10, 15, 20, 30, 60)
"""Minutes for which an energy price may hold: an hour, or a part of it."""
_COMMON = {"", "without sequence", "sequence 1", "sequence sequence 1", "1"}
"""Names of the common day-ahead auction (SDAC) in ENTSO-E's exports."""


def read_prices(sheet: Sheet, columns: PriceColumns, asked: ImportOptions) -> list[Price]:
    """Return the prices, of every series in order of time. Raises TableError with all faults of the table."""
    rows = [row for row in sheet.rows if row.line not in columns.skipped]
    rows = _of_sequence(sheet, columns, _of_contract(sheet, columns, _of_area(sheet, columns, rows, asked)))
    of_area = _columns_of_area(sheet, columns.prices, asked)
    _check_units(sheet, rows, of_area)
    decimals = decimals_of([[row.cells[one.column] for row in rows] for one in of_area], sheet.separator)
    values = {id(row): _values(sheet, row, of_area, decimals) for row in rows}

    def silent(row: SheetRow) -> bool:
        return not values[id(row)]

    if columns.isp is not None:
        spans = numbered(sheet, columns.timing, columns.isp, rows)
    else:
        spans = timed(sheet, columns.timing, rows, silent=silent, days=asked.days)
    empty = [row for row in rows if silent(row)]
    if empty and len(empty) < len(rows):
        lacking = number_of(len(empty), "row has", "rows have")
        sheet.note(f"{lacking} no price, the first in {sheet.place} {empty[0].line}")
    found: list[Price] = []
    for one in of_area:
        found += _series(sheet, one, [(span, values[id(span.row)].get(one.column)) for span in spans], _known(columns))
    sheet.check()
    if not found:
        raise sheet.refuse("holds no usable values")
    check_prices(sheet, found)
    return found


def _known(columns: PriceColumns) -> set[int]:
    """Return the columns whose meaning is known."""
    timing = columns.timing
    mine = (timing.start, timing.end, timing.day, timing.length, timing.offset, columns.area, columns.sequence)
    return {one.column for one in columns.prices} | set(columns.only) | {at for at in mine if at is not None}


def _of_area(sheet: Sheet, columns: PriceColumns, rows: list[SheetRow], asked: ImportOptions) -> list[SheetRow]:
    """Return the rows of the area that is meant. Raises TableError naming the areas."""
    if columns.area is None:
        if asked.area and not any(one.area or one.series != "day_ahead" for one in columns.prices):
            sheet.notes.append(
                f"{sheet.file} does not say whose prices it holds; they were taken as those of {asked.area}"
            )
        return rows
    names = [row.cells[columns.area] for row in rows]
    try:
        chosen = chosen_area(names, asked.area)
    except ValueError as error:
        raise sheet.refuse(str(error)) from error
    if chosen is None:
        there = listed(names)
        raise sheet.refuse(f"holds prices of {there}; choose one of them with --area" if names else "holds no rows")
    code = area_code(chosen)
    return [row for row in rows if area_code(row.cells[columns.area]) == code]


def _of_contract(sheet: Sheet, columns: PriceColumns, rows: list[SheetRow]) -> list[SheetRow]:
    """Return the rows of the contracts that are meant. Raises TableError when there are only others."""
    for at, told in columns.only.items():
        kept = [row for row in rows if row.cells[at].lower() in told]
        others = ", ".join(sorted({row.cells[at] for row in rows} - {row.cells[at] for row in kept}))
        if others and not kept:
            raise sheet.refuse(f"holds only rows whose {sheet.header[at]} is {others}; export day-ahead prices")
        if others:
            sheet.note(f"{number_of(len(rows) - len(kept), 'row')} whose {sheet.header[at]} is {others} left out")
        rows = kept
    return rows


def _columns_of_area(sheet: Sheet, prices: Sequence[PriceColumn], asked: ImportOptions) -> list[PriceColumn]:
    """Return the columns of the area that is meant. Raises TableError naming the areas that have columns."""
    names = [one.area for one in prices if one.area]
    if not names:
        return list(prices)
    try:
        chosen = chosen_area(names, asked.area)
    except ValueError as error:
        raise sheet.refuse(str(error), sheet.head_line) from error
    if chosen is None:
        words = f"holds prices of {listed(names)}; choose one of them with --area"
        raise sheet.refuse(words, sheet.head_line)
    found = [one for one in prices if area_code(one.area) == area_code(chosen)]
    if len({one.column for one in found}) > len({one.series for one in found}):
        columns = ", ".join(f"'{sheet.header[one.column]}'" for one in found)
        raise sheet.refuse(f"has several columns of prices of {chosen}: {columns}; delete all but one", sheet.head_line)
    return found


def _of_sequence(sheet: Sheet, columns: PriceColumns, rows: list[SheetRow]) -> list[SheetRow]:
    """Return the rows of the common day-ahead auction. Raises TableError when there are only others."""
    if columns.sequence is None:
        return rows
    kept = [row for row in rows if row.cells[columns.sequence].lower() in _COMMON]
    others = sorted({row.cells[columns.sequence] for row in rows if row.cells[columns.sequence].lower() not in _COMMON})
    unknown = [name for name in others if not name.split()[-1].isdigit()]
    if unknown:
        words = f"has rows of sequence '{unknown[0]}', which is not known; delete them, or the column if all are meant"
        raise sheet.refuse(words)
    if others and not kept:
        words = (
            f"holds only '{', '.join(others)}': the prices of an auction beside the common day-ahead auction (SDAC), "
        )
        raise sheet.refuse(words + "which is Sequence 1 or without sequence; export that one")
    if others:
        sheet.note(f"{number_of(len(rows) - len(kept), 'row')} of other auctions ({', '.join(others)}) left out")
    return kept


def _check_units(sheet: Sheet, rows: Sequence[SheetRow], prices: Sequence[PriceColumn]) -> None:
    """Note rows whose columns of currency or unit say something other than EUR, or another unit than the prices'."""
    unit = one_of(sheet, UNITS)
    factors = {one.factor for one in prices}
    for at, name in enumerate(sheet.names()):
        currency = name in _CURRENCY_COLUMNS
        for row in rows if currency or at == unit else ():
            told = plain(row.cells[at])
            wrong = currency and told not in ("", "eur", "euro")
            other = at == unit and told not in ("", "mwh", "eur") and per_mwh(row.cells[at]) not in factors
            if wrong or other:
                sheet.fault(row.line, f"'{row.cells[at]}' is not EUR/MWh; convert the prices", at)


def _values(sheet: Sheet, row: SheetRow, columns: Sequence[PriceColumn], decimals: Decimals) -> dict[int, float]:
    """Return column → EUR/MWh of the columns that have a number."""
    found: dict[int, float] = {}
    for one in columns:
        try:
            value = decimals.number(row.cells[one.column])
        except ValueError as error:
            sheet.fault(row.line, str(error), one.column)
            continue
        if value is not None:
            found[one.column] = round(value * one.factor, 9) if one.factor != 1 else value
    return found


def _series(
    sheet: Sheet, one: PriceColumn, spans: Sequence[tuple[Timed, float | None]], known: Collection[int]
) -> list[Price]:  # fmt: skip
    """Return one series in order of time; contradictions and impossible lengths are noted."""
    seen: dict[tuple[datetime, int], tuple[SheetRow, float]] = {}
    doubles = 0
    for span, value in spans:
        if value is None:
            continue
        if span.minutes not in _LENGTHS:
            sheet.fault(span.row.line, f"holds for {span.minutes} minutes; prices of energy hold for a part of an hour")
            continue
        before = seen.setdefault((span.start, span.minutes), (span.row, value))
        if before[0] is span.row:
            continue
        doubles += 1
        if before[1] != value:
            sheet.fault(span.row.line, _contradiction(sheet, span, before, value))
    if doubles:
        sheet.note(f"{number_of(doubles, 'row says', 'rows say')} what others said before")
    prices = [
        Price(series=one.series, start=start, minutes=minutes, value=value)
        for (start, minutes), (_, value) in seen.items()
    ]
    try:
        fine = finest(prices)
    except ValueError as error:
        lines = {start: row.line for (start, _), (row, _) in seen.items()}
        sheet.fault(max(lines.values()), str(error))
        return []
    if len({p.minutes for p in prices}) > 1 and fine != sorted(prices, key=lambda p: p.start):
        _check_one_market(sheet, {minutes: [row for (_, m), (row, _) in seen.items() if m == minutes]
                                  for minutes in {p.minutes for p in prices}}, known)  # fmt: skip
        sheet.note("where prices of several lengths overlap, those of the shorter one count")
    return fine


def _check_one_market(sheet: Sheet, rows: Mapping[int, Sequence[SheetRow]], known: Collection[int]) -> None:
    """Note that prices of several lengths overlap and another column says that they are of different markets."""
    for at, name in enumerate(sheet.header):
        told = [{row.cells[at] for row in alike} for alike in rows.values()]
        apart = not set.intersection(*told) and all(len(cells) <= _FEW for cells in told)
        if at not in known and apart:
            named = " and ".join(sorted(f"'{cell}'" for cells in told for cell in cells))
            lengths = " and ".join(map(str, sorted(rows)))
            words = f"prices of {lengths} minutes overlap and differ in column {name} ({named}); delete those not meant"
            sheet.fault(sheet.head_line, words)


def _contradiction(sheet: Sheet, span: Timed, before: tuple[SheetRow, float], value: float) -> str:
    row = before[0]
    said = f"{span.start.isoformat()} has {value:g} here and {before[1]:g} in {sheet.place} {row.line}"
    pairs = zip(sheet.header, row.cells, span.row.cells, strict=True)
    differ = [f"{name} ('{one}', '{other}')" for name, one, other in pairs if one != other and name]
    return f"{said}; the rows differ in {', '.join(differ[:5])}: keep one of them, or choose an area"
