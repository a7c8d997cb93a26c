"""Parses a feed's response: records with named fields, in JSON or CSV → prices, forecasts, awards or trades. Pure."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agr.connectors.ports import SourceData
from agr.connectors.tables.cells import CellError, read_instant, read_number, read_text, read_whole
from agr.domain.award import Award, Trade
from agr.domain.errors import FeedError
from agr.domain.faults import meant, number_of, verb_of
from agr.domain.isp import Period
from agr.domain.kinds import QUANTITIES
from agr.domain.register import Forecast, Price
from agr.settings import RecordFeed

_EXTRA = "\0"
_SIDES = {"buy": 1.0, "b": 1.0, "sell": -1.0, "s": -1.0}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_records(feed: RecordFeed, text: str, period: Period) -> SourceData:
    """Return what a response says about a Period; see the function of its kind. Raises FeedError."""
    match feed.kind:
        case "price":
            return SourceData(prices=_prices(feed, text, period))
        case "forecast":
            return SourceData(forecasts=_forecasts(feed, text, period))
        case "award":
            return SourceData(award=_award(feed, text, period))
        case "trade":
            return SourceData(trades=_trades(feed, text, period))


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One parsed record of a response."""

    position: int
    start: datetime
    minutes: int
    value: float
    record: Mapping[str, object]


def _prices(feed: RecordFeed, text: str, period: Period) -> tuple[Price, ...]:
    """Return the prices that overlap the Period, in order of time; empty if there are none yet.

    Raises FeedError, also where two prices of a series hold at the same time.
    """
    found: list[Price] = []
    last: dict[str, tuple[_Row, datetime]] = {}
    for row in sorted(_rows(feed, text, period), key=lambda row: row.start):
        series = feed.series or _name(feed, row, feed.series_field)
        before, until = last.get(series, (row, row.start))
        if before is not row and (before.start, before.minutes, before.value) == (row.start, row.minutes, row.value):
            continue
        if row.start < until:
            words = f"{series}: {row.start.isoformat()} overlaps record {before.position}; one price is expected"
            raise _wrong(feed, row.position, f"{words} for every moment")
        last[series] = row, row.start + timedelta(minutes=row.minutes)
        found.append(Price(series=series, start=row.start, minutes=row.minutes, value=row.value))
    return tuple(found)


def _forecasts(feed: RecordFeed, text: str, period: Period) -> tuple[Forecast, ...]:
    """Return the forecasts of the Period; a coarser value is repeated for each of its ISPs.

    Raises FeedError, also when a forecast does not cover every ISP of the Period exactly once.
    """
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in _rows(feed, text, period):
        resource = feed.resource or _name(feed, row, feed.resource_field)
        quantity = feed.quantity or _name(feed, row, feed.quantity_field)
        if quantity not in QUANTITIES:
            raise _wrong(feed, row.position, f"{quantity!r} is not a quantity; {meant(quantity, QUANTITIES)}")
        values = found.setdefault((resource, quantity), {})
        for isp in _isps(feed, row, period):
            if isp in values:
                raise _wrong(feed, row.position, f"{resource}, {quantity}: {period.label(isp)} appears twice")
            values[isp] = row.value
    return tuple(
        Forecast(resource=resource, quantity=quantity, period=period, values=_whole(feed, resource, values, period))
        for (resource, quantity), values in found.items()
    )


def _award(feed: RecordFeed, text: str, period: Period) -> Award | None:
    """Return what was awarded in the Period, MW, bought positive; None while the response has no records at all.

    Raises FeedError for records that are all of other Periods, and when they do not cover every ISP exactly once.
    """
    mw: dict[int, float] = {}
    price: dict[int, float] = {}
    for row in _rows(feed, text, period):
        for isp in _isps(feed, row, period):
            if isp in mw:
                raise _wrong(feed, row.position, f"{period.label(isp)} appears twice")
            mw[isp] = _signed(feed, row)
            if feed.price_field is not None:
                price[isp] = _number(feed, row, feed.price_field)
    if not mw:
        count = len(_records(feed, text))
        if count:
            raise FeedError(f"feed {feed.name}: none of its {number_of(count, 'record')} is about {period}")
        return None
    market = feed.market or "day-ahead"
    prices = _whole(feed, "prices", price, period) if price else None
    return Award(market=market, mw=_whole(feed, market, mw, period), price_eur_per_mwh=prices)


def _trades(feed: RecordFeed, text: str, period: Period) -> tuple[Trade, ...]:
    """Return the trades whose delivery lies in the Period, in the order of the response. Raises FeedError."""
    return tuple(
        Trade(
            trade=_name(feed, row, feed.trade_field), start=row.start, minutes=row.minutes, mw=_signed(feed, row),
            price_eur_per_mwh=_number(feed, row, feed.price_field or ""),
            brp="" if feed.brp_field is None else _name(feed, row, feed.brp_field),
        )
        for row in _rows(feed, text, period)
    )  # fmt: skip


def _signed(feed: RecordFeed, row: _Row) -> float:
    """Return a volume, bought positive."""
    if feed.side_field is None:
        return row.value
    side = _name(feed, row, feed.side_field).lower()
    if side not in _SIDES or row.value < 0:
        words = f"field {feed.side_field}: {side!r} with a volume of {row.value:g} is not a side"
        raise _wrong(feed, row.position, f"{words}; expected buy or sell, and volumes that are not negative")
    return _SIDES[side] * row.value + 0.0


def _number(feed: RecordFeed, row: _Row, field: str) -> float:
    try:
        return read_number(row.record.get(field))
    except CellError as error:
        raise _wrong(feed, row.position, f"field {field}: {row.record.get(field)!r} {error}") from error


def _whole(feed: RecordFeed, resource: str, values: Mapping[int, float], period: Period) -> tuple[float, ...]:
    missing = [isp for isp in range(1, period.isp_count + 1) if isp not in values]
    if missing:
        raise FeedError(
            f"feed {feed.name}: {len(missing)} of {period.isp_count} ISPs of {period} {verb_of(len(missing))} missing "
            f"for {resource}, first {period.label(missing[0])}; ask for the whole local day"
        )
    return tuple(values[isp] for isp in range(1, period.isp_count + 1))


def _isps(feed: RecordFeed, row: _Row, period: Period) -> Iterator[int]:
    """Yield the ISPs of the Period that a record covers."""
    if (row.start - period.start) % period.isp_length or timedelta(minutes=row.minutes) % period.isp_length:
        raise _wrong(feed, row.position, f"does not begin and end with an ISP of {period.isp_minutes} minutes")
    first = period.isp_of(row.start)
    for isp in range(first, first + row.minutes // period.isp_minutes):
        if 1 <= isp <= period.isp_count:
            yield isp


def _rows(feed: RecordFeed, text: str, period: Period) -> Iterator[_Row]:
    """Yield the records that overlap the Period."""
    for position, record in enumerate(_records(feed, text), start=1):
        row = _row(feed, position, record)
        if row.start < period.end and row.start + timedelta(minutes=row.minutes) > period.start:
            yield row


def _row(feed: RecordFeed, position: int, record: Mapping[str, object]) -> _Row:
    field = feed.start_field
    try:
        start = _start(feed, record.get(feed.start_field))
        field = feed.value_field
        value = read_number(read_number(record.get(feed.value_field)) * feed.factor)
        field = feed.minutes_field or "minutes"
        minutes = read_whole(record.get(feed.minutes_field)) if feed.minutes_field else feed.minutes
        if not 1 <= minutes <= 7 * 1440:
            raise CellError("is not an interval of 1 minute to 7 days")
    except CellError as error:
        raise _wrong(feed, position, f"field {field}: {record.get(field)!r} {error}") from error
    return _Row(position=position, start=start, minutes=minutes, value=value, record=record)


def _start(feed: RecordFeed, value: object) -> datetime:
    if feed.time_format == "iso":
        return read_instant(value)
    seconds = read_number(value) / (1000 if feed.time_format == "unix_ms" else 1)
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise CellError("lies outside the calendar; check time_format") from error


def _name(feed: RecordFeed, row: _Row, field: str | None) -> str:
    value = row.record.get(field or "")
    if value is None:
        raise _wrong(feed, row.position, f"field {field} is missing")
    try:
        return read_text(value)
    except CellError as error:
        raise _wrong(feed, row.position, f"field {field}: {value!r} {error}") from error


def _wrong(feed: RecordFeed, position: int, words: str) -> FeedError:
    return FeedError(f"feed {feed.name}: record {position}: {words}; compare the answer with the feed's settings")


def _csv_records(feed: RecordFeed, text: str) -> list[Mapping[str, object]]:
    reader = csv.DictReader(io.StringIO(text), strict=True, restkey=_EXTRA, restval="")
    try:
        columns = list(reader.fieldnames or [])
        rows: list[Mapping[str, object]] = []
        for row in reader:
            if _EXTRA in row:  # an unquoted decimal comma, for example: what stands in which column is unknown
                words = f"line {reader.line_num} of the answer has more values than its header has columns"
                raise FeedError(f"feed {feed.name}: {words}; compare the answer with the feed's settings")
            rows.append(dict(row))
    except csv.Error as error:
        raise FeedError(f"feed {feed.name}: line {reader.line_num} of the answer is not CSV ({error})") from error
    if feed.start_field not in columns:
        known = ", ".join(columns)[:200]
        raise FeedError(f"feed {feed.name}: the answer has no column {feed.start_field!r}; it begins with {known!r}")
    return rows


def _records(feed: RecordFeed, text: str) -> list[Mapping[str, object]]:
    if feed.format == "csv":
        return _csv_records(feed, text)
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedError(f"feed {feed.name}: the answer is not JSON ({error}); it begins {text[:60]!r}") from error
    for key in filter(None, feed.records.split(".")):
        if not isinstance(found, dict) or key not in found:
            raise FeedError(f"feed {feed.name}: the answer has no {feed.records!r} ({key!r} is missing); check records")
        found = found[key]
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        where = repr(feed.records) if feed.records else "the answer"
        raise FeedError(f"feed {feed.name}: {where} is not a list of records with named fields; check records")
    return found
