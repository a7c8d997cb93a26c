"""What became of plans, per resource and ISP."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the table, and find what was reported lately."""
    op.create_table(
        "executions",
        sa.Column("resource", sa.String(length=255), nullable=False),
        sa.Column("start", sa.String(length=32), nullable=False),
        sa.Column("planned_kwh", sa.Float(), nullable=False),
        sa.Column("measured_kwh", sa.Float()),
        sa.Column("quality", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "start", name=op.f("pk_executions")),
    )
    op.create_index(op.f("ix_executions_start"), "executions", ["start"])
    op.create_index(op.f("ix_readings_received_at"), "readings", ["received_at"])
