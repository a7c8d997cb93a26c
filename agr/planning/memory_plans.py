"""Plans in memory, and what binds them, for a scenario's market day. The daemon's counterpart is `StoredPlans`."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np

from agr.domain.flexibility import BoundOffer, Obligation
from agr.domain.isp import Period
from agr.domain.obligations import in_turn
from agr.domain.plan import Plan, PlanState, Reason
from agr.planning.alarms import alarms_of
from agr.planning.difference import Solved
from agr.planning.gates import FixedPosition, opens_publication
from agr.planning.memory_inputs import KnownBeforehand, MemoryInputs
from agr.planning.midnight import reason_to_plan_next
from agr.planning.plan_loader import merged
from agr.store.day import Trigger


class MemoryPlans(MemoryInputs):
    """A `PlanStore` that is its own `PlanReader`. For one thread."""

    def __init__(self, world: KnownBeforehand) -> None:
        super().__init__(world)
        self._plans: dict[int, Plan] = {}
        self._solved: dict[int, Solved] = {} if world.earlier is None else {0: world.earlier[1]}
        self._triggers: dict[int, Trigger] = {}
        self._newest_trigger = 0
        self._reserved_w: dict[date, dict[str, tuple[int, ...]]] = {}
        self._fixed: dict[date, dict[str, tuple[float, ...]]] = {}
        self._orders: dict[date, list[Obligation]] = {}
        self._programs: dict[str, bytes] = {}
        self._open: set[date] = set()
        self.alarms: dict[tuple[str, date], str] = {}
        """Open alarms: (kind, Period) → text."""

    # --- what happens on a market day -------------------------------------------------------------------------------

    def ask(self, period: Period, reason: Reason, at: datetime) -> None:
        """Ask for a plan: add a trigger."""
        self._newest_trigger += 1
        self._triggers[self._newest_trigger] = Trigger(id=self._newest_trigger, period=period.day, reason=reason, at=at)

    def reserve(self, period: Period, contract: str, power_w: tuple[int, ...]) -> None:
        """Record what a DSO still reserves, in W per ISP, signed."""
        self._reserved_w.setdefault(period.day, {})[contract] = power_w

    def order(self, obligation: Obligation, programs: bytes) -> None:
        """Record an order of flexibility, with the archive of the programs that its offer was priced with."""
        self._orders.setdefault(obligation.order.period.day, []).append(obligation)
        self._programs[obligation.order.offer_message_id] = programs

    def fix(self, period: Period, market: str, position: FixedPosition) -> None:
        """Fix a position at its gate."""
        self._version += 1
        self._fixed.setdefault(period.day, {})[market] = position.values

    def open_publication(self, period: Period) -> None:
        """Allow the Period's plans to be announced from now on."""
        self._open.add(period.day)

    def solved(self, number: int) -> Solved:
        """Return the whole portfolio's case and outcome of a plan; its arrays are read-only."""
        return self._solved[number]

    def in_force(self, period: Period) -> Plan | None:
        """Return the plan in force."""
        number = self.number_in_force(period.day)
        return None if number is None else self._plans.get(number)

    # --- PlanStore --------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator["MemoryPlans"]:
        """Give one consistent view: nothing changes meanwhile."""
        yield self

    def put(self, plan: Plan, solved: Solved, triggers: list[int], leaves: str | None) -> Plan:
        """Store a plan, its alarms and the answers to its triggers, and ask for the next Period's; return the plan."""
        stored = replace(plan, id=len(self._plans) + 1)
        if plan.part and plan.predecessor is not None:
            solved = merged(self._solved[plan.predecessor], solved)
        _lock(solved)
        self._plans[stored.id], self._solved[stored.id] = stored, solved
        for number in triggers:
            del self._triggers[number]
        for change in alarms_of(stored):
            self.alarms.pop((change.kind, plan.period.day), None)
            if change.text is not None:
                self.alarms[change.kind, plan.period.day] = change.text
        if opens_publication(stored):
            self.open_publication(plan.period)
        following = plan.period.next()
        reason = reason_to_plan_next(stored, leaves, self.number_in_force(following.day))
        if reason is not None:
            self.ask(following, reason, plan.created_at)
        return stored

    # --- PlanReader -------------------------------------------------------------------------------------------------

    def reserved_w(self, day: date) -> Mapping[str, tuple[int, ...]]:
        """Return contract → W per ISP of its newest update."""
        return dict(self._reserved_w.get(day, {}))

    def fixed_positions(self, day: date) -> Mapping[str, tuple[float, ...]]:
        """Return market → kW per ISP or MW per block that is fixed."""
        return dict(self._fixed.get(day, {}))

    def orders(self, period: Period) -> Sequence[Obligation]:
        """Return what orders of flexibility bind a Period's programs to, oldest first."""
        return in_turn(self._orders.get(period.day, ()))

    def offered(self, period: Period, held_since: datetime) -> Sequence[BoundOffer]:
        """Return nothing: in a scenario an offer is ordered at once, or never."""
        return ()

    def offered_programs(self, offer: str) -> bytes:
        """Return the archive of the audited programs behind an offer."""
        return self._programs.get(offer, b"")

    def announced(self, day: date) -> bool:
        """Say whether a D-Prognosis would have been sent: a plan is in force, and publication is open."""
        number = self.number_in_force(day)
        return day in self._open and number is not None and bool(self._plans[number].points)

    def open_triggers(self) -> list[Trigger]:
        """Return triggers that no plan has answered, oldest first."""
        return list(self._triggers.values())

    def plan(self, number: int) -> Plan | None:
        """Return one plan."""
        return self._plans.get(number)

    def number_in_force(self, day: date) -> int | None:
        """Return the number of the newest audited plan."""
        mine = (n for n, p in self._plans.items() if p.period.day == day and p.state is PlanState.AUDITED)
        before = self._world.earlier
        return max(mine, default=0 if before is not None and before[0] == day else None)

    def archived(self, number: int) -> Callable[[], Solved]:
        """Return the case and outcome of a plan."""
        return lambda: self._solved[number]


def _lock(value: Any) -> None:
    """Make every array read-only, so that stored values cannot change; writing to one takes a copy."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            _lock(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            _lock(item)
    elif isinstance(value, tuple):
        for item in value:
            _lock(item)
