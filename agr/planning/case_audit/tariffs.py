"""Checks tariffs at connections: which connection each resource is behind, prices per ISP, and peak charges. Pure.

Source: docs/reference/tables.md (connection_tariffs); docs/reference/formulation.md §3.9.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from agr.domain.faults import number_of
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.facts import Floats
from models.case import NO_POINT, NO_TARIFF, UNIT_CLASSES

_Peak = tuple[float, float, float, bytes]
"""(EUR per kW, kW reached so far, ISPs in which import counts, as bytes)"""
_WORSE_OFF_PRICE = 100.0
"""Price of each EUR that a customer pays beyond what it would pay if nobody steered its devices"""


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield connections whose tariff is not what the tables give, and resources that pay at another one."""
    tariffs = context.case.connection_tariffs
    due, connection_of = _due(context), {row.resource: row.connection for row in context.facts.register.resources}
    wrong, used = list[str](), set[int]()
    for position, name in enumerate(UNIT_CLASSES):
        resources = context.names.get(name, ())
        at = tariffs.of_units[position] if tariffs.of_units else np.full(len(resources), NO_TARIFF)
        for resource, number, point in zip(
            resources, at.tolist(), context.case.units(name).point.tolist(), strict=True
        ):
            connection = connection_of.get(resource)
            expected = connection if connection in due else None
            found = None if number == NO_TARIFF else tariffs.name[number]
            if found != expected:
                wrong.append(f"case, {resource}: pays at {found}, the tables give {expected}")
            elif number != NO_TARIFF:
                used.add(number)
                if tariffs.point[number] not in (point, NO_POINT):
                    wrong.append(f"case, {resource}: pays at a connection of another congestion point")
    wrong += [
        f"case, {tariffs.name[number]}: {words}" for number in sorted(used) for words in _prices(context, number, due)
    ]
    asked = not context.facts.planning.customers_worse_off and bool(tariffs.name)
    if asked != bool(len(tariffs.least_eur)):
        words = "no customer is to be worse off, but the case asks for nothing"
        wrong.append(f"case: {words if asked else 'it asks for what customers pay, which the settings do not'}")
    if asked and tariffs.worse_off_price != _WORSE_OFF_PRICE:
        wrong.append(f"case: what a customer pays beyond that costs {tariffs.worse_off_price:g} EUR per EUR in plans")
    if len(used) < len(tariffs.name) and not wrong:
        wrong.append(f"case: nothing is behind {number_of(len(tariffs.name) - len(used), 'connection')} with a tariff")
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"case: tariffs are not what the tables give in {len(wrong) - SHOWN} more places"


def _prices(
    context: AuditContext, number: int, due: "dict[str, tuple[Floats, Floats, Counter[_Peak]]]"
) -> Iterator[str]:
    """Yield what is wrong with the prices of one connection."""
    tariffs = context.case.connection_tariffs
    imports, exports, peaks = due[tariffs.name[number]]
    for way, mine, right in (
        ("import", tariffs.import_eur_per_mwh[number], imports),
        ("export", tariffs.export_eur_per_mwh[number], exports),
    ):
        apart = np.abs(mine - right)
        if not bool((apart <= 1e-6).all()):
            isp = int(np.nanargmax(apart))
            yield f"{way} is {mine[isp]:g} EUR/MWh in ISP {isp + 1}, the tables give {right[isp]:g}"
    if _peaks(context, number) != peaks:
        yield "its peak charges are not what the tables give"


def _peaks(context: AuditContext, number: int) -> "Counter[_Peak]":
    tariffs = context.case.connection_tariffs
    unsteered = tariffs.unsteered()
    return Counter(
        (round(float(tariffs.peak_eur_per_kw[p]), 6), round(float(tariffs.peak_reached_kw[p]), 6),
         round(float(unsteered.peak_reached_kw[p]), 6), tariffs.peak_inside[p].tobytes())
        for p in np.flatnonzero(tariffs.peak_at == number).tolist()
    )  # fmt: skip


def _due(context: AuditContext) -> dict[str, tuple[Floats, Floats, "Counter[_Peak]"]]:
    """Return connection → prices of import and export per ISP, and peak charges, that the tables give on this day."""
    day, today = context.day, context.facts.period.day
    found: dict[str, tuple[Floats, Floats, Counter[_Peak]]] = {}
    for row in context.facts.register.connection_tariffs:
        if row.first_day > today or (row.last_day is not None and row.last_day < today):
            continue
        inside = np.asarray(day.within(row.window_start, row.window_end), dtype=np.bool_)
        nothing = np.zeros(len(inside))
        imports, exports, peaks = found.setdefault(row.connection, (nothing, nothing.copy(), Counter()))
        imports[inside] += row.import_eur_per_mwh
        exports[inside] += row.export_eur_per_mwh
        if row.peak_eur_per_kw > 0:
            reached = max(row.peak_reached_kw, context.facts.peaks_reached_kw.get(row, row.peak_reached_kw))
            unsteered = context.facts.unmanaged_peaks_reached_kw.get(row, reached)
            unsteered = max(row.peak_reached_kw, unsteered)
            peaks[
                round(float(row.peak_eur_per_kw), 6), round(float(reached), 6), round(float(unsteered), 6),
                inside.tobytes(),
            ] += 1  # fmt: skip
    return found
