"""Heat pumps with a buffer."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.bounds import DailyLoss, NotNegative
from agr.domain.kinds.checks import outside, reserve_fits
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.quantities import COP, HEAT, STORED


@dataclass(frozen=True, kw_only=True)
class HeatPump:
    """A heat pump with a buffer; follows forecasts `heat_kw` (demand) and `cop`."""

    resource: str
    connection: str
    power_kw: NotNegative  # electric
    buffer_kwh: NotNegative  # thermal
    initial_kwh: NotNegative
    end_kwh: NotNegative = 0.0
    loss_per_day: DailyLoss = 0.0
    wear_eur_per_mwh: NotNegative = 0.0
    reserve_kw: NotNegative = 0.0
    end_worth_eur_per_mwh: NotNegative = 0.0  # of what it holds at the end of the day


def _faults(row: HeatPump) -> Iterator[Remark]:
    if row.end_kwh > row.buffer_kwh:
        yield "end_kwh", f"{row.end_kwh:g} is more than buffer_kwh {row.buffer_kwh:g}"
    yield from reserve_fits(row.reserve_kw, row.power_kw)


def _doubts(row: HeatPump) -> Iterator[Remark]:
    yield from outside(row.initial_kwh, 0.0, row.buffer_kwh, "0", "buffer_kwh")


KIND = Kind(
    row=HeatPump,
    table="heat_pumps",
    name="heat_pump",
    look=Look(words="heat pumps", light="#d1495b", dark="#ef7f8d", layer=20),
    stream=4,
    follows=(HEAT, COP),
    measured=(STORED,),
    faults=_faults,
    doubts=_doubts,
)
