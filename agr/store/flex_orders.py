"""FlexOrders of DSOs: each is an obligation of its congestion point until its Period is settled."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache

import sqlalchemy as sa
from pydantic import TypeAdapter

from agr.domain.flexibility import FlexOrder, Obligation
from agr.domain.flexibility_states import OrderState, may_follow
from agr.domain.isp import Period
from agr.domain.obligations import in_turn
from agr.domain.program import in_words, limits_in_words
from agr.store import flex_tables as t
from agr.store.engine import Tx

_C = t.flex_orders.c


@dataclass(frozen=True, kw_only=True)
class SettledOrder:
    """What a DSO's settlement says of an order, and what we think of it; money in the order's currency."""

    message_id: str
    at: datetime
    price: Decimal
    penalty: Decimal
    net: Decimal
    expected_net: Decimal
    deficiency_kwh: float
    faults: tuple[str, ...]
    unchecked: int = 0  # ordered ISPs whose actual power our meters do not tell


@dataclass(frozen=True, kw_only=True)
class StoredOrder:
    """An order, what it binds us to, and what became of it."""

    obligation: Obligation
    state: OrderState
    state_at: datetime
    note: str
    settled: SettledOrder | None  # the newest settlement; None: none yet

    @property
    def order(self) -> FlexOrder:
        """The order."""
        return self.obligation.order

    @property
    def words(self) -> str:
        """The deviation that was ordered, or the limits that were set, in words."""
        limits = self.obligation.limits_w
        if not limits:
            return in_words(self.order.power_w)
        return limits_in_words([most if least is None else least for least, most in limits])


def put(tx: Tx, obligation: Obligation) -> None:
    """Store an accepted order; from now on it binds."""
    order = obligation.order
    tx.execute(
        t.flex_orders.insert().values(
            message_id=order.message_id.lower(), conversation_id=order.conversation_id,
            offer=order.offer_message_id.lower(), option=order.option_reference, dso=order.dso,
            order_reference=order.order_reference, congestion_point=order.congestion_point, period=order.period.day,
            contract=order.contract_id, factor=str(order.activation_factor), price=str(order.price),
            currency=order.currency, power_w=list(order.power_w), baseline_w=list(obligation.baseline_w),
            stamped_at=order.stamped_at, received_at=order.received_at, state=OrderState.ACCEPTED.value,
            state_at=order.received_at, note="",
            limits_w=[list(pair) for pair in obligation.limits_w] or None,
        )
    )  # fmt: skip


def move(tx: Tx, message_id: str, before: OrderState, after: OrderState, at: datetime, note: str | None = None) -> bool:
    """Take an order from one state into another; False when it is in another state by now. Raises ValueError."""
    if not may_follow(before, after):
        raise ValueError(f"an order does not become {after.value} when it is {before.value}")
    mine = sa.and_(_C.message_id == message_id.lower(), _C.state == before.value)
    values = {"state": after.value, "state_at": at} | ({} if note is None else {"note": note})
    return bool(tx.execute(t.flex_orders.update().where(mine).values(**values)).rowcount)


def reference_used(tx: Tx, dso: str, order_reference: str) -> bool:
    """Say whether a DSO has used an OrderReference."""
    mine = sa.and_(_C.dso == dso, _C.order_reference == order_reference)
    return tx.execute(sa.select(_C.id).where(mine)).first() is not None


def get(tx: Tx, message_id: str, zone: str, isp_minutes: int) -> StoredOrder | None:
    """Return one order."""
    row = tx.execute(sa.select(t.flex_orders).where(_C.message_id == message_id.lower())).one_or_none()
    return None if row is None else _stored(row, zone, isp_minutes)


def of_period(tx: Tx, period: Period) -> list[StoredOrder]:
    """Return the orders of a Period, newest first."""
    rows = tx.execute(sa.select(t.flex_orders).where(_C.period == period.day).order_by(_C.id.desc()))
    return [_stored(row, period.zone_name, period.isp_minutes) for row in rows]


def obligations(tx: Tx, period: Period) -> tuple[Obligation, ...]:
    """Return what the orders of a Period bind us to, oldest first, each counted from what those before it bind to."""
    rows = tx.execute(sa.select(t.flex_orders).where(_C.period == period.day).order_by(_C.id))
    return in_turn(_stored(row, period.zone_name, period.isp_minutes).obligation for row in rows)


def bound_by(tx: Tx, stored: StoredOrder) -> Obligation:
    """Return what an order binds us to beside the orders before it."""
    own = stored.order
    return next(one for one in obligations(tx, own.period) if one.order.message_id == own.message_id)


def by_reference(tx: Tx, dso: str, order_reference: str, zone: str, isp_minutes: int) -> StoredOrder | None:
    """Return a DSO's order by its OrderReference."""
    mine = sa.and_(_C.dso == dso, _C.order_reference == order_reference)
    row = tx.execute(sa.select(t.flex_orders).where(mine)).one_or_none()
    return None if row is None else _stored(row, zone, isp_minutes)


def put_settled(tx: Tx, message_id: str, settled: SettledOrder) -> None:
    """Record what a settlement says of an order."""
    mine = _C.message_id == message_id.lower()
    tx.execute(t.flex_orders.update().where(mine).values(settled=_written().dump_python(settled, mode="json")))


def in_states(tx: Tx, states: Collection[OrderState], zone: str, isp_minutes: int) -> list[StoredOrder]:
    """Return the orders in some states, oldest first."""
    mine = _C.state.in_([state.value for state in states])
    return [_stored(row, zone, isp_minutes) for row in tx.execute(sa.select(t.flex_orders).where(mine).order_by(_C.id))]


def _stored(row: sa.Row[tuple[object, ...]], zone: str, isp_minutes: int) -> StoredOrder:
    m = row._mapping
    order = FlexOrder(
        message_id=m["message_id"], conversation_id=m["conversation_id"], dso=m["dso"],
        congestion_point=m["congestion_point"], period=Period(m["period"], zone, isp_minutes),
        offer_message_id=m["offer"], order_reference=m["order_reference"], option_reference=m["option"],
        activation_factor=Decimal(m["factor"]), power_w=tuple(m["power_w"]), price=Decimal(m["price"]),
        currency=m["currency"], stamped_at=m["stamped_at"], received_at=m["received_at"], contract_id=m["contract"],
    )  # fmt: skip
    return StoredOrder(
        obligation=Obligation(
            order=order, baseline_w=tuple(m["baseline_w"]),
            limits_w=tuple((lowest, highest) for lowest, highest in m["limits_w"] or ()),
        ),
        state=OrderState(m["state"]), state_at=m["state_at"], note=m["note"], settled=_settled(m["settled"]),
    )  # fmt: skip


def _settled(value: dict[str, object] | None) -> SettledOrder | None:
    return None if value is None else _written().validate_python(value)


@cache
def _written() -> TypeAdapter[SettledOrder]:
    return TypeAdapter(SettledOrder)
