"""Alembic's entry: runs migrations on the connection it is handed, in that connection's transaction."""

from alembic import context

from agr.store import operator_tables, tables, trade_tables

assert operator_tables.accounts.metadata is trade_tables.bids.metadata is tables.metadata  # importing them adds theirs

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
