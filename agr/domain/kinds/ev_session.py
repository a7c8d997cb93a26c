"""Charging sessions of cars."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agr.domain.bounds import Efficiency, NotNegative
from agr.domain.kinds.checks import reserve_fits
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import above, below, wear
from agr.domain.kinds.quantities import STORED

_ROUNDING = 1e-9  # share of an energy by which two ways of adding it up may differ


@dataclass(frozen=True, kw_only=True)
class EvSession:
    """One charging session: between arrival and departure the car takes `energy_kwh` at up to `charge_kw`."""

    resource: str
    connection: str
    arrival: datetime
    departure: datetime
    energy_kwh: NotNegative
    charge_kw: NotNegative
    charge_min_kw: NotNegative = 0.0  # least power while charging
    discharge_kw: NotNegative = 0.0  # V2G
    initial_kwh: NotNegative = 0.0  # content on arrival, for V2G
    capacity_kwh: NotNegative | None = None  # of the car; None: exactly the content needed
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    wear_eur_per_mwh: NotNegative = 0.0
    reserve_kw: NotNegative = 0.0
    charge_point: str | None = None  # where it charges; None: the only charge point behind the connection


def _faults(row: EvSession) -> Iterator[Remark]:
    if row.departure <= row.arrival:
        yield "departure", f"{row.departure.isoformat()} is not after arrival {row.arrival.isoformat()}"
    if row.capacity_kwh is not None and row.initial_kwh + row.energy_kwh > row.capacity_kwh * (1 + _ROUNDING):
        yield (
            "capacity_kwh",
            f"{row.capacity_kwh:g} is less than initial_kwh {row.initial_kwh:g} plus energy_kwh {row.energy_kwh:g}",
        )
    if row.charge_min_kw > row.charge_kw:
        yield "charge_min_kw", f"{row.charge_min_kw:g} is more than charge_kw {row.charge_kw:g}"
    yield from reserve_fits(row.reserve_kw, max(row.charge_kw, row.discharge_kw))


def _shortfalls(row: EvSession) -> Iterator[Remark]:
    hours = (row.departure - row.arrival) / timedelta(hours=1)
    possible = row.charge_kw * hours * row.charge_efficiency
    if hours > 0 and row.energy_kwh > possible * (1 + _ROUNDING):
        words = f"cannot be charged: {row.charge_kw:g} kW for {hours:.2f} h gives {possible:.3g} kWh"
        yield "energy_kwh", f"{row.energy_kwh:g} {words}"


_MOST_KW = 1_000.0  # the megawatt chargers of lorries; those of cars give up to 400 kW
_LEAST_KW = 0.5  # 6 A on one phase, the least of the charging standard, are 1.4 kW
_MOST_KWH = 2_000.0  # the largest lorries store 1,000 kWh, cars 100


def _mistaken(row: EvSession) -> Iterator[Remark]:
    for name in ("charge_kw", "charge_min_kw", "discharge_kw"):
        yield from above(row, name, getattr(row, name), _MOST_KW, "kW", "any charger gives")
    yield from below(row, "charge_kw", row.charge_kw, _LEAST_KW, "kW", "any charger gives")
    for name in ("energy_kwh", "initial_kwh", "capacity_kwh"):
        yield from above(row, name, getattr(row, name), _MOST_KWH, "kWh", "any vehicle stores")
    yield from wear(row, row.wear_eur_per_mwh)


KIND = Kind(
    row=EvSession,
    table="ev_sessions",
    name="ev_session",
    look=Look(words="EV charging", light="#2f6fde", dark="#6ea3ff", layer=30),
    stream=3,
    measured=(STORED,),
    faults=_faults,
    shortfalls=_shortfalls,
    mistaken=_mistaken,
    rated_kw=lambda row: max(row.charge_kw, row.discharge_kw),
    swing_kw=lambda row: row.charge_kw + row.discharge_kw,
    capacity_kwh=lambda row: row.capacity_kwh,
    comes=lambda row: row.arrival,
)
