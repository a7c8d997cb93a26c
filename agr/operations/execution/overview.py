"""What operators see of how a Period's plan was carried out: resources, congestion points, sessions, and money."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from agr.dispatch.session_points import points_of
from agr.domain.dispatch import Dispatch, DispatchState, StationFact
from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.domain.isp import Period
from agr.operations.dispatching.wishes import PointState, newest_states
from agr.operations.execution.deviations import Deviation, deviations, tallies
from agr.operations.execution.point_lines import NO_POINT, PointLine, UnplannedCars, point_lines, unplanned_kwh
from agr.operations.execution.sessions import SessionLine, session_lines
from agr.operations.resource_programs import ResourcePrograms
from agr.planning.settlement import SPREAD_BACK, settlement_prices
from agr.settings import Settings
from agr.store import charge_sessions, dispatch_facts, executions, plans, register
from agr.store.dispatch_facts import Silence
from agr.store.engine import Tx


@dataclass(frozen=True, kw_only=True)
class ResourceLine:
    """One resource."""

    resource: str
    connection: str
    congestion_point: str
    charge_point: str | None
    deviation: Deviation
    causes: Mapping[str, int]  # cause → ISPs that deviated
    last: Execution  # the newest ISP
    answer: Dispatch | None  # the newest command to its charge point


@dataclass(frozen=True, kw_only=True, eq=False)
class Overview:
    """A Period at an instant."""

    period: Period
    plan: int
    points: tuple[PointLine, ...]  # the worst first
    resources: tuple[ResourceLine, ...]  # the worst first
    sessions: tuple[SessionLine, ...]
    total: Deviation
    unplanned_kwh: float  # what cars that came unplanned have taken by their registers
    charge_points: tuple[PointState, ...]  # what needs a look first, then by name
    silent: Mapping[str, Silence]  # back-ends of charge points that do not answer, by road
    stand_in: bool  # some prices are day-ahead prices, because settlement prices are not known


def overview(tx: Tx, settings: Settings, programs: ResourcePrograms, now: datetime) -> Overview:
    """Return what has become of a plan so far."""
    period = programs.period
    rows = executions.columns(tx, period.starts())
    prices = settlement_prices(settings, register.prices(tx, period.start - SPREAD_BACK, period.end), period)
    tables = register.load_tables(tx, "connections", "ev_sessions", "charge_points")
    at = points_of(tables)
    states = newest_states(tx) if tables.charge_points else []
    newest = {one.point.charge_point: one.rows[0] for one in states if one.rows}
    sent = {one.congestion_point: one for one in plans.prognoses(tx, period.day)}  # the last is the newest
    cars = UnplannedCars(tables, programs)
    sums = deviations(period, rows, rows.resource, len(rows.names), prices)
    causes = tallies(rows.resource, rows.cause, len(rows.names), [one.value for one in executions.CAUSES])
    lines = []
    for place, resource in enumerate(rows.names):
        program, point = programs.of_resource(resource), at.get(resource) or cars.point(resource)
        lines.append(ResourceLine(
            resource=resource, connection=program.connection if program else point.connection if point else "",
            congestion_point=program.congestion_point if program else cars.address(resource) or NO_POINT,
            charge_point=None if point is None else point.charge_point, deviation=sums[place],
            causes={word: count for word, count in causes[place].items() if word != DeviationCause.UNKNOWN.value},
            last=rows.last[place], answer=None if point is None else newest.get(point.charge_point),
        ))  # fmt: skip
    sessions = charge_sessions.overlapping(tx, period.start, period.end)
    beside = unplanned_kwh(sessions, programs, {row.charge_point: row.connection for row in tables.charge_points}, now)
    judged = {line.resource: line for line in lines}
    return Overview(
        period=period, plan=programs.plan, total=deviations(period, rows, np.zeros_like(rows.isp), 1, prices)[0],
        resources=tuple(sorted(lines, key=lambda line: (-abs(line.deviation.kwh), line.resource))),
        points=tuple(point_lines(programs, rows, cars, sent, prices, beside)),
        unplanned_kwh=sum(beside.values()),
        sessions=tuple(_with_money(one, judged.get(one.name or "")) for one in session_lines(
            tables, sessions, programs, now
        )),
        charge_points=tuple(sorted(states, key=lambda one: (not needs_look(one), one.point.charge_point))),
        silent=dispatch_facts.silent(tx),
        stand_in=bool(prices.stand_in.any()) and bool(rows.names),
    )  # fmt: skip


def needs_look(state: PointState) -> bool:
    """Say whether something is wrong at a charge point: stopped, silent, a clock that is off, or no good answer."""
    bad = state.rows and state.rows[0].state in (DispatchState.REJECTED, DispatchState.UNKNOWN)
    off = any(one.fact in (StationFact.CLOCK, StationFact.FOLLOWS) for one in state.facts)
    return bool(state.stopped or state.silent or off or bad)


def _with_money(one: SessionLine, of: ResourceLine | None) -> SessionLine:
    """Return a session with what became of it in ISPs that have ended."""
    if of is None or not sum(of.deviation.counts.get(word, 0) for word in (Verdict.EXECUTED, Verdict.DEVIATED)):
        return one
    return replace(one, deviation_kwh=of.deviation.kwh, settled_eur=of.deviation.eur, causes=of.causes)
