"""Adds, changes and removes single rows of the register, by the rules of `agr import`, one at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from agr.connectors.tables.columns import columns_of
from agr.connectors.tables.one_row import EnteredRow, Placed, cells_of, read_entered
from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.faults import Finding, meant, number_of
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE
from agr.domain.plausibility import Doubt, contract_doubts, doubts, limit_doubts, rated_kw
from agr.domain.register import KEYS, register_of
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.store import day, own_portfolio, portfolio, register, register_rows
from agr.store.engine import Tx
from agr.store.own_portfolio import OWN_LIST
from agr.store.register_rows import Stored

_OF_POINTS = ("connections", "congestion_points")
_TREE = ("connections", "limit_groups", "connection_limits")  # name groups of connections
_BY_POWER = ("contracts", "limits")  # doubtful beside the power of all resources
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was entered for a row, beside what is there."""

    table: str
    cells: Mapping[str, str]
    entered: EnteredRow
    old: Stored | None  # None: a new row

    @property
    def changes(self) -> dict[str, tuple[str, str]]:
        """Column → what it says now and what was entered, where they differ."""
        if self.entered.row is None:
            return {}
        before = cells_of(self.table, self.old.row) if self.old else {}
        after = cells_of(self.table, self.entered.row)
        return {name: (before.get(name, ""), text) for name, text in after.items() if before.get(name, "") != text}


def table_named(name: str) -> str:
    """Return a table of the register. Raises MissingError."""
    if name not in register_rows.TABLES:
        raise MissingError(f"there is no table {name!r} in the register; {meant(name, register_rows.TABLES)}")
    return name


def name_of(table: str, row: Any) -> str:
    """Return how people call a row."""
    if table in KEYS:
        return str(getattr(row, KEYS[table]))
    if table == "connection_limits":
        return f"limit of {row.at}"
    if table == "connection_tariffs":
        return f"tariff of {row.connection}"
    return f"{row.connection} at {row.congestion_point}" if hasattr(row, "connection") else str(row.congestion_point)


class RegisterEdits(ActionBase):
    """Each change is checked, recorded with both values, who, when and why, and asks for a plan, in one transaction."""

    def row(self, table: str, key: str, *, seen: str | None = None) -> Stored:
        """Return a row. Raises MissingError, and ConflictError where it is not what was `seen`."""
        with self._store.transaction() as tx:
            return _unchanged(_row(tx, table_named(table), key), table, key, seen)

    def check(self, table: str, key: str | None, cells: Mapping[str, str]) -> Checked:
        """Read what was entered for a row, None: for a new one; nothing is changed. Raises MissingError."""
        with self._store.transaction() as tx:
            old = None if key is None else _row(tx, table_named(table), key)
            checked = self._checked(tx, table_named(table), old, cells)
            row = checked.entered.row
            around = None if row is None else self._around(tx, table, old, row)
        if around is None:
            return checked
        doubtful = _doubts(table, row, around())
        entered = replace(checked.entered, warnings=(*checked.entered.warnings, *doubtful))
        return replace(checked, entered=entered)

    def check_to_wait(self, table: str, key: str | None, cells: Mapping[str, str], *, seen: str | None) -> Checked:
        """Read what waits for a second person; what it refers to may be missing still, but nothing else be wrong.

        Raises InputError and ConflictError as `enter` does.
        """
        checked = self.check(table, key, cells)
        if checked.old is not None and key is not None:
            _unchanged(checked.old, table, key, seen)
        if checked.entered.own or checked.entered.row is not None:
            _must_be_a_change(checked, checked.entered.faults)
        return checked

    def enter(
        self, by: Principal, table: str, key: str | None, cells: Mapping[str, str], why: str, *, seen: str | None = None
    ) -> Done:
        """Add a row, or change the one with the key, which must be as the caller has seen it.

        Of a change, columns that are left out stay as they are; empty cells have their defaults.
        Raises InputError with every fault, and ConflictError if the row has changed since it was `seen` or is gone.
        """
        why, table = said_why(why), table_named(table)
        with self._store.transaction() as tx:
            register_rows.begin_change(tx)
            old = None if key is None else _unchanged(register_rows.get(tx, table, key), table, key, seen)
            checked = self._checked(tx, table, old, cells)
            _must_be_a_change(checked, checked.entered.faults)
            row = checked.entered.row
            around = self._around(tx, table, old, row)
            self._may_change(tx, by, table, [row, *([old.row] if old else [])])
            new = register_rows.add(tx, table, row) if old is None else register_rows.change(tx, old, row)
            did = "add row" if old is None else "edit row"
            detail = "; ".join(
                f"{column}: {_or_empty(b)} → {_or_empty(a)}" for column, (b, a) in checked.changes.items()
            )
            name = name_of(table, new.row)
            entry = self._record(tx, by, did, f"{table} {name}", why, detail)
            text = f"{name} was {'added to' if old is None else 'changed in'} {table}"
            self._follow(tx, table, [row, *([old.row] if old else [])], f"{by.name}: {text} ({why})")
        self._wake()
        doubtful = (*checked.entered.warnings, *_doubts(table, row, around()))
        warnings = tuple(in_words(doubt) for doubt in doubtful)
        return Done(text=f"{text}; a plan follows where one was made", entry=entry, warnings=warnings)

    def remove(self, by: Principal, table: str, key: str, why: str, *, seen: str | None = None) -> Done:
        """Remove a row that nothing else refers to. Raises ConflictError if it does, has changed or is gone."""
        why, table = said_why(why), table_named(table)
        with self._store.transaction() as tx:
            register_rows.begin_change(tx)
            old = _unchanged(register_rows.get(tx, table, key), table, key, seen)
            name = name_of(table, old.row)
            self._may_change(tx, by, table, [old.row])
            if table == "connections" and (behind := register_rows.about_connection(tx, key)):
                words = ", ".join(f"{name_of(one.table, one.row)} ({one.table})" for one in behind[:_NAMED])
                more = f" and {len(behind) - _NAMED} more" if len(behind) > _NAMED else ""
                raise ConflictError(
                    f"{number_of(len(behind), 'row refers', 'rows refer')} to connection {name}: {words}{more}; remove "
                    "them first, or give the connection a last_day"
                )
            if table == "limit_groups" and (users := _in_group(tx, key)):
                words = ", ".join(users[:_NAMED]) + (f" and {len(users) - _NAMED} more" if len(users) > _NAMED else "")
                raise ConflictError(f"group {key} is still named by {words}; take it out there first")
            if table == "charge_points" and (users := _at_charge_point(tx, old.row.connection, key)):
                words = ", ".join(users[:_NAMED]) + (f" and {len(users) - _NAMED} more" if len(users) > _NAMED else "")
                raise ConflictError(f"charge point {key} is still named by {words}; take it out there first")
            register_rows.remove(tx, old)
            detail = "; ".join(f"{column}: {text}" for column, text in cells_of(table, old.row).items() if text)
            entry = self._record(tx, by, "remove row", f"{table} {name}", why, detail)
            self._follow(tx, table, [old.row], f"{by.name}: {name} was removed from {table} ({why})")
        self._wake()
        return Done(text=f"{name} is removed from {table}; a plan follows where one was made", entry=entry)

    def _checked(self, tx: Tx, table: str, old: Stored | None, cells: Mapping[str, str]) -> Checked:
        given = {} if old is None else cells_of(table, old.row)  # what is left out stays
        given |= {name: text.strip() for name, text in cells.items()}
        entered = read_entered(
            table, given, _beside(tx, table, old, given), brps=[brp.name for brp in self._settings.brps]
        )
        if old is not None and table in KEYS and entered.row is not None and name_of(table, entered.row) != old.key:
            words = f"{old.key!r} names the row and stays; add a row with the new name, then remove this one"
            fault = Finding(file=table, column=KEYS[table], words=words)
            entered = replace(entered, row=None, faults=(*entered.faults, fault))
        if entered.row is not None and (wrong := self._beside_the_rest(tx, table, entered.row)):
            entered = replace(entered, row=None, faults=(*entered.faults, wrong))
        return Checked(table=table, cells=given, entered=entered, old=old)

    def _beside_the_rest(self, tx: Tx, table: str, row: Any) -> Finding | None:
        """Return what is wrong with a row beside what neither its table nor what it names tells."""
        if table == "connections" and register_rows.get(tx, "limit_groups", row.address) is not None:
            words = f"{row.address} is a group of limits too; a limit would not know which one it is of"
            return Finding(file=table, column="address", words=words)
        here = self._dsos_at(tx, row.congestion_point) if table == "contracts" else set()
        if here and row.dso not in here:
            words = f"{row.dso!r} is not the DSO of {row.congestion_point}: {', '.join(sorted(here))} is"
            return Finding(file=table, column="dso", words=words)
        return None

    def _around(self, tx: Tx, table: str, old: Stored | None, row: Any) -> Callable[[], Iterable[Doubt]]:
        """Return what finds doubts about the entered row, beside all resources or those behind its connection.

        It is called when the transaction has ended.
        """
        if table in _BY_POWER:
            found = register_rows.raw(tx, BY_TABLE)
            alone = register_of({table: [row]})
            of_power = contract_doubts if table == "contracts" else limit_doubts
            return lambda: of_power(alone, rated_kw(register_of(register_rows.parsed(found, BY_TABLE))))
        if table not in BY_TABLE and table != "connection_limits":
            return lambda: doubts(register_of({table: [row]}))
        rows: dict[str, list[Any]] = {table: [row]}
        if table == "connection_limits" and register_rows.get(tx, "limit_groups", row.at) is not None:
            every = register_rows.raw(tx, BY_TABLE)
            group = {"limit_groups": register_rows.every(tx, ("limit_groups",))["limit_groups"], **rows}
            return lambda: doubts(register_of({**register_rows.parsed(every, BY_TABLE), **group}))
        for one in register_rows.about_connection(tx, row.at if table == "connection_limits" else row.connection):
            if one.table in BY_TABLE and (old is None or (one.table, one.key) != (old.table, old.key)):
                rows.setdefault(one.table, []).append(one.row)
        names = [one.resource for name, mine in rows.items() if name in BY_TABLE for one in mine]
        period = self.today().next()
        forecasts = register.forecasts_of(tx, period, names)
        return lambda: doubts(register_of({**rows, "forecasts": forecasts}))

    def _may_change(self, tx: Tx, by: Principal, table: str, rows: list[Any]) -> None:
        """Raise AccessError unless somebody acts for the DSOs that the rows concern."""
        for row in rows if by.dsos else ():
            name = name_of(table, row)
            if hasattr(row, "dso"):
                here = self._dsos_at(tx, row.congestion_point)
                if table == "congestion_points":
                    here |= self._dsos_of(tx, [row.connection])
                by.must_act_for({row.dso} | here, name)
            elif table == "limits":
                by.must_act_for(self._dsos_at(tx, row.congestion_point), name)
            elif table == "limit_groups":
                within = _connections_at(tx, row.group) + _connections_under(tx, row.group)
                by.must_act_for(self._dsos_of(tx, within + _connections_under(tx, row.parent)), name)
            elif table == "connection_limits":
                by.must_act_for(self._dsos_of(tx, _connections_at(tx, row.at)), name)
            else:
                self._act_for(tx, by, row.address if table == "connections" else row.connection, name)
                group = row.limit_group if table == "connections" else None
                if beside := self._dsos_of(tx, _connections_under(tx, group)):
                    by.must_act_for(beside, f"{name} in group {group}")

    def _days(self) -> tuple[date, date]:
        return self.today().day, self.today().next().day

    def _dsos_at(self, tx: Tx, point: str) -> set[str]:
        """Return the DSOs of a congestion point, as CROs tell them or the register does."""
        told = {portfolio.dso_of_point(tx, day_, point) for day_ in self._days()}
        told |= {one.row.dso for one in register_rows.about_point(tx, "congestion_points", point, limit=_NAMED)}
        return {dso for dso in told if dso}

    def _dsos_of(self, tx: Tx, connections: Iterable[str]) -> set[str]:
        """Return the DSOs of some connections."""
        told = {portfolio.dso_of(tx, day_, one) for one in dict.fromkeys(connections) for day_ in self._days()}
        return {dso for dso in told if dso}

    @staticmethod
    def _has_own_list(tx: Tx, period: Period, *, alone: bool) -> bool:
        """Say whether a Period's congestion points are ours to say, at least in part."""
        if OWN_LIST in portfolio.answers(tx, period.day):
            return True
        return (alone or _own_rows(tx)) and day.was_done(tx, period.day, "portfolio_query")

    def _follow(self, tx: Tx, table: str, rows: list[Any], text: str) -> None:
        """Take our own congestion points into the portfolio again, and ask for plans that a row concerns."""
        alone = not self._settings.asks_cros
        for period in (self.today(), self.today().next()):
            if table in _OF_POINTS and self._has_own_list(tx, period, alone=alone):
                own_portfolio.take(tx, period, self._clock.now(), alone=alone)
            if any(_concerns(table, row, period) for row in rows):
                self._ask(tx, period, text)


def _must_be_a_change(checked: Checked, faults: Iterable[Finding]) -> None:
    """Raise InputError for faults, and where nothing would change."""
    if words := "\n".join(in_words(fault) for fault in faults):
        raise InputError(words)
    if not checked.changes:
        raise InputError("nothing differs from what is in the register")


def _own_rows(tx: Tx) -> bool:
    return bool(register_rows.page(tx, "congestion_points", limit=1).rows)


def _doubts(table: str, row: Any, found: Iterable[Doubt]) -> Iterator[Finding]:
    """Yield the doubts about a row, not about those around it."""
    by_column = {"connection_limits": "at", "connection_tariffs": "connection"}
    column = by_column.get(table, "congestion_point")
    name = name_of(table, row) if table in KEYS else getattr(row, column)
    for doubt in found:
        if doubt.table == table and doubt.name == name:
            yield Finding(file=table, column=doubt.column, words=doubt.words)


def in_words(fault: Finding) -> str:
    """Return a fault of an entered row, which has no file and line."""
    return f"{fault.column}: {fault.words}" if fault.column else fault.words


def _or_empty(text: str) -> str:
    return text or "empty"


def _row(tx: Tx, table: str, key: str) -> Stored:
    found = register_rows.get(tx, table, key)
    if found is None:
        raise MissingError(f"there is no row {key!r} in {table}; it may have been removed")
    return found


def _unchanged(now: Stored | None, table: str, key: str, seen: str | None) -> Stored:
    """Return the row as it is if that is what was seen. Raises ConflictError."""
    if now is None:
        raise ConflictError(f"{key} has been removed from {table} meanwhile; add it again if it is still needed")
    if seen is not None and seen != now.seen:
        raise ConflictError(f"{name_of(table, now.row)} has changed meanwhile; look at both values, then decide again")
    return now


def _beside(tx: Tx, table: str, old: Stored | None, cells: Mapping[str, str]) -> dict[str, list[Placed]]:
    """Return the rows to which an entered one must fit."""
    found: list[Stored] = []
    if "connection" in {column.name for column in columns_of(table)}:
        known = register_rows.get(tx, "connections", cells.get("connection", ""))
        found += [known] if known else []
    if table in BY_TABLE:
        found += register_rows.named(tx, cells.get("resource", ""))
        if table == "ev_sessions":
            mine = register_rows.about_connection(tx, cells.get("connection", ""))
            found += [one for one in mine if one.table == "charge_points"]
    elif table == "charge_points":
        found += register_rows.of_table(tx, table)
    elif table in KEYS and table != "limit_groups":
        known = register_rows.get(tx, table, cells.get(KEYS[table], ""))
        found += [known] if known else []
    elif table == "connection_tariffs":
        found += [one for one in register_rows.about_connection(tx, cells.get("connection", "")) if one.table == table]
    elif table == "congestion_points":
        mine = register_rows.about_connection(tx, cells.get("connection", ""))
        found += [one for one in mine if one.table == table]
        point = register_rows.about_point(tx, table, cells.get("congestion_point", ""), limit=2)
        found += [one for one in point if one.key not in {other.key for other in found}]
    if table in _TREE:
        found += register_rows.of_table(tx, "limit_groups")
    if table in ("limit_groups", "connection_limits"):
        named = cells.get("group" if table == "limit_groups" else "at", "")
        known = register_rows.get(tx, "connections", named)
        found += [known] if known else []
        found += [one for one in register_rows.about_connection(tx, named) if one.table == table]
    beside: dict[str, list[Placed]] = {"connections": []} if table != "connections" else {}
    for one in found:
        if old is None or (one.table, one.key) != (old.table, old.key):
            beside.setdefault(one.table, []).append((one.position + 1, one.row))
    return beside


def _in_group(tx: Tx, group: str) -> list[str]:
    """Return the connections, groups and limits that name a group."""
    tables = register_rows.every(tx, _TREE)
    return [
        *(f"connection {row.address}" for row in tables["connections"] if row.limit_group == group),
        *(f"group {row.group}" for row in tables["limit_groups"] if row.parent == group),
        *("a limit" for row in tables["connection_limits"] if row.at == group),
    ]


def _at_charge_point(tx: Tx, connection: str, charge_point: str) -> list[str]:
    """Return the sessions that name a charge point."""
    behind = register_rows.about_connection(tx, connection)
    return [one.key for one in behind if one.table == "ev_sessions" and one.row.charge_point == charge_point]


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


def _concerns(table: str, row: Any, period: Period) -> bool:
    """Say whether a row can matter to a Period, by its days or instants."""
    dates = {name: value for name, value in vars(row).items() if isinstance(value, date)}
    first, last = dates.get("first_day", date.min), dates.get("last_day", date.max)
    instants = [value for value in dates.values() if isinstance(value, datetime)]
    if table in BY_TABLE and instants:
        # A car or run of the night before or after may reach into the Period, or be planned with it.
        margin = timedelta(days=1)
        return min(instants) - margin < period.end and max(instants) + margin > period.start
    return first <= period.day <= last
