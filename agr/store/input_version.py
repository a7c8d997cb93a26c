"""What plans are made from, as one number: it grows whenever tables, lists, positions or what is unavailable change.

Reservations are not counted: what they change in a plan can be told from the plan itself.
"""

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


def changed(tx: Tx) -> None:
    """Note, in the transaction that changes something, that plans would be made from something else now."""
    if not tx.execute(t.basis.update().values(number=t.basis.c.number + 1)).rowcount:
        tx.execute(t.basis.insert().values(id=1, number=1))


def number(tx: Tx) -> int:
    """Return the number."""
    return tx.execute(sa.select(t.basis.c.number)).scalar() or 0
