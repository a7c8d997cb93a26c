"""Single rows of the register in the store: found, changed one at a time, and kept by the migration."""

import threading
from datetime import date

import sqlalchemy as sa

from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection, Register
from agr.store import register, register_rows, schema, tables
from agr.store.engine import Store, Tx

EVERY = sa.select(tables.register).order_by(tables.register.c.kind, tables.register.c.key)
FIRST = date(2026, 1, 1)
CONNECTIONS = tuple(Connection(address=f"ean.{n:018d}", first_day=FIRST) for n in range(3))


def fill(tx: Tx, *loads: str) -> None:
    resources = tuple(FixedLoad(resource=name, connection=CONNECTIONS[0].address) for name in loads)
    register.replace(tx, Register(connections=CONNECTIONS, resources=resources))


def found(tx: Tx, search: str) -> list[str]:
    return [one.key for one in register_rows.page(tx, "fixed_loads", search=search).rows]


def test_a_search_takes_every_sign_as_itself_and_no_heed_of_capitals(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx, "Löschpumpe 5%", "pump_1", "pumpx1", "back\\slash")
        assert found(tx, "LÖSCH") == ["Löschpumpe 5%"]
        assert found(tx, "5%") == ["Löschpumpe 5%"]
        assert found(tx, "pump_1") == ["pump_1"]
        assert found(tx, "\\") == ["back\\slash"]
        assert found(tx, "%") == ["Löschpumpe 5%"]
        assert found(tx, CONNECTIONS[0].address) == ["Löschpumpe 5%", "pump_1", "pumpx1", "back\\slash"]


def test_rows_keep_their_order_and_keys_when_others_come_and_go(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx, "a", "b", "c")
        register_rows.remove(tx, register_rows.get(tx, "fixed_loads", "b"))
        added = register_rows.add(tx, "fixed_loads", FixedLoad(resource="d", connection=CONNECTIONS[1].address))
        assert found(tx, "") == ["a", "c", "d"]
        old = register_rows.get(tx, "fixed_loads", "a")
        new = register_rows.change(tx, old, FixedLoad(resource="a", connection=CONNECTIONS[2].address))
        assert new.seen != old.seen
        assert found(tx, "") == ["a", "c", "d"]
        assert [one.key for one in register_rows.about_connection(tx, CONNECTIONS[2].address)] == ["a"]
        assert added == register_rows.get(tx, "fixed_loads", "d")
        assert register.load(tx).resources == (
            FixedLoad(resource="a", connection=CONNECTIONS[2].address),
            FixedLoad(resource="c", connection=CONNECTIONS[0].address),
            FixedLoad(resource="d", connection=CONNECTIONS[1].address),
        )


def test_an_upgrade_finds_rows_that_were_there_before(store: Store) -> None:
    at = schema.revisions()[schema.revisions().index("0010") - 1]
    with store.transaction() as tx:
        fill(tx, "Pump")
        rows = [dict(row) for row in tx.execute(EVERY).mappings()]
        tables.metadata.drop_all(tx)
        tx.execute(sa.text("drop table alembic_version"))
        schema.upgrade(tx, at)
        old = sa.table("register", *(sa.column(name) for name in ("kind", "key", "position", "data")))
        kept = [{name: row[name] for name in ("kind", "key", "position", "data")} for row in rows]
        tx.execute(old.insert(), kept)
    store.migrate()
    with store.transaction() as tx:
        assert [dict(row) for row in tx.execute(EVERY).mappings()] == rows


def test_who_changes_a_row_waits_for_who_does_already(store: Store) -> None:
    """Both check, then add the same resource: the second sees what the first added."""
    with store.transaction() as tx:
        fill(tx, "a")
    begun, may_end = threading.Event(), threading.Event()
    results: list[bool] = []

    def add(first: bool) -> None:
        with store.transaction() as tx:
            register_rows.begin_change(tx)
            free = not register_rows.named(tx, "new")
            if first:
                begun.set()
                may_end.wait(20)
            if free:
                register_rows.add(tx, "fixed_loads", FixedLoad(resource="new", connection=CONNECTIONS[0].address))
            results.append(free)

    one = threading.Thread(target=add, args=(True,))
    one.start()
    assert begun.wait(20)
    other = threading.Thread(target=add, args=(False,))
    other.start()
    may_end.set()
    one.join(30)
    other.join(30)
    assert results == [True, False]
