"""Every table of the store: each group of tables adds its own to the metadata when it is imported."""

import sqlalchemy as sa

from agr.store import (
    dispatch_tables,
    flex_tables,
    forecast_tables,
    operator_tables,
    reading_tables,
    tables,
    trade_tables,
)

METADATA: sa.MetaData = tables.metadata

for _table in (
    operator_tables.accounts,
    reading_tables.readings,
    trade_tables.bids,
    dispatch_tables.dispatches,
    flex_tables.flex_offers,
    forecast_tables.actuals,
):
    assert _table.metadata is METADATA
