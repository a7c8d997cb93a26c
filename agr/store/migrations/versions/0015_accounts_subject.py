"""Accounts of people who log in at an identity provider."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the provider's subject of an account; existing ones are local."""
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("subject", sa.String(length=64)))
        table.create_unique_constraint(op.f("uq_accounts_subject"), ["subject"])
