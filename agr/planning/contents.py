"""Lets a plan begin with what was measured in stores, instead of what the plan of the day before leaves there.

The rule is in `agr.dispatch.contents`; the notes say what is measured beside what was planned, and how old it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.contents import Content, PlannedPath, content_at_start
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds import KINDS
from agr.domain.kinds.quantities import STORED
from agr.domain.register import Register
from agr.planning.difference import Solved
from agr.planning.ports import PlanReader
from agr.planning.present import Paths

Forecasts = Mapping[tuple[str, str], NDArray[np.float64]]

LOOKBACK = timedelta(days=1)
"""Readings older than this are ignored without a note: whoever sent them has stopped."""
"""Most resources that a note names."""


def measured_contents(
    reader: PlanReader, register: Register, entered: Forecasts, earlier: Solved | None, *, period: Period,
    now: datetime, longest: timedelta, notes: list[str],
) -> dict[tuple[str, str], NDArray[np.float64]]:  # fmt: skip
    """Return (resource, `stored_kwh`) → (T,) for stores whose content was reported; says in `notes` what it did.

    `entered`: forecasts and measurements from tables, which win. `earlier`: what was solved for the Period before.
    A reading older than `longest` when the plan is made, or when the Period begins, does not count.
    """
    stores = _stores(register, entered)
    upto = min(now, period.start)
    read = reader.newest_contents(stores.keys(), upto - LOOKBACK, upto)
    if not read:
        return {}
    before = period.previous()
    paths, borders = Paths(earlier, before), [*before.starts(), before.end]
    found, begun, old = {}, [], []
    for resource, (at, kwh) in sorted(read.items()):
        capacity_kwh, comes = stores[resource]
        if comes is not None and at < comes:
            continue  # of another visit
        content, known = Content(at=at, kwh=kwh), paths.of(resource)
        path = None if known is None else PlannedPath(borders=borders, kwh=known)
        start = content_at_start(content, period.start, now, path, longest, capacity_kwh)
        if start.kwh is None:
            old.append(f"{resource}, read {_age(start.age)} before: {start.why}")
            continue
        planned = "as entered" if path is None else f"planned {path.kwh[-1]:,.1f}"
        begun.append(f"{resource} {start.kwh:,.1f} kWh, {planned}, read {_age(start.age)} before")
        found[resource, STORED.name] = np.full(period.isp_count, start.kwh)
    if begun:
        notes.append(f"{_begin(begun)} with what was measured: {named_some(begun)}")
    if old:
        notes.append(f"{_begin(old)} as planned, because what was measured does not count: {named_some(old)}")
    return found


def _stores(register: Register, entered: Forecasts) -> dict[str, tuple[float, datetime | None]]:
    """Return resource → (capacity in kWh, when it comes) of stores whose content no table states."""
    found = {}
    for kind in KINDS:
        if STORED not in kind.measured:
            continue
        for row in register.of(kind.row):
            capacity_kwh = kind.capacity_kwh(row)
            if capacity_kwh is not None and (row.resource, STORED.name) not in entered:
                found[row.resource] = (capacity_kwh, kind.comes(row))
    return found


def _begin(names: Sequence[str]) -> str:
    return f"{number_of(len(names), 'store')} begin{'s' if len(names) == 1 else ''}"


def named_some(words: Sequence[str], most: int = 3) -> str:
    """Return the first few of some words, and how many more there are."""
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more


def _age(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):,.0f} min"
