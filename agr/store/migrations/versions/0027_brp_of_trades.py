"""Balance responsible parties (BRPs) of trades, and that accounts act for; prices of bids for capacity."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the columns; earlier trades were made for the first BRP in the settings, and accounts act for all."""
    op.add_column("trades", sa.Column("brp", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("bids", sa.Column("prices", sa.JSON(), nullable=True))
    op.add_column("accounts", sa.Column("brps", sa.JSON(), nullable=True))
