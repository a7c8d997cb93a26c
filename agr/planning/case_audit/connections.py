"""Checks limits of connections and groups: which of them count each resource, their windows, bounds and prices. Pure.

Source: docs/reference/tables.md (connection_limits, limit_groups); docs/reference/formulation.md §3.7.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from agr.domain.faults import number_of
from agr.planning.case_audit.context import SHOWN, AuditContext
from agr.planning.case_audit.facts import Floats
from models.case import NO_LIMIT, NO_POINT, UNIT_CLASSES

_Limit = tuple[str, bytes, bytes, float]
"""(connection or group, import limits per ISP in kW as bytes, export limits likewise, penalty in EUR/MWh)."""


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield resources that count at other limits than the tables give, and limits that nothing counts at."""
    due, limits = _due(context), context.case.connection_limits
    used = np.zeros(len(limits.name), dtype=np.bool_)
    wrong: list[str] = []
    for position, (name, resources) in enumerate(_classes(context)):
        leaf = limits.leaf[position] if limits.leaf else np.full(len(resources), NO_LIMIT)
        for resource, innermost, point in zip(
            resources, leaf.tolist(), context.case.units(name).point.tolist(), strict=True
        ):
            if innermost == NO_LIMIT and resource not in due:
                continue  # as most of a portfolio
            found: Counter[_Limit] = Counter()
            while innermost != NO_LIMIT:
                used[innermost] = True
                found[_of_case(context, innermost)] += 1
                if limits.point[innermost] not in (point, NO_POINT):
                    wrong.append(f"case, {resource}: counts at a limit of another congestion point")
                innermost = int(limits.parent[innermost])
            expected = due.get(resource, Counter())
            if found != expected:
                here, there = (sorted(one[0] for one in (a - b).elements()) for a, b in _both(found, expected))
                words = f"counts at {here[:SHOWN]} in the case, the tables give {there[:SHOWN]}"
                wrong.append(f"case, {resource}: {words}")
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"case: connection limits are not what the tables give for {len(wrong) - SHOWN} more resources"
    if not used.all():
        yield f"case: nothing counts at {number_of(int((~used).sum()), 'limit')} of connections or groups"


def _both(
    found: "Counter[_Limit]", expected: "Counter[_Limit]"
) -> tuple[tuple["Counter[_Limit]", "Counter[_Limit]"], ...]:
    return (found, expected), (expected, found)


def _classes(context: AuditContext) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in UNIT_CLASSES:
        yield name, context.names.get(name, ())


def _of_case(context: AuditContext, limit: int) -> _Limit:
    limits = context.case.connection_limits
    return (
        limits.name[limit], _key(limits.import_kw[limit]), _key(limits.export_kw[limit]),
        round(float(limits.penalty_eur_per_mwh[limit]), 6),
    )  # fmt: skip


def _key(values: Floats) -> bytes:
    return (np.round(values, 6) + 0.0).tobytes()


def _due(context: AuditContext) -> dict[str, "Counter[_Limit]"]:
    """Return resource → the limits that the tables give for it on this day; without any it is left out."""
    register, day, today = context.facts.register, context.day, context.facts.period.day
    of_place: dict[str, list[_Limit]] = {}
    for row in register.connection_limits:
        if row.first_day > today or (row.last_day is not None and row.last_day < today):
            continue
        inside = day.within(row.window_start, row.window_end)
        most = np.where(inside, np.inf if row.import_kw is None else row.import_kw, np.inf)
        least = np.where(inside, -np.inf if row.export_kw is None else -row.export_kw, -np.inf)
        penalty = round(float(row.penalty_eur_per_mwh), 6)
        of_place.setdefault(row.at, []).append((row.at, _key(most), _key(least), penalty))
    above = {row.group: row.parent for row in register.limit_groups}
    of_connection: dict[str, Counter[_Limit]] = {}
    for connection in register.connections:
        places, group = [connection.address], connection.limit_group
        while group is not None and group not in places:
            places.append(group)
            group = above.get(group)
        limits = [one for place in places for one in of_place.get(place, ())]
        if limits:
            of_connection[connection.address] = Counter(limits)
    return {
        row.resource: of_connection[row.connection] for row in register.resources if row.connection in of_connection
    }  # fmt: skip
