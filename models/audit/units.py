"""Audits units: is every program, planned and called, one its unit can run?"""

from collections.abc import Iterator, Mapping

import numpy as np

from models.audit.findings import above, differs, isp, slack
from models.audit.scenario import Situation, scenarios
from models.audit.slicing import few_at_a_time
from models.case import Bools, Case, Floats
from models.outcome import Outcome

PROGRAMS = {
    "curtailable_kw": "curtailable",
    "charge_kw": "storage",
    "discharge_kw": "storage",
    "energy_kwh": "storage",
    "unmet_kwh": "storage",
    "excess_kwh": "storage",
}
"""Field of Programs → class of its units."""


def check_units(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield what no unit could do; see the rules in models.audit."""
    for few in few_at_a_time(case, outcome):
        yield from _check_units(few.case, few.outcome, few.first)


def _check_units(case: Case, outcome: Outcome, first: Mapping[str, int]) -> Iterator[str]:
    for scenario in scenarios(case, outcome, first):
        yield from _curtailable(case, scenario)
        yield from _storage_power(case, scenario)
        yield from _storage_energy(case, scenario)
        yield from _starts(case, scenario)
    yield from _unmoved(case, outcome, first)


def _pins(pinned_kw: Floats, shape: tuple[int, ...]) -> tuple[Floats, Bools]:
    pinned = np.broadcast_to(pinned_kw, shape)
    return pinned, np.isnan(pinned)


def _curtailable(case: Case, scenario: Situation) -> Iterator[str]:
    data, mine = case.curtailable, scenario.concerns(case.curtailable.point)[:, None]
    power = scenario.programs.curtailable_kw
    pinned, free = _pins(data.pinned_kw, power.shape)
    axes, allowed = (scenario.units("curtailable"), isp), slack(data.forecast_kw, power)
    rules = (
        ("produces more than forecast", free, data.forecast_kw - power),
        ("consumes", free, power),
        ("leaves its pinned program", ~free, np.abs(power - pinned)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(mine & where, excess, 0.0), allowed)


def _storage_power(case: Case, scenario: Situation) -> Iterator[str]:
    data, mine = case.storage, scenario.concerns(case.storage.point)[:, None]
    charge, discharge = scenario.programs.charge_kw, scenario.programs.discharge_kw
    pinned, free = _pins(data.pinned_kw, charge.shape)
    axes, allowed = (scenario.units("storage"), isp), slack(charge, discharge)
    everywhere = np.ones_like(free)
    floor = np.minimum(data.charge_min_kw[:, None], data.charge_kw)
    rules = (
        ("charge is negative", everywhere, -charge),
        ("discharge is negative", everywhere, -discharge),
        ("charges above its limit", free, charge - data.charge_kw),
        ("charges below its minimum", free & (charge > allowed), np.minimum(charge, floor - charge)),
        ("discharges above its limit", free, discharge - data.discharge_kw),
        ("charges and discharges at once", everywhere, np.minimum(charge, discharge)),
        ("leaves its pinned program", ~free, np.abs(charge - discharge - pinned)),
    )
    for what, where, excess in rules:
        yield from above(axes, what, np.where(mine & where, excess, 0.0), allowed)


def _storage_energy(case: Case, scenario: Situation) -> Iterator[str]:
    data, programs = case.storage, scenario.programs
    mine = scenario.concerns(data.point)[:, None]
    energy = programs.energy_kwh
    before = np.column_stack([data.energy_start_kwh, energy[:, :-1]])
    charged = case.isp_hours * data.charge_efficiency * programs.charge_kw
    drawn = case.isp_hours * programs.discharge_kw / data.discharge_efficiency[:, None] + data.demand_kwh
    reached = data.retention[:, None] * before + charged - drawn + programs.unmet_kwh - programs.excess_kwh
    axes, allowed = (scenario.units("storage"), isp), slack(energy, before, charged, drawn)
    rules = (
        ("energy does not follow from its power", np.abs(energy - reached)),
        ("energy is below its band", data.energy_min_kwh - energy),
        ("energy is above its band", energy - data.energy_max_kwh),
        ("unmet is negative", -programs.unmet_kwh),
        ("excess is negative", -programs.excess_kwh),
    )
    for what, excess in rules:
        yield from above(axes, what, np.where(mine, excess, 0.0), allowed, "kWh")


def _starts(case: Case, scenario: Situation) -> Iterator[str]:
    data, mine = case.shiftable, scenario.concerns(case.shiftable.point)
    start = scenario.programs.start.astype(np.float64)
    axes = (scenario.units("shiftable"),)
    yield from above(axes, "starts too early", np.where(mine, data.first_start - start, 0.0), 0.0, "ISPs")
    yield from above(axes, "starts too late", np.where(mine, start - data.last_start, 0.0), 0.0, "ISPs")


def _unmoved(case: Case, outcome: Outcome, first: Mapping[str, int]) -> Iterator[str]:
    """Units at congestion points nobody calls on keep their plan."""
    for scenario in scenarios(case, outcome, first):
        for name, kind in PROGRAMS.items():
            elsewhere = ~scenario.concerns(getattr(case, kind).point)[:, None]
            planned, called = getattr(outcome.programs, name), getattr(scenario.programs, name)
            what = f"{name} is not as planned though nothing is reserved there,"
            axes = (scenario.units(kind), isp)
            yield from differs(
                axes, what, np.where(elsewhere, called, planned), planned, "kWh" if name.endswith("kwh") else "kW"
            )
        elsewhere = ~scenario.concerns(case.shiftable.point)
        moved = np.abs(scenario.programs.start - outcome.programs.start).astype(np.float64)
        what = "start is not as planned though nothing is reserved there,"
        runs = (scenario.units("shiftable"),)
        yield from above(runs, what, np.where(elsewhere, moved, 0.0), 0.0, "ISPs")
