"""Stationary batteries."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.bounds import DailyLoss, Efficiency, NotNegative
from agr.domain.kinds.checks import outside, reserve_fits
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import below, lasts, per_kwh, wear
from agr.domain.kinds.quantities import STORED


@dataclass(frozen=True, kw_only=True)
class Battery:
    """A stationary battery; at the end of the day it holds at least `end_kwh`."""

    resource: str
    connection: str
    charge_kw: NotNegative
    discharge_kw: NotNegative
    capacity_kwh: NotNegative
    initial_kwh: NotNegative
    end_kwh: NotNegative
    minimum_kwh: NotNegative = 0.0
    charge_efficiency: Efficiency = 1.0
    discharge_efficiency: Efficiency = 1.0
    loss_per_day: DailyLoss = 0.0  # share of the content lost in 24 hours
    wear_eur_per_mwh: NotNegative = 0.0
    reserve_kw: NotNegative = 0.0
    end_worth_eur_per_mwh: NotNegative = 0.0  # of what it holds at the end of the day


def _faults(row: Battery) -> Iterator[Remark]:
    if row.minimum_kwh > row.capacity_kwh:
        yield "minimum_kwh", f"{row.minimum_kwh:g} is more than capacity_kwh {row.capacity_kwh:g}"
    if row.end_kwh > row.capacity_kwh:
        yield "end_kwh", f"{row.end_kwh:g} is more than capacity_kwh {row.capacity_kwh:g}"
    if row.end_kwh < row.minimum_kwh:
        yield "end_kwh", f"{row.end_kwh:g} is less than minimum_kwh {row.minimum_kwh:g}"
    yield from reserve_fits(row.reserve_kw, max(row.charge_kw, row.discharge_kw))


def _doubts(row: Battery) -> Iterator[Remark]:
    yield from outside(row.initial_kwh, row.minimum_kwh, row.capacity_kwh, "minimum_kwh", "capacity_kwh")


USUAL_H = (0.1, 200.0)
"""Usual hours to fill a battery: the fastest take six minutes, the slowest (iron-air) four days."""
_LEAST_KW = 0.05  # the battery of a balcony gives 0.6 kW


def _mistaken(row: Battery) -> Iterator[Remark]:
    column = "charge_kw" if row.charge_kw >= row.discharge_kw else "discharge_kw"
    power = max(row.charge_kw, row.discharge_kw)
    fast = tuple(lasts(row, (column, power), ("capacity_kwh", row.capacity_kwh), USUAL_H, "batteries do"))
    yield from fast or below(row, column, power, _LEAST_KW, "kW", "any battery has")
    yield from wear(row, row.wear_eur_per_mwh)
    yield from per_kwh(row, "end_worth_eur_per_mwh")


KIND = Kind(
    row=Battery,
    table="batteries",
    name="battery",
    look=Look(words="batteries", light="#1b9e77", dark="#48c9a0", layer=60),
    stream=2,
    measured=(STORED,),
    faults=_faults,
    doubts=_doubts,
    mistaken=_mistaken,
    rated_kw=lambda row: max(row.charge_kw, row.discharge_kw),
    swing_kw=lambda row: row.charge_kw + row.discharge_kw,
    capacity_kwh=lambda row: row.capacity_kwh,
)
