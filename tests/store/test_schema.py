"""The schema that migrations give, and stores of other programs."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from agr.domain.errors import StoreError
from agr.store import schema, tables
from agr.store.engine import Store


def test_migrations_give_the_schema_the_queries_expect(store: Store) -> None:
    with store.transaction() as tx:
        differences = compare_metadata(MigrationContext.configure(tx, opts={"compare_type": False}), tables.metadata)
    assert differences == []


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
