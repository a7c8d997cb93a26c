"""Offers that no DSO has asked for: the wish for one stands among the requests."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; a DSO has asked for everything that exists so far."""
    op.add_column("flex_requests", sa.Column("unsolicited", sa.Boolean(), nullable=False, server_default=sa.false()))
