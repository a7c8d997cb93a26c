"""The tables of what devices report, and of who was told that setpoints have changed."""

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
    sa.Index(None, "received_at"),
)  # fmt: skip

announcements = sa.Table(  # of changed setpoints
    "announcements", metadata,
    sa.Column("channel", sa.String(255), primary_key=True),  # a webhook in the settings
    sa.Column("revision", sa.String(255), nullable=False),  # the one that it was told last
    sa.Column("at", Instant, nullable=False),
)  # fmt: skip
