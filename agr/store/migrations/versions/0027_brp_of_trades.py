"""The balance responsible party (BRP) that an intraday trade was made for, and the BRPs that an account acts for."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the columns; earlier trades were made for the first BRP in the settings, and accounts act for all."""
    op.add_column("trades", sa.Column("brp", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("accounts", sa.Column("brps", sa.JSON(), nullable=True))
