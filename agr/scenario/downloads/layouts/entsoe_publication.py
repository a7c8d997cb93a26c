"""ENTSO-E's publication document (A44) of day-ahead prices, as its interface answers. Source: IEC 62325-451-3.

Of curves of type A03 a position that is missing repeats the price before it; of others it has none.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from agr.domain.errors import InputError, TableError
from agr.domain.isp import parse_duration
from agr.domain.xml_document import XmlError, parse_xml
from agr.scenario.downloads.layout import ImportOptions, Layout, PriceColumn, PriceColumns
from agr.scenario.downloads.sheet import Sheet, SheetRow
from agr.scenario.downloads.times import read_time
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import clock_of

_HEADER = ("start (UTC)", "end (UTC)", "area", "sequence", "currency", "unit", "A44 price")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")  # the text is decoded; its declared encoding no longer holds
_DAILY = ("A01", "")
_STEPPED = ("A03", "")


def sheet_of(file: str, text: str) -> Sheet:
    """Return the document's points as a table. Raises TableError for other documents."""
    try:
        root = parse_xml(_DECLARATION.sub("", text).encode())
    except XmlError as error:
        raise TableError([f"{file}: {error}"]) from error
    sheet = Sheet(file=file, header=_HEADER, rows=[])
    if _name(root) != "Publication_MarketDocument":
        reason = " ".join(_all(root, "text"))
        words = f"is of type {_name(root)}, expected a Publication_MarketDocument of prices (A44)"
        raise sheet.refuse(f"{words}. {reason}" if reason else words)
    for series in _day_ahead(sheet, root):
        for period in (child for child in series if _name(child) == "Period"):
            try:
                sheet.rows += _points(series, period)
            except (ValueError, InputError) as error:
                sheet.fault(_line(period), str(error))
    return sheet


def _day_ahead(sheet: Sheet, root: etree._Element) -> list[etree._Element]:
    """Return the series of day-ahead auctions. Raises TableError when there are only others."""
    series = [child for child in root if _name(child) == "TimeSeries"]
    daily = [one for one in series if _one(one, "contract_MarketAgreement.type", "") in _DAILY]
    if series and not daily:
        raise sheet.refuse("holds no prices of day-ahead auctions (contract type A01), only of others")
    if len(daily) < len(series):
        sheet.note(f"{len(series) - len(daily)} series of other contracts than day-ahead ones were left out")
    return daily


def _points(series: etree._Element, period: etree._Element) -> Iterator[SheetRow]:
    start, end = (read_time(_one(period, name)) for name in ("start", "end"))
    step = parse_duration(_one(period, "resolution"))
    count, left = divmod(end - start, step) if step else (0, end - start)
    if left or count < 1:
        raise ValueError(f"its interval from {start.isoformat()} to {end.isoformat()} is not a whole number of {step}")
    told = [_one(series, name, "") for name in
            ("in_Domain.mRID", "classificationSequence_AttributeInstanceComponent.position", "currency_Unit.name",
             "price_Measure_Unit.name")]  # fmt: skip
    stepped = _one(series, "curveType", "") in _STEPPED
    points = sorted(
        ((int(_one(point, "position")), point) for point in period if _name(point) == "Point"), key=lambda p: p[0]
    )
    if stepped and points and points[0][0] != 1:
        raise ValueError("its first point is not position 1, so nothing says what it begins with")
    after = [position for position, _ in points[1:]] + [count + 1]
    for (position, point), following in zip(points, after, strict=True):
        if not 1 <= position <= count or following <= position:
            raise ValueError(f"position {position} comes twice or lies outside 1..{count}")
        for at in range(position, following if stepped else position + 1):
            cells = [*_span(start, step, at), *told, _one(point, "price.amount")]
            yield SheetRow(line=_line(point), cells=tuple(cells))


def _span(start: datetime, step: timedelta, position: int) -> Iterator[str]:
    for n in (position - 1, position):
        yield (start + n * step).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _line(element: etree._Element) -> int:
    line = element.sourceline
    return line if isinstance(line, int) else 0


def _all(element: etree._Element, name: str) -> list[str]:
    return [(found.text or "").strip() for found in element.iter() if _name(found) == name]


def _one(element: etree._Element, name: str, default: str | None = None) -> str:
    """Return the text of the first descendant of that name. Raises ValueError when it is missing."""
    found = _all(element, name)
    if not found and default is None:
        raise ValueError(f"a {_name(element)} has no {name}")
    return found[0] if found else default or ""


def _columns(sheet: Sheet, asked: ImportOptions) -> PriceColumns | None:
    if sheet.header != _HEADER:
        return None
    return PriceColumns(
        timing=Timing(start=0, end=1, clock=clock_of("UTC", asked.tz)),
        prices=[PriceColumn(column=6)],
        area=2,
        sequence=3,
    )


ENTSOE_PUBLICATION = Layout(name="ENTSO-E's A44 document", kind="day_ahead", columns=_columns)
