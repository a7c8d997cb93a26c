"""Accounts that act for some DSOs only."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the DSOs of an account; existing ones act for all."""
    op.add_column("accounts", sa.Column("dsos", sa.JSON()))
