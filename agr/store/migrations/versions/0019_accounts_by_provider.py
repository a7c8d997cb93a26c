"""Which accounts may be claimed by whoever has their name at the identity provider."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the mark; accounts that wait for their set-up link still go to whoever has the link."""
    op.add_column("accounts", sa.Column("by_provider", sa.Boolean()))
