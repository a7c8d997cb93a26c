"""Plays market days moment by moment through the planning service, which makes each plan as the daemon would.

Nothing is sent, and no clock runs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from agr.dispatch.unplanned import is_expected
from agr.domain.errors import PlanError
from agr.domain.flexibility import Obligation
from agr.domain.isp import Period
from agr.domain.kinds.quantities import POWER
from agr.domain.plan import Change, Plan, PlanState, PromisedPoint, Reason
from agr.planning.case import Inputs, build
from agr.planning.case.curtailable import CLASS as CURTAILABLE
from agr.planning.difference import Solved
from agr.planning.inputs import carried_on, previous_of, read_inputs
from agr.planning.making import PlanMaker
from agr.planning.memory_inputs import KnownBeforehand
from agr.planning.memory_plans import MemoryPlans
from agr.planning.ports import Solver
from agr.scenario.moments import events_of, events_of_day
from agr.scenario.own_forecasts import as_known, known_beforehand
from agr.scenario.past_errors import past_errors
from agr.scenario.scenario import Scenario
from agr.scenario.selling import RequestAnswering, Sold
from agr.store.day import Trigger

_NO_KW = 1e-6
"""Differences of power below this, in kW, count as none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One plan of the day."""

    period: Period
    number: int  # from 1, within the Period
    at: datetime
    reasons: tuple[Reason, ...]
    solved: Solved  # the whole portfolio, even where only a part was replanned
    state: PlanState
    findings: tuple[str, ...]  # of the audit
    no_flexibility_eur: float
    notes: tuple[str, ...]
    change: Change | None  # against the plan in force before
    part: bool = False
    orders: tuple[Obligation, ...] = ()  # of flexibility, which the plan knew
    promised: tuple[PromisedPoint, ...] = ()  # reservations planned by probability
    label: str = ""  # name of the plan in replays

    @property
    def name(self) -> str:
        """The plan's name in tables and pictures."""
        return self.label or f"{self.number} {self.reasons[0].kind.value}"

    @property
    def why(self) -> str:
        """Why the plan was made."""
        return "; ".join(str(reason) for reason in self.reasons)


def step_of(
    plan: Plan, solved: Solved, number: int, change: Change | None, label: str = "",
    orders: tuple[Obligation, ...] = (),
) -> Step:  # fmt: skip
    """Return a plan as a step."""
    return Step(
        period=plan.period, number=number, at=plan.created_at, reasons=plan.reasons, solved=solved, state=plan.state,
        findings=plan.result.audit, no_flexibility_eur=plan.result.no_flexibility_eur, notes=plan.result.notes,
        change=change, part=plan.part, label=label, orders=orders, promised=plan.result.promised,
    )  # fmt: skip


def in_force(steps: Sequence[Step]) -> Step:
    """Return the last step whose plan came into force; the last step of all if none did."""
    return next((step for step in reversed(steps) if step.state is PlanState.AUDITED), steps[-1])


def play(
    scenario: Scenario, periods: tuple[Period, ...], solver: Solver, sold: list[Sold] | None = None,
    earlier: Solved | None = None,
) -> Iterator[Step]:  # fmt: skip
    """Yield the plans of the Periods in the order in which they are made; tomorrow's first plan is made during today.

    `sold` gets what comes of requests for flexibility. `earlier` is what was solved for the plan in force of the day
    before the first; None: stores begin as in their tables. Raises PlanError when a problem cannot be stated or solved.
    """
    moments = sorted((m for period in periods for m in events_of_day(scenario, period)), key=lambda m: m.at)
    join = timedelta(seconds=scenario.description.planning.join_triggers_s)
    world = replace(as_known(scenario, periods, world_of(scenario)), past=past_errors(scenario, periods[0]))
    if earlier is not None:
        world = replace(world, earlier=(periods[0].previous().day, earlier))
    plans, now = MemoryPlans(world), moments[0].at
    maker = PlanMaker(plans, scenario.description, solver, lambda: now)
    answering = RequestAnswering(scenario, plans, solver)
    numbers, counts = dict[int, int](), Counter[date]()
    for done, moment in enumerate(moments, start=1):
        now = moment.at
        moment.happen(plans)
        if moment.request is not None:
            answering.answer(moment.request, moment.period, now)
            if sold is not None:
                sold[:] = answering.sold
        for period in (moment.period, moment.period.next()):  # what a plan leaves at midnight may ask for the next one
            triggers = tuple(trigger for trigger in plans.open_triggers() if trigger.period == period.day)
            if not triggers:
                continue
            others = any(m.asks and m.period == period and m.at < triggers[0].at + join for m in moments[done:])
            if others and not maker.parts.ready(triggers):
                continue
            plan = _made(maker, scenario, period, triggers)
            counts[period.day] += 1
            numbers[plan.id] = counts[period.day]
            change = plan.change and replace(plan.change, predecessor=numbers[plan.change.predecessor])
            orders = tuple(plans.orders(period))
            yield step_of(plan, plans.solved(plan.id), numbers[plan.id], change, orders=orders)


def _made(maker: PlanMaker, scenario: Scenario, period: Period, triggers: tuple[Trigger, ...]) -> Plan:
    run = maker.begin(period, triggers)
    if run is None:
        raise PlanError(f"{scenario.name} has no congestion points for {period}; report this as a bug")
    return maker.make(run)


def foresight(scenario: Scenario, period: Period, earlier: Solved | None, last: Step) -> Inputs:
    """Return the inputs of a plan with perfect foresight: results and events are known, and every gate is open.

    `earlier` is what was solved for the plan in force of the Period before. `last` is the last plan made without
    foresight; its reservations and orders are those in force.
    """
    knowing = known_beforehand(scenario)
    results = dict(scenario.description.timetable.moments(period))["day_ahead_results"]
    known = replace(_read(knowing, _in_the_end(knowing, period, last), period, results), closed_auctions=frozenset())
    return carried_on(known, earlier)


def as_it_came(scenario: Scenario, period: Period, earlier: Solved | None, last: Step) -> Inputs:
    """Return the inputs of a day that is over, with what has come instead of what was forecast.

    Markets keep the positions of the last plan and resources its programs. Loads and the sun did what the tables say;
    a generator that was not curtailed followed the sun, and one that was gave no more than it. Of charging sessions,
    those that stood in never came, and one that no plan knew was charged at once. Other arguments: as of `foresight`.
    """
    knowing = known_beforehand(scenario)
    end = period.end - timedelta(seconds=1)
    found = carried_on(_read(knowing, _in_the_end(knowing, period, last), period, end), earlier)
    found = replace(found, closed_isps=period.isp_count, past_isps=period.isp_count, reaction=None)
    previous = previous_of(last.solved)
    programs = {name: kw for name, kw in previous.programs_kw.items() if not is_expected(name)}
    planned = last.solved.named
    uncurtailed = dict(zip(planned.of(CURTAILABLE.name), planned.case.curtailable.forecast_kw, strict=True))
    for name, forecast_kw in uncurtailed.items():
        came = np.minimum(found.forecasts[name, POWER.name], 0.0)
        free = programs[name] <= forecast_kw + _NO_KW
        programs[name] = np.where(free, came, np.maximum(programs[name], came))
    unsteered = build(replace(found, closed_isps=0, past_isps=0))
    for name, kw in zip(unsteered.stores(), unsteered.case.storage.unmanaged_kw, strict=True):
        programs.setdefault(name, kw)
    return replace(
        found, previous=replace(previous, programs_kw=programs),
        fixed={market: tuple(map(float, values)) for market, values in previous.positions.items()},
    )  # fmt: skip


def _in_the_end(scenario: Scenario, period: Period, last: Step) -> MemoryPlans:
    """Return a store of plans that knows all that happens to a Period, and has no plan yet."""
    plans = MemoryPlans(world_of(scenario))
    for event in events_of(scenario, period):
        if event.at <= last.at:
            event.happen(plans)
    for revealed in scenario.description.revelations:
        if revealed.at < period.end:
            plans.reveal(revealed.series, revealed.becomes)
    for obligation in last.orders:
        plans.order(obligation, b"")
    return plans


def _read(scenario: Scenario, plans: MemoryPlans, period: Period, now: datetime) -> Inputs:
    found = read_inputs(plans, scenario.description, period, now)
    if found is None:
        raise PlanError(f"{scenario.name} has no congestion points for {period}; report this as a bug")
    return found.inputs


def world_of(scenario: Scenario) -> KnownBeforehand:
    """Return all that a scenario's tables say, whenever it becomes known."""
    return KnownBeforehand(
        register=scenario.register, points=scenario.points, free_connections=scenario.free_connections,
        forecasts=scenario.forecasts,
        own_points=not scenario.description.cros and bool(scenario.register.congestion_points),
    )  # fmt: skip
