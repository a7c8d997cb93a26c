"""Reads single values: text from a CSV cell, or the typed value of a Parquet or JSON one. Pure.

Every reader takes the value and returns it typed, or raises CellError with the reason.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

from agr.domain.bounds import Bound
from agr.settings.section import is_domain

_ADDRESS = re.compile(r"ean\.[0-9]{12,34}|ea1\.[0-9]{4}-(0[1-9]|1[0-2])\..{1,244}:.{1,244}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)


class CellError(ValueError):
    """A value does not fit its column; the message continues a sentence that begins with the value."""


def read_text(value: object) -> str:
    """Read a name of 1 to 255 printable characters."""
    text = value.strip() if isinstance(value, str) else str(value)
    if not text.isprintable() or text.startswith("#") or not 1 <= len(text) <= 255:
        raise CellError('is not a name: use 1 to 255 printable characters that do not start with "#"')
    return text


def read_number(value: object) -> float:
    """Read a finite number with a decimal point."""
    if isinstance(value, bool) or not isinstance(value, str | float | int):
        raise CellError("is not a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        hint = "; write a decimal point and no thousands separator" if "," in value else ""
        raise CellError(f"is not a number{hint}")
    try:
        number = float(value)
    except OverflowError as error:
        raise CellError("is too large a number") from error
    if not math.isfinite(number):
        raise CellError("is not a finite number")
    return number


def read_whole(value: object) -> int:
    """Read a whole number."""
    number = read_number(value)
    if number != int(number):
        raise CellError("is not a whole number")
    return int(value) if isinstance(value, int) else int(number)


def read_day(value: object) -> date:
    """Read a calendar day, YYYY-MM-DD."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value.strip()):
        raise CellError("is not a day; write YYYY-MM-DD")
    try:
        return date.fromisoformat(value.strip())
    except ValueError as error:
        raise CellError(f"is not a day of the calendar ({error})") from error


def read_clock(value: object) -> time:
    """Read a local wall-clock time, HH:MM or HH:MM:SS; 24:00 is 00:00, the end of the day."""
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if not isinstance(value, str) or not _CLOCK.fullmatch(value.strip()):
        raise CellError("is not a local clock time; write HH:MM")
    if value.strip() in ("24:00", "24:00:00"):
        return time(0)
    try:
        return time.fromisoformat(value.strip())
    except ValueError as error:
        raise CellError(f"is not a clock time ({error})") from error


def read_instant(value: object) -> datetime:
    """Read an instant with its offset, ISO 8601; returned in UTC."""
    instant = value
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise CellError("is not an instant; write it like 2026-03-29T00:15:00+01:00") from error
    if not isinstance(instant, datetime):
        raise CellError("is not an instant; write it like 2026-03-29T00:15:00+01:00")
    if instant.tzinfo is None:
        raise CellError("has no UTC offset, so it is ambiguous; add one, like +01:00 or Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise CellError("lies outside the calendar") from error


def read_profile(value: object) -> tuple[float, ...]:
    """Read powers in kW per 15 minutes, separated by spaces (Parquet: also a list)."""
    parts: list[object] = list(value.split()) if isinstance(value, str) else value if isinstance(value, list) else []
    if not parts:
        raise CellError("is not a profile; write powers in kW per 15 minutes, separated by spaces")
    numbers = []
    for position, part in enumerate(parts, start=1):
        try:
            numbers.append(read_number(part))
        except CellError as error:
            raise CellError(f"value {position} of the profile ({part!r}) {error}") from error
    return tuple(numbers)


def read_bounded(value: object, read: "Reader", bound: Bound) -> Any:
    """Read a number within bounds."""
    number = read(value)
    if not bound.holds(number):
        raise CellError(bound.words)
    return number


def read_matching(value: object, fault: Callable[[str], str | None]) -> str:
    """Read a text that must match a pattern."""
    text = value.strip() if isinstance(value, str) else str(value)
    words = fault(text)
    if words is not None:
        raise CellError(words)
    return text


def read_address(value: object) -> str:
    """Read a UFTP entity address. Source: UFTP-common.xsd, EntityAddressType."""
    text = read_text(value)
    if not _ADDRESS.fullmatch(text):
        raise CellError("is not an entity address; write ean.<digits> or ea1.<yyyy-mm>.<reversed domain>:<id>")
    return text


def read_series(value: object) -> str:
    """Read the name of a price series, at most 64 characters."""
    text = read_text(value)
    if len(text) > 64:
        raise CellError("is longer than 64 characters")
    return text


def read_domain(value: object) -> str:
    """Read an internet domain."""
    text = read_text(value)
    if not is_domain(text):
        raise CellError("is not an internet domain in lower case, such as dso.example.org")
    return text


def ean_is_consistent(address: str) -> bool:
    """Return whether an EAN-18's check digit is right; True for other addresses. Source: GS1, modulo 10."""
    digits = address.removeprefix("ean.")
    if digits == address or len(digits) != 18:
        return True
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits[:17]))
    return (10 - total % 10) % 10 == int(digits[17])


Reader = Callable[[object], Any]
