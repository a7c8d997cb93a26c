"""Which accounts who has their name at the identity provider may have."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the mark; accounts that wait for their set-up link stay those of who has the link."""
    op.add_column("accounts", sa.Column("by_provider", sa.Boolean()))
