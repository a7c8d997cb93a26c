"""Prices of a scenario from a user's downloads: those of its days, whole days, and a simple forecast."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from agr.domain.errors import TableError
from agr.domain.faults import Finding, verb_of
from agr.domain.isp import Period, local_instant
from agr.domain.price import values_on
from agr.domain.register import Price
from agr.scenario.downloads import FileRead

_MINUTE = timedelta(minutes=1)


def of_days(
    path: Path, reading: FileRead[Price], periods: Sequence[Period], *, gaps: list[str] | None = None
) -> list[Price]:  # fmt: skip
    """Return a file's prices that hold in the Periods; `gaps`, if given, hears of ISPs without one.

    Raises TableError, with what the file has instead, when a series has none of them, or, without `gaps`, not for all.
    """
    kept = [p for p in reading.values if p.start < periods[-1].end and _end(p) > periods[0].start]
    faults = []
    for name, series in groupby(sorted(reading.values, key=lambda p: p.series), lambda p: p.series):
        prices = list(series)
        lacking = [words for period in periods if (words := _lacking(name, prices, period))]
        if gaps is not None and any(p.series == name for p in kept):
            gaps += [f"{path.name}: {words}" for words in lacking]
        elif lacking:
            first, last = (moment.astimezone(periods[0].tz).date() for moment in _reach(prices))
            faults += [
                Finding(file=path.name, words=f"{words}; it has prices from {first} to {last}") for words in lacking
            ]
    if faults:
        raise TableError(faults)
    return kept


def _lacking(series: str, prices: Sequence[Price], period: Period) -> str:
    """Say of which ISPs a Period has no price; empty when it has all."""
    values = values_on(prices, series, period)
    missing = [isp for isp, value in enumerate(values, start=1) if value is None]
    if not missing:
        return ""
    first = period.label(missing[0])
    words = f"{len(missing)} of {period.isp_count} ISPs of {period} {verb_of(len(missing), 'has', 'have')} no price"
    return f"{series}: {words}, first {first}"


def _reach(prices: Sequence[Price]) -> tuple[datetime, datetime]:
    return min(p.start for p in prices), max(_end(p) for p in prices) - _MINUTE


def _end(price: Price) -> datetime:
    return price.start + price.minutes * _MINUTE


def of_the_day_before(prices: Sequence[Price], periods: Sequence[Period]) -> list[Price] | None:
    """Return day_ahead_forecast: the price of the day before at the same wall-clock time; None where one is missing.

    An hour of the day before forecasts each of its quarters; the quarters of an hour forecast it with their mean.
    """
    by_quarter = _quarters(prices)
    found = []
    for price in prices:
        if not periods[0].start <= price.start < periods[-1].end:
            continue
        earlier = [
            by_quarter.get(_day_before(price.start + n * _MINUTE, periods[0])) for n in range(0, price.minutes, 5)
        ]
        values = [value for value in earlier if value is not None]
        if len(values) < len(earlier):
            return None
        mean = sum(values) / len(values) if len(set(values)) > 1 else values[0]
        found.append(Price(series="day_ahead_forecast", start=price.start, minutes=price.minutes, value=round(mean, 6)))
    return found


def _quarters(prices: Sequence[Price]) -> dict[datetime, float]:
    """Return the price of every five minutes: prices hold for 5, 10, 15, 20, 30 or 60."""
    return {p.start + n * _MINUTE: p.value for p in prices for n in range(0, p.minutes, 5)}


def _day_before(moment: datetime, period: Period) -> datetime:
    local = moment.astimezone(period.tz)
    return local_instant(local.date() - timedelta(days=1), local.time(), period.tz)


def product_minutes(prices: Sequence[Price], periods: Sequence[Period]) -> tuple[int, str]:
    """Return the length of the day-ahead products of the Periods, and a remark where days differ."""
    lengths = {
        period: sorted({p.minutes for p in prices if period.start <= p.start < period.end}) for period in periods
    }
    longest = max((length for found in lengths.values() for length in found), default=60)
    if len({tuple(found) for found in lengths.values()}) == 1 and len(lengths[periods[0]]) <= 1:
        return longest, ""
    told = ", ".join(f"{period} {' and '.join(map(str, found))}" for period, found in lengths.items())
    words = (
        f"day-ahead prices hold for different minutes ({told}): all days trade products of {longest} minutes; import "
    )
    return longest, words + "days of one length apart to trade as on them"
