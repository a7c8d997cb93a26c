"""Reads the JSON of Open-Meteo's forecast interface: `hourly` with lists of equal length, `hourly_units`. Pure.

Times are local and all have the one offset `utc_offset_seconds`, whatever the clock does between them; those of
`timeformat=unixtime` are seconds since 1970. Radiation is the mean of the hour before its time.
Source: https://open-meteo.com/en/docs
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from agr.connectors.ports import Outlook
from agr.connectors.weather.quantities import SUN, TEMPERATURE, UNITS, WIND, QuantityRead, WeatherQuantity
from agr.domain.errors import FeedError

VARIABLES: Mapping[str, WeatherQuantity] = {
    "temperature_2m": TEMPERATURE, "wind_speed_10m": WIND, "windspeed_10m": WIND, "shortwave_radiation": SUN,
}  # fmt: skip
"""Open-Meteo variable → the quantity that it gives; other variables are ignored."""
_SAME_UNIT = {"ms": "m/s", "kmh": "km/h", "mph": "mp/h", "W/m2": "W/m²"}


def read_open_meteo(feed: str, place: str, text: str) -> tuple[Outlook, ...]:
    """Return the outlooks of an answer; values that cannot be read are refused one by one. Raises FeedError."""
    whole = _answer(feed, text)
    hourly, units = _part(feed, whole, "hourly"), _part(feed, whole, "hourly_units")
    times, unread = _times(feed, whole, hourly, units)
    found: list[Outlook] = []
    for variable, quantity in VARIABLES.items():
        if variable not in hourly:
            continue
        values = hourly[variable]
        if not isinstance(values, list) or len(values) != len(times):
            raise FeedError(f"feed {feed}: hourly.{variable} is not a list of {len(times)} values, one for each time")
        reading = QuantityRead(quantity=quantity, place=place)
        given = units.get(variable)
        unit = _SAME_UNIT.get(str(given), str(given))
        if unit not in UNITS[quantity.name]:
            known = ", ".join(UNITS[quantity.name])
            reading.refused.append(f"{variable} is in {given!r}; expected one of {known}")
        else:
            reading.refused += unread
            reading.refused += _take(reading, variable, times, values, unit)
        found.append(reading.outlook)
    if not found:
        raise FeedError(f"feed {feed}: hourly has none of {', '.join(VARIABLES)}; ask for them in the url")
    return tuple(found)


def _answer(feed: str, text: str) -> Mapping[str, Any]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedError(f"feed {feed}: the answer is not JSON ({error})") from error
    if not isinstance(whole, dict):
        raise FeedError(f"feed {feed}: the answer is not the object of one place; ask for one place in each feed")
    if whole.get("error"):
        raise FeedError(f"feed {feed}: the source refuses: {str(whole.get('reason', 'without a reason'))[:300]}")
    return whole


def _part(feed: str, whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    if not isinstance(part, dict):
        raise FeedError(f"feed {feed}: the answer has no {name}; ask for hourly values in the url")
    return part


def _times(
    feed: str, whole: Mapping[str, Any], hourly: Mapping[str, Any], units: Mapping[str, Any]
) -> tuple[list[datetime | None], list[str]]:
    """Return the moments, None for those that cannot be read, and why."""
    given, offset = hourly.get("time"), whole.get("utc_offset_seconds")
    if not isinstance(given, list):
        raise FeedError(f"feed {feed}: hourly.time is not a list")
    if isinstance(offset, bool) or not isinstance(offset, int) or abs(offset) >= 86_400:
        raise FeedError(f"feed {feed}: utc_offset_seconds is {offset!r}; without it, local times mean nothing")
    unix = units.get("time") == "unixtime"
    local = timezone(timedelta(seconds=offset))
    found: list[datetime | None] = []
    refused: list[str] = []
    for value in given:
        try:
            found.append(_instant(value, local, unix=unix))
        except (ValueError, TypeError, OverflowError, OSError):
            found.append(None)
            refused.append(
                f"{value!r} is not a time; expected {'seconds since 1970' if unix else 'like 2026-03-29T14:00'}"
            )
    return found, refused


def _instant(value: Any, local: timezone, *, unix: bool) -> datetime:
    if unix:
        return datetime.fromtimestamp(int(value), UTC)
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=local)).astimezone(UTC)


def _take(
    reading: QuantityRead, variable: str, times: list[datetime | None], values: list[Any], unit: str
) -> Iterator[str]:
    for at, value in zip(times, values, strict=True):
        if at is None or value is None:  # null: not known, which is no fault
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield f"{variable} at {at.isoformat()} is {value!r}, no number"
        else:
            reading.take(at, float(value), unit)
