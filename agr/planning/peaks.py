"""The highest import that peak charges have seen before a Period: as planned for the day before, or as measured.

A plan knows what was reached before its own Period, so the plan of the day before knows all of the billing period.
Source: docs/how-to/weigh-what-customers-pay.md.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.registers import Quality, energy, judged, net
from agr.domain.isp import Period
from agr.domain.reading import EXPORTED, IMPORTED
from agr.domain.register import ConnectionTariff, Register, in_window
from agr.planning.difference import Solved
from agr.planning.measured_powers import LONGEST_GAP

if TYPE_CHECKING:
    from agr.planning.ports import PlanReader
    from models.case import ConnectionTariffs

Floats = NDArray[np.float64]
_UNLIMITED_KW = 1e9


def going_on(register: Register, period: Period) -> list[ConnectionTariff]:
    """Return the peak charges whose billing period began before this Period, as rows of the register."""
    return [row for row in register.connection_tariffs if row.peak_eur_per_kw > 0 and row.goes_on(period.day)]


def measured_kw(reader: "PlanReader", register: Register, period: Period, now: datetime) -> dict[str, Floats]:
    """Return connection → what it drew in each ISP (T,) of the Period before, kW; NaN where not all of it was measured.

    Only connections with a peak charge that goes on are looked at: all their resources together.
    """
    before = period.previous()
    charged = {row.connection for row in going_on(register, period)}
    if not charged or now <= before.start:
        return {}
    behind: dict[str, list[str]] = {}
    for resource, connection in register.connection_of().items():
        if connection in charged:
            behind.setdefault(connection, []).append(resource)
    names = {name for resources in behind.values() for name in resources}
    read = reader.registers(names, before.start - LONGEST_GAP, min(now, before.end + LONGEST_GAP))
    if not read:
        return {}
    borders = [*before.starts(), before.end]
    missing = np.full(before.isp_count, np.nan)
    found = {}
    for connection, resources in behind.items():
        drawn = np.zeros(before.isp_count)
        for resource in resources:
            known = {
                quantity: energy(judged(values, _UNLIMITED_KW).runs, borders, LONGEST_GAP)
                for quantity in (IMPORTED, EXPORTED)
                if (values := read.get((resource, quantity)))
            }
            both = net(known.get(IMPORTED), known.get(EXPORTED))
            whole = missing if both is None else np.where(both.quality >= Quality.INTERPOLATED, both.kwh, np.nan)
            drawn = drawn + whole / before.isp_hours
        if not np.isnan(drawn).all():
            found[connection] = drawn
    return found


def reached_kw(
    earlier: Solved, register: Register, period: Period, measured: Mapping[str, Floats]
) -> dict[ConnectionTariff, float]:
    """Return peak charge → the highest import, kW, of its billing period up to the Period's midnight.

    `earlier` is the plan in force of the Period before. What was measured counts in the place of what was planned.
    """
    from models.connection_costs import drawn_kw

    if not _go_on(earlier, register, period):
        return {}
    case = earlier.named.case
    drawn = drawn_kw(case, earlier.outcome.programs)
    for n, connection in enumerate(case.connection_tariffs.name):
        if connection in measured:
            drawn[n] = np.where(np.isnan(measured[connection]), drawn[n], measured[connection])
    return _highest(case.connection_tariffs, drawn, register, period)


def unmanaged_reached_kw(earlier: Solved, register: Register, period: Period) -> dict[ConnectionTariff, float]:
    """Return the same as `reached_kw` if nobody had steered since a plan of the billing period was the first."""
    from models.baseline import unmanaged_programs
    from models.connection_costs import drawn_kw

    if not _go_on(earlier, register, period):
        return {}
    case = earlier.named.case
    return _highest(case.connection_tariffs.unsteered(), drawn_kw(case, unmanaged_programs(case)), register, period)


def _go_on(earlier: Solved, register: Register, period: Period) -> bool:
    """Return whether a peak charge goes on that the plan of the Period before knew."""
    case = earlier.named.case
    known = len(case.connection_tariffs.peak_at) > 0 and case.isps == period.previous().isp_count
    return known and bool(going_on(register, period))


def _highest(
    tariffs: "ConnectionTariffs", drawn: Floats, register: Register, period: Period
) -> dict[ConnectionTariff, float]:
    """Return peak charge → its highest import so far, given what connections drew the Period before (N,T), kW."""
    before = period.previous()
    imported = np.where(tariffs.peak_inside, drawn[tariffs.peak_at], 0.0).max(axis=1)
    highest = np.maximum(imported, tariffs.peak_reached_kw)
    known: dict[tuple[str, float, bytes], float] = {}
    for p, at in enumerate(tariffs.peak_at.tolist()):
        key = tariffs.name[at], float(tariffs.peak_eur_per_kw[p]), tariffs.peak_inside[p].tobytes()
        known[key] = min(float(highest[p]), known.get(key, np.inf))  # equal rows differ only in what was entered
    found = {}
    for row in going_on(register, period):
        inside = np.array(in_window(before, row.window_start, row.window_end), dtype=np.bool_)
        reached = known.get((row.connection, float(row.peak_eur_per_kw), inside.tobytes()))
        if reached is not None:
            found[row] = reached
    return found
