"""Whom a row of the register concerns: the DSOs and BRPs of its connections and congestion points."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from agr.domain.register import KEYS
from agr.operations.accounts.roles import Principal
from agr.operations.brps_concerned import brp_of_row, brps_at, brps_of
from agr.settings import Settings
from agr.store import portfolio, register_rows
from agr.store.engine import Tx

Days = tuple[date, date]
"""Today and tomorrow: a CRO may report on either."""
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


def require_acting_for(
    tx: Tx, by: Principal, table: str, rows: list[Any], days: Days, settings: Settings
) -> None:  # fmt: skip
    """Raise AccessError unless somebody acts for the DSOs and the balance responsible parties that the rows concern."""
    for row in rows if by.limited else ():
        name = name_of(table, row)
        here = _concerned(tx, table, row, days)
        by.must_act_for(here.dsos, name, brps=here.brps(tx, settings, days))
        group = row.limit_group if table == "connections" else None
        if under := _connections_under(tx, group):
            beside, brps = dsos_of(tx, under, days), brps_of(tx, settings, under)
            if beside:
                by.must_act_for(beside, f"{name} in group {group}", brps=brps)


@dataclass(frozen=True, kw_only=True)
class _Concerned:
    """What a row concerns."""

    dsos: set[str]
    points: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    own: tuple[str | None, ...] = ()  # the BRP that a connection names itself

    def brps(self, tx: Tx, settings: Settings, days: Days) -> set[str]:
        """Return the balance responsible parties concerned."""
        found = brps_of(tx, settings, self.connections) | {brp_of_row(settings, brp) for brp in self.own}
        return found | brps_at(tx, settings, self.points, days) if self.points else found


def _concerned(tx: Tx, table: str, row: Any, days: Days) -> _Concerned:
    if hasattr(row, "dso"):
        here = dsos_at(tx, row.congestion_point, days)
        within: tuple[str, ...] = ()
        if table == "congestion_points":
            within, here = (row.connection,), here | dsos_of(tx, [row.connection], days)
        return _Concerned(dsos={row.dso} | here, points=(row.congestion_point,), connections=within)
    if table == "limits":
        return _Concerned(dsos=dsos_at(tx, row.congestion_point, days), points=(row.congestion_point,))
    if table == "limit_groups":
        inside = _connections_at(tx, row.group) + _connections_under(tx, row.group) + _connections_under(tx, row.parent)
        return _Concerned(dsos=dsos_of(tx, inside, days), connections=tuple(inside))
    if table == "connection_limits":
        at = _connections_at(tx, row.at)
        return _Concerned(dsos=dsos_of(tx, at, days), connections=tuple(at))
    if table == "connections":
        return _Concerned(dsos=dsos_of(tx, [row.address], days), connections=(row.address,), own=(row.brp,))
    return _Concerned(dsos=dsos_of(tx, [row.connection], days), connections=(row.connection,))


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
