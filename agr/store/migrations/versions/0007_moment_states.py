"""What came of each moment: done, late or missed."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_MISSED = re.compile(r"missed\b.*|.*\(no plan before the gate\)|.*, [1-9][0-9]* not", re.DOTALL)
_LATE = re.compile(r".* late", re.DOTALL)


def upgrade() -> None:
    """Add the column, and fill it from the words in which earlier versions wrote results."""
    op.add_column("moments", sa.Column("state", sa.String(length=16), nullable=False, server_default="done"))
    moments = sa.table(
        "moments", sa.column("period", sa.Date), sa.column("name", sa.String), sa.column("result", sa.Text),
        sa.column("state", sa.String),
    )  # fmt: skip
    for period, name, result in op.get_bind().execute(sa.select(*list(moments.c)[:3])).all():
        state = "missed" if _MISSED.fullmatch(result) else "late" if _LATE.fullmatch(result) else None
        if state is not None:
            mine = sa.and_(moments.c.period == period, moments.c.name == name)
            op.execute(moments.update().where(mine).values(state=state))
