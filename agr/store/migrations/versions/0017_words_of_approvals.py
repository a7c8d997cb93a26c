"""What an approval is about, in words; what forms stored beside the fields of older ones is deleted."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_approvals = sa.table("approvals", sa.column("id", sa.Integer), sa.column("given", sa.JSON))
_log = sa.table("audit_log", sa.column("id", sa.Integer), sa.column("detail", sa.Text))
_alarms = sa.table("alarms", sa.column("id", sa.Integer), sa.column("text", sa.Text))
_FRAME = ("csrf", "back")
_TOKEN = re.compile(r"csrf [A-Za-z0-9_-]{16,}(, back [^,(]*)?(, )?")


def upgrade() -> None:
    """Add the words. A form's token was kept with what it asked for: delete it, and end the log-ins it belonged to."""
    op.add_column("approvals", sa.Column("words", sa.Text()))
    bind, found = op.get_bind(), False
    for row in bind.execute(sa.select(_approvals)).all():
        if any(name in row.given for name in _FRAME):
            found = True
            left = {name: value for name, value in row.given.items() if name not in _FRAME}
            bind.execute(_approvals.update().where(_approvals.c.id == row.id).values(given=left))
    for table, column in ((_log, _log.c.detail), (_alarms, _alarms.c.text)):
        for number, text in bind.execute(sa.select(table.c.id, column).where(column.contains("csrf "))).all():
            bind.execute(table.update().where(table.c.id == number).values({column: _TOKEN.sub("", text)}))
    if found:
        bind.execute(sa.table("sessions").delete())
