"""Plans and their inputs in memory, for a scenario's market day. The daemon's counterpart is `StoredPlans`."""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agr.domain.award import Trade
from agr.domain.flexibility import BoundOffer, Obligation
from agr.domain.isp import Period
from agr.domain.kinds import MEASURED
from agr.domain.obligations import in_turn
from agr.domain.plan import Plan, PlanState, Reason
from agr.domain.register import CongestionPoint, Contract, Portfolio, Price, Register
from agr.domain.visit import Visit
from agr.forecasting.error_days import NOTHING_PAST, Past
from agr.forecasting.sessions import of_sessions
from agr.planning.alarms import alarms_of
from agr.planning.difference import Solved
from agr.planning.gates import FixedPosition, opens_publication
from agr.planning.midnight import reason_to_plan_next
from agr.planning.plan_loader import merged
from agr.store.charge_sessions import ChargeSession
from agr.store.day import Trigger
from agr.store.forecast_runs import POWER_SERIES, Run
from agr.store.overrides import Unavailable
from agr.store.own_portfolio import OWN_LIST

Forecasts = Mapping[date, Mapping[tuple[str, str], NDArray[np.float64]]]
"""Period → (resource, quantity) → (T,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What is known before the market day begins. Every CRO has answered; nothing is unavailable."""

    register: Register  # with prices
    points: tuple[CongestionPoint, ...]
    free_connections: tuple[str, ...]
    forecasts: Forecasts
    runs: tuple[Run, ...] = ()  # forecasts of our own, each known from the moment it was made
    unpublished: frozenset[str] = frozenset()  # price series that are known of a day only once it is published
    to_come: frozenset[str] = frozenset()  # charging sessions that are known only once they come
    earlier: tuple[date, Solved] | None = None  # what was solved for the plan in force of the day before the first
    past: Past = NOTHING_PAST  # what was forecast of earlier days, and what happened
    own_points: bool = False  # whether our own table, and no CRO, says where connections are


class MemoryPlans:
    """A `PlanStore` that is its own `PlanReader`. For one thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plans: dict[int, Plan] = {}
        self._solved: dict[int, Solved] = {} if world.earlier is None else {0: world.earlier[1]}
        self._triggers: dict[int, Trigger] = {}
        self._newest_trigger, self._version = 0, 0
        self._reserved_w: dict[date, dict[str, tuple[int, ...]]] = {}
        self._fixed: dict[date, dict[str, tuple[float, ...]]] = {}
        self._orders: dict[date, list[Obligation]] = {}
        self._programs: dict[str, bytes] = {}
        self._open: set[date] = set()
        self._sessions: list[ChargeSession] = []
        self._contents: dict[str, list[tuple[datetime, float]]] = {}
        self._becomes: dict[str, str] = {}
        self._published: dict[str, list[Period]] = {}
        self._to_come = set(world.to_come)
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

    def measure(self, resource: str, at: datetime, kwh: float) -> None:
        """Record what a store was measured to hold."""
        self._contents.setdefault(resource, []).append((at, kwh))

    def reveal(self, series: str, becomes: str) -> None:
        """Let a price series be another one from now on."""
        self._version += 1
        self._becomes[series] = becomes

    def publish(self, series: str, period: Period) -> None:
        """Let the prices of a Period be known from now on."""
        self._version += 1
        self._published.setdefault(series, []).append(period)

    def come(self, resource: str) -> None:
        """Let a charging session be known from now on."""
        self._version += 1
        self._to_come.discard(resource)

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

    def cro_states(self, day: date) -> Mapping[str, str]:
        """Return that every CRO has answered, or that there is none."""
        return {OWN_LIST if self._world.own_points else "": "answered"}

    def last_call_made(self, day: date) -> bool:
        """Say that no CRO is waited for."""
        return True

    def portfolio(self, period: Period) -> Portfolio:
        """Return the congestion points, by address as in the daemon's store."""
        points = tuple(sorted(self._world.points, key=lambda point: point.address))
        return Portfolio(period=period, points=points, free_connections=self._world.free_connections)

    def register(self) -> Register:
        """Return the register, without sessions that have not come yet."""
        register = self._world.register
        if not self._to_come:
            return register
        return replace(register, resources=tuple(r for r in register.resources if r.resource not in self._to_come))

    def contract(self, name: str) -> Contract | None:
        """Return one contract."""
        return next((c for c in self._world.register.contracts if c.contract == name), None)

    def forecasts(self, period: Period) -> Mapping[tuple[str, str], NDArray[np.float64]]:
        """Return (resource, quantity) → one value per ISP."""
        return self._world.forecasts.get(period.day, {})

    def silent_limits(self, period: Period, now: datetime) -> Mapping[str, NDArray[np.float64]]:
        """Return nothing: a scenario has no back-ends."""
        del period, now
        return {}

    def newest_contents(
        self, resources: Collection[str], since: datetime, upto: datetime
    ) -> Mapping[str, tuple[datetime, float]]:
        """Return resource → (instant, kWh) of its newest content that was measured."""
        found = {}
        for resource in resources:
            mine = [one for one in self._contents.get(resource, ()) if since <= one[0] <= upto]
            if mine:
                found[resource] = max(mine)
        return found

    def registers(
        self, resources: Collection[str], first: datetime, last: datetime
    ) -> Mapping[tuple[str, str], Sequence[tuple[datetime, float]]]:
        """Return nothing: a scenario measures contents, not energy."""
        return {}

    def sessions(self, period: Period) -> Sequence[ChargeSession]:
        """Return what charge points are said to have told."""
        return [one for one in self._sessions if one.began_at < period.end]

    def ended_sessions(self, first: datetime, last: datetime) -> Sequence[ChargeSession]:
        """Return what charge points are said to have told of sessions that ended in [first, last)."""
        return [one for one in self._sessions if one.ended_at is not None and first <= one.ended_at < last]

    def visits(self, period: Period, now: datetime) -> Sequence[Visit]:
        """Return nothing: a scenario has no charge points that limit a car."""
        del period, now
        return ()

    def see(self, session: ChargeSession) -> None:
        """Record what a charge point has told of a session, in place of what it told before."""
        self._sessions = [one for one in self._sessions if one.transaction != session.transaction] + [session]

    def latest_forecast_day(self, before: date) -> date | None:
        """Return the latest Period before a day that has forecasts."""
        forecasts = self._world.forecasts.items()
        known = (day for day, values in forecasts if any(quantity not in MEASURED for _, quantity in values))
        return max((day for day in known if day < before), default=None)

    def prices(self, start: datetime, end: datetime) -> Sequence[Price]:
        """Return prices that start in [start, end)."""
        found = [p for p in self._world.register.prices if start <= p.start < end and self._known(p)]
        if not self._becomes:
            return found
        kept = [price for price in found if price.series not in self._becomes]
        told = ((name, price) for name, other in self._becomes.items() for price in found if price.series == other)
        return [*kept, *(replace(price, series=name) for name, price in told)]

    def _known(self, price: Price) -> bool:
        if price.series not in self._world.unpublished:
            return True
        return any(one.start <= price.start < one.end for one in self._published.get(price.series, ()))

    def forecast(self, series: str, period: Period, as_of: datetime) -> Run | None:
        """Return our newest forecast of a Period that was made by then."""
        return self._newest(period, as_of).get(series)

    def power_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, Run]:
        """Return resource → our newest forecast of its power that was made by then."""
        found = self._newest(period, as_of).items()
        return {name.removeprefix(POWER_SERIES): run for name, run in found if name.startswith(POWER_SERIES)}

    def heat_forecasts(self, period: Period, as_of: datetime) -> Mapping[tuple[str, str], Run]:
        """Return nothing: a scenario's forecasts are all in its tables."""
        return {}

    def session_forecasts(self, period: Period, as_of: datetime) -> Mapping[str, Run]:
        """Return series of charging sessions → the newest forecast of a Period that was made by then."""
        return {name: run for name, run in self._newest(period, as_of).items() if of_sessions(name)}

    def _newest(self, period: Period, as_of: datetime) -> dict[str, Run]:
        known = (run for run in self._world.runs if run.period == period.day and run.made_at <= as_of)
        return {run.series: run for run in sorted(known, key=lambda run: run.made_at)}

    def past(self, series: Sequence[str], period: Period, now: datetime, days: int) -> Past:
        """Return what was forecast of some series on the last days before a Period, and what happened."""
        return self._world.past.before(series, period, now, days)

    def reserved_w(self, day: date) -> Mapping[str, tuple[int, ...]]:
        """Return contract → W per ISP of its newest update."""
        return dict(self._reserved_w.get(day, {}))

    def fixed_positions(self, day: date) -> Mapping[str, tuple[float, ...]]:
        """Return market → kW per ISP or MW per block that is fixed."""
        return dict(self._fixed.get(day, {}))

    def trades(self, day: date) -> Sequence[Trade]:
        """Return nothing: a scenario has no trades but those of its plans."""
        return ()

    def unavailable(self, day: date) -> Sequence[Unavailable]:
        """Return nothing: no operator marks resources as unavailable."""
        return ()

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

    def input_version(self) -> int:
        """Return a number that grows with every position that is fixed."""
        return self._version


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
