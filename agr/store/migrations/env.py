"""Alembic's entry: runs migrations on the connection it is handed, in that connection's transaction."""

from alembic import context

from agr.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
