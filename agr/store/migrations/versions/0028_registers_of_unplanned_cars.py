"""Energy registers of charging sessions that no resource of the register stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the column; of earlier sessions only the first and the last register are known."""
    op.add_column("charge_session_states", sa.Column("register_wh", sa.Float(), nullable=True))
