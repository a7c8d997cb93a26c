"""The tables of trading with DSOs: what they request, what we offer, what they order, how it is settled."""

import sqlalchemy as sa

from agr.store.tables import Instant, metadata

flex_requests = sa.Table(
    "flex_requests", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.String(36), nullable=False),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("dso", sa.String(255), nullable=False),
    sa.Column("congestion_point", sa.String(255), nullable=False),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("contract", sa.Text),  # null: free market
    sa.Column("service_type", sa.Text),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("isps", sa.JSON, nullable=False),  # [ISP, Requested or Available, least W, most W], in order
    sa.Column("spans", sa.JSON, nullable=False),  # [first ISP, number of ISPs] of each element of the message
    sa.Column("state", sa.String(16), nullable=False),  # a RequestState
    sa.Column("priced_at", Instant),  # null: still to be priced
    sa.Column("note", sa.Text, nullable=False, server_default=""),  # why there is no offer
    sa.Column("of_limits", sa.Boolean, nullable=False, server_default=sa.false()),  # powers are limits, not deviations
    sa.Column("unsolicited", sa.Boolean, nullable=False, server_default=sa.false()),  # our own wish to offer something
    sa.UniqueConstraint("message_id", "dso"),
    sa.Index(None, "state", "priced_at"),
    sa.Index(None, "period", "congestion_point"),
)  # fmt: skip

flex_offers = sa.Table(
    "flex_offers", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.String(36), nullable=False, unique=True),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("request", sa.String(36)),  # MessageID of the FlexRequest; null: unsolicited
    sa.Column("dso", sa.String(255), nullable=False),
    sa.Column("congestion_point", sa.String(255), nullable=False),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("contract", sa.Text),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),  # [name, price, least factor, W per ISP or null]
    sa.Column("state", sa.String(16), nullable=False),  # an OfferState
    sa.Column("state_at", Instant, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),  # why it was refused, revoked, discarded
    sa.Column("by", sa.String(255), nullable=False, server_default=""),  # who sent it; empty: nobody has
    sa.Column("revocation", sa.String(36)),  # MessageID of the FlexOfferRevocation
    sa.Column("prognosis", sa.String(36)),  # MessageID of the D-Prognosis that it deviates from
    sa.Column("baseline_w", sa.JSON, nullable=False),
    sa.Column("plan", sa.Integer, nullable=False),  # that it was priced against
    sa.Column("costs", sa.JSON, nullable=False),  # [term, EUR]
    sa.Column("limits", sa.JSON, nullable=False),  # what keeps it from being larger, in words
    sa.Column("draws_kwh", sa.JSON, nullable=False),  # per ISP, bought positive
    sa.Column("outcome", sa.LargeBinary, nullable=False),  # archive of the audited program; empty once it is forgotten
    sa.Column("of_limits", sa.Boolean, nullable=False, server_default=sa.false()),  # as its request's
    sa.Index(None, "period", "congestion_point", "state"),
    sa.Index(None, "state", "expires_at"),
    sa.Index(None, "request"),
    sa.Index(None, "revocation"),
)  # fmt: skip

flex_orders = sa.Table(
    "flex_orders", metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.String(36), nullable=False),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("offer", sa.String(36), nullable=False, unique=True),  # an offer is ordered once
    sa.Column("option", sa.Text, nullable=False),
    sa.Column("dso", sa.String(255), nullable=False),
    sa.Column("order_reference", sa.String(512), nullable=False),
    sa.Column("congestion_point", sa.String(255), nullable=False),
    sa.Column("period", sa.Date, nullable=False),
    sa.Column("contract", sa.Text),
    sa.Column("factor", sa.String(16), nullable=False),
    sa.Column("price", sa.String(32), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("power_w", sa.JSON, nullable=False),  # the deviation ordered, per ISP
    sa.Column("baseline_w", sa.JSON, nullable=False),
    sa.Column("stamped_at", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # an OrderState
    sa.Column("state_at", Instant, nullable=False),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("settled", sa.JSON),  # what the DSO's settlement says, and what we think of it
    sa.Column("limits_w", sa.JSON),  # per ISP [lowest or null, highest or null]; null: the order is a deviation
    sa.UniqueConstraint("message_id", "dso"),
    sa.UniqueConstraint("dso", "order_reference"),
    sa.Index(None, "period", "congestion_point"),
    sa.Index(None, "state", "period"),
)  # fmt: skip
