"""The schema that migrations give, and stores of other programs."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from agr.domain.errors import StoreError
from agr.store import schema
from agr.store.all_tables import METADATA
from agr.store.engine import Store, Tx


def described(tx: Tx) -> dict[str, dict[str, Any]]:
    """Return all that the database says of its tables, but not in which order their columns stand, and their rows."""
    look, found = sa.inspect(tx), dict[str, dict[str, Any]]()
    for table in look.get_table_names():
        found[table] = {
            "columns": {column["name"]: column | {"type": repr(column["type"])} for column in look.get_columns(table)},
            "primary key": look.get_pk_constraint(table),
            "foreign keys": sorted(look.get_foreign_keys(table), key=str),
            "unique": sorted(look.get_unique_constraints(table), key=str),
            "checks": sorted(look.get_check_constraints(table), key=str),
            "indexes": sorted(look.get_indexes(table), key=str),
            "rows": tx.execute(sa.select(sa.text("*")).select_from(sa.table(table))).all(),
        }
    return found


def begun_anew(tx: Tx) -> None:
    """Let all migrations, from the first, make the schema of a store that has none."""
    there = sa.MetaData()
    there.reflect(tx)
    there.drop_all(tx)
    schema.upgrade(tx, schema.revisions()[0])
    schema.upgrade(tx)


def test_migrations_give_the_schema_the_queries_expect(store: Store) -> None:
    with store.transaction() as tx:
        begun_anew(tx)
        differences = compare_metadata(MigrationContext.configure(tx, opts={"compare_type": False}), METADATA)
    assert differences == []


def test_a_new_store_is_made_as_migrations_would_make_it(store: Store) -> None:
    """The fixture's store was made at the newest schema at once."""
    with store.transaction() as tx:
        made = described(tx)
        begun_anew(tx)
        assert described(tx) == made
    assert made["alembic_version"]["rows"] == [(schema.revisions()[-1],)]
    assert set(made) == {"alembic_version", *METADATA.tables}


def test_the_revisions_known_by_their_files_are_alembic_s() -> None:
    found = ScriptDirectory(str(schema.MIGRATIONS))
    assert schema.revisions() == [script.revision for script in found.walk_revisions()][::-1]
    assert found.get_heads() == [schema.revisions()[-1]]


def test_a_store_of_a_newer_program_is_refused(store: Store) -> None:
    with store.transaction() as tx:
        tx.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreError, match="newer than this program"):
        store.migrate()


def test_an_unusable_store_url_is_refused_in_words() -> None:
    with pytest.raises(StoreError, match="store_url cannot be used"):
        Store("oracle-of-delphi://x")
