"""Plays the planning of one market day: first plan, gates, results, events; each plan as the daemon would make it.

Nothing is sent and no clock runs: the moments of the timetable are worked through in their order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agr.domain.isp import Period
from agr.domain.plan import Change, Reason, ReasonKind
from agr.domain.price import values_on
from agr.domain.register import Portfolio
from agr.planning.case import Inputs, Previous, build
from agr.planning.case.markets import DAY_AHEAD
from agr.planning.difference import Solved, change
from agr.planning.pool import Solution
from agr.planning.inputs import carried_of, previous_of
from agr.scenario.scenario import Scenario
from agr.settings import Timetable
from models.case import Case

Solve = Callable[[Case], Solution]
THRESHOLD_W = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One plan of the day."""

    period: Period
    number: int  # from 1, within the Period
    at: datetime
    reason: Reason
    solved: Solved
    answer: Solution
    change: Change | None  # against the step before
    label: str = ""  # what replays call it

    @property
    def name(self) -> str:
        """How tables and pictures call it."""
        return self.label or f"{self.number} {self.reason.kind.value}"


@dataclass(frozen=True, kw_only=True)
class _Moment:
    """Something that makes the daemon plan."""

    at: datetime
    reason: Reason
    contract: str | None = None
    reserved_w: tuple[int, ...] = ()


@dataclass
class _Held:
    """What has been decided so far."""

    fixed: dict[str, tuple[float, ...]] = field(default_factory=dict)
    reserved_w: dict[str, tuple[int, ...]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def play(scenario: Scenario, period: Period, carried_state: Mapping[str, float], solve: Solve) -> Iterator[Step]:
    """Yield the plans of a Period in the order in which they are made."""
    held = _Held()
    for moment in _moments(scenario, period):
        if moment.contract is not None:
            held.reserved_w[moment.contract] = moment.reserved_w
        _close_gates(scenario, period, moment.at, held)
        step = _plan(inputs_of(scenario, period, moment.at, carried_state, held), moment, held, solve)
        held.steps.append(step)
        yield step


def foresight(scenario: Scenario, period: Period, carried_state: Mapping[str, float], last: Step) -> Inputs:
    """Return what a plan would be made from that knew results and events beforehand and had every gate open.

    `last` is the last plan that was made without knowing: its reservations are those in force.
    """
    held = _Held()
    for moment in _moments(scenario, period):
        if moment.contract is not None and moment.at <= last.at:
            held.reserved_w[moment.contract] = moment.reserved_w
    return inputs_of(scenario, period, dict(Timetable().moments(period))["day_ahead_results"], carried_state, held)


def carried(step: Step) -> dict[str, float]:
    """Return what a day's last plan leaves: energy in each store, how long a load has been on or off."""
    return carried_of(step.solved)


def _moments(scenario: Scenario, period: Period) -> list[_Moment]:
    """Return what leads to a plan: the timetable's moments and the scenario's events, by time."""
    times = dict(Timetable().moments(period))
    found = [_Moment(at=times["first_plan"], reason=Reason(kind=ReasonKind.FIRST_PLAN))]
    markets = scenario.description.markets
    if None not in values_on(scenario.register.prices, markets.day_ahead.series, period):
        text = "day-ahead results and awarded capacity"
        found.append(_Moment(at=times["day_ahead_results"], reason=Reason(kind=ReasonKind.RESULTS, text=text)))
    contracts = {c.contract: c for c in scenario.register.contracts}
    for event in scenario.description.events:
        if (event.period or scenario.description.period) != period.day or event.contract not in contracts:
            continue  # taken out with --without, or another day's
        contract = contracts[event.contract]
        kept = tuple(round(power * event.keep_share) for power in contract.contracted_w(period))
        text = f"{contract.dso}, contract {contract.contract}: {event.keep_share:.0%} still reserved"
        reason = Reason(kind=ReasonKind.RESERVATION, reference=contract.contract, text=text)
        found.append(_Moment(at=event.at, reason=reason, contract=event.contract, reserved_w=kept))
    return sorted(found, key=lambda moment: moment.at)


def _close_gates(scenario: Scenario, period: Period, now: datetime, held: _Held) -> None:
    """Fix bids and the day-ahead position of the plan in force at each gate that has passed."""
    markets = scenario.description.markets
    gates = {p.name: p.gate.gate(p.name).instant(period) for p in markets.capacity}
    gates[DAY_AHEAD] = dict(Timetable().moments(period))["day_ahead_gate"]
    for name, gate in gates.items():
        made = [step for step in held.steps if step.at <= gate]
        if gate > now or name in held.fixed or not held.steps:
            continue
        outcome = made[-1].solved.outcome if made else None
        if name == DAY_AHEAD:
            values = tuple(outcome.day_ahead_kw.tolist()) if outcome else (0.0,) * period.isp_count
        else:
            index = [p.name for p in markets.capacity].index(name)
            blocks = 24 // markets.capacity[index].block_hours
            values = tuple(outcome.bids_mw[index].tolist()) if outcome else (0.0,) * blocks
        held.fixed[name] = values


def inputs_of(
    scenario: Scenario, period: Period, now: datetime, carried_state: Mapping[str, float], held: "_Held | None" = None
) -> Inputs:
    """Return what a plan of the Period is made from at a moment."""
    held = held or _Held()
    described, times = scenario.description, dict(Timetable().moments(period))
    series = {price.series for price in scenario.register.prices}
    if now < times["day_ahead_gate"] and described.markets.day_ahead.forecast_series in series:
        series.discard(described.markets.day_ahead.series)  # no results yet
    published = any(step.at >= times["day_ahead_results"] for step in held.steps)
    edge = now + timedelta(seconds=described.markets.intraday.closes_before_s)
    closed = min(max(period.isp_of(edge), 0), period.isp_count) if edge >= period.start else 0
    frozen = (p.address for p in scenario.points if p.intraday_redispatch_by is None and now >= period.start)
    return Inputs(
        period=period,
        portfolio=Portfolio(period=period, points=scenario.points, free_connections=scenario.free_connections),
        register=scenario.register,
        forecasts=scenario.forecasts.get(period.day, {}),
        prices={name: values_on(scenario.register.prices, name, period) for name in sorted(series)},
        reserved_w=dict(held.reserved_w),
        fixed=dict(held.fixed),
        carried_state=carried_state,
        markets=described.markets,
        planning=described.planning,
        closed_isps=closed,
        frozen_points=frozenset(frozen),
        previous=previous_of(held.steps[-1].solved) if held.steps else Previous(),
        stay_eur_per_mwh=described.stay_eur_per_mwh if published else 0.0,
    )


def _plan(inputs: Inputs, moment: _Moment, held: _Held, solve: Solve) -> Step:
    named = build(inputs)
    answer = solve(named.case)
    solved = Solved(named=named, outcome=answer.outcome)
    before = held.steps[-1] if held.steps else None
    return Step(
        period=inputs.period,
        number=len(held.steps) + 1,
        at=moment.at,
        reason=moment.reason,
        solved=solved,
        answer=answer,
        change=change(before.number, before.solved, solved, THRESHOLD_W) if before else None,
    )
