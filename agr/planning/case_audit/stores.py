"""Checks the stores of a case, and the programs made for them, against what was entered. Pure.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator

import numpy as np

from agr.planning.case_audit.context import AuditContext, Rows
from agr.planning.case_audit.expected_stores import KINDS, Stores, names_of_stores, stores
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import beyond, differences
from agr.planning.case_audit.recovery import by_isp, moved_kwh, opened, summed_kwh
from models.outcome import Programs

_CASE_FIELDS = {
    "charge_kw": "charge_kw",
    "discharge_kw": "discharge_kw",
    "charge_min_kw": "charge_min_kw",
    "charge_efficiency": "charge_efficiency",
    "discharge_efficiency": "discharge_efficiency",
    "retention": "retention",
    "start_kwh": "energy_start_kwh",
    "demand_kwh": "demand_kwh",
    "wear_eur_per_kwh": "wear_eur_per_kwh",
    "reserve_kw": "reserve_kw",
}
"""Fact that the tables give → the field of the case that holds it"""


def check_case(context: AuditContext, programs: Programs | None = None) -> Iterator[str]:
    """Yield findings about stores that are not as their owners entered them, and about their programs, if given."""
    yield from context.presence("storage", KINDS, names_of_stores(context))
    for few, rows in _parts(context):
        yield from _compared(context, few, rows)
        yield from _worth(context, few, rows)
        if programs is not None:
            yield from _of_programs(context, few, programs, rows)


def check_programs(context: AuditContext, programs: Programs) -> Iterator[str]:
    """Yield findings about programs that break what owners entered: powers, times, bands and needs."""
    for few, rows in _parts(context):
        yield from _of_programs(context, few, programs, rows)


def _of_programs(context: AuditContext, few: Stores, programs: Programs, rows: Rows) -> Iterator[str]:
    charge, discharge = programs.charge_kw[rows], programs.discharge_kw[rows]
    yield from _powers(few, few.pinned_kw, charge, discharge)
    yield from _contents(context, few, few.pinned_kw, charge, discharge, programs, rows)


def _parts(context: AuditContext) -> Iterator[tuple[Stores, Rows]]:
    """Yield stores, a few thousand at a time, with their rows in the case; missing ones are left out."""
    for few in stores(context):
        found = context.rows_of("storage", few.names)
        there = np.flatnonzero(found >= 0)
        if len(there):
            yield (few if len(there) == len(found) else few.only(there)), found[there]


def _compared(context: AuditContext, few: Stores, rows: Rows) -> Iterator[str]:
    data, names, pinned = context.case.storage, few.names, few.pinned_kw
    yield from differences(names, "point", data.point[rows], context.places(few.rows))
    for ours, theirs in _CASE_FIELDS.items():
        yield from differences(names, theirs, getattr(data, theirs)[rows], getattr(few, ours))
    low, high = opened(few, pinned, context.day.hours, context.facts.held)
    yield from differences(names, "energy_min_kwh", data.energy_min_kwh[rows], low)
    yield from differences(names, "energy_max_kwh", data.energy_max_kwh[rows], high)
    yield from differences(names, "pinned_kw", data.pinned_kw[rows], pinned)


def _worth(context: AuditContext, few: Stores, rows: Rows) -> Iterator[str]:
    """Compare what a missing kWh costs and, where its owner says it, what energy left at the end is worth."""
    data, names = context.case.storage, few.names
    price = np.full(len(rows), context.facts.planning.comfort_shortfall_eur_per_kwh)
    yield from differences(names, "shortfall_eur_per_kwh", data.shortfall_eur_per_kwh[rows], price)
    yield from differences(names, "worth_zero_kwh", data.worth_zero_kwh[rows], few.zero_kwh)
    said = np.flatnonzero(~np.isnan(few.end_worth_eur_per_kwh))
    known, mine = [names[u] for u in said.tolist()], rows[said]
    worth, steps = few.end_worth_eur_per_kwh[said], data.worth_step_eur_per_kwh[mine]
    yield from differences(known, "end_value_eur_per_kwh", data.end_value_eur_per_kwh[mine], worth)
    yield from differences(known, "worth_step_eur_per_kwh", steps, np.zeros(steps.shape))


def _slack(values: Floats) -> Floats:
    """Return the tolerance in kW or kWh: ten times that of the audit of an outcome against its case."""
    return np.asarray(1e-3 + 1e-5 * np.abs(values))


def _powers(few: Stores, pinned: Floats, charge: Floats, discharge: Floats) -> Iterator[str]:
    free, names = np.isnan(pinned), few.names
    for what, power, most in (("charges", charge, few.charge_kw), ("discharges", discharge, few.discharge_kw)):
        excess = np.where(free, power - most, 0.0)
        yield from beyond(
            names, f"{what} with more power than it has, or when it is not there,", excess, _slack(most), "kW"
        )
    least = np.minimum(few.charge_min_kw[:, None], few.charge_kw)
    little = free & (charge > _slack(charge)) & (charge < least - _slack(least))
    allowed = few.charge_min_kw > 0
    often = np.where(allowed, little.sum(axis=1), 0).astype(np.float64)
    yield from beyond(names, "charges with less than its minimum power in more than one ISP,", often - 1.0, 0.0, "ISPs")


def _contents(
    context: AuditContext, few: Stores, pinned: Floats, charge: Floats, discharge: Floats, programs: Programs,
    rows: Rows,
) -> Iterator[str]:  # fmt: skip
    """Yield stores whose content, added up from their programs, leaves the band by more than is reported as missed.

    Nothing may be missed that full power could have kept.
    """
    hours, names = context.day.hours, few.names
    gained = charge * few.charge_efficiency - discharge / few.discharge_efficiency[:, None]
    missed = programs.unmet_kwh[rows] - programs.excess_kwh[rows]
    content = summed_kwh(few, gained * hours - few.demand_kwh + missed)
    low, high = opened(few, pinned, hours, context.facts.held)
    pieces = 1e-3 + 1e-5 * np.maximum(np.abs(content), np.maximum(np.abs(low), np.abs(few.start_kwh)[:, None]))
    yield from beyond(names, "holds less than it must", low - content, pieces, "kWh")
    yield from beyond(names, "holds more than it can", content - high, pieces, "kWh")
    unmet, excess = _least_missed(few, pinned, low, high, hours)
    rounded = 1e-3 + 1e-5 * low.max(axis=1)
    for what, missed_kwh, least in (
        ("misses energy that it could have charged,", programs.unmet_kwh, unmet),
        ("loses energy that it could have kept or used,", programs.excess_kwh, excess),
    ):
        yield from beyond(names, what, missed_kwh[rows].sum(axis=1) - least, rounded, "kWh")


def _least_missed(
    few: Stores, pinned: Floats, low: Floats, high: Floats, hours: float
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return what no program can help missing (U,), kWh: too little where all charge as early as they can, or too much.

    More energy earlier is never less later, so that way misses least. A car with a minimum power can take any energy up
    to what full power gives, since one ISP may be a part. What is pinned stays.
    """
    found, least, most = [], by_isp(low), by_isp(np.maximum(high, low))
    for up in (True, False):
        held, missed = few.start_kwh, np.zeros(len(few.rows))
        for t, change in enumerate(by_isp(moved_kwh(few, pinned, hours, up=up))):
            held = held * few.retention + change
            inside = np.clip(held, least[t], most[t])
            missed += np.maximum(inside - held if up else held - inside, 0.0)
            held = inside
        found.append(missed)
    return found[0], found[1]
