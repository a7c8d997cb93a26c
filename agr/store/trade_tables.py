"""The tables of trading: bids and how they left, what feeds reported, intraday trades."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

bids = sa.Table(
    "bids", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("market", sa.String(64), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),  # from 1; the newest counts
    sa.Column("plan", sa.Integer, nullable=False),
    sa.Column("volumes_kw", sa.JSON, nullable=False),  # per ISP, bought positive
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", sa.String(255), nullable=False),  # who approved it, or the timetable
    sa.Column("prices", sa.JSON),  # of capacity: asked per block, in the product's price_unit; null: any price
    sa.UniqueConstraint("period", "market", "revision"),
)  # fmt: skip

bid_deliveries = sa.Table(
    "bid_deliveries", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("bid", sa.Integer, nullable=False),
    sa.Column("channel", sa.String(255), nullable=False),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("content_type", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # queued | delivered | failed | superseded
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
    sa.Column("detail", sa.Text),  # the receipt, or why it has not arrived
    sa.UniqueConstraint("bid", "channel"),
    sa.Index(None, "state", "channel"),
)  # fmt: skip

trades = sa.Table(
    "trades", metadata,
    sa.Column("trade", sa.String(255), primary_key=True),  # the exchange's identifier
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("start", Instant, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("mw", sa.Float, nullable=False),  # bought positive
    sa.Column("price_eur_per_mwh", sa.Float, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", sa.String(255), nullable=False),  # who entered it, or the feed
    sa.Column("cancelled_at", Instant),  # null: it counts
    sa.Column("cancelled_by", sa.String(255)),
    sa.Column("brp", sa.String(64), nullable=False, server_default=""),  # empty: the first in the settings
    sa.Index(None, "period", "start"),
)  # fmt: skip

market_reports = sa.Table(
    "market_reports", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(255), nullable=False),  # a feed
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("market", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # of what it said
    sa.Column("content", sa.Text, nullable=False),  # JSON
    sa.Column("at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # accepted | refused
    sa.Column("reason", sa.Text, nullable=False),  # what became of it
    sa.Index(None, "period", "market", "source"),
)  # fmt: skip
