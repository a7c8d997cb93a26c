"""Counts the D-Prognoses that wait for an operator: rejected, or while sending is on hold or needs approval."""

from collections.abc import Callable
from datetime import date
from threading import Lock
from typing import Any

from agr.domain.isp import Period
from agr.messaging.publish import OPEN, Publisher
from agr.operations.plan_cache import PlanCache
from agr.settings import Settings
from agr.store import day, overrides, plans
from agr.store.engine import Store


class Unsent:
    """Counts again only when a plan, a prognosis or the number of closed ISPs has changed. Thread-safe."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        publisher: Publisher,
        plan_cache: PlanCache,
        closed_isps: Callable[[Period], int],
    ) -> None:
        self._store, self._settings, self._publisher = store, settings, publisher
        self._plan_cache, self._closed_isps = plan_cache, closed_isps
        self._lock = Lock()
        self._known: dict[date, tuple[Any, int]] = {}

    def count(self, period: Period) -> int:
        """Return how many would leave at an operator's word: without hold or approval, only those rejected before."""
        with self._store.transaction() as tx:
            held = overrides.held(tx) is not None
            if OPEN not in day.done_moments(tx, period.day):
                return 0
            counts = plans.prognosis_counts(tx, period.day)
        automatic = self._settings.publication.automatic and not held
        if automatic and "rejected" not in counts:
            return 0
        plan = self._plan_cache.in_force(period.day)
        if plan is None:
            return 0
        closed = self._closed_isps(period)
        key = (plan.id, counts, closed, automatic)
        with self._lock:
            known = self._known.get(period.day)
            if known is None or known[0] != key:
                choose = self._publisher.rejected if automatic else self._publisher.waiting
                with self._store.transaction() as tx:
                    known = (key, len(choose(tx, plan, closed)))
                self._known = {d: v for d, v in self._known.items() if d >= period.previous().day} | {period.day: known}
            return known[1]
