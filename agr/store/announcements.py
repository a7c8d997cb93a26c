"""Which revision of the setpoints each webhook was told last."""

from datetime import datetime

import sqlalchemy as sa

from agr.store.engine import Tx
from agr.store.reading_tables import announcements as table


def told(tx: Tx, channel: str) -> str | None:
    """Return the revision that a channel was told last; None: none yet."""
    return tx.execute(sa.select(table.c.revision).where(table.c.channel == channel)).scalar()


def put(tx: Tx, channel: str, revision: str, at: datetime) -> None:
    """Record what a channel was told."""
    mine = table.c.channel == channel
    if not tx.execute(table.update().where(mine).values(revision=revision, at=at)).rowcount:
        tx.execute(table.insert().values(channel=channel, revision=revision, at=at))
