"""What feeds reported of auctions, and what became of it: the inbox of results. Each report is judged once."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.store import trade_tables as t
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class MarketReport:
    """One report."""

    source: str
    period: date
    market: str
    digest: str
    content: str
    at: datetime
    state: str  # accepted | refused
    reason: str


def put(tx: Tx, report: MarketReport) -> None:
    """Keep a report with what became of it."""
    tx.execute(t.market_reports.insert().values(**vars(report)))


def newest(tx: Tx, period: date, market: str, source: str) -> MarketReport | None:
    """Return what a source reported last."""
    c = t.market_reports.c
    mine = sa.and_(c.period == period, c.market == market, c.source == source)
    row = tx.execute(sa.select(*_COLUMNS).where(mine).order_by(c.id.desc()).limit(1)).one_or_none()
    return None if row is None else MarketReport(**row._mapping)


def of_period(tx: Tx, period: date) -> list[MarketReport]:
    """Return all reports about a Period, newest first."""
    c = t.market_reports.c
    rows = tx.execute(sa.select(*_COLUMNS).where(c.period == period).order_by(c.id.desc()))
    return [MarketReport(**row._mapping) for row in rows]


def delete_before(tx: Tx, day: date) -> None:
    """Delete reports about Periods before a day."""
    tx.execute(t.market_reports.delete().where(t.market_reports.c.period < day))


_COLUMNS = tuple(t.market_reports.c[name] for name in MarketReport.__dataclass_fields__)
