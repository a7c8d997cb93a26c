"""Whom a row of the register concerns: the DSOs of its connections and congestion points, and who acts for them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from agr.domain.register import KEYS
from agr.operations.accounts.roles import Principal
from agr.store import portfolio, register_rows
from agr.store.engine import Tx

Days = tuple[date, date]
"""Today and tomorrow: a CRO may tell of either."""
_NAMED = 5


def name_of(table: str, row: Any) -> str:
    """Return how people call a row."""
    if table in KEYS:
        return str(getattr(row, KEYS[table]))
    if table == "connection_limits":
        return f"limit of {row.at}"
    if table == "connection_tariffs":
        return f"tariff of {row.connection}"
    return f"{row.connection} at {row.congestion_point}" if hasattr(row, "connection") else str(row.congestion_point)


def require_acting_for(tx: Tx, by: Principal, table: str, rows: list[Any], days: Days) -> None:
    """Raise AccessError unless somebody acts for the DSOs that the rows concern."""
    for row in rows if by.dsos else ():
        name = name_of(table, row)
        if hasattr(row, "dso"):
            here = dsos_at(tx, row.congestion_point, days)
            if table == "congestion_points":
                here |= dsos_of(tx, [row.connection], days)
            by.must_act_for({row.dso} | here, name)
        elif table == "limits":
            by.must_act_for(dsos_at(tx, row.congestion_point, days), name)
        elif table == "limit_groups":
            within = _connections_at(tx, row.group) + _connections_under(tx, row.group)
            by.must_act_for(dsos_of(tx, within + _connections_under(tx, row.parent), days), name)
        elif table == "connection_limits":
            by.must_act_for(dsos_of(tx, _connections_at(tx, row.at), days), name)
        else:
            by.must_act_for(dsos_of(tx, [row.address if table == "connections" else row.connection], days), name)
            group = row.limit_group if table == "connections" else None
            if beside := dsos_of(tx, _connections_under(tx, group), days):
                by.must_act_for(beside, f"{name} in group {group}")


def dsos_at(tx: Tx, point: str, days: Days) -> set[str]:
    """Return the DSOs of a congestion point, as CROs tell them or the register does."""
    told = {portfolio.dso_of_point(tx, day_, point) for day_ in days}
    told |= {one.row.dso for one in register_rows.about_point(tx, "congestion_points", point, limit=_NAMED)}
    return {dso for dso in told if dso}


def dsos_of(tx: Tx, connections: Iterable[str], days: Days) -> set[str]:
    """Return the DSOs of some connections."""
    told = {portfolio.dso_of(tx, day_, one) for one in dict.fromkeys(connections) for day_ in days}
    return {dso for dso in told if dso}


def _connections_at(tx: Tx, at: str) -> list[str]:
    """Return a connection, or those in a group and in the groups within it."""
    tables = register_rows.every(tx, ("connections", "limit_groups"))
    groups = {at}
    for _ in tables["limit_groups"]:
        groups |= {row.group for row in tables["limit_groups"] if row.parent in groups}
    return [row.address for row in tables["connections"] if row.address == at or row.limit_group in groups]


def _connections_under(tx: Tx, group: str | None) -> list[str]:
    """Return every connection that shares a limit with those in a group: all in the outermost group around it."""
    above = {row.group: row.parent for row in register_rows.every(tx, ("limit_groups",))["limit_groups"]}
    seen = set[str]()
    while group is not None and above.get(group) is not None and group not in seen:
        seen.add(group)
        group = above[group]
    return [] if group is None else _connections_at(tx, group)
