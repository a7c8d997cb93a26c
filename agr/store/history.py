"""What past Periods' plans earned, split by congestion point and contract: computed once, kept as JSON."""

from contextlib import suppress
from datetime import date

import sqlalchemy as sa

from agr.store import tables as t
from agr.store.engine import Tx


def put(tx: Tx, period: date, plan: int, earned: str) -> None:
    """Keep what a Period's plan earned, in place of what an earlier plan earned."""
    tx.execute(t.history.delete().where(t.history.c.period == period))
    with suppress(sa.exc.IntegrityError), tx.begin_nested():  # somebody else may keep the same at the same time
        tx.execute(t.history.insert().values(period=period, plan=plan, earned=earned))


def kept(tx: Tx, first: date, last: date) -> dict[date, tuple[int, str]]:
    """Return Period → (plan, what it earned), for Periods from first to last."""
    c = t.history.c
    rows = tx.execute(sa.select(c.period, c.plan, c.earned).where(c.period >= first, c.period <= last))
    return {row.period: (row.plan, row.earned) for row in rows}


def planned(tx: Tx, first: date, last: date) -> list[date]:
    """Return the Periods from first to last that have a plan in force."""
    c = t.plans.c
    mine = sa.and_(c.period >= first, c.period <= last, c.state == "audited")
    return list(tx.execute(sa.select(c.period).where(mine).distinct().order_by(c.period)).scalars())


def delete_before(tx: Tx, day: date) -> int:
    """Delete the records of Periods before the day; return how many."""
    return tx.execute(t.history.delete().where(t.history.c.period < day)).rowcount
