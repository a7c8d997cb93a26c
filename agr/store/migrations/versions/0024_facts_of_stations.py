"""What roads have learnt of stations, whether back-ends answer, and how sessions went."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_NAME, _INSTANT = sa.String(length=255), sa.String(length=32)


def upgrade() -> None:
    """Create the tables, and say of commands to which EVSE they went."""
    op.add_column("dispatches", sa.Column("evse", sa.Integer()))
    op.add_column("dispatches", sa.Column("protocol", sa.String(length=8)))
    op.create_table(
        "dispatch_facts",
        sa.Column("road", _NAME, nullable=False),
        sa.Column("station", _NAME, nullable=False),
        sa.Column("charge_point", _NAME, nullable=False),
        sa.Column("fact", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("road", "station", "charge_point", "fact", name=op.f("pk_dispatch_facts")),
    )
    op.create_table(
        "dispatch_roads",
        sa.Column("road", _NAME, nullable=False),
        sa.Column("silent_since", _INSTANT),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("road", name=op.f("pk_dispatch_roads")),
    )
    op.create_table(
        "charge_session_states",
        sa.Column("road", _NAME, nullable=False),
        sa.Column("station", _NAME, nullable=False),
        sa.Column("transaction", sa.String(length=64), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(length=16)),
        sa.Column("offered_w", sa.Float()),
        sa.PrimaryKeyConstraint("road", "station", "transaction", "at", name=op.f("pk_charge_session_states")),
    )
    op.create_index(op.f("ix_charge_session_states_at"), "charge_session_states", ["at"])
