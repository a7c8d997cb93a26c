"""What past Periods' plans earned, split by congestion point and contract."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table; it is filled from plans as they are asked for."""
    op.create_table(
        "history",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("earned", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_history")),
    )
