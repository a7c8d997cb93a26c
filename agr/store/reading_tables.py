"""The table of what devices report."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

readings = sa.Table(
    "readings", metadata,
    sa.Column("resource", sa.String(255), primary_key=True),
    sa.Column("quantity", sa.String(16), primary_key=True),  # one of agr.domain.reading.KEPT
    sa.Column("at", Instant, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),  # kW or kWh, as the quantity says
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("by", sa.String(255), nullable=False),  # who reported it
    sa.Index(None, "at"),
)  # fmt: skip
