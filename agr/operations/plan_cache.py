"""Keeps plans in memory, so that a page need not read a large plan for each request. Plans never change."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import date
from threading import Lock
from typing import TypeVar

import numpy as np

from agr.domain.plan import Plan, PlanState
from agr.operations.glance import Glance, glance
from agr.planning.difference import Solved
from agr.planning.plan_loader import load_solved
from agr.store import plans
from agr.store.engine import Store

T = TypeVar("T")

KEPT_PLANS = 4
KEPT_HEADS = 500


@dataclass(frozen=True, kw_only=True)
class Head:
    """A plan without its programs."""

    plan: Plan  # points and the points of its change are left out
    changed_points: int
    moved_kwh: float  # energy moved in either direction against its predecessor


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a plan does at one congestion point."""

    peak_kw: float  # largest power of either sign
    reserved_kw: float  # largest amount reserved, either sign
    coverage: float | None  # share of the reserved energy that could be delivered; None: nothing is reserved
    value_eur: float  # money that is earned there, with its energy at the portfolio's shadow price


class PlanCache:
    """Reads a plan once and keeps the newest ones. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._plans: OrderedDict[int, Plan] = OrderedDict()
        self._solved: OrderedDict[int, Solved] = OrderedDict()
        self._figures: OrderedDict[int, dict[str, Figure]] = OrderedDict()
        self._glances: OrderedDict[int, Glance] = OrderedDict()
        self._heads: OrderedDict[int, Head] = OrderedDict()

    def states(self, period: date) -> dict[int, PlanState]:
        """Return plan → state."""
        with self._store.transaction() as tx:
            return plans.states(tx, period)

    def in_force(self, period: date) -> Plan | None:
        """Return the plan in force."""
        number = self.number_in_force(period)
        return None if number is None else self.plan(number)

    def number_in_force(self, period: date) -> int | None:
        """Return the number of the newest audited plan."""
        audited = [n for n, state in self.states(period).items() if state is PlanState.AUDITED]
        return audited[-1] if audited else None

    def plan(self, number: int) -> Plan | None:
        """Return a plan; its state is that at the first reading."""
        with self._lock:
            if number not in self._plans:
                with self._store.transaction() as tx:
                    found = plans.get(tx, number)
                if found is None:
                    return None
                _keep(self._plans, number, found, KEPT_PLANS)
            return self._plans[number]

    def head(self, number: int) -> Head | None:
        """Return a plan without its programs."""
        known = self._heads.get(number)
        if known is None:
            plan = self.plan(number)
            if plan is None:
                return None
            known = _head(plan)
            with self._lock:
                _keep(self._heads, number, known, KEPT_HEADS)
        return known

    def solved(self, number: int) -> Solved:
        """Return a plan's case and outcome."""
        with self._lock:
            if number not in self._solved:
                with self._store.transaction() as tx:
                    solved = load_solved(tx, number)
                _keep(self._solved, number, solved, 2)
            return self._solved[number]

    def figures(self, number: int) -> dict[str, Figure]:
        """Return congestion point → what the plan does there."""
        known = self._figures.get(number)
        if known is None:
            plan = self.plan(number)
            known = _figures(self.solved(number), plan.result.planning if plan else ())
            with self._lock:
                _keep(self._figures, number, known, KEPT_PLANS)
        return known

    def glance(self, number: int) -> Glance:
        """Return the plan at a glance."""
        known = self._glances.get(number)
        if known is None:
            known = glance(self.solved(number))
            with self._lock:
                _keep(self._glances, number, known, KEPT_PLANS)
        return known


def _keep(cache: OrderedDict[int, T], key: int, value: T, most: int) -> None:
    cache[key] = value
    while len(cache) > most:
        cache.popitem(last=False)


def _head(plan: Plan) -> Head:
    change = plan.change
    isps = [i for p in change.points for i in p.isps] if change else []
    moved_kwh = sum(abs(i.after_w - i.before_w) for i in isps) / 1000 * plan.period.isp_hours
    slim = replace(plan, points=(), change=replace(change, points=()) if change else None)
    return Head(plan=slim, changed_points=len(change.points) if change else 0, moved_kwh=moved_kwh)


def _figures(solved: Solved, planning: tuple[str, ...]) -> dict[str, Figure]:
    case, outcome = solved.named.case, solved.outcome
    count = len(case.points)
    money = (terms[:count] for name, terms in outcome.point_terms_eur.items() if name not in planning)
    value = sum(money, np.zeros(count))
    reserved, short = np.zeros((count, case.isps)), np.zeros((count, case.isps))
    np.add.at(reserved, case.reservations.point, np.abs(case.reservations.reserved_kw))
    np.add.at(short, case.reservations.point, outcome.reservation_shortfall_kw)
    total, missing = reserved.sum(axis=1), short.sum(axis=1)
    coverage = 1 - np.divide(missing, total, out=np.zeros(count), where=total > 0)
    extreme = np.abs(outcome.point_kw).argmax(axis=1)
    peaks = outcome.point_kw[np.arange(count), extreme]
    return {
        address: Figure(
            peak_kw=float(peaks[c]), reserved_kw=float(reserved[c].max()),
            coverage=float(coverage[c]) if total[c] > 0 else None, value_eur=float(value[c]),
        )
        for c, address in enumerate(case.points)
    }  # fmt: skip
