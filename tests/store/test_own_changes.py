"""A change of single rows leaves our own congestion points as if the whole table had been taken again."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.domain.register import CongestionPoint, Connection, PointMember, Register
from agr.store import day, own_portfolio, portfolio, register, register_rows
from agr.store.engine import Store, Tx
from agr.store.own_changes import take_changed
from agr.store.own_portfolio import OWN_LIST
from tests.builders.worlds import NOW, PERIOD, World

FIRST, BEFORE = date(2026, 1, 1), PERIOD.day - timedelta(days=1)
NAMES, POINTS = ("ean.1", "ean.2", "ean.3"), ("ea1.2024-01.example.dso:a", "ea1.2024-01.example.dso:b")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = World(tmp_path_factory.mktemp("own")).store
    yield made
    made.close()


def member(connection: str, point: str, last: date | None, by: str | None) -> PointMember:
    return PointMember(
        congestion_point=point, dso="dso.example", connection=connection, first_day=FIRST, last_day=last,
        intraday_redispatch_by=by,  # type: ignore[arg-type]
    )  # fmt: skip


LAST = st.sampled_from([None, None, BEFORE])
MEMBER = st.builds(member, st.sampled_from(NAMES), st.sampled_from(POINTS), LAST, st.sampled_from([None, "AGR"]))
CONNECTION = st.builds(
    lambda name, last: Connection(address=name, first_day=FIRST, last_day=last), st.sampled_from(NAMES), LAST
)


def begun(tx: Tx, rows: dict[str, list[Any]], *, alone: bool, planned: bool, claimed: bool) -> None:
    """Begin anew: a register, taken in once, perhaps beside a CRO that has a connection and point of its own."""
    register.replace(tx, Register(connections=tuple(rows["connections"]), congestion_points=tuple(rows["points"])))
    for cro in (OWN_LIST, "cro.example"):
        portfolio.replace(tx, PERIOD.day, cro, (), ())
    if claimed:
        other = CongestionPoint(address=POINTS[1], dso="other.example", connections=("ean.3",))
        portfolio.replace(tx, PERIOD.day, "cro.example", (other,), ())
    for alarm in day.open_alarms(tx):
        day.recover(tx, alarm.kind, alarm.subject, NOW)
    if planned:
        day.moment_done(tx, PERIOD.day, "first_plan", NOW, "")
    own_portfolio.take(tx, PERIOD, NOW, alone=alone)


def state(tx: Tx, triggers: set[int]) -> tuple[Any, ...]:
    return (
        portfolio.load(tx, PERIOD),
        portfolio.answers(tx, PERIOD.day).get(OWN_LIST),
        sorted((a.kind, a.subject, a.text) for a in day.open_alarms(tx)),
        [str(t.reason) for t in day.open_triggers(tx) if t.id not in triggers],
    )


class _Undo(Exception):  # noqa: N818 - no fault
    """Ends a transaction without keeping anything."""


def after(store: Store, rows: dict[str, list[Any]], edit: Any, flags: dict[str, bool], *, whole: bool) -> Any:
    """Return what stands after an edit (table, old or None, new or None), taken in whole or by what has changed."""
    found: list[Any] = []
    try:
        with store.transaction() as tx:
            begun(tx, rows, **flags)
            triggers = {one.id for one in day.open_triggers(tx)}
            table, old, new = edit
            if old is not None:
                stored = next(one for one in register_rows.of_table(tx, table) if one.row == old)
                if new is not None:
                    register_rows.change(tx, stored, new)
                else:
                    register_rows.remove(tx, stored)
            else:
                register_rows.add(tx, table, new)
            names = {row.address if table == "connections" else row.connection for row in (old, new) if row is not None}
            if whole:
                own_portfolio.take(tx, PERIOD, NOW, alone=flags["alone"])
            else:
                take_changed(tx, PERIOD, names, NOW, alone=flags["alone"])
            found.append(state(tx, triggers))
            raise _Undo
    except _Undo:
        pass
    return found[0]


def test_a_point_that_a_cro_has_named_too_is_counted_in_either_way(store: Store) -> None:
    rows: dict[str, list[Any]] = {
        "connections": [Connection(address="ean.1", first_day=FIRST, last_day=None)],
        "points": [member("ean.1", POINTS[1], None, None)],
    }
    edit = ("connections", None, Connection(address="ean.2", first_day=FIRST, last_day=None))
    flags = {"alone": False, "planned": False, "claimed": True}
    changed = after(store, rows, edit, flags, whole=False)
    assert changed == after(store, rows, edit, flags, whole=True)
    assert changed[1].detail == "1 connection in 1 congestion point"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_changed_leaves_what_the_whole_table_would(store: Store, data: st.DataObject) -> None:
    connections = list({row.address: row for row in data.draw(st.lists(CONNECTION, max_size=3))}.values())
    members = list({row.connection: row for row in data.draw(st.lists(MEMBER, max_size=3))}.values())
    rows: dict[str, list[Any]] = {"connections": connections, "points": members}
    table = data.draw(st.sampled_from(["connections", "congestion_points"]))
    there: list[Any] = connections if table == "connections" else members
    old: Any = data.draw(st.sampled_from([None, *there]))
    new: Any
    if table == "connections":
        free = [name for name in NAMES if old is None and name not in {row.address for row in there}]
        names = st.sampled_from([old.address] if old is not None else free or ["ean.9"])
        new = data.draw(st.builds(lambda n, last: Connection(address=n, first_day=FIRST, last_day=last), names, LAST))
    else:
        new = data.draw(MEMBER)
    if old is not None and data.draw(st.booleans()):
        new = None
    flags = {name: data.draw(st.booleans()) for name in ("alone", "planned")}
    flags["claimed"] = not flags["alone"] and data.draw(st.booleans())
    edit = (table, old, new)
    assert after(store, rows, edit, flags, whole=False) == after(store, rows, edit, flags, whole=True)


def test_a_change_reads_and_writes_only_what_it_concerns(tmp_path: Path) -> None:
    """A thousand connections at a hundred points: moving one reads the rows of two points, and no other connection."""
    world = World(tmp_path)
    names = [f"ean.{n}" for n in range(1000)]
    members = [member(name, f"ea1.2024-01.example.dso:{n % 100}", None, None) for n, name in enumerate(names)]
    connections = [Connection(address=name, first_day=FIRST) for name in names]
    statements: list[tuple[str, int]] = []
    with world.store.transaction() as tx:
        begun(tx, {"connections": connections, "points": members}, alone=True, planned=True, claimed=False)
        stored = register_rows.of_table(tx, "congestion_points")[0]
        register_rows.change(tx, stored, member(names[0], members[1].congestion_point, None, None))
        sa.event.listen(tx, "after_cursor_execute", lambda *given: statements.append((given[2], given[1].rowcount)))
        take_changed(tx, PERIOD, {names[0]}, NOW, alone=True)
        assert portfolio.counts(tx, PERIOD.day, OWN_LIST) == (1000, 100, 0)
        assert portfolio.place_of(tx, PERIOD.day, names[0]) == (OWN_LIST, members[1].congestion_point)
    assert len(statements) < 35
    assert sum(count for text, count in statements if not text.startswith("SELECT")) < 10, "rows written"
    world.store.close()
