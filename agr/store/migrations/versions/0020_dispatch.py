"""What was sent to charge points, and the sessions that ran there."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_NAME, _INSTANT = sa.String(length=255), sa.String(length=32)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "dispatches",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("charge_point", _NAME, nullable=False),
        sa.Column("road", _NAME, nullable=False),
        sa.Column("station", _NAME, nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.String(length=64)),
        sa.Column("plan", sa.Integer()),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("sent_at", _INSTANT),
        sa.Column("answered_at", _INSTANT),
        sa.Column("next_attempt_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
    )
    op.create_index(op.f("ix_dispatches_charge_point_id"), "dispatches", ["charge_point", "id"])
    op.create_index(op.f("ix_dispatches_state"), "dispatches", ["state"])
    op.create_table(
        "charge_sessions",
        sa.Column("road", _NAME, nullable=False),
        sa.Column("station", _NAME, nullable=False),
        sa.Column("transaction", sa.String(length=64), nullable=False),
        sa.Column("charge_point", _NAME, nullable=False),
        sa.Column("resource", _NAME),
        sa.Column("began_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("departure", _INSTANT),
        sa.Column("needed_wh", sa.Float()),
        sa.Column("first_register_wh", sa.Float()),
        sa.Column("last_register_wh", sa.Float()),
        sa.PrimaryKeyConstraint("road", "station", "transaction", name=op.f("pk_charge_sessions")),
    )
    op.create_index(op.f("ix_charge_sessions_charge_point_began_at"), "charge_sessions", ["charge_point", "began_at"])
    op.create_index(op.f("ix_charge_sessions_ended_at"), "charge_sessions", ["ended_at"])
