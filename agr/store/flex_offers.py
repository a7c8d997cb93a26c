"""Our FlexOffers to DSOs: what they say, what they cost us, and the audited program behind each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from agr.domain.flexibility import FlexOffer, OfferOption, Quote
from agr.domain.flexibility_states import LIVE_OFFERS, OfferState, may_follow
from agr.domain.isp import Period
from agr.store import flex_tables as t
from agr.store.engine import Tx

_C = t.flex_offers.c
_HEAD = tuple(column for column in t.flex_offers.columns if column.name != "outcome")


@dataclass(frozen=True, kw_only=True)
class StoredOffer:
    """An offer, what became of it, and what it was made from; its program is read by `outcome`."""

    offer: FlexOffer
    state: OfferState
    state_at: datetime
    made_at: datetime
    note: str
    by: str
    revocation: str | None
    baseline_w: tuple[int, ...]
    plan: int
    costs: tuple[tuple[str, float], ...]
    limits: tuple[str, ...]
    draws_kwh: tuple[float, ...]


def put(tx: Tx, offer: FlexOffer, quote: Quote, at: datetime) -> None:
    """Store a new offer; it waits to be sent."""
    tx.execute(
        t.flex_offers.insert().values(
            message_id=offer.message_id, conversation_id=offer.conversation_id, request=offer.request_message_id,
            dso=offer.dso, congestion_point=offer.congestion_point, period=offer.period.day,
            contract=offer.contract_id, expires_at=offer.expires_at, currency=offer.currency,
            options=[[o.reference, str(o.price), str(o.min_activation_factor), o.power_w] for o in offer.options],
            state=OfferState.PRICED.value, state_at=at, made_at=at, note="", by="",
            prognosis=offer.prognosis_message_id, baseline_w=list(quote.baseline_w), plan=quote.plan,
            costs=[list(cost) for cost in quote.costs], limits=list(quote.limits), draws_kwh=list(quote.draws_kwh),
            outcome=quote.outcome, of_limits=offer.limits,
        )
    )  # fmt: skip


def move(tx: Tx, message_id: str, before: OfferState, after: OfferState, at: datetime, **values: str | None) -> bool:
    """Take an offer from one state into another; False when it is in another state by now. Raises ValueError."""
    if not may_follow(before, after):
        raise ValueError(f"an offer does not become {after.value} when it is {before.value}")
    mine = sa.and_(_C.message_id == message_id.lower(), _C.state == before.value)
    return bool(
        tx.execute(t.flex_offers.update().where(mine).values(state=after.value, state_at=at, **values)).rowcount
    )


def set_expiry(tx: Tx, message_id: str, at: datetime) -> None:
    """Set until when an offer can be ordered, when it leaves."""
    tx.execute(t.flex_offers.update().where(_C.message_id == message_id.lower()).values(expires_at=at))


def due(tx: Tx, now: datetime, zone: str, isp_minutes: int) -> list[StoredOffer]:
    """Return the live offers whose time has passed."""
    late = sa.and_(_C.state.in_([state.value for state in LIVE_OFFERS]), _C.expires_at <= now)
    return [_stored(row, zone, isp_minutes) for row in tx.execute(sa.select(*_HEAD).where(late).order_by(_C.id))]


def get(tx: Tx, message_id: str, zone: str, isp_minutes: int) -> StoredOffer | None:
    """Return one offer."""
    row = tx.execute(sa.select(*_HEAD).where(_C.message_id == message_id.lower())).one_or_none()
    return None if row is None else _stored(row, zone, isp_minutes)


def beginning_with(tx: Tx, start: str, zone: str, isp_minutes: int) -> list[StoredOffer]:
    """Return up to two offers whose MessageID begins with a text: one is found, two are ambiguous."""
    mine = _C.message_id.startswith(start.lower(), autoescape=True)
    return [_stored(row, zone, isp_minutes) for row in tx.execute(sa.select(*_HEAD).where(mine).limit(2))]


def by_revocation(tx: Tx, message_id: str, zone: str, isp_minutes: int) -> StoredOffer | None:
    """Return the offer that a FlexOfferRevocation of ours revokes."""
    row = tx.execute(sa.select(*_HEAD).where(_C.revocation == message_id.lower())).one_or_none()
    return None if row is None else _stored(row, zone, isp_minutes)


def outcome(tx: Tx, message_id: str) -> bytes:
    """Return the archive of an offer's audited program; empty once it is forgotten."""
    found = tx.execute(sa.select(_C.outcome).where(_C.message_id == message_id.lower())).scalar()
    return bytes(found or b"")


def of_period(tx: Tx, period: Period) -> list[StoredOffer]:
    """Return the offers of a Period, newest first."""
    rows = tx.execute(sa.select(*_HEAD).where(_C.period == period.day).order_by(_C.id.desc()))
    return [_stored(row, period.zone_name, period.isp_minutes) for row in rows]


def of_requests(tx: Tx, requests: Collection[str], period: Period) -> list[StoredOffer]:
    """Return the offers that answer some requests, oldest first."""
    if not requests:
        return []
    rows = tx.execute(sa.select(*_HEAD).where(_C.request.in_(sorted(requests))).order_by(_C.id))
    return [_stored(row, period.zone_name, period.isp_minutes) for row in rows]


def in_states(tx: Tx, states: Collection[OfferState], zone: str, isp_minutes: int) -> list[StoredOffer]:
    """Return the offers in some states, oldest first."""
    mine = _C.state.in_([state.value for state in states])
    return [_stored(row, zone, isp_minutes) for row in tx.execute(sa.select(*_HEAD).where(mine).order_by(_C.id))]


def binding(tx: Tx, period: Period, held_since: datetime) -> list[StoredOffer]:
    """Return the offers whose capacity is bound: the live ones, and those that expired after an instant."""
    live = _C.state.in_([state.value for state in LIVE_OFFERS])
    held = sa.and_(_C.state == OfferState.EXPIRED.value, _C.expires_at > held_since)
    mine = sa.and_(_C.period == period.day, sa.or_(live, held))
    rows = tx.execute(sa.select(*_HEAD).where(mine).order_by(_C.id))
    return [_stored(row, period.zone_name, period.isp_minutes) for row in rows]


def _stored(row: sa.Row[tuple[object, ...]], zone: str, isp_minutes: int) -> StoredOffer:
    m = row._mapping
    offer = FlexOffer(
        message_id=m["message_id"], conversation_id=m["conversation_id"], dso=m["dso"],
        congestion_point=m["congestion_point"], period=Period(m["period"], zone, isp_minutes),
        expires_at=m["expires_at"], currency=m["currency"], request_message_id=m["request"],
        contract_id=m["contract"], prognosis_message_id=m["prognosis"], limits=m["of_limits"],
        options=tuple(
            OfferOption(
                reference=name, price=Decimal(price), min_activation_factor=Decimal(factor), power_w=tuple(power_w)
            )
            for name, price, factor, power_w in m["options"]
        ),
    )  # fmt: skip
    return StoredOffer(
        offer=offer, state=OfferState(m["state"]), state_at=m["state_at"], made_at=m["made_at"], note=m["note"],
        by=m["by"], revocation=m["revocation"], baseline_w=tuple(m["baseline_w"]), plan=m["plan"],
        costs=tuple((term, eur) for term, eur in m["costs"]), limits=tuple(m["limits"]),
        draws_kwh=tuple(m["draws_kwh"]),
    )  # fmt: skip
