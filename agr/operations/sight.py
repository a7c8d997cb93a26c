"""What an account sees: everything or, where it acts for some DSOs or balance responsible parties, what concerns them.

The same rule as for acting: all DSOs and all BRPs that something concerns must be those of the account. What concerns
nobody in particular is the whole portfolio's, and is not seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Any

from agr.domain.isp import Period
from agr.operations.accounts.roles import Principal
from agr.operations.brps_concerned import brp_of_row
from agr.settings import Settings
from agr.store import input_version, portfolio, register_rows
from agr.store.engine import Store, Tx
from agr.store.register_rows import RowPage

KEPT = 8
"""Most sights that are kept, each for the parties that an account acts for and some days."""
Concern = Mapping[str, frozenset[str]]
"""Name of a congestion point, connection or group → the DSOs or BRPs that it concerns."""
_NOBODY = frozenset[str]()


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """What is seen of some days."""

    everything: bool = False
    dsos: frozenset[str] = _NOBODY  # only what concerns these DSOs is seen; empty: no matter which
    brps: frozenset[str] = _NOBODY
    dsos_of: Concern  # congestion points and connections
    brps_of: Concern  # the same, and groups of connections
    inside: Mapping[str, frozenset[str]]  # group → its connections, those of groups within it included

    def may(self, dsos: Iterable[str], brps: Iterable[str]) -> bool:
        """Say whether something that concerns these DSOs and BRPs is seen."""
        if self.everything:
            return True
        pairs = ((self.dsos, frozenset(dsos)), (self.brps, frozenset(brps)))
        return all(not mine or bool(concerned and concerned <= mine) for mine, concerned in pairs)

    def place(self, address: str) -> bool:
        """Say whether a congestion point, a connection or a group of connections is seen."""
        if self.everything or address in self._places:
            return True
        members = self.inside.get(address, _NOBODY)
        return bool(members) and members <= self._places

    @cached_property
    def _places(self) -> frozenset[str]:
        known = {*self.dsos_of, *self.brps_of}
        return frozenset(
            one for one in known if self.may(self.dsos_of.get(one, _NOBODY), self.brps_of.get(one, _NOBODY))
        )

    def brp(self, name: str) -> bool:
        """Say whether a BRP's e-programs are seen: they concern no single DSO."""
        return self.may((), (name,))

    def row(self, table: str, row: Any) -> bool:
        """Say whether a row of the register is seen."""
        if self.everything:
            return True
        if table == "connections":
            return self.place(row.address)
        if table == "limit_groups":
            return self.place(row.group)
        if table == "connection_limits":
            return self.place(row.at)
        if hasattr(row, "congestion_point"):
            point = row.congestion_point
            of = frozenset({row.dso}) if hasattr(row, "dso") else _NOBODY
            seen = self.may(self.dsos_of.get(point, _NOBODY) | of, self.brps_of.get(point, _NOBODY))
            return seen and (table != "congestion_points" or self.place(row.connection))
        return self.place(row.connection)

    def about(self, subject: str) -> bool:
        """Say whether an alarm is seen, by the congestion points, DSOs and BRPs that its subject names."""
        words, (every_dso, every_brp) = subject.split(), self._parties
        dsos = (every_dso & set(words)).union(*(self.dsos_of.get(word, _NOBODY) for word in words))
        brps = (every_brp & set(words)).union(*(self.brps_of.get(word, _NOBODY) for word in words))
        return self.may(dsos, brps)

    @cached_property
    def _parties(self) -> tuple[frozenset[str], frozenset[str]]:
        """All DSOs and all BRPs."""
        return self.dsos.union(*self.dsos_of.values()), self.brps.union(*self.brps_of.values())


EVERYTHING = Sight(everything=True, dsos_of={}, brps_of={}, inside={})


class Sights:
    """Knows what accounts see. Keeps what was read last, until the register or a CRO's list changes. Thread-safe."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings, self._lock = store, settings, Lock()
        self._kept: dict[tuple[Any, ...], Sight] = {}

    def sees_everything(self, by: Principal) -> bool:
        """Say whether nothing is hidden from an account."""
        return not by.limited or not self._settings.operators.hide_others

    def of(self, by: Principal, periods: Sequence[Period]) -> Sight:
        """Return what an account sees of some Periods."""
        if self.sees_everything(by):
            return EVERYTHING
        days = tuple(period.day for period in periods)
        with self._lock, self._store.transaction() as tx:
            key = (by.dsos, by.brps, days, input_version.number(tx))
            found = self._kept.pop(key, None) or _read(tx, self._settings, by, days)
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.pop(next(iter(self._kept)))
        return found


def page_of(tx: Tx, sight: Sight, table: str, search: str, limit: int, offset: int) -> RowPage:
    """Return the rows of a table of the register that are seen and contain a text in their names, in pages."""
    if sight.everything:
        return register_rows.page(tx, table, search=search, limit=limit, offset=offset)
    every = register_rows.page(tx, table, search=search, limit=None)
    seen = [one for one in every.rows if sight.row(table, one.row)]
    return RowPage(rows=tuple(seen[offset : offset + limit]), matching=len(seen))


def _read(tx: Tx, settings: Settings, by: Principal, days: Sequence[date]) -> Sight:
    dsos: dict[str, set[str]] = {}
    brps: dict[str, set[str]] = {}
    tables = register_rows.every(tx, ("connections", "limit_groups"))
    for row in tables["connections"]:
        brps[row.address] = {brp_of_row(settings, row.brp)} - {""}
        dsos[row.address] = set()
    for day_ in days:
        for point, dso, connections in portfolio.members(tx, day_):
            dsos.setdefault(point, set()).add(dso)
            here = brps.setdefault(point, set())
            for connection in connections:
                dsos.setdefault(connection, set()).add(dso)
                here |= brps.get(connection, set())
    return Sight(
        dsos=by.dsos, brps=by.brps, dsos_of={name: frozenset(of) for name, of in dsos.items()},
        brps_of={name: frozenset(of) for name, of in brps.items()}, inside=_inside(tables),
    )  # fmt: skip


def _inside(tables: Mapping[str, Sequence[Any]]) -> dict[str, frozenset[str]]:
    """Return group → its connections and those of the groups within it."""
    found: dict[str, set[str]] = {row.group: set() for row in tables["limit_groups"]}
    above = {row.group: row.parent for row in tables["limit_groups"]}
    for row in tables["connections"]:
        group, passed = row.limit_group, set[str]()
        while group and group not in passed:
            passed.add(group)
            found.setdefault(group, set()).add(row.address)
            group = above.get(group)
    return {group: frozenset(members) for group, members in found.items()}
