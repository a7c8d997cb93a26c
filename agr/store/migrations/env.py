"""Alembic's entry: runs migrations on the connection it is handed, in that connection's transaction."""

from alembic import context

from agr.store import (
    dispatch_tables,
    flex_tables,
    forecast_tables,
    operator_tables,
    reading_tables,
    tables,
    trade_tables,
)

for _table in (
    operator_tables.accounts,
    reading_tables.readings,
    trade_tables.bids,
    dispatch_tables.dispatches,
    flex_tables.flex_offers,
    forecast_tables.actuals,
):
    assert _table.metadata is tables.metadata  # importing them adds theirs

context.configure(connection=context.config.attributes["connection"], target_metadata=tables.metadata)
context.run_migrations()
