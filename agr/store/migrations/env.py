"""Alembic's entry: runs migrations on the connection it is handed, in that connection's transaction."""

from alembic import context

from agr.store.all_tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
