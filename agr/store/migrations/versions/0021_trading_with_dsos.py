"""Trading with DSOs: requests, offers, orders."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "flex_requests",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("dso", sa.String(length=255), nullable=False),
        sa.Column("congestion_point", sa.String(length=255), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("service_type", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("isps", sa.JSON(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("priced_at", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flex_requests")),
        sa.UniqueConstraint("message_id", "dso", name=op.f("uq_flex_requests_message_id_dso")),
    )
    op.create_index(op.f("ix_flex_requests_period_congestion_point"), "flex_requests", ["period", "congestion_point"])
    op.create_index(op.f("ix_flex_requests_state_priced_at"), "flex_requests", ["state", "priced_at"])
    op.create_table(
        "flex_offers",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("request", sa.String(length=36), nullable=True),
        sa.Column("dso", sa.String(length=255), nullable=False),
        sa.Column("congestion_point", sa.String(length=255), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_at", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("by", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("revocation", sa.String(length=36), nullable=True),
        sa.Column("prognosis", sa.String(length=36), nullable=True),
        sa.Column("baseline_w", sa.JSON(), nullable=False),
        sa.Column("plan", sa.Integer(), nullable=False),
        sa.Column("costs", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("draws_kwh", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flex_offers")),
        sa.UniqueConstraint("message_id", name=op.f("uq_flex_offers_message_id")),
    )
    op.create_index(
        op.f("ix_flex_offers_period_congestion_point_state"), "flex_offers", ["period", "congestion_point", "state"]
    )
    op.create_index(op.f("ix_flex_offers_request"), "flex_offers", ["request"])
    op.create_index(op.f("ix_flex_offers_revocation"), "flex_offers", ["revocation"])
    op.create_index(op.f("ix_flex_offers_state_expires_at"), "flex_offers", ["state", "expires_at"])
    op.create_table(
        "flex_orders",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("offer", sa.String(length=36), nullable=False),
        sa.Column("option", sa.Text(), nullable=False),
        sa.Column("dso", sa.String(length=255), nullable=False),
        sa.Column("order_reference", sa.String(length=512), nullable=False),
        sa.Column("congestion_point", sa.String(length=255), nullable=False),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("factor", sa.String(length=16), nullable=False),
        sa.Column("price", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("power_w", sa.JSON(), nullable=False),
        sa.Column("baseline_w", sa.JSON(), nullable=False),
        sa.Column("stamped_at", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_at", sa.String(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("settled", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flex_orders")),
        sa.UniqueConstraint("message_id", "dso", name=op.f("uq_flex_orders_message_id_dso")),
        sa.UniqueConstraint("offer", name=op.f("uq_flex_orders_offer")),
        sa.UniqueConstraint("dso", "order_reference", name=op.f("uq_flex_orders_dso_order_reference")),
    )
    op.create_index(op.f("ix_flex_orders_period_congestion_point"), "flex_orders", ["period", "congestion_point"])
    op.create_index(op.f("ix_flex_orders_state_period"), "flex_orders", ["state", "period"])
