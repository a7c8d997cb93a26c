"""Heat pumps with a buffer."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.bounds import DailyLoss, NotNegative
from agr.domain.kinds.checks import outside, reserve_fits
from agr.domain.kinds.kind import Kind, Look, Remark
from agr.domain.kinds.mistaken_units import above, below, lasts, per_kwh, wear
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


_MOST_KW = 500.0  # a house has 2 to 12 kW, a block of flats 100; what is larger is a district's or a factory's
_LEAST_KW = 0.1
_COP = 3.0  # usual: a buffer is filled with heat, at this multiple of the electric power
_USUAL_H = (0.005, 200.0)  # hours to fill the buffer: between the water in the pipes and a week's storage


def _mistaken(row: HeatPump) -> Iterator[Remark]:
    large = tuple(above(row, "power_kw", row.power_kw, _MOST_KW, "kW", "the heat pump of any building has"))
    yield from large
    yield from below(row, "power_kw", row.power_kw, _LEAST_KW, "kW", "any heat pump has")
    if not large:
        heat = ("power_kw", row.power_kw * _COP)
        for column, words in lasts(row, heat, ("buffer_kwh", row.buffer_kwh), _USUAL_H, "buffers do"):
            yield column, f"with {_COP:g} kWh of heat per kWh: {words}"
    yield from wear(row, row.wear_eur_per_mwh)
    yield from per_kwh(row, "end_worth_eur_per_mwh")


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
    mistaken=_mistaken,
    rated_kw=lambda row: row.power_kw,
    swing_kw=lambda row: row.power_kw,
    capacity_kwh=lambda row: row.buffer_kwh,
)
