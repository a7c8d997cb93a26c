"""The tables behind the operators' page: accounts, the audit log, switches, notices."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

accounts = sa.Table(
    "accounts", metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),  # viewer | analyst | operator | admin
    sa.Column("password_hash", sa.String(255)),  # argon2; null until the set-up link was used
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("disabled_at", Instant),
    sa.Column("dsos", sa.JSON),  # domains of DSOs that the account acts for; null: all
    sa.Column("brps", sa.JSON),  # balance responsible parties that the account acts for; null: all
    sa.Column("subject", sa.String(64), unique=True),  # SHA-256 of issuer and subject; null: a local account
    sa.Column("by_provider", sa.Boolean),  # whether anybody with its name at the identity provider may claim it
)  # fmt: skip

links = sa.Table(
    "set_up_links", metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # SHA-256 of the secret in the link
    sa.Column("account", sa.String(64)),  # null: the first account, whose name is chosen
    sa.Column("expires_at", Instant, nullable=False),
)  # fmt: skip

sessions = sa.Table(
    "sessions", metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Index(None, "account"),
)  # fmt: skip

tokens = sa.Table(
    "tokens", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("purpose", sa.String(255), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)  # fmt: skip

audit_log = sa.Table(
    "audit_log", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index(None, "action", "subject"),
)  # fmt: skip

requests = sa.Table(
    "action_requests", metadata,
    sa.Column("key", sa.String(128), primary_key=True),  # Idempotency-Key
    sa.Column("who", sa.String(255), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),  # of method, path and body
    sa.Column("at", Instant, nullable=False),
    sa.Column("status", sa.Integer),  # null while the first request is under way
    sa.Column("body", sa.Text),
)  # fmt: skip

approvals = sa.Table(
    "approvals", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("given", sa.JSON, nullable=False),  # the request's fields
    sa.Column("names", sa.JSON, nullable=False),  # what its path names
    sa.Column("asked_by", sa.String(64), nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # waiting | approved | done | failed | refused | expired
    sa.Column("decided_by", sa.String(255)),
    sa.Column("decided_at", Instant),
    sa.Column("result", sa.Text),
    sa.Column("words", sa.Text),  # what it would do, as seen when it was asked for
    sa.Index(None, "state"),
)  # fmt: skip

switches = sa.Table(
    "switches", metadata,
    sa.Column("name", sa.String(300), primary_key=True),  # hold | barred DOMAIN ROLE
    sa.Column("on", sa.Boolean, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)  # fmt: skip

unavailable = sa.Table(
    "unavailable", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(255), nullable=False),  # a resource, or a connection's address
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("since", Instant, nullable=False),  # on the first day only later ISPs are affected
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Index(None, "last_day"),
)  # fmt: skip

notices = sa.Table(
    "notices", metadata,
    sa.Column("alarm", sa.Integer, primary_key=True),
    sa.Column("channel", sa.String(64), primary_key=True),
    sa.Column("event", sa.String(16), primary_key=True),  # raised | recovered
    sa.Column("at", Instant, nullable=False),
)  # fmt: skip
