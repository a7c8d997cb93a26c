"""The balance responsible party that an intraday trade was made for."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; earlier trades were made for the first one in the settings."""
    op.add_column("trades", sa.Column("brp", sa.String(length=64), nullable=False, server_default=""))
