"""The tables of dispatch: what was sent to charge points, and the sessions that ran there."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

dispatches = sa.Table(
    "dispatches", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("charge_point", sa.String(255), nullable=False),
    sa.Column("road", sa.String(255), nullable=False),
    sa.Column("station", sa.String(255), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),  # an agr.domain.dispatch.Action
    sa.Column("purpose", sa.String(16), nullable=False),  # a Purpose
    sa.Column("slot", sa.Integer, nullable=False),
    sa.Column("transaction", sa.String(64)),  # of the session, where its carrier needs one
    sa.Column("plan", sa.Integer),  # null: of no plan
    sa.Column("digest", sa.String(32), nullable=False),  # of its limits; empty: to clear
    sa.Column("limits", sa.JSON, nullable=False),  # of the profile; {} to clear
    sa.Column("state", sa.String(16), nullable=False),  # a DispatchState
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # what was answered, in words
    sa.Column("at", Instant, nullable=False),  # when it was queued
    sa.Column("sent_at", Instant),
    sa.Column("answered_at", Instant),
    sa.Column("next_attempt_at", Instant, nullable=False),
    sa.Column("evse", sa.Integer),  # null: stored before it was kept
    sa.Column("protocol", sa.String(8)),
    sa.Index(None, "charge_point", "id"),
    sa.Index(None, "state"),
)  # fmt: skip

dispatch_facts = sa.Table(  # what roads have learnt of stations
    "dispatch_facts", metadata,
    sa.Column("road", sa.String(255), primary_key=True),
    sa.Column("station", sa.String(255), primary_key=True),
    sa.Column("charge_point", sa.String(255), primary_key=True),  # empty: of the whole station
    sa.Column("fact", sa.String(16), primary_key=True),  # an agr.domain.dispatch.StationFact
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)  # fmt: skip

dispatch_roads = sa.Table(
    "dispatch_roads", metadata,
    sa.Column("road", sa.String(255), primary_key=True),
    sa.Column("silent_since", Instant),  # null: it answers
    sa.Column("why", sa.Text, nullable=False),
)  # fmt: skip

charge_session_states = sa.Table(  # how sessions went: each row is a change
    "charge_session_states", metadata,
    sa.Column("road", sa.String(255), primary_key=True),
    sa.Column("station", sa.String(255), primary_key=True),
    sa.Column("transaction", sa.String(64), primary_key=True),
    sa.Column("at", Instant, primary_key=True),
    sa.Column("state", sa.String(16)),  # a SessionState; null: not told
    sa.Column("offered_w", sa.Float),  # what the station offered the car; null: not told
    sa.Column("register_wh", sa.Float),  # of a car that came unplanned; null: not told
    sa.Index(None, "at"),
)  # fmt: skip

charge_sessions = sa.Table(
    "charge_sessions", metadata,
    sa.Column("road", sa.String(255), primary_key=True),
    sa.Column("station", sa.String(255), primary_key=True),
    sa.Column("transaction", sa.String(64), primary_key=True),
    sa.Column("charge_point", sa.String(255), nullable=False),
    sa.Column("resource", sa.String(255)),  # the planned session that this is; null: it came unplanned
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # a SessionState
    sa.Column("departure", Instant),  # as the car said
    sa.Column("needed_wh", sa.Float),  # as the car said, when it came
    sa.Column("first_register_wh", sa.Float),
    sa.Column("last_register_wh", sa.Float),
    sa.Index(None, "charge_point", "began_at"),
    sa.Index(None, "ended_at"),
)  # fmt: skip

executions = sa.Table(
    "executions", metadata,
    sa.Column("resource", sa.String(255), primary_key=True),
    sa.Column("start", Instant, primary_key=True),  # of the ISP
    sa.Column("planned_kwh", sa.Float, nullable=False),
    sa.Column("measured_kwh", sa.Float),
    sa.Column("quality", sa.String(16), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),  # an agr.domain.execution.Verdict
    sa.Column("cause", sa.String(16), nullable=False),  # a Cause
    sa.Column("plan", sa.Integer, nullable=False),
    sa.Index(None, "start"),
)  # fmt: skip
