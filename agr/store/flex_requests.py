"""FlexRequests of DSOs: of one DSO, Period, congestion point and contract the newest revision counts."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from agr.domain.flexibility import Disposition, FlexRequest, RequestedIsp
from agr.domain.flexibility_states import RequestState
from agr.domain.isp import Period
from agr.store import flex_tables as t
from agr.store.engine import Tx

_C = t.flex_requests.c
_LOOKED_AT = 256
"""Most waiting requests that are searched for different congestion points."""


@dataclass(frozen=True, kw_only=True)
class StoredRequest:
    """A request and what became of it."""

    request: FlexRequest
    state: RequestState
    priced_at: datetime | None  # None: still to be priced
    note: str  # why there is no offer


def _same(request: FlexRequest) -> sa.ColumnElement[bool]:
    about = _about(request.dso, request.period.day, request.congestion_point, request.contract_id)
    return sa.and_(about, _C.unsolicited.is_(request.unsolicited))


def _about(dso: str, period: date, point: str, contract: str | None) -> sa.ColumnElement[bool]:
    bound = _C.contract.is_(None) if contract is None else _C.contract == contract
    return sa.and_(_C.dso == dso, _C.period == period, _C.congestion_point == point, bound)


def put(tx: Tx, request: FlexRequest) -> frozenset[str]:
    """Store a request; return the earlier ones about the same, which it supersedes, by MessageID."""
    live = sa.and_(_same(request), _C.state == RequestState.ACCEPTED.value)
    superseded = frozenset(tx.execute(sa.select(_C.message_id).where(live)).scalars())
    tx.execute(t.flex_requests.update().where(live).values(state=RequestState.SUPERSEDED.value))
    tx.execute(
        t.flex_requests.insert().values(
            message_id=request.message_id.lower(), conversation_id=request.conversation_id, dso=request.dso,
            congestion_point=request.congestion_point, period=request.period.day, revision=request.revision,
            contract=request.contract_id, service_type=request.service_type, expires_at=request.expires_at,
            received_at=request.received_at, state=RequestState.ACCEPTED.value, note="",
            isps=[[isp.isp, isp.disposition.value, isp.min_w, isp.max_w] for isp in request.isps],
            spans=[list(span) for span in request.spans], of_limits=request.limits,
            unsolicited=request.unsolicited,
        )
    )  # fmt: skip
    return superseded


def newest_revision(tx: Tx, dso: str, period: date, point: str, contract: str | None) -> int | None:
    """Return the highest revision about the same; None: there is none yet.

    No request is stored after one of a higher revision, so the last one has the highest: only one row is read.
    """
    theirs = sa.and_(_about(dso, period, point, contract), _C.unsolicited.is_(False))
    return tx.execute(sa.select(_C.revision).where(theirs).order_by(_C.id.desc()).limit(1)).scalar()


def priced(tx: Tx, message_id: str, at: datetime, note: str = "") -> None:
    """Record that a request was priced, and why there is no offer, if there is none."""
    mine = _C.message_id == message_id.lower()
    tx.execute(t.flex_requests.update().where(mine).values(priced_at=at, note=note))


BUSY = "no offer: busy; the request expired before it could be priced"
"""Reason for no offer where requests come faster than they can be priced."""


def expire(tx: Tx, now: datetime) -> list[tuple[str, str]]:
    """Let requests expire. Return (DSO, congestion point) of those for which there was no time to price them."""
    late = sa.and_(_C.state == RequestState.ACCEPTED.value, _C.expires_at <= now)
    unpriced = sa.and_(late, _C.priced_at.is_(None))
    about = sa.select(_C.dso, _C.congestion_point).where(unpriced).order_by(_C.id)
    found = [(row.dso, row.congestion_point) for row in tx.execute(about)]
    if found:
        tx.execute(t.flex_requests.update().where(unpriced).values(priced_at=now, note=BUSY))
    tx.execute(t.flex_requests.update().where(late).values(state=RequestState.EXPIRED.value))
    return found


def queue(tx: Tx) -> list[str]:
    """Return the MessageIDs of the requests still to be priced, of all Periods, in their order."""
    mine = sa.and_(_C.state == RequestState.ACCEPTED.value, _C.priced_at.is_(None))
    return list(tx.execute(sa.select(_C.message_id).where(mine).order_by(_C.expires_at, _C.id)).scalars())


def to_price(tx: Tx, now: datetime, zone: str, isp_minutes: int, at_most: int = 1) -> list[FlexRequest]:
    """Return the requests that expire first of those still to be priced, one of each congestion point and Period."""
    waiting = sa.and_(_C.state == RequestState.ACCEPTED.value, _C.priced_at.is_(None), _C.expires_at > now)
    heads = sa.select(_C.id, _C.period, _C.congestion_point).where(waiting).order_by(_C.expires_at, _C.id)
    first: dict[tuple[object, object], int] = {}
    for row in tx.execute(heads.limit(_LOOKED_AT)):
        first.setdefault((row.period, row.congestion_point), row.id)
    chosen = list(first.values())[:at_most]
    rows = {row.id: row for row in tx.execute(sa.select(t.flex_requests).where(_C.id.in_(chosen)))}
    return [_stored(rows[number], zone, isp_minutes).request for number in chosen]


def waiting(tx: Tx) -> int:
    """Count the requests still to be priced."""
    mine = sa.and_(_C.state == RequestState.ACCEPTED.value, _C.priced_at.is_(None))
    return tx.execute(sa.select(sa.func.count()).select_from(t.flex_requests).where(mine)).scalar_one()


def get(tx: Tx, message_id: str, zone: str, isp_minutes: int) -> StoredRequest | None:
    """Return one request."""
    row = tx.execute(sa.select(t.flex_requests).where(_C.message_id == message_id.lower())).one_or_none()
    return None if row is None else _stored(row, zone, isp_minutes)


def of_period(tx: Tx, period: Period) -> list[StoredRequest]:
    """Return the requests of a Period, newest first."""
    rows = tx.execute(sa.select(t.flex_requests).where(_C.period == period.day).order_by(_C.id.desc()))
    return [_stored(row, period.zone_name, period.isp_minutes) for row in rows]


def _stored(row: sa.Row[tuple[object, ...]], zone: str, isp_minutes: int) -> StoredRequest:
    m = row._mapping
    request = FlexRequest(
        message_id=m["message_id"], conversation_id=m["conversation_id"], dso=m["dso"],
        congestion_point=m["congestion_point"], period=Period(m["period"], zone, isp_minutes), revision=m["revision"],
        expires_at=m["expires_at"], received_at=m["received_at"], contract_id=m["contract"],
        service_type=m["service_type"],
        isps=tuple(
            RequestedIsp(isp=isp, disposition=Disposition(disposition), min_w=low, max_w=high)
            for isp, disposition, low, high in m["isps"]
        ),
        spans=tuple((first, count) for first, count in m["spans"]), limits=m["of_limits"],
        unsolicited=m["unsolicited"],
    )  # fmt: skip
    return StoredRequest(
        request=request, state=RequestState(m["state"]), priced_at=m["priced_at"], note=m["note"]
    )  # fmt: skip
