"""Checks the stores of a case, and the programs made for them, against what was entered. Pure.

Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from agr.planning.case_audit.context import Context
from agr.planning.case_audit.expected_stores import KINDS, Stores, stores
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import beyond, differences
from agr.planning.case_audit.recovery import opened
from models.outcome import Programs

Rows = NDArray[np.int64]
_AT_ONCE = 4096
"""Stores that are checked at once, so that memory stays small."""
_BAND = 1e-6
"""The rounding, as a share, that is allowed where a store only just keeps its band."""
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
"""What the tables say → where it stands in the case"""


def check_case(context: Context) -> Iterator[str]:
    """Yield findings about stores that are not as their owners entered them."""
    expected = stores(context)
    yield from context.presence("storage", KINDS, expected.names)
    for few, rows in _parts(context, expected):
        yield from _compared(context, few, rows)


def check_programs(context: Context, programs: Programs) -> Iterator[str]:
    """Yield findings about programs that break what owners entered: powers, times, bands and needs."""
    for few, rows in _parts(context, stores(context)):
        pinned = context.pins(few.rows)
        charge, discharge = programs.charge_kw[rows], programs.discharge_kw[rows]
        yield from _powers(context, few, pinned, charge, discharge)
        yield from _contents(context, few, pinned, charge, discharge, programs, rows)


def _parts(context: Context, expected: Stores) -> Iterator[tuple[Stores, Rows]]:
    """Yield stores, a few thousand at a time, with their rows in the case; missing ones are left out."""
    found = context.rows_of("storage", expected.names)
    there = np.flatnonzero(found >= 0)
    for begin in range(0, len(there), _AT_ONCE):
        few = there[begin : begin + _AT_ONCE]
        arrays = {item.name: getattr(expected, item.name)[few] for item in fields(Stores) if item.name != "rows"}
        yield replace(expected, rows=tuple(expected.rows[u] for u in few.tolist()), **arrays), found[few]


def _compared(context: Context, few: Stores, rows: Rows) -> Iterator[str]:
    data, names, pinned = context.case.storage, few.names, context.pins(few.rows)
    places = np.array([context.point[row.connection] for row in few.rows], dtype=np.float64)
    yield from differences(names, "point", data.point[rows], places)
    for ours, theirs in _CASE_FIELDS.items():
        yield from differences(names, theirs, getattr(data, theirs)[rows], getattr(few, ours))
    low, high = opened(few, pinned, context.day.hours)
    yield from differences(names, "energy_min_kwh", data.energy_min_kwh[rows], low)
    yield from differences(names, "energy_max_kwh", data.energy_max_kwh[rows], high)
    yield from differences(names, "pinned_kw", data.pinned_kw[rows], pinned)
    price = np.full(len(names), context.facts.planning.comfort_shortfall_eur_per_kwh)
    yield from differences(names, "shortfall_eur_per_kwh", data.shortfall_eur_per_kwh[rows], price)


def _slack(values: Floats) -> Floats:
    """Return the tolerance in kW or kWh: ten times that of the audit of an outcome against its case."""
    return np.asarray(1e-3 + 1e-5 * np.abs(values))


def _powers(context: Context, few: Stores, pinned: Floats, charge: Floats, discharge: Floats) -> Iterator[str]:
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
    context: Context, few: Stores, pinned: Floats, charge: Floats, discharge: Floats, programs: Programs,
    rows: Rows,
) -> Iterator[str]:  # fmt: skip
    """Yield stores whose content, added up from their programs, leaves the band by more than is reported as missed.

    Nothing may be missed that full power could have kept.
    """
    hours, names = context.day.hours, few.names
    gained = charge * few.charge_efficiency - discharge / few.discharge_efficiency[:, None]
    missed = programs.unmet_kwh[rows] - programs.excess_kwh[rows]
    change, content = gained * hours - few.demand_kwh + missed, np.zeros(charge.shape)
    held = few.start_kwh
    for t in range(charge.shape[1]):
        held = held * few.retention + change[:, t]
        content[:, t] = held
    low, high = opened(few, pinned, hours)
    pieces = 1e-3 + 1e-5 * np.maximum(np.abs(content), np.maximum(np.abs(low), np.abs(few.start_kwh)[:, None]))
    yield from beyond(names, "holds less than it must", low - content, pieces, "kWh")
    yield from beyond(names, "holds more than it can", content - high, pieces, "kWh")
    lost = np.where(_possible(few, pinned, low, high, hours), programs.unmet_kwh[rows].sum(axis=1), 0.0)
    yield from beyond(names, "misses energy that it could have charged,", lost, 1e-3 + 1e-5 * low.max(axis=1), "kWh")


def _possible(few: Stores, pinned: Floats, low: Floats, high: Floats, hours: float) -> NDArray[np.bool_]:
    """Return which stores (U,) keep their band if they charge as early as they can; those with pins are left out.

    A car with a minimum power can take any energy up to what full power gives, since one ISP may be a part.
    """
    up = few.charge_kw * few.charge_efficiency * hours - few.demand_kwh
    held, kept = few.start_kwh, np.asarray(np.isnan(pinned).all(axis=1))
    for t in range(up.shape[1]):
        held = np.minimum(held * few.retention + up[:, t], np.maximum(high[:, t], 0.0))
        kept &= held >= low[:, t] - _BAND * np.abs(low[:, t])
    return np.asarray(kept)
