"""Types of single values on the wire: what each attribute accepts, and how a value is written.

Every value is read in each form that the schemas allow and compared by what it means; every size is bounded. White
space around values is not part of them: agr.uftp.codec trims it.
Source: UFTP-common.xsd; message catalog, metadata attributes.
"""

import operator
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from agr.domain.errors import InputError
from agr.domain.isp import parse_duration
from agr.domain.program import IspRun

MAX_TEXT = 65_536
MAX_ISPS = 10_000
MAX_POWER_W = 10**12
MAX_ISP_NUMBER = 10**6

DOMAIN_PATTERN = r"^([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{2,}$"
_UUID = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_ADDRESS = r"^(ea1\.[0-9]{4}-[0-9]{2}\.[^\n\r]{1,244}:[^\n\r]{1,244}|ean\.[0-9]{12,34})$"
_XML_TEXT = r"^[\t\n\r\x20-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]*$"

_WHOLE = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>[0-9]{1,30})")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
_TIME_STAMP = re.compile(
    r"(?P<seconds>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DATE = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MIDNIGHT = "T24:00:00"
BLANK = " \t\r\n"
"""The white space of XML."""


class Result(StrEnum):
    """The verdict of a response."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


def whole(value: object, low: int, high: int) -> int:
    """Return a whole number within bounds, from XML text or an integer type. Raises ValueError."""
    if isinstance(value, str):
        match = _WHOLE.fullmatch(value.strip(BLANK))
        number = int(match["sign"] + match["digits"]) if match else None
    else:
        number = operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else None
    if number is None or not low <= number <= high:
        raise ValueError(f"expected a whole number from {low} to {high}")
    return number


def _amount(value: object) -> Decimal:
    """Read xs:decimal with any number of decimals; it never has an exponent."""
    text = value.strip(BLANK) if isinstance(value, str) else f"{value:f}" if isinstance(value, Decimal) else ""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a decimal number such as 12.50")
    return Decimal(text)


def _power(value: object) -> int:
    return whole(value, -MAX_POWER_W, MAX_POWER_W)


def _isp_number(value: object) -> int:
    return whole(value, -MAX_ISP_NUMBER, MAX_ISP_NUMBER)


def _revision(value: object) -> int:
    return whole(value, -(2**63), 2**63 - 1)


def _time_stamp(value: object) -> object:
    """Read xs:dateTime: any fraction (cut to µs), any offset or none (then UTC), 24:00:00 for the next midnight."""
    if not isinstance(value, str):
        return value
    match = _TIME_STAMP.fullmatch(value.strip(BLANK))
    if match is None:
        raise ValueError("expected a date and time such as 2026-03-28T06:30:00Z")
    seconds, fraction, offset = match["seconds"], match["fraction"] or "0", match["offset"] or "Z"
    if seconds.endswith(_MIDNIGHT) and not fraction.strip("0"):
        return _next_midnight(seconds.removesuffix(_MIDNIGHT) + f"T00:00:00{offset}")
    return datetime.fromisoformat(f"{seconds}.{fraction[:6].ljust(6, '0')}{offset}")


def _next_midnight(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text) + timedelta(days=1)
    except OverflowError:
        raise ValueError("expected a date and time within the years 1 to 9999") from None


def _to_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("expected a date and time with an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a date and time within the years 1 to 9999") from None


def _day(value: object) -> object:
    """Read xs:date; its optional offset says nothing about a local calendar day and is dropped."""
    if isinstance(value, datetime):
        raise ValueError("expected a date without a time")  # noqa: TRY004 - pydantic wants ValueError
    if not isinstance(value, str):
        return value
    match = _DATE.fullmatch(value.strip(BLANK))
    if match is None:
        raise ValueError("expected a date such as 2026-03-28")
    return date.fromisoformat(match["day"])


def _with_calendar(value: date) -> date:
    if not 1900 <= value.year < 9000:
        raise ValueError("expected a date within the years 1900 to 8999")
    return value


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except InputError:
        raise ValueError("expected a duration such as PT15M") from None


def _isp_length(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= timedelta(days=1) or value.microseconds:
        raise ValueError("expected a duration of whole seconds, from PT1S to PT24H")
    return value


def _boolean(value: object) -> object:
    """Read xs:boolean."""
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(value.strip(BLANK), value) if isinstance(value, str) else value


def _run(value: object, number: int) -> IspRun:
    """Return one ISP element as a Run. Raises ValueError naming the element."""
    if isinstance(value, IspRun):
        value = {"Power": value.power_w, "Start": value.start, "Duration": value.duration}
    if not isinstance(value, dict) or not {"Power", "Start"} <= value.keys() <= {"Power", "Start", "Duration"}:
        raise ValueError(f"ISP element {number}: expected Power, Start and optionally Duration")
    try:
        return IspRun(
            start=whole(value["Start"], -MAX_ISP_NUMBER, MAX_ISP_NUMBER),
            power_w=whole(value["Power"], -MAX_POWER_W, MAX_POWER_W),
            duration=whole(value.get("Duration", 1), -MAX_ISP_NUMBER, MAX_ISP_NUMBER),
        )
    except ValueError as error:
        raise ValueError(f"ISP element {number}: {error}") from None


def _runs(value: object) -> tuple[IspRun, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError("expected ISP elements")  # noqa: TRY004 - pydantic wants ValueError
    if len(value) > MAX_ISPS:
        raise ValueError(f"expected at most {MAX_ISPS} ISP elements")
    return tuple(_run(item, number) for number, item in enumerate(value, start=1))


def _addresses(value: object) -> object:
    """Return the EntityAddresses of Connection elements, which may hold nothing else."""
    if not isinstance(value, list):
        return value
    for number, item in enumerate(value, start=1):
        if not isinstance(item, str) and (not isinstance(item, dict) or item.keys() != {"EntityAddress"}):
            raise ValueError(f"Connection element {number}: expected EntityAddress and nothing else")
    return tuple(item if isinstance(item, str) else item["EntityAddress"] for item in value)


Domain = Annotated[str, Field(pattern=DOMAIN_PATTERN, max_length=253)]
Uuid = Annotated[str, Field(pattern=_UUID)]
Version = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=32)]
Address = Annotated[str, Field(pattern=_ADDRESS, max_length=255)]
Text = Annotated[str, Field(pattern=_XML_TEXT, max_length=MAX_TEXT)]
ZoneName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=255)]
Role = Literal["AGR", "DSO"]
TimeStamp = Annotated[datetime, Field(strict=True), BeforeValidator(_time_stamp), AfterValidator(_to_utc)]
Day = Annotated[date, Field(strict=True), BeforeValidator(_day)]
PeriodDay = Annotated[Day, AfterValidator(_with_calendar)]
IspDuration = Annotated[timedelta, Field(strict=True), BeforeValidator(_duration), AfterValidator(_isp_length)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_boolean)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Factor = Annotated[Decimal, BeforeValidator(_amount)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Power = Annotated[int, BeforeValidator(_power)]
IspNumber = Annotated[int, BeforeValidator(_isp_number)]
Disposition = Literal["Requested", "Available"]
Revision = Annotated[int, BeforeValidator(_revision)]
Runs = Annotated[tuple[IspRun, ...], Field(min_length=1), BeforeValidator(_runs)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_addresses)]


def written(value: str | bool | int | date | timedelta | Decimal) -> str:
    """Return the value as an XML attribute; whole minutes as PTnM, instants in UTC with Z, no exponents."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"PT{seconds // 60}M" if seconds % 60 == 0 else f"PT{seconds}S"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
