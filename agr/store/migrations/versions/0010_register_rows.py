"""Rows of the register that are found by what they say, one by one."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_AT_ONCE = 5_000
_FOUND_BY = ("resource", "address", "contract", "connection", "congestion_point", "dso", "brp")


def upgrade() -> None:
    """Add what rows are found by, fill it in for existing rows, and index it."""
    op.add_column("register", sa.Column("search", sa.Text(), nullable=False, server_default=""))
    op.add_column("register", sa.Column("connection", sa.String(length=255)))
    op.add_column("register", sa.Column("point", sa.String(length=255)))
    _fill()
    op.create_index(op.f("ix_register_kind_position"), "register", ["kind", "position"])
    op.create_index(op.f("ix_register_connection"), "register", ["connection"])
    op.create_index(op.f("ix_register_point"), "register", ["point"])


def _fill() -> None:
    register = sa.table(
        "register",
        *(sa.column(name) for name in ("kind", "key", "data", "search", "connection", "point")),
    )
    tx = op.get_bind()
    rows = tx.execute(sa.select(register.c.kind, register.c.key, register.c.data)).all()
    mine = sa.and_(register.c.kind == sa.bindparam("its_kind"), register.c.key == sa.bindparam("its_key"))
    change = register.update().where(mine).values(
        search=sa.bindparam("said"), connection=sa.bindparam("behind"), point=sa.bindparam("at")
    )  # fmt: skip
    for begin in range(0, len(rows), _AT_ONCE):
        tx.execute(change, [_found_by(*row) for row in rows[begin : begin + _AT_ONCE]])


def _found_by(kind: str, key: str, data: str) -> dict[str, str | None]:
    row = json.loads(data)
    texts = [row[name] for name in _FOUND_BY if row.get(name)]
    return {
        "its_kind": kind, "its_key": key, "said": "\n".join(texts).lower(),
        "behind": row.get("connection") or (row.get("address") if kind == "connections" else None),
        "at": row.get("congestion_point"),
    }  # fmt: skip
