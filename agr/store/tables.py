"""Every table of the store. Instants are UTC, Periods are local dates, power on the wire is whole W."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as UTC text that sorts in time order on every database."""

    impl = sa.String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Write as UTC with microseconds; a naive value is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the store")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:
        """Read back as an aware UTC instant."""
        return None if value is None else datetime.fromisoformat(value)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=True)


inbox = sa.Table(
    "inbox", metadata, _id(),
    sa.Column("sender_domain", sa.String(255), nullable=False),
    sa.Column("sender_role", sa.String(3), nullable=False),
    sa.Column("message_id", sa.String(36), nullable=False),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("xml", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # received | accepted | rejected | noted
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("sender_domain", "message_id"),
    sa.Index(None, "state", "id"),
    sa.Index(None, "conversation_id"),
)  # fmt: skip

outbox = sa.Table(
    "outbox", metadata, _id(),
    sa.Column("message_id", sa.String(36), nullable=False, unique=True),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("type", sa.String(64), nullable=False),
    sa.Column("recipient_domain", sa.String(255), nullable=False),
    sa.Column("recipient_role", sa.String(3), nullable=False),
    sa.Column("period", sa.Date),
    sa.Column("subject", sa.String(255), nullable=False),  # congestion point, or empty
    sa.Column("xml", sa.LargeBinary, nullable=False),
    sa.Column("queued_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # queued | delivered | failed | superseded | cancelled
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("delivered_at", Instant),
    sa.Column("detail", sa.Text),
    sa.Column("answer_due_at", Instant),  # null: no answer is expected
    sa.Column("answered_at", Instant),
    sa.Column("answer", sa.String(16)),  # Accepted | Rejected
    sa.Column("answer_reason", sa.Text),
    sa.Index(None, "type", "period"),
    sa.Index(None, "conversation_id"),
    sa.Index(None, "state", "recipient_domain", "id"),
)  # fmt: skip

moments = sa.Table(
    "moments", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("done_at", Instant, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, server_default="done"),  # a MomentState
)  # fmt: skip

portfolio_answers = sa.Table(
    "portfolio_answers", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("cro", sa.String(255), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),  # asked | answered | rejected
    sa.Column("at", Instant, nullable=False),
    sa.Column("detail", sa.Text),
)  # fmt: skip

points = sa.Table(
    "points", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("address", sa.String(255), primary_key=True),
    sa.Column("cro", sa.String(255), nullable=False),
    sa.Column("dso", sa.String(255), nullable=False),
    sa.Column("mutex_offers", sa.Boolean, nullable=False),
    sa.Column("day_ahead_redispatch_by", sa.String(3), nullable=False),
    sa.Column("intraday_redispatch_by", sa.String(3)),
)  # fmt: skip

point_connections = sa.Table(
    "point_connections", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("connection", sa.String(255), primary_key=True),
    sa.Column("cro", sa.String(255), nullable=False),
    sa.Column("point", sa.String(255), nullable=False),  # empty: in no congestion point
)  # fmt: skip

register = sa.Table(
    "register", metadata,
    sa.Column("kind", sa.String(32), primary_key=True),  # a field of agr.domain.register.Register
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("search", sa.Text, nullable=False, server_default=""),  # its names in small letters, one a line
    sa.Column("connection", sa.String(255)),  # the connection that the row is about, or behind
    sa.Column("point", sa.String(255)),  # the congestion point that the row is about
    sa.Index(None, "kind", "position"),
    sa.Index(None, "connection"),
    sa.Index(None, "point"),
)  # fmt: skip

forecasts = sa.Table(
    "forecasts", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("resource", sa.String(255), primary_key=True),
    sa.Column("quantity", sa.String(32), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),  # float64, little-endian, one per ISP
)  # fmt: skip

prices = sa.Table(
    "prices", metadata,
    sa.Column("series", sa.String(64), primary_key=True),
    sa.Column("start", Instant, primary_key=True),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("value", sa.Float, nullable=False),
)  # fmt: skip

reservations = sa.Table(
    "reservations", metadata, _id(),
    sa.Column("contract", sa.String(255), nullable=False),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("power_w", sa.JSON, nullable=False),  # one per ISP
    sa.Column("message_id", sa.String(36), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "period", "contract", "id"),
)  # fmt: skip

triggers = sa.Table(
    "triggers", metadata, _id(),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("reference", sa.String(255), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("plan", sa.Integer),  # the plan that answered it; −1: answered without a plan
    sa.Column("outcome", sa.Text),
    sa.Column("preview", sa.Boolean, nullable=False, server_default=sa.false()),  # show first, send when told to
    sa.Column("points", sa.JSON),  # only these congestion points may move; null: all
    sa.Index(None, "plan", "period"),
)  # fmt: skip

plans = sa.Table(
    "plans", metadata, _id(),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("predecessor", sa.Integer),
    sa.Column("case_digest", sa.String(64), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),  # agr.domain.plan.Plan without arrays, as JSON
    sa.Column("outcome", sa.LargeBinary, nullable=False),  # archive of models.Outcome; empty once retention deleted it
    sa.Index(None, "period", "id"),
)  # fmt: skip

cases = sa.Table(
    "cases", metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("case", sa.LargeBinary, nullable=False),  # archive of agr.planning.case.NamedCase
)  # fmt: skip

positions = sa.Table(
    "positions", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("market", sa.String(64), primary_key=True),  # day-ahead | a reserve product
    sa.Column("values", sa.JSON, nullable=False),  # kW per ISP, or MW per block
    sa.Column("at", Instant, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
)  # fmt: skip

prognoses = sa.Table(
    "prognoses", metadata, _id(),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("congestion_point", sa.String(255), nullable=False),
    sa.Column("dso", sa.String(255), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("plan", sa.Integer, nullable=False),
    sa.Column("message_id", sa.String(36), nullable=False, unique=True),
    sa.Column("power_w", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # sent | accepted | rejected | superseded
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("period", "congestion_point", "revision"),
    sa.Index(None, "period", "state"),
)  # fmt: skip

alarms = sa.Table(
    "alarms", metadata, _id(),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("raised_at", Instant, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("recovered_at", Instant),
    sa.Column("acknowledged_at", Instant),
    sa.Column("acknowledged_by", sa.String(255)),
    sa.Index(None, "kind", "subject"),
)  # fmt: skip

leaders = sa.Table(
    "leaders", metadata,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),  # the newest one acts
    sa.Column("holder", sa.String(255), nullable=False),  # host
    sa.Column("since", Instant, nullable=False),
)  # fmt: skip

basis = sa.Table(
    "basis", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("number", sa.Integer, nullable=False),  # see agr.store.input_version
)  # fmt: skip

nominations = sa.Table(  # e-programs of balance responsible parties
    "nominations", metadata, _id(),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("brp", sa.String(64), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("plan", sa.Integer, nullable=False),
    sa.Column("message_id", sa.String(36), nullable=False, unique=True),
    sa.Column("content", sa.JSON, nullable=False),  # part of the e-program → whole W per ISP
    sa.Column("queued_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # queued | sent | superseded | failed
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    sa.Column("detail", sa.Text),
    sa.Column("answer_due_at", Instant),  # null: no answer is waited for (any more)
    sa.Column("answered_at", Instant),
    sa.Column("answer", sa.String(16)),  # accepted | rejected
    sa.Column("answer_reason", sa.Text),
    sa.UniqueConstraint("period", "brp", "revision"),
    sa.Index(None, "state", "next_attempt_at"),
)  # fmt: skip

history = sa.Table(  # what plans in force earned
    "history", metadata,
    sa.Column("period", sa.Date, primary_key=True),
    sa.Column("plan", sa.Integer, nullable=False),
    sa.Column("earned", sa.Text, nullable=False),  # agr.history.days.Earned, as JSON
)  # fmt: skip
