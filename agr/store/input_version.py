"""One number for what plans are made from: it grows when tables, CROs' lists, positions or unavailability change.

Reservations do not count: what they change can be told from the plan itself.
"""

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


def changed(tx: Tx) -> None:
    """Count up, in the transaction that changes an input of plans."""
    if not tx.execute(t.basis.update().values(number=t.basis.c.number + 1)).rowcount:
        tx.execute(t.basis.insert().values(id=1, number=1))


def number(tx: Tx) -> int:
    """Return the number."""
    return tx.execute(sa.select(t.basis.c.number)).scalar() or 0
