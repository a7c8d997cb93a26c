"""Deletes what is no longer kept of trading with DSOs."""

from datetime import date

from agr.store import flex_tables as t
from agr.store.engine import Tx


def delete_before(tx: Tx, day: date) -> None:
    """Delete requests, offers and orders of Periods before a day."""
    for table in (t.flex_requests, t.flex_offers, t.flex_orders):
        tx.execute(table.delete().where(table.c.period < day))


def forget_programs(tx: Tx, day: date) -> None:
    """Delete the programs of single resources behind offers of Periods before a day; the offers stay."""
    c = t.flex_offers.c
    tx.execute(t.flex_offers.update().where(c.period < day, c.outcome != b"").values(outcome=b""))
