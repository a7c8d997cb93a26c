"""Follows orders into plans and D-Prognoses, and to the end of their Periods. A broken promise is an alarm."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from agr.domain.flexibility import Obligation
from agr.domain.flexibility_states import OrderState
from agr.domain.isp import Clock
from agr.messaging.publish import last_per_point
from agr.settings import Settings
from agr.store import day, flex_orders, plans, register
from agr.store.engine import Store, Tx
from agr.store.flex_orders import StoredOrder

NOT_KEPT = "flex order not kept"
"""Kind of alarm: the plan in force does not deliver what was ordered."""
_OPEN = (OrderState.ACCEPTED, OrderState.PLANNED, OrderState.ANNOUNCED, OrderState.VALIDATED)
_PATIENCE = timedelta(minutes=10)
"""How long after a new order a plan that keeps it may take to come into force."""
_TOLERANCE_W = 1


def missing_w(obligation: Obligation, power_w: tuple[int, ...]) -> int:
    """Return how far a program stays behind an order, in W of the worst ISP; 0: it keeps it, or does even more."""
    programs = [*zip(obligation.bounds_w, power_w, strict=True)]
    behind = [power - most for (_, most), power in programs if most is not None]
    behind += [least - power for (least, _), power in programs if least is not None]
    worst = max(behind, default=0)
    return worst if worst > _TOLERANCE_W else 0


def at_stake(obligation: Obligation, power_w: tuple[int, ...], penalty_eur_per_mwh: float) -> tuple[float, Decimal]:
    """Return (kWh, EUR) that a program does not deliver of an order, and what that costs: the price of that part, which
    is not paid, and the penalty of its contract.

    Source: UFTP specification, settle phase, flexibility settlement.
    """
    order, hours = obligation.order, obligation.order.period.isp_hours
    pairs = [*zip(obligation.bounds_w, power_w, strict=True)]
    missing_wh = sum(
        max(0 if most is None else power - most, 0 if least is None else least - power, 0)
        for (least, most), power in pairs
    ) * hours  # fmt: skip
    ordered_wh = sum(abs(power) for power in order.power_w) * hours
    share = min(missing_wh / ordered_wh, 1.0) if ordered_wh and not obligation.limits_w else float(missing_wh > 0)
    eur = order.price * Decimal(repr(share)) + Decimal(repr(missing_wh / 1e6 * penalty_eur_per_mwh))
    return missing_wh / 1000, eur.quantize(Decimal("0.01"))


class Keeping:
    """Moves orders on as plans and prognoses show them."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._programs: dict[date, tuple[int, dict[str, tuple[int, ...]]]] = {}  # Period → plan in force, by point

    def look(self) -> None:
        """Compare open orders with what is planned and announced. Idempotent."""
        with self._store.transaction() as tx:
            opened = flex_orders.in_states(tx, _OPEN, self._settings.time_zone, self._settings.isp_minutes)
            days = {stored.order.period.day for stored in opened}
            self._programs = {of: known for of, known in self._programs.items() if of in days}
            for stored in opened:
                self._follow(tx, stored, self._clock.now())

    def _follow(self, tx: Tx, stored: StoredOrder, now: datetime) -> None:
        order, state = stored.order, stored.state
        if order.period.end <= now:
            flex_orders.move(tx, order.message_id, state, OrderState.DELIVERED, now)
            day.recover(tx, NOT_KEPT, _subject(stored), now)
            return
        stored = replace(stored, obligation=flex_orders.bound_by(tx, stored))
        planned = self._planned(tx, stored)
        behind = None if planned is None else missing_w(stored.obligation, planned)
        if behind == 0:
            day.recover(tx, NOT_KEPT, _subject(stored), now)
            if state is OrderState.ACCEPTED and flex_orders.move(tx, order.message_id, state, OrderState.PLANNED, now):
                state = OrderState.PLANNED
        elif now - order.received_at > _PATIENCE:
            day.raise_alarm(tx, NOT_KEPT, _subject(stored), self._broken(tx, stored, planned, behind), now)
        if state is OrderState.PLANNED and self._announced(tx, stored):
            flex_orders.move(tx, order.message_id, state, OrderState.ANNOUNCED, now)

    @staticmethod
    def _broken(tx: Tx, stored: StoredOrder, planned: tuple[int, ...] | None, behind: int | None) -> str:
        """Say how much of an order is not delivered, and what that costs."""
        order = stored.order
        contract = register.contract(tx, order.contract_id) if order.contract_id else None
        nothing = planned or stored.obligation.baseline_w
        kwh, eur = at_stake(stored.obligation, nothing, contract.penalty_eur_per_mwh if contract else 0.0)
        of = f"the order of {order.dso} at {order.congestion_point} for {order.price:.2f} {order.currency}"
        worth = f"at stake: {eur:,.2f} {order.currency} for {kwh:,.1f} kWh"
        if planned is None:
            return f"there is no plan that keeps {of}; {worth}"
        return f"the plan in force stays {behind:,} W behind {of}; {worth}; re-optimise, or tell the DSO outside UFTP"

    def _planned(self, tx: Tx, stored: StoredOrder) -> tuple[int, ...] | None:
        """Return the program in force of the order's congestion point; a plan is read once, not every few seconds."""
        of = stored.order.period.day
        number = plans.newest_audited(tx, of)
        if number is None:
            return None
        if self._programs.get(of, (0, {}))[0] != number:
            plan = plans.get(tx, number)
            self._programs[of] = (number, {p.address: p.power_w for p in plan.points} if plan else {})
        return self._programs[of][1].get(stored.order.congestion_point)

    def _announced(self, tx: Tx, stored: StoredOrder) -> bool:
        history = plans.prognoses_of(tx, stored.order.period.day, stored.order.congestion_point)
        newest = last_per_point(history, "sent", "accepted").get(stored.order.congestion_point)
        return newest is not None and missing_w(stored.obligation, newest.power_w) == 0


def _subject(stored: StoredOrder) -> str:
    return f"{stored.order.dso} {stored.order.order_reference}"[:255]
