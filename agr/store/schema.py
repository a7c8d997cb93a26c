"""The schema's revisions: which one a store has, which ones this program knows, and how to reach the newest.

A store is usually at the newest already, and a new one is made at it: the tables that the queries expect are those that
migrations lead to. Alembic is imported only for a store in between, because that takes longer than most commands.
"""

from pathlib import Path

import sqlalchemy as sa

MIGRATIONS = Path(__file__).parent / "migrations"


def revisions() -> list[str]:
    """Return every revision this program knows, oldest first: migrations' files begin with theirs."""
    return sorted(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def revision_of(tx: sa.Connection) -> str | None:
    """Return the revision of what is there; None: nothing is there yet."""
    if not sa.inspect(tx).has_table("alembic_version"):
        return None
    found = tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(tx: sa.Connection, target: str | None = None) -> None:
    """Bring the schema to a revision, default: the newest, in the transaction."""
    newest = revisions()[-1]
    target, present = target or newest, revision_of(tx)
    if present == target:
        return
    if present is None and target == newest:
        _make(tx, newest)
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = tx
    command.upgrade(config, target)


def _make(tx: sa.Connection, newest: str) -> None:
    """Make every table as it is at the newest revision, and note that revision as Alembic does."""
    from agr.store.all_tables import METADATA

    noted = sa.Table(
        "alembic_version", sa.MetaData(),
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )  # fmt: skip
    METADATA.create_all(tx, checkfirst=False)
    noted.create(tx)
    tx.execute(noted.insert().values(version_num=newest))
