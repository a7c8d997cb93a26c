"""The tables of forecasts with the moment they were made, and of what happened. Rows are added, never changed."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

forecast_runs = sa.Table(
    "forecast_runs", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("series", sa.String(255), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),  # `given`: by the user
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("known_until", Instant),  # end of the newest value that it was made from; null: given
    sa.Column("features_hash", sa.String(64), nullable=False),  # SHA-256 of what it was made from
    sa.Column("notes", sa.JSON, nullable=False),  # what stood in for what, in words
    sa.Index(None, "series", "made_at"),
)  # fmt: skip

forecast_values = sa.Table(
    "forecast_values", metadata,
    sa.Column("run", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("minutes", sa.Integer, nullable=False),  # length of an interval
    sa.Column("quantiles", sa.Integer, nullable=False),  # how many rows of quantiles follow the row of the mean
    sa.Column("data", sa.LargeBinary, nullable=False),  # float64, little-endian
    sa.Index(None, "period"),
)  # fmt: skip

actuals = sa.Table(
    "actuals", metadata,
    sa.Column("series", sa.String(255), primary_key=True),
    sa.Column("start", Instant, primary_key=True),
    sa.Column("received_at", Instant, primary_key=True),  # when it was known; a correction is one more row
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
)  # fmt: skip
