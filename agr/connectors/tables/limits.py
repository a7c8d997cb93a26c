"""Checks the tree of limit groups, and that every limit is one of a connection or a group."""

from collections.abc import Mapping

from agr.connectors.tables.rows import TableRows, cells_in, shown
from agr.domain.faults import Findings, meant


def check_limits(tables: Mapping[str, TableRows], connections: set[object] | None, found: Findings) -> None:
    """Note groups and connections that do not exist, groups that contain themselves, and names that mean both.

    Nothing is checked against a table that could not be read.
    """
    groups = cells_in(tables.get("limit_groups"), "group")
    if groups is None:
        return
    known = [group for group in groups if isinstance(group, str)]
    if connections is not None:
        _apart(tables.get("limit_groups"), connections, found)
    _named(tables.get("connections"), "limit_group", known, found)
    _named(tables.get("limit_groups"), "parent", known, found)
    _circles(tables.get("limit_groups"), found)
    limits = tables.get("connection_limits")
    _once(limits, found)
    if limits is not None and limits.grid is not None and connections is not None:
        for at, row in zip(limits.at, limits.values, strict=True):
            if row.at not in connections and row.at not in groups:
                words = f"{shown(row.at)} is neither in the table of connections nor in that of limit_groups"
                close = meant(row.at, [*known, *(c for c in connections if isinstance(c, str))])
                found.faults.append(limits.grid.finding(at, "at", f"{words}; {close}"))


def _once(rows: TableRows | None, found: Findings) -> None:
    """Note limits that repeat others word for word: each would cost its penalty once more."""
    if rows is None or rows.grid is None:
        return
    seen: dict[object, int] = {}
    for at, row in zip(rows.at, rows.values, strict=True):
        line = seen.setdefault(row, rows.grid.lines[at])
        if line != rows.grid.lines[at]:
            words = f"the whole row is the same as that in {rows.grid.place} {line}; keep one of them"
            found.faults.append(rows.grid.finding(at, "at", words))


def _apart(rows: TableRows | None, connections: set[object], found: Findings) -> None:
    if rows is None or rows.grid is None:
        return
    for at, row in zip(rows.at, rows.values, strict=True):
        if row.group in connections:
            words = (
                f"{shown(row.group)} is a connection too; a limit would not know which one it is of; rename the group"
            )
            found.faults.append(rows.grid.finding(at, "group", words))


def _named(rows: TableRows | None, column: str, known: list[str], found: Findings) -> None:
    if rows is None or rows.grid is None:
        return
    for at, row in zip(rows.at, rows.values, strict=True):
        group = getattr(row, column)
        if group is not None and group not in known:
            words = f"{shown(group)} is not in the table of limit_groups; add it there or correct it"
            found.faults.append(rows.grid.finding(at, column, words))


def _circles(rows: TableRows | None, found: Findings) -> None:
    """Note every group that contains itself, with the cycle."""
    if rows is None or rows.grid is None:
        return
    above: dict[str, str | None] = {}
    for row in rows.values:
        above.setdefault(row.group, row.parent)  # that it appears twice is a fault of its own
    for at, row in zip(rows.at, rows.values, strict=True):
        way, group = [row.group], row.parent
        while group is not None and group not in way:
            way.append(group)
            group = above.get(group)
        if group == row.group:
            words = f"lies in itself: {' in '.join([*way, row.group])}; a group lies in one that does not lie in it"
            found.faults.append(rows.grid.finding(at, "parent", words))
