"""Doubts about a register: values in another unit than their column's, probably. Pure; nothing is refused or changed.

What one row shows by itself is in the kinds of resources (`Kind.mistaken`). Here are contracts, limits, forecasts and
prices, and what stands out beside the other resources of a connection or of the register.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agr.domain.doubt import Doubt
from agr.domain.kinds import KINDS
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.kinds.mistaken_units import PER_UNIT
from agr.domain.kinds.quantities import COP, HEAT, POWER
from agr.domain.limit_doubts import at_points, connection_limit_doubts, limit_doubts, small_at_points
from agr.domain.register import KEYS, Contract, Register
from agr.domain.row_doubts import beside_itself, tariff_doubts, unusual
from agr.domain.usual import CAPACITY_PRICE

MOST_LOAD_KW, MOST_GENERATION_KW = 1_000.0, 2_000.0
"""Highest usual load and generation of one connection: above 1 MW, a load is a plant with a medium-voltage connection
of its own; the solar panels of a large roof reach 2 MW."""
LEAST_LOAD_KW = 0.005
"""Lowest usual peak of a load, in kW: even a house takes 100 W at night."""
SMALL_LOAD_KW, BESIDE_LOAD = 0.1, 500.0
"""A load whose peak is below SMALL_LOAD_KW rarely shares its connection with a device of BESIDE_LOAD times that
peak."""
BESIDE_DEVICES = 30.0
"""The peak of a forecast is rarely this many times the power of the largest device behind the same connection; in our
scenarios it reaches 23 times."""
PER_STORED_KWH = 20.0
"""Highest usual load of a connection, in kW for each kWh of its batteries: batteries are sized for their connection."""
BATTERY_BESIDE_LOAD = 100.0
"""A battery rarely has this many times the power of the highest load behind the same connection."""
MOST_HEAT = 50.0
"""A heat demand is rarely this many times a heat pump's electric power: it would be five times its heat at a COP of
10."""
MOST_COP = 15.0
"""Highest usual COP: heat pumps reach 3 to 7; a higher value was probably given in percent."""
LEAST_HEAT, LEAST_COP = 1 / 300, 0.9
"""The highest heat demand is rarely below LEAST_HEAT times the pump's electric power; its COP is never below
LEAST_COP."""
BESIDE_RESERVE = 200.0
"""A generator is rarely prequalified for more than this many times its highest forecast, or for less than the inverse
of it."""
LEAST_CONTRACT_W = 1_000
"""Least power of a contract, in W: a DSO reserves at least a few kW."""
BESIDE_REGISTER = 10.0
"""A contract is rarely for this many times the power of all our resources together."""
LEAST_PRICE_EUR_PER_MWH, MOST_PRICE_EUR_PER_MWH = 2.0, 5_000.0
"""Range of a series' highest price: prices in EUR/kWh are 0.01 to 1; the day-ahead auction (SDAC) is limited to 4,000
to 5,000 EUR/MWh."""


def doubts(register: Register, capacity: Collection[str] = ()) -> Iterator[Doubt]:
    """Yield what is doubtful in a register; `capacity` are series in EUR/MW, whose prices may be small."""
    shown = list(_rows(register))
    yield from shown
    peaks = peaks_of(register)
    able = rated_kw(register) + sum(peak for (_, quantity), peak in peaks.items() if quantity == POWER.name)
    yield from contract_doubts(register, able)
    yield from limit_doubts(register, able)
    own = ((row.congestion_point, row.connection) for row in register.congestion_points)
    yield from small_at_points(register, at_points(register, peaks, own))
    yield from connection_limit_doubts(register, peaks, able)
    yield from _forecasts(register, peaks, {doubt.name for doubt in shown if doubt.column == "power_kw"})
    yield from _prices(register, capacity)


def _rows(register: Register) -> Iterator[Doubt]:
    """Yield what rows of resources, charge points and tariffs show by themselves."""
    for kind in KINDS:
        for row in register.of(kind.row):
            said = set()
            for column, words in kind.mistaken(row):
                said.add(column)
                yield Doubt(table=kind.table, name=row.resource, column=column, words=words)
            own = (*unusual(kind.table, row, row.resource), *beside_itself(kind, row))
            yield from (doubt for doubt in own if doubt.column not in said)
    for point in register.charge_points:
        yield from unusual("charge_points", point, point.charge_point)
    for tariff in register.connection_tariffs:
        yield from tariff_doubts(tariff)


def rated_kw(register: Register) -> float:
    """Return the power of all resources together, as their rows name it, in kW."""
    return sum(kind.rated_kw(row) for kind in KINDS for row in register.of(kind.row))


def contract_doubts(register: Register, able_kw: float) -> Iterator[Doubt]:
    """Yield what is doubtful in contracts; `able_kw` is the power of all our resources, 0 where it is not known."""
    for row in register.contracts:
        kw = row.power_w / PER_UNIT
        if 0 < abs(row.power_w) < LEAST_CONTRACT_W:
            said = f"{row.power_w:d} W is {kw:g} kW, less than a DSO reserves ({LEAST_CONTRACT_W / PER_UNIT:g} kW)"
            words = f"{said}; did you mean {row.power_w * PER_UNIT:d} W ({row.power_w:d} kW)?"
            yield _of_contract(row, "power_w", words)
        elif able_kw > 0 and abs(kw) > BESIDE_REGISTER * able_kw:
            said = f"{row.power_w:d} W is {kw:,g} kW, {abs(kw) / able_kw:,.0f} times the power of all resources"
            words = f"{said} ({able_kw:,.4g} kW); did you mean {kw:,g} W?"
            yield _of_contract(row, "power_w", words)
        yield from unusual("contracts", row, row.contract)


def _of_contract(row: Contract, column: str, words: str) -> Doubt:
    return Doubt(table="contracts", name=row.contract, column=column, words=words)


def peaks_of(register: Register) -> dict[tuple[str, str], float]:
    """Return (resource, quantity) → the highest magnitude of its forecasts."""
    found: dict[tuple[str, str], float] = {}
    for forecast in register.forecasts:
        key = (forecast.resource, forecast.quantity)
        found[key] = max(found.get(key, 0.0), max((abs(value) for value in forecast.values), default=0.0))
    return found


@dataclass(kw_only=True)
class _Beside:
    """What there is behind a connection."""

    device_kw: float = 0.0  # the largest device
    stored_kwh: float = 0.0  # of all batteries
    load_kw: float = 0.0  # the highest fixed loads together


def _connections(register: Register, peaks: Mapping[tuple[str, str], float]) -> dict[str, _Beside]:
    found: defaultdict[str, _Beside] = defaultdict(_Beside)
    for kind in KINDS:
        for row in register.of(kind.row):
            beside = found[row.connection]
            beside.device_kw = max(beside.device_kw, kind.rated_kw(row))
    for battery in register.of(Battery):
        found[battery.connection].stored_kwh += battery.capacity_kwh
    for load in register.of(FixedLoad):
        found[load.connection].load_kw += peaks.get((load.resource, POWER.name), 0.0)
    return found


def _forecasts(register: Register, peaks: Mapping[tuple[str, str], float], doubted: Collection[str]) -> Iterator[Doubt]:
    """Yield forecasts that are too high or low, and batteries that are too large for the load beside them.

    `doubted`: resources whose own power is doubtful; a forecast of heat is not held against it.
    """
    besides, rows = _connections(register, peaks), {row.resource: row for row in register.resources}
    producers = {row.resource for kind in KINDS if kind.produces for row in register.of(kind.row)}
    for (resource, quantity), peak in peaks.items():
        row = rows.get(resource)
        if row is None:
            continue
        words = ""
        if quantity == POWER.name:
            words = _power_words(peak, row.connection, resource in producers, besides[row.connection])
        elif quantity == HEAT.name and isinstance(row, HeatPump) and resource not in doubted:
            words = _heat_words(peak, row)
        elif quantity == COP.name:
            words = _cop_words(peak)
        if words:
            yield Doubt(table="forecasts", name=resource, column="value", words=f"{quantity} {words}", value=peak)
    yield from _prequalified(register, peaks)
    for battery in register.of(Battery):
        power, load = max(battery.charge_kw, battery.discharge_kw), besides[battery.connection].load_kw
        if power > BATTERY_BESIDE_LOAD * load > 0:
            said = f"{power:g} kW is {power / load:,.0f} times the load at connection {battery.connection}"
            words = f"{said} ({load:g} kW); did you mean {power / PER_UNIT:g} kW?"
            column = "charge_kw" if battery.charge_kw >= battery.discharge_kw else "discharge_kw"
            yield Doubt(table="batteries", name=battery.resource, column=column, words=words)


def _heat_words(peak: float, pump: HeatPump) -> str:
    """Say what is doubtful about the highest heat demand of a pump, empty if nothing is."""
    if peak > MOST_HEAT * pump.power_kw > 0:
        said = f"{peak:g} kW of heat is {peak / pump.power_kw:,.0f} times the pump's {pump.power_kw:g} kW"
        return f"{said} at connection {pump.connection}; did you mean {peak / PER_UNIT:g} kW?"
    if 0 < peak < LEAST_HEAT * pump.power_kw:
        said = f"{peak:g} kW of heat at most is {peak / pump.power_kw:.2g} of the pump's {pump.power_kw:g} kW"
        return f"{said} at connection {pump.connection}; did you mean {peak * PER_UNIT:g} kW ({peak:g} MW)?"
    return ""


def _cop_words(peak: float) -> str:
    """Say what is doubtful about the highest COP of a pump, empty if nothing is; a decimal point may be lost, too."""
    if peak > MOST_COP:
        said, factors = f"{peak:g} is more than any heat pump reaches ({MOST_COP:g})", (1 / 100, 1 / 10, 1 / 1000)
    elif 0 < peak < LEAST_COP:
        said, factors = f"{peak:g} at most is less than an electric heater reaches (1)", (100.0, 10.0, 1000.0)
    else:
        return ""
    usual = [peak * factor for factor in factors if LEAST_COP <= peak * factor <= MOST_COP]
    return f"{said}; did you mean {usual[0]:g}?" if usual else said


def _prequalified(register: Register, peaks: Mapping[tuple[str, str], float]) -> Iterator[Doubt]:
    """Yield generators whose reserve is far above or below all that is forecast of them."""
    for row in register.of(Generator):
        kw, peak = row.reserve_kw, peaks.get((row.resource, POWER.name), 0.0)
        if not kw or not peak or 1 / BESIDE_RESERVE < kw / peak < BESIDE_RESERVE:
            continue
        said = f"{kw:g} kW at connection {row.connection} is {kw / peak:,.2g} times its highest forecast ({peak:g} kW)"
        words = f"{said}; did you mean {kw / PER_UNIT if kw > peak else kw * PER_UNIT:g} kW?"
        yield Doubt(table="generators", name=row.resource, column="reserve_kw", words=words)


def _power_words(peak: float, connection: str, produces: bool, beside: _Beside) -> str:
    """Say what is doubtful about a load's or generator's highest forecast, empty if nothing is."""
    most, what = (MOST_GENERATION_KW, "any roof gives") if produces else (MOST_LOAD_KW, "most connections take")
    meant = f"did you mean {peak / PER_UNIT:g} kW?"
    if peak > most:
        return f"{peak:g} kW at connection {connection} is more than {what} ({most:g} kW); {meant}"
    if peak > BESIDE_DEVICES * beside.device_kw > 0:
        times = f"{peak / beside.device_kw:,.0f} times the largest device there ({beside.device_kw:g} kW)"
        return f"{peak:g} kW at connection {connection} is {times}; {meant}"
    if peak > PER_STORED_KWH * beside.stored_kwh > 0:
        stored = f"{beside.stored_kwh:g} kWh"
        return f"{peak:g} kW at connection {connection} would empty its batteries of {stored} at once; {meant}"
    if 0 < peak < LEAST_LOAD_KW or (
        not produces and peak * BESIDE_LOAD < beside.device_kw and 0 < peak < SMALL_LOAD_KW
    ):
        said = f"{peak:g} kW at most at connection {connection} is {peak * PER_UNIT:g} W"
        return f"{said}; did you mean {peak * PER_UNIT:g} kW?"
    return ""


def _prices(register: Register, capacity: Collection[str]) -> Iterator[Doubt]:
    """Yield series of energy prices that are too low as a whole, or too high somewhere, to be in EUR/MWh."""
    extremes: dict[str, float] = {}
    for price in register.prices:
        if abs(price.value) > abs(extremes.get(price.series, 0.0)):
            extremes[price.series] = price.value
    for series, value in extremes.items():
        words = ""
        if series in capacity or "capacity" in series:
            words = CAPACITY_PRICE.words(value)
            words = f"{series}: the highest price of {words}" if words else ""
        elif abs(value) < LEAST_PRICE_EUR_PER_MWH:
            said = f"{series}: {value:g} EUR/MWh is its highest price"
            words = f"{said}; did you mean {value * PER_UNIT:g} EUR/MWh ({value:g} EUR/kWh)?"
        elif abs(value) > MOST_PRICE_EUR_PER_MWH:
            said = f"{series}: {value:g} EUR/MWh is beyond the market's limits ({MOST_PRICE_EUR_PER_MWH:g})"
            words = f"{said}; did you mean {value / PER_UNIT:g} EUR/MWh?"
        if words:
            yield Doubt(table="prices", name=series, column="value", words=words, value=value)


def key_of(table: str) -> str:
    """Return the column of a table that holds the names of doubts."""
    named: dict[str, Any] = {
        "limits": "congestion_point", "connection_limits": "at", "connection_tariffs": "connection",
        "forecasts": "resource", "prices": "series",
    }  # fmt: skip
    return str(named.get(table) or KEYS[table])
