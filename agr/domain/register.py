"""The register: connections, their resources (see agr.domain.kinds), contracts and limits, as the AGR knows them.

Power in kW and energy in kWh as written on a device's plate; consumption positive. Instants are aware.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import groupby
from typing import Annotated, Any, Protocol

from agr.domain.bounds import NotNegative, PriceMinutes, Spelling
from agr.domain.charge_point import ChargePoint
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE, KINDS
from agr.domain.kinds.kind import Resource, Row

PEAK_PERIODS = ("day", "month", "year")
PeakPeriod = Annotated[
    str, Spelling(lambda value: None if value in PEAK_PERIODS else f"is none of {', '.join(PEAK_PERIODS)}")
]
YesOrNo = Annotated[str, Spelling(lambda value: None if value in ("yes", "no") else "is neither yes nor no")]
Redispatcher = Annotated[str, Spelling(lambda value: None if value in ("AGR", "DSO") else "is neither AGR nor DSO")]

_PLACE = {kind.row: place for place, kind in enumerate(KINDS)}


class Dated(Protocol):
    """A row that counts on some days."""

    @property
    def first_day(self) -> date:
        """The first of these days."""

    @property
    def last_day(self) -> date | None:
        """The last of these days; None: there is no last one."""


def valid_on(row: Dated, day: date) -> bool:
    """Say whether a row counts on a day."""
    return row.first_day <= day and (row.last_day is None or day <= row.last_day)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection the AGR represents, by its UFTP entity address (ean.… or ea1.…)."""

    address: str
    first_day: date
    last_day: date | None = None
    brp: str | None = None  # its balance responsible party; None: the first one in the settings
    limit_group: str | None = None
    """The group whose limits include this connection; None: it is in no group"""


@dataclass(frozen=True, kw_only=True)
class LimitGroup:
    """Connections that share limits, such as those of a feeder; a group may lie in another one, its parent."""

    group: str
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectionLimit:
    """A bound on what a connection, or a group of connections, draws in a daily local window; None: none that way."""

    at: str  # connection or group
    first_day: date
    import_kw: NotNegative | None
    export_kw: NotNegative | None  # most production allowed, as a positive number
    penalty_eur_per_mwh: NotNegative
    last_day: date | None = None
    window_start: time = time(0)
    window_end: time = time(0)  # exclusive; 00:00 means the end of the day


@dataclass(frozen=True, kw_only=True)
class ConnectionTariff:
    """A part of what a customer pays at a connection beside the market's price, in a daily local window.

    Several rows of one connection add up: energy tax, a supplier's fee, a network charge. Equal prices both ways are
    netting. A peak charge is paid on the highest import within the window, once in every billing period.
    """

    connection: str
    first_day: date
    import_eur_per_mwh: float = 0.0  # paid for what is drawn
    export_eur_per_mwh: float = 0.0  # earned with what is given; negative: paid
    last_day: date | None = None
    window_start: time = time(0)
    window_end: time = time(0)  # exclusive; 00:00 means the end of the day
    peak_eur_per_kw: NotNegative = 0.0  # of a kW more of the highest import, for the rest of its billing period
    peak_reached_kw: NotNegative = 0.0  # the highest import of the billing period so far
    peak_period: PeakPeriod = "month"  # the billing period: what was reached in it lasts until it ends

    def goes_on(self, day: date) -> bool:
        """Say whether the day before was in the same billing period, and the row counted then as well."""
        before = day - timedelta(days=1)
        same = {"day": False, "month": before.month == day.month, "year": before.year == day.year}
        return same[self.peak_period] and valid_on(self, before) and valid_on(self, day)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A FlexOption: the DSO may reserve `power_w` (signed) at a congestion point in a daily local window."""

    contract: str
    dso: str
    congestion_point: str
    first_day: date
    last_day: date
    window_start: time
    window_end: time  # exclusive; 00:00 means the end of the day
    power_w: int  # negative: consume less than prognosed when called
    availability_eur_per_mw_h: NotNegative
    penalty_eur_per_mwh: NotNegative
    price_eur_per_mwh: NotNegative | None = None  # what is paid for what is ordered under it; None: as offered

    def contracted_w(self, period: Period) -> tuple[int, ...]:
        """Return the contracted power per ISP of the Period, 0 outside the window and the contract's days."""
        if not valid_on(self, period.day):
            return (0,) * period.isp_count
        return window(period, self.window_start, self.window_end, self.power_w)


@dataclass(frozen=True, kw_only=True)
class PointLimit:
    """An agreed bound on a congestion point's program in a daily local window; None: no bound that way."""

    congestion_point: str
    first_day: date
    last_day: date
    window_start: time
    window_end: time
    import_kw: NotNegative | None
    export_kw: NotNegative | None  # most production allowed, as a positive number
    penalty_eur_per_mwh: NotNegative


@dataclass(frozen=True, kw_only=True)
class PointMember:
    """A connection at a congestion point, as we know it ourselves; a CRO's list says the same in other words."""

    congestion_point: str
    dso: str
    connection: str
    first_day: date
    last_day: date | None = None
    intraday_redispatch_by: Redispatcher | None = None
    """Who redispatches during the day; None: nobody does, and its program is fixed from midnight on"""
    day_ahead_redispatch_by: Redispatcher = "AGR"
    """Who trades the energy that an order moves, where it is placed on the day before"""
    mutex_offers: YesOrNo = "no"
    """Whether its DSO accepts offers with several options, of which it orders one"""


def in_window(period: Period, start: time, end: time) -> tuple[bool, ...]:
    """Return for each ISP whether its local start lies in [start, end); end 00:00 is the end of the day."""
    local = [instant.astimezone(period.tz).time() for instant in period.starts()]
    if end == time(0):
        return tuple(t >= start for t in local)
    if start < end:
        return tuple(start <= t < end for t in local)
    return tuple(t >= start or t < end for t in local)


def window(period: Period, start: time, end: time, power_w: int) -> tuple[int, ...]:
    """Return `power_w` in the ISPs of the window, else 0."""
    return tuple(power_w if inside else 0 for inside in in_window(period, start, end))


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Values of one quantity of a resource per ISP of a Period: `power_kw`, `heat_kw` or `cop`."""

    resource: str
    quantity: str
    period: Period
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Price:
    """One value of a price series, in the series' own unit, valid for `minutes` from `start`."""

    series: str
    start: datetime
    minutes: PriceMinutes
    value: float


@dataclass(frozen=True, kw_only=True)
class Register:
    """Everything `agr import` loads at once. Resources are kept kind by kind, in the order of KINDS."""

    connections: tuple[Connection, ...] = ()
    resources: tuple[Resource, ...] = ()
    contracts: tuple[Contract, ...] = ()
    limits: tuple[PointLimit, ...] = ()
    congestion_points: tuple[PointMember, ...] = ()
    limit_groups: tuple[LimitGroup, ...] = ()
    connection_limits: tuple[ConnectionLimit, ...] = ()
    charge_points: tuple[ChargePoint, ...] = ()
    connection_tariffs: tuple[ConnectionTariff, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    prices: tuple[Price, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "resources", tuple(sorted(self.resources, key=lambda row: _PLACE[type(row)])))

    @cached_property
    def _of_kind(self) -> dict[type[Resource], tuple[Any, ...]]:
        return {row: tuple(mine) for row, mine in groupby(self.resources, type)}

    def of(self, row: type[Row]) -> tuple[Row, ...]:
        """Return the resources of one kind, by the class of its rows."""
        return self._of_kind.get(row, ())

    def tables(self) -> dict[str, tuple[Any, ...]]:
        """Return table → its rows, empty tables included."""
        return {
            "connections": self.connections,
            **{kind.table: self.of(kind.row) for kind in KINDS},
            "contracts": self.contracts,
            "limits": self.limits,
            "congestion_points": self.congestion_points,
            "limit_groups": self.limit_groups,
            "connection_limits": self.connection_limits,
            "charge_points": self.charge_points,
            "connection_tariffs": self.connection_tariffs,
            "forecasts": self.forecasts,
            "prices": self.prices,
        }

    def with_table(self, table: str, rows: Iterable[Any]) -> "Register":
        """Return the register with other rows in a table."""
        return register_of(self.tables() | {table: tuple(rows)})

    def connection_of(self) -> dict[str, str]:
        """Return resource → its connection, for every kind of resource."""
        return {row.resource: row.connection for row in self.resources}


def register_of(tables: Mapping[str, Iterable[Any]]) -> Register:
    """Return the register with these tables: table → its rows; tables that are not named are empty."""
    resources = tuple(row for kind in KINDS for row in tables.get(kind.table, ()))
    rest = {table: tuple(rows) for table, rows in tables.items() if table not in BY_TABLE}
    return Register(resources=resources, **rest)


ROWS: dict[str, type[Any]] = {
    "connections": Connection,
    **{kind.table: kind.row for kind in KINDS},
    "contracts": Contract,
    "limits": PointLimit,
    "congestion_points": PointMember,
    "limit_groups": LimitGroup,
    "connection_limits": ConnectionLimit,
    "charge_points": ChargePoint,
    "connection_tariffs": ConnectionTariff,
    "forecasts": Forecast,
    "prices": Price,
}
"""Table → the class of its rows, in the order of Register.tables."""
KEYS = {
    "connections": "address",
    **{kind.table: "resource" for kind in KINDS},
    "contracts": "contract",
    "limit_groups": "group",
    "charge_points": "charge_point",
}
"""Table → the column that identifies its rows."""


@dataclass(frozen=True, kw_only=True)
class CongestionPoint:
    """A congestion point of one Period as a CRO told us, with our connections at it."""

    address: str
    dso: str
    connections: tuple[str, ...]
    mutex_offers: bool = False
    day_ahead_redispatch_by: str = "AGR"
    intraday_redispatch_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """All congestion points of one Period, from all CROs, plus connections in none."""

    period: Period
    points: tuple[CongestionPoint, ...]
    free_connections: tuple[str, ...] = field(default=())

    def point_of(self) -> dict[str, str]:
        """Return connection → congestion point address."""
        return {c: point.address for point in self.points for c in point.connections}
