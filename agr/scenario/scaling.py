"""Changes how many resources or connections there are, by random copies or removals. Pure; reproducible by seed.

A copy has the name of its original, `~` and a number. It follows the same forecasts and lies at the same congestion
point. A copied connection has copies of everything behind it and of its own limits. Connections with prequalified power
(`reserve_kw`) are not copied: a prequalification belongs to one asset.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agr.domain.errors import InputError
from agr.domain.kinds import BY_TABLE, KINDS
from agr.domain.register import CongestionPoint
from agr.scenario.change_expression import Setting
from agr.scenario.scenario import Scenario

CONNECTIONS_STREAM = 7  # stream of random numbers; each kind of resource registers its own


def with_rows(scenario: Scenario, table: str, rows: Iterable[Any]) -> Scenario:
    """Return the scenario with the rows of a table replaced."""
    return replace(scenario, register=scenario.register.with_table(table, rows))


def count_resources(scenario: Scenario, table: str, setting: Setting) -> Scenario:
    """Set the number of resources in a table: `batteries=+500`. Raises InputError."""
    rows = scenario.register.of(BY_TABLE[table].row)
    wanted = _wanted(setting, len(rows), table)
    if not rows and wanted:
        raise InputError(f"{setting}: there are no {table} to copy; add a row to the table first")
    random = _random(scenario, BY_TABLE[table].stream)
    if wanted <= len(rows):
        return with_rows(scenario, table, [rows[i] for i in _kept(random, len(rows), wanted)])
    drawn = [rows[i] for i in random.integers(0, len(rows), wanted - len(rows)).tolist()]
    taken = {row.resource for row in rows}
    copies, number = [], 0
    for row in drawn:
        number = _free_number([row.resource], taken, number)
        copies.append((row, replace(row, resource=f"{row.resource}~{number}")))
    return _followed(with_rows(scenario, table, [*rows, *(copy for _, copy in copies)]), {table: copies})


def count_connections(scenario: Scenario, address: str, setting: Setting) -> Scenario:
    """Set the number of connections, everywhere (address "") or at one congestion point. Raises InputError."""
    at = {point.address: point for point in scenario.points}
    ours = {c.address: c for c in scenario.register.connections}
    there = [c for c in at[address].connections if c in ours] if address else list(ours)
    wanted = _wanted(setting, len(there), "connections")
    random = _random(scenario, CONNECTIONS_STREAM)
    if wanted <= len(there):
        kept = set(_kept(random, len(there), wanted))
        return without_connections(scenario, {c for i, c in enumerate(there) if i not in kept})
    behind = _behind(scenario)
    models = [c for c in there if not any(getattr(row, "reserve_kw", 0) > 0 for _, row in behind.get(c, ()))]
    if not models:
        raise InputError(f"{setting}: there is no connection without prequalified power to copy")
    taken = {*ours, *(row.resource for rows in behind.values() for _, row in rows)}
    pairs, made, number = [], dict[str, list[tuple[Any, Any]]](), 0
    for i in random.integers(0, len(models), wanted - len(there)).tolist():
        model, own = ours[models[i]], behind.get(models[i], [])
        number = _free_number([model.address, *(row.resource for _, row in own)], taken, number)
        copy = replace(model, address=f"{model.address}~{number}")
        pairs.append((model.address, copy))
        for table, row in own:
            new = replace(row, resource=f"{row.resource}~{number}", connection=copy.address)
            made.setdefault(table, []).append((row, new))
    scenario = with_rows(scenario, "connections", [*ours.values(), *(copy for _, copy in pairs)])
    limits = scenario.register.connection_limits
    copied = [replace(row, at=copy.address) for model, copy in pairs for row in limits if row.at == model]
    scenario = with_rows(scenario, "connection_limits", [*limits, *copied])
    tariffs = scenario.register.connection_tariffs
    alike = [
        replace(row, connection=copy.address) for model, copy in pairs for row in tariffs if row.connection == model
    ]
    scenario = with_rows(scenario, "connection_tariffs", [*tariffs, *alike])
    for table, copies in made.items():
        rows = scenario.register.of(BY_TABLE[table].row)
        scenario = with_rows(scenario, table, [*rows, *(new for _, new in copies)])
    return _followed(_joined(scenario, [(model, copy.address) for model, copy in pairs]), made)


def without_connections(scenario: Scenario, gone: set[str]) -> Scenario:
    """Return the scenario without some connections and everything behind them."""
    register = replace(
        scenario.register,
        connections=tuple(c for c in scenario.register.connections if c.address not in gone),
        resources=tuple(row for row in scenario.register.resources if row.connection not in gone),
        connection_limits=tuple(row for row in scenario.register.connection_limits if row.at not in gone),
        connection_tariffs=tuple(row for row in scenario.register.connection_tariffs if row.connection not in gone),
    )

    def left(addresses: Sequence[str]) -> tuple[str, ...]:
        return tuple(a for a in addresses if a not in gone)

    points = tuple(replace(point, connections=left(point.connections)) for point in scenario.points)
    return replace(scenario, register=register, points=points, free_connections=left(scenario.free_connections))


def _wanted(setting: Setting, count: int, what: str) -> int:
    wanted = round(setting.of(count))
    if wanted < 0:
        raise InputError(f"{setting}: there are {count} {what}; at least 0 must be left")
    return wanted


def _random(scenario: Scenario, stream: int) -> np.random.Generator:
    return np.random.default_rng([scenario.description.seed or 0, stream])


def _kept(random: np.random.Generator, count: int, wanted: int) -> list[int]:
    kept: list[int] = sorted(random.permutation(count)[:wanted].tolist())
    return kept


def _free_number(names: Sequence[str], taken: set[str], after: int) -> int:
    """Return the next number that makes all of these names new, and reserve the new names."""
    number = after + 1
    while any(f"{name}~{number}" in taken for name in names):
        number += 1
    taken |= {f"{name}~{number}" for name in names}
    return number


def _behind(scenario: Scenario) -> dict[str, list[tuple[str, Any]]]:
    """Return the resources of each connection with their tables."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for kind in KINDS:
        for row in scenario.register.of(kind.row):
            found.setdefault(row.connection, []).append((kind.table, row))
    return found


def _joined(scenario: Scenario, pairs: Sequence[tuple[str, str]]) -> Scenario:
    """Put every copied connection at the congestion point of its original."""
    copies: dict[str, list[str]] = {}
    for model, copy in pairs:
        copies.setdefault(model, []).append(copy)

    def more(addresses: Sequence[str]) -> tuple[str, ...]:
        return (*addresses, *(copy for address in addresses for copy in copies.get(address, ())))

    points: tuple[CongestionPoint, ...] = tuple(replace(p, connections=more(p.connections)) for p in scenario.points)
    return replace(scenario, points=points, free_connections=more(scenario.free_connections))


def _followed(scenario: Scenario, made: Mapping[str, Sequence[tuple[Any, Any]]]) -> Scenario:
    """Give every copy the forecasts of its original."""
    pairs = [
        ((row.resource, quantity.name), (copy.resource, quantity.name))
        for table, copies in made.items()
        for row, copy in copies
        for quantity in BY_TABLE[table].follows
    ]
    days = {
        day: {**of_day, **{new: of_day[old] for old, new in pairs if old in of_day}}
        for day, of_day in scenario.forecasts.items()
    }
    return replace(scenario, forecasts=days)
