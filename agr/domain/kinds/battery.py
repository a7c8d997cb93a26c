"""Stationary batteries."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.bounds import DailyLoss, Efficiency, NotNegative
from agr.domain.kinds.checks import reserve_fits
from agr.domain.kinds.kind import Kind, Look, Remark


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


def _faults(row: Battery) -> Iterator[Remark]:
    if row.minimum_kwh > row.capacity_kwh:
        yield "minimum_kwh", f"{row.minimum_kwh:g} is more than capacity_kwh {row.capacity_kwh:g}"
    for name, value in (("initial_kwh", row.initial_kwh), ("end_kwh", row.end_kwh)):
        if value > row.capacity_kwh:
            yield name, f"{value:g} is more than capacity_kwh {row.capacity_kwh:g}"
        if value < row.minimum_kwh:
            yield name, f"{value:g} is less than minimum_kwh {row.minimum_kwh:g}"
    yield from reserve_fits(row.reserve_kw, max(row.charge_kw, row.discharge_kw))


KIND = Kind(
    row=Battery,
    table="batteries",
    name="battery",
    look=Look(words="batteries", light="#1b9e77", dark="#48c9a0", layer=60),
    stream=2,
    faults=_faults,
)
