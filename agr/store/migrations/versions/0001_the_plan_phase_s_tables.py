"""The plan phase's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table of the plan phase."""
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.String(length=32), nullable=False),
        sa.Column("last_at", sa.String(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("recovered_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index(op.f("ix_alarms_kind_subject"), "alarms", ["kind", "subject"], unique=False)
    op.create_table(
        "cases",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("case", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_cases")),
    )
    op.create_table(
        "forecasts",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("resource", sa.String(length=255), nullable=False),
        sa.Column("quantity", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("period", "resource", "quantity", name=op.f("pk_forecasts")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sender_domain", sa.String(length=255), nullable=False),
        sa.Column("sender_role", sa.String(length=3), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("sender_domain", "message_id", name=op.f("uq_inbox_sender_domain_message_id")),
    )
    op.create_index(op.f("ix_inbox_state_id"), "inbox", ["state", "id"], unique=False)
    op.create_table(
        "moments",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("done_at", sa.String(length=32), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("period", "name", name=op.f("pk_moments")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("recipient_domain", sa.String(length=255), nullable=False),
        sa.Column("recipient_role", sa.String(length=3), nullable=False),
        sa.Column("period", sa.Date(), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("xml", sa.LargeBinary(), nullable=False),
        sa.Column("queued_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.String(length=32), nullable=False),
        sa.Column("delivered_at", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("answer_due_at", sa.String(length=32), nullable=True),
        sa.Column("answered_at", sa.String(length=32), nullable=True),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("answer_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
    )
    op.create_index(op.f("ix_outbox_state_next_attempt_at"), "outbox", ["state", "next_attempt_at"], unique=False)
    op.create_index(op.f("ix_outbox_type_period"), "outbox", ["type", "period"], unique=False)
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("predecessor", sa.Integer(), nullable=True),
        sa.Column("case_digest", sa.String(length=64), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index(op.f("ix_plans_period_id"), "plans", ["period", "id"], unique=False)
    op.create_table(
        "point_connections",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("connection", sa.String(length=255), nullable=False),
        sa.Column("cro", sa.String(length=255), nullable=False),
        sa.Column("point", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("period", "connection", name=op.f("pk_point_connections")),
    )
    op.create_table(
        "points",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("cro", sa.String(length=255), nullable=False),
        sa.Column("dso", sa.String(length=255), nullable=False),
        sa.Column("mutex_offers", sa.Boolean(), nullable=False),
        sa.Column("day_ahead_redispatch_by", sa.String(length=3), nullable=False),
        sa.Column("intraday_redispatch_by", sa.String(length=3), nullable=True),
        sa.PrimaryKeyConstraint("period", "address", name=op.f("pk_points")),
    )
    op.create_table(
        "portfolio_answers",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("cro", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("period", "cro", name=op.f("pk_portfolio_answers")),
    )
    op.create_table(
        "positions",
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("market", sa.String(length=64), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("period", "market", name=op.f("pk_positions")),
    )
    op.create_table(
        "prices",
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("start", sa.String(length=32), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("series", "start", name=op.f("pk_prices")),
    )
    op.create_table(
        "prognoses",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("congestion_point", sa.String(length=255), nullable=False),
        sa.Column("dso", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("power_w", sa.JSON(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prognoses")),
        sa.UniqueConstraint("message_id", name=op.f("uq_prognoses_message_id")),
        sa.UniqueConstraint(
            "period", "congestion_point", "revision", name=op.f("uq_prognoses_period_congestion_point_revision")
        ),
    )
    op.create_table(
        "register",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_register")),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("contract", sa.String(length=255), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("power_w", sa.JSON(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index(
        op.f("ix_reservations_period_contract_id"), "reservations", ["period", "contract", "id"], unique=False
    )
    op.create_table(
        "triggers",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
    )
    op.create_index(op.f("ix_triggers_plan_period"), "triggers", ["plan", "period"], unique=False)
