"""The schema's revisions: which one a store has, which ones this program knows, and how to reach the newest.

A store is usually at the newest already. Alembic is imported only where it is not, because that takes longer than most
commands.
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
    target = target or revisions()[-1]
    if revision_of(tx) == target:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = tx
    command.upgrade(config, target)
