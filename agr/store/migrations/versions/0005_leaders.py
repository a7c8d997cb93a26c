"""Who led when, and what delivery of many messages to few recipients needs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table of leaders; find the next message to a recipient by an index, not by a sort."""
    op.create_table(
        "leaders",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_leaders")),
    )
    op.drop_index(op.f("ix_outbox_state_next_attempt_at"), table_name="outbox")
    op.create_index(op.f("ix_outbox_state_recipient_domain_id"), "outbox", ["state", "recipient_domain", "id"])
