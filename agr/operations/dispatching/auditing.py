"""Puts orders before the audit: what every charge point might draw, now and once they are carried out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import structlog

from agr.dispatch.exposure import Floats, PossibleProfile, worst_kw
from agr.dispatch.orders import PLAN_SLOTS, Order, held, held_after
from agr.dispatch.safety import SLACK_KW, Cleared, LimitChange, judged
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, Dispatch, Purpose, StationFact
from agr.operations.dispatching.facts import DispatchFacts
from agr.operations.dispatching.memory import Memory
from agr.settings import DispatchSettings
from agr.store import day
from agr.store.engine import Tx

log = structlog.get_logger()

WITHHELD = "dispatch withheld"


class Auditor:
    """Keeps what points may draw while the facts stay as they are."""

    def __init__(self, memory: Memory, settings: DispatchSettings) -> None:
        self.memory, self._settings = memory, settings
        self._worst: dict[tuple[object, ...], Floats] = {}

    def forget(self) -> None:
        """Work everything out anew: the facts have changed."""
        self._worst.clear()

    def audited(
        self, facts: DispatchFacts, rows: Mapping[str, tuple[Dispatch, ...]], orders: Mapping[str, Order], now: datetime
    ) -> tuple[dict[str, Order], Cleared]:
        """Return the orders that may go, reductions first, and the audit's verdict."""
        if not orders:
            return {}, Cleared(go=(), wait=(), refused={})
        limited = {one for limit in facts.limits for one in limit.connections}
        changes, standing, soon = [], {}, set[str]()
        for name, point in facts.points.items():
            order = orders.get(name)
            if order is None and point.connection not in limited:
                continue
            before = self._drawn(facts, point, held(rows.get(name, ())))
            if order is None:
                standing[name] = (point.connection, before)
                continue
            after = self._drawn(facts, point, held_after(rows.get(name, ()), order))
            if (after > before + SLACK_KW).any() and self._too_soon(rows.get(name, ()), order, now):
                soon.add(name)
                standing[name] = (point.connection, before)
                continue
            changes.append(LimitChange(charge_point=name, connection=point.connection, now_kw=before, after_kw=after))
        verdict = judged(changes, standing, facts.limits)
        return {name: orders[name] for name in verdict.go if name not in soon}, verdict

    def _drawn(self, facts: DispatchFacts, point: ChargePoint, there: list[PossibleProfile]) -> Floats:
        """Return what a point may draw at most per ISP, from the beginning of the present one on."""
        astray = self.memory.known(point, StationFact.CLOCK) is not None and any(
            one.slot in PLAN_SLOTS for one in there
        )
        if astray or self.memory.known(point, StationFact.FOLLOWS) is not None:
            return np.full(len(facts.grid.starts), point.max_kw)
        key = (point.charge_point, *((one.slot, one.sure, one.profile) for one in there))
        if key not in self._worst:
            self._worst[key] = worst_kw(point, there, facts.grid, facts.grid.starts[0])
        return self._worst[key]

    def _too_soon(self, rows: Sequence[Dispatch], order: Order, now: datetime) -> bool:
        """Say whether a plan that allows more must wait, for the last one has just been sent."""
        if order.purpose is not Purpose.PLAN or order.action is not Action.SET:
            return False
        mine = [row for row in rows if row.purpose is Purpose.PLAN and row.action is Action.SET]
        if any(row.transaction != order.transaction for row in mine):
            return False  # a session has begun
        sent = [row.sent_at for row in mine if row.sent_at is not None]
        return bool(sent) and (now - max(sent)).total_seconds() < self._settings.pause_s


def tell(tx: Tx, facts: DispatchFacts, verdict: Cleared, now: datetime) -> None:
    """Raise an alarm for each limit that keeps commands back, and end those of limits that keep none."""
    kept: dict[str, list[str]] = {}
    for name, breach in verdict.refused.items():
        kept.setdefault(breach.name, []).append(name)
    for limit, names in kept.items():
        words = verdict.refused[names[0]].words(facts.grid.starts)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        text = f"{words}; nothing that raises it is sent to {names[0]}{more}. Correct the limit, or plan again"
        if day.raise_alarm(tx, WITHHELD, limit, text, now):
            log.error("dispatch.withheld", limit=limit, why=words, charge_points=names[:20])
    for alarm in day.open_alarms(tx):
        mine = alarm.kind == WITHHELD and alarm.subject not in kept
        if mine and any(limit.name == alarm.subject for limit in facts.limits):
            day.recover(tx, WITHHELD, alarm.subject, now)
