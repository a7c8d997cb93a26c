"""What a layout is: a file's columns as one publisher names them, and what reading a file gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from agr.scenario.downloads.sheet import Sheet
from agr.scenario.downloads.timing import Timing
from agr.scenario.downloads.words import TimeConvention

Kind = Literal["day_ahead", "capacity", "imbalance", "sessions"]
Value = TypeVar("Value")
Columns = TypeVar("Columns")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the user wants of a file."""

    tz: ZoneInfo  # of the market, for times that do not say their zone
    area: str | None = None  # whose day-ahead prices; None: there may be only one
    country: str = "NL"  # whose capacity prices
    days: tuple[date, date] | None = None  # first and last; None: all of the file


@dataclass(frozen=True, kw_only=True)
class FileRead(Generic[Value]):
    """What a file holds, and what is to be said about it."""

    values: list[Value]
    layout: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Layout(Generic[Columns]):
    """One way in which a publisher lays out a table. `columns` returns None for another layout."""

    name: str
    kind: Kind
    columns: Callable[[Sheet, ImportOptions], Columns | None]


@dataclass(frozen=True, kw_only=True)
class PriceColumn:
    """A column of prices: of which series and area, and what makes EUR/MWh of them."""

    column: int
    series: str = "day_ahead"
    area: str = ""
    factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PriceColumns:
    """Where a table has its times and prices, and what tells its rows apart."""

    timing: Timing
    prices: Sequence[PriceColumn]
    area: int | None = None
    sequence: int | None = None
    only: Mapping[int, frozenset[str]] = field(default_factory=dict)  # column → what rows say in small letters
    skipped: frozenset[int] = frozenset()  # lines that are no rows, such as a second header
    isp: int | None = None  # a column of ISP numbers, counted from local midnight of the start's day


@dataclass(frozen=True, kw_only=True)
class RecordedSession:
    """One charging session as the charge-point operator recorded it."""

    session: str
    charger: str
    start: datetime
    end: datetime
    energy_kwh: float
    max_kw: float | None
    line: int
    doubt: str = ""  # why start or end cannot be told for certain


@dataclass(frozen=True, kw_only=True)
class SessionColumns:
    """Where a table has its sessions."""

    start: int
    end: int
    energy: int
    session: int | None = None  # None: sessions are named after their lines
    charger: Sequence[int] = ()  # joined by a hyphen
    power: int | None = None
    clock: TimeConvention
    end_clock: TimeConvention
    offset: int | None = None  # a column of offsets such as +02:00
    day_first: bool | None = None  # None: as the file's dates tell
    energy_factor: float | None = None  # to kWh; None: its unit is not named
    power_factor: float | None = None
