"""The register: connections, their resources, contracts and limits, as the AGR knows them. Frozen, typed values.

Power in kW and energy in kWh as written on a device's plate; consumption positive. Instants are aware.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise

from agr.domain.isp import Period


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection the AGR represents, by its UFTP entity address (ean.… or ea1.…)."""

    address: str
    first_day: date
    last_day: date | None = None


@dataclass(frozen=True, kw_only=True)
class FixedLoad:
    """Consumption (or production) nobody steers; follows forecast quantity `power_kw`."""

    resource: str
    connection: str


@dataclass(frozen=True, kw_only=True)
class Generator:
    """PV or wind; follows forecast `power_kw` (negative) and may be curtailed at a cost."""

    resource: str
    connection: str
    curtailment_eur_per_mwh: float = 0.0
    reserve_kw: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A stationary battery; at the end of the day it holds at least `end_kwh`."""

    resource: str
    connection: str
    charge_kw: float
    discharge_kw: float
    capacity_kwh: float
    initial_kwh: float
    end_kwh: float
    minimum_kwh: float = 0.0
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    loss_per_day: float = 0.0  # share of the content lost in 24 hours
    wear_eur_per_mwh: float = 0.0
    reserve_kw: float = 0.0


@dataclass(frozen=True, kw_only=True)
class EvSession:
    """One charging session: between arrival and departure the car takes `energy_kwh` at up to `charge_kw`."""

    resource: str
    connection: str
    arrival: datetime
    departure: datetime
    energy_kwh: float
    charge_kw: float
    charge_min_kw: float = 0.0  # what it charges with at least when it charges
    discharge_kw: float = 0.0  # V2G
    initial_kwh: float = 0.0  # content on arrival, for V2G
    capacity_kwh: float | None = None  # of the car; None: exactly what is needed
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    wear_eur_per_mwh: float = 0.0
    reserve_kw: float = 0.0


@dataclass(frozen=True, kw_only=True)
class HeatPump:
    """A heat pump with a buffer; follows forecasts `heat_kw` (demand) and `cop`."""

    resource: str
    connection: str
    power_kw: float  # electric
    buffer_kwh: float  # thermal
    initial_kwh: float
    end_kwh: float = 0.0
    loss_per_day: float = 0.0
    wear_eur_per_mwh: float = 0.0
    reserve_kw: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ShiftableRun:
    """A run with a fixed profile (kW per ISP of 15 minutes) that starts once between two instants."""

    resource: str
    connection: str
    earliest_start: datetime
    latest_end: datetime
    profile_kw: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class SwitchedLoad:
    """A boiler, pump or compressor: on at its power or off, for at least a while each, as long as its needs say."""

    resource: str
    connection: str
    power_kw: float  # while on
    needs: str  # "00:00-06:00 4-6; 12:00-15:00 1": local windows of the day, hours on in each, at least and at most
    min_run_minutes: float = 0.0
    min_rest_minutes: float = 0.0
    start_eur: float = 0.0
    initial_minutes: float = -1440.0  # how long it has been on (+) or off (−) when the first planned Period begins


@dataclass(frozen=True, kw_only=True)
class Need:
    """For how long a switched load is on in a daily local window; no `most_hours`: all of it, if that pays."""

    start: time
    end: time  # exclusive; 00:00 means the end of the day
    hours: float
    most_hours: float | None


_NEED = re.compile(r"(\d\d:\d\d) ?- ?(\d\d:\d\d) +(\d+(?:\.\d+)?)(?: ?- ?(\d+(?:\.\d+)?))?", re.ASCII)


def needs_of(text: str) -> tuple[Need, ...]:
    """Return the needs of a switched load in their order in the day; raises ValueError, in words, for other texts."""
    found = []
    for part in text.split(";"):
        words = _NEED.fullmatch(part.strip())
        if words is None:
            raise ValueError(f'"{part.strip()}" is no window with hours; write 00:00-06:00 4 or 00:00-06:00 4-6')
        start, end = (time(0) if word == "24:00" else time.fromisoformat(word) for word in words.group(1, 2))
        if end != time(0) and end <= start:
            raise ValueError(f'"{part.strip()}" goes over midnight; write two windows, to 24:00 and from 00:00')
        hours, most = float(words[3]), None if words[4] is None else float(words[4])
        if most is not None and most < hours:
            raise ValueError(f'"{part.strip()}" has at most fewer hours than at least')
        found.append(Need(start=start, end=end, hours=hours, most_hours=most))
    found.sort(key=lambda need: need.start)
    for one, other in pairwise(found):
        if one.end == time(0) or other.start < one.end:
            raise ValueError(f"windows from {one.start:%H:%M} and from {other.start:%H:%M} overlap; join them")
    return tuple(found)


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
    availability_eur_per_mw_h: float
    penalty_eur_per_mwh: float

    def contracted_w(self, period: Period) -> tuple[int, ...]:
        """Return the contracted power per ISP of the Period, 0 outside the window and the contract's days."""
        if not self.first_day <= period.day <= self.last_day:
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
    import_kw: float | None
    export_kw: float | None  # most production allowed, as a positive number
    penalty_eur_per_mwh: float


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
    minutes: int
    value: float


@dataclass(frozen=True, kw_only=True)
class Register:
    """Everything `agr import` loads at once."""

    connections: tuple[Connection, ...] = ()
    fixed_loads: tuple[FixedLoad, ...] = ()
    generators: tuple[Generator, ...] = ()
    batteries: tuple[Battery, ...] = ()
    ev_sessions: tuple[EvSession, ...] = ()
    heat_pumps: tuple[HeatPump, ...] = ()
    shiftable_runs: tuple[ShiftableRun, ...] = ()
    switched_loads: tuple[SwitchedLoad, ...] = ()
    contracts: tuple[Contract, ...] = ()
    limits: tuple[PointLimit, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    prices: tuple[Price, ...] = ()

    def connection_of(self) -> dict[str, str]:
        """Return resource → its connection, for every kind of resource."""
        found: dict[str, str] = {}
        for rows in (
            self.fixed_loads, self.generators, self.batteries, self.ev_sessions, self.heat_pumps, self.shiftable_runs,
            self.switched_loads,
        ):  # fmt: skip
            found |= {row.resource: row.connection for row in rows}
        return found


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
