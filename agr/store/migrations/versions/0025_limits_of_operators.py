"""Requests, offers and orders whose powers are limits of a program, not deviations."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the columns; existing rows are deviations."""
    for table in ("flex_requests", "flex_offers"):
        op.add_column(table, sa.Column("of_limits", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("flex_orders", sa.Column("limits_w", sa.JSON()))
