"""Doubts about a scenario beside its tables: settings, events and measurements probably meant in another unit."""

from collections.abc import Iterator
from typing import Any

from agr.domain.faults import Finding
from agr.domain.kinds import KINDS
from agr.domain.kinds.quantities import POWER
from agr.domain.limit_doubts import at_points, small_at_points
from agr.domain.plausibility import peaks_of, rated_kw
from agr.domain.usual import Usual
from agr.scenario.description import Description, DsoRequest
from agr.scenario.scenario import Scenario
from agr.scenario.yaml_document import Document
from agr.settings.doubts import setting_doubts

_REQUEST = Usual(unit="MW", least=1e-3, most=1_000.0, large=(1000.0, "kW"))
_MOST_OF_ABLE = 10.0
"""A DSO rarely requests this many times the power that there is, and a device's measurement is rarely wrong by this
many times its power."""
_MOST_STORED = 1.5
_STAY = Usual(unit="EUR/MWh", least=0.01, most=500.0, small=(1000.0, "EUR/kWh"))


def scenario_doubts(scenario: Scenario, written: Document) -> Iterator[Finding]:
    """Yield what is doubtful in scenario.yaml, and in limits and contracts beside the points that cro.json lists."""
    described, register = scenario.description, scenario.register
    peaks = peaks_of(register)
    able = rated_kw(register) + sum(kw for (_, quantity), kw in peaks.items() if quantity == POWER.name)
    for doubt in setting_doubts(described, able):
        yield written.finding(doubt.place, doubt.words)
    if words := _STAY.words(described.stay_eur_per_mwh):
        yield written.finding(("stay_eur_per_mwh",), words)
    yield from _events(described, able, written)
    yield from _measurements(scenario, written)
    if not register.congestion_points:
        members = ((point.address, connection) for point in scenario.points for connection in point.connections)
        for found in small_at_points(register, at_points(register, peaks, members)):
            file = f"{described.tables}/{found.table}"
            yield Finding(file=file, column=found.column, words=f"{found.name}: {found.words}")


def _events(described: Description, able_kw: float, written: Document) -> Iterator[Finding]:
    for i, event in enumerate(described.events):
        if not isinstance(event, DsoRequest):
            continue
        words, mw = _REQUEST.words(event.power_mw), abs(event.power_mw)
        if not words and mw * 1000 > _MOST_OF_ABLE * able_kw > 0:
            said = f"{event.power_mw:g} MW is {mw * 1000 / able_kw:,.0f} times the power of all resources"
            words = f"{said} ({able_kw:,.4g} kW); did you mean {event.power_mw / 1000:g} MW ({event.power_mw:g} kW)?"
        if words:
            yield written.finding(("events", i, "power_mw"), words)


def _measurements(scenario: Scenario, written: Document) -> Iterator[Finding]:
    held: dict[str, Any] = {
        row.resource: kind.capacity_kwh(row) for kind in KINDS for row in scenario.register.of(kind.row)
    }
    for i, one in enumerate(scenario.description.measurements):
        capacity = held.get(one.resource)
        for column, value in (("stored_kwh", one.stored_kwh), ("off_kwh", one.off_kwh)):
            if value is not None and capacity and abs(value) > _MOST_STORED * capacity:
                times = f"{abs(value) / capacity:,.2g} times what {one.resource} can hold"
                said = f"{value:g} kWh is {times} ({capacity:g} kWh)"
                yield written.finding(
                    ("measurements", i, column), f"{said}; did you mean {value / 1000:g} kWh ({value:g} Wh)?"
                )  # fmt: skip
