"""Adds, changes and removes single rows of the register, by the rules of `agr import`, one at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from agr.connectors.tables.one_row import cells_of
from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.faults import Finding, number_of
from agr.domain.isp import Period
from agr.domain.kinds import BY_TABLE
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import ActionBase, Done, said_why
from agr.operations.register_check import Checked, around, doubts_about, in_words, read_checked, table_named
from agr.operations.register_concerns import name_of, require_acting_for
from agr.store import day, portfolio, register_rows
from agr.store.engine import Tx
from agr.store.own_changes import take_changed
from agr.store.own_portfolio import OWN_LIST
from agr.store.register_rows import Stored

_OF_POINTS = ("connections", "congestion_points")
_TREE = ("connections", "limit_groups", "connection_limits")  # name groups of connections
_CARRYING_OUT = ("charge_points",)  # no plan is made from these
_NAMED = 5


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
            found = None if row is None else around(tx, table, old, row, self.today().next())
        if found is None:
            return checked
        doubtful = doubts_about(table, row, found())
        entered = replace(checked.entered, warnings=(*checked.entered.warnings, *doubtful))
        return replace(checked, entered=entered)

    def check_to_wait(self, table: str, key: str | None, cells: Mapping[str, str], *, seen: str | None) -> Checked:
        """Read what waits for a second person; rows it refers to may be missing; nothing else may be wrong.

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
            found = around(tx, table, old, row, self.today().next())
            require_acting_for(tx, by, table, [row, *([old.row] if old else [])], self._days(), self._settings)
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
        doubtful = (*checked.entered.warnings, *doubts_about(table, row, found()))
        warnings = tuple(in_words(doubt) for doubt in doubtful)
        return Done(text=f"{text}; {_then(table)}", entry=entry, warnings=warnings)

    def remove(self, by: Principal, table: str, key: str, why: str, *, seen: str | None = None) -> Done:
        """Remove a row that nothing else refers to. Raises ConflictError if it does, has changed or is gone."""
        why, table = said_why(why), table_named(table)
        with self._store.transaction() as tx:
            register_rows.begin_change(tx)
            old = _unchanged(register_rows.get(tx, table, key), table, key, seen)
            name = name_of(table, old.row)
            require_acting_for(tx, by, table, [old.row], self._days(), self._settings)
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
        return Done(text=f"{name} is removed from {table}; {_then(table)}", entry=entry)

    def _checked(self, tx: Tx, table: str, old: Stored | None, cells: Mapping[str, str]) -> Checked:
        return read_checked(tx, table, old, cells, [brp.name for brp in self._settings.brps], self._days())

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
                changed = {row.address if table == "connections" else row.connection for row in rows}
                take_changed(tx, period, changed, self._clock.now(), alone=alone)
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


def _then(table: str) -> str:
    """Say what follows a change."""
    if table in _CARRYING_OUT:
        return "plans are carried out so from now on"
    return "a plan follows where one was made"


def _concerns(table: str, row: Any, period: Period) -> bool:
    """Say whether a row can matter to a plan, by its days or instants; charge points only carry plans out."""
    if table in _CARRYING_OUT:
        return False
    dates = {name: value for name, value in vars(row).items() if isinstance(value, date)}
    first, last = dates.get("first_day", date.min), dates.get("last_day", date.max)
    instants = [value for value in dates.values() if isinstance(value, datetime)]
    if table in BY_TABLE and instants:
        # A car or run of the night before or after may reach into the Period, or be planned with it.
        margin = timedelta(days=1)
        return min(instants) - margin < period.end and max(instants) + margin > period.start
    return first <= period.day <= last
