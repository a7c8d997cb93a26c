"""What operators see of how a Period's plan was carried out: resources, congestion points, sessions, and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.session_points import points_of
from agr.dispatch.unplanned import points_named, stem_of
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Dispatch, DispatchState, Fact
from agr.domain.execution import Cause, Execution, Verdict
from agr.domain.isp import Period
from agr.domain.register import Register
from agr.operations.dispatching.wishes import PointState, newest_states
from agr.operations.execution.sessions import SessionLine, session_lines
from agr.operations.resource_programs import ResourcePrograms
from agr.planning.settlement import SPREAD_BACK, SettlementPrices, settled_eur, settlement_prices
from agr.settings import Settings
from agr.store import charge_sessions, dispatch_facts, executions, plans, register
from agr.store.charge_sessions import ChargeSession
from agr.store.dispatch_facts import Silence
from agr.store.engine import Tx
from agr.store.executions import Columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_POINT = ""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Sums over ISPs that have ended, of those that were measured as a whole; consumption positive."""

    planned_kwh: float
    measured_kwh: float
    eur: float | None  # what the deviation is settled for; None: no price is known
    counts: Mapping[str, int]  # verdict → ISPs, of all that have ended

    @property
    def kwh(self) -> float:
        """How much more was taken than planned."""
        return self.measured_kwh - self.planned_kwh


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
class PointLine:
    """The resources of one congestion point together."""

    address: str  # empty: those in none
    judged: int  # resources that have verdicts
    resources: int  # all that the plan knows there
    deviation: Deviation
    planned_kw: Floats  # (T,) of all
    prognosed_kw: Floats | None  # (T,) the newest D-Prognosis
    planned_judged_kw: Floats  # (T,) of those that are measured; NaN where an ISP was not measured
    measured_kw: Floats  # (T,) likewise
    unplanned_kwh: float  # what cars that came unplanned took there by their registers


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
    cars = _Cars(tables, programs)
    sums = _deviations(period, rows, rows.resource, len(rows.names), prices)
    causes = _tallies(rows.resource, rows.cause, len(rows.names), [one.value for one in executions.CAUSES])
    lines = []
    for place, resource in enumerate(rows.names):
        program, point = programs.of_resource(resource), at.get(resource) or cars.point(resource)
        lines.append(ResourceLine(
            resource=resource, connection=program.connection if program else point.connection if point else "",
            congestion_point=program.congestion_point if program else cars.address(resource) or NO_POINT,
            charge_point=None if point is None else point.charge_point, deviation=sums[place],
            causes={word: count for word, count in causes[place].items() if word != Cause.UNKNOWN.value},
            last=rows.last[place], answer=None if point is None else newest.get(point.charge_point),
        ))  # fmt: skip
    sessions = charge_sessions.overlapping(tx, period.start, period.end)
    beside = _unplanned(sessions, programs, {row.charge_point: row.connection for row in tables.charge_points}, now)
    judged = {line.resource: line for line in lines}
    return Overview(
        period=period, plan=programs.plan, total=_deviations(period, rows, np.zeros_like(rows.isp), 1, prices)[0],
        resources=tuple(sorted(lines, key=lambda line: (-abs(line.deviation.kwh), line.resource))),
        points=tuple(_points(programs, rows, cars, sent, prices, beside)),
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
    off = any(one.fact in (Fact.CLOCK, Fact.FOLLOWS) for one in state.facts)
    return bool(state.stopped or state.silent or off or bad)


class _Cars:
    """Where cars that came unplanned are; the register has no row of most of them."""

    def __init__(self, tables: Register, programs: ResourcePrograms) -> None:
        self._points = points_named(tables.charge_points)
        self._address = dict(zip(programs.connection, programs.congestion_point, strict=True))

    def point(self, name: str) -> ChargePoint | None:
        """Return the charge point of such a car; None: it is none."""
        return self._points.get(stem_of(name))

    def address(self, name: str) -> str | None:
        """Return its congestion point; empty: none; None: it is not known."""
        point = self.point(name)
        return None if point is None else self._address.get(point.connection)


def _with_money(one: SessionLine, of: ResourceLine | None) -> SessionLine:
    """Return a session with what became of it in ISPs that have ended."""
    if of is None or not sum(of.deviation.counts.get(word, 0) for word in (Verdict.EXECUTED, Verdict.DEVIATED)):
        return one
    return replace(one, deviation_kwh=of.deviation.kwh, settled_eur=of.deviation.eur, causes=of.causes)


def _deviations(period: Period, rows: Columns, of: Ints, count: int, prices: SettlementPrices) -> list[Deviation]:
    """Return the sums of each of `count` groups; `of` (N,): the group of each row.

    What one takes more and another less in the same ISP is settled together.
    """
    mine = rows.whole
    planned, measured = (
        np.bincount(of[mine], weights=values[mine], minlength=count) for values in (rows.planned_kwh, rows.measured_kwh)
    )
    off = (rows.measured_kwh - rows.planned_kwh)[mine] / 1000
    isps = period.isp_count
    net: Floats = (
        np.bincount(of[mine] * isps + rows.isp[mine], weights=off, minlength=count * isps)
        .reshape(count, isps)
        .astype(np.float64)
    )
    eur = settled_eur(net, prices).sum(axis=1)
    counts = _tallies(of, rows.verdict, count, [one.value for one in executions.VERDICTS])
    return [
        Deviation(planned_kwh=a, measured_kwh=b, eur=None if np.isnan(c) else c, counts=d)
        for a, b, c, d in zip(planned.tolist(), measured.tolist(), eur.tolist(), counts, strict=True)
    ]


def _tallies(of: Ints, kind: Ints, count: int, words: Sequence[str]) -> list[dict[str, int]]:
    """Return how often each word occurs in each group; words that do not occur are left out."""
    table = np.bincount(of * len(words) + kind, minlength=count * len(words)).reshape(count, len(words))
    return [{word: n for word, n in zip(words, row, strict=True) if n} for row in table.tolist()]


def _unplanned(
    sessions: Sequence[ChargeSession], programs: ResourcePrograms, behind: Mapping[str, str], now: datetime
) -> dict[str, float]:  # fmt: skip
    """Return congestion point → kWh that cars took in the Period which nobody has planned.

    `behind`: charge point → connection. A session over midnight counts with its share of the Period.
    """
    period, known = programs.period, set(programs.resource)
    address = dict(zip(programs.connection, programs.congestion_point, strict=True))
    found: dict[str, float] = {}
    for one in sessions:
        if one.resource in known or not one.delivered_kwh:
            continue
        end = one.ended_at or now
        inside = min(end, period.end) - max(one.began_at, period.start)
        share = 1.0 if end <= one.began_at else max(inside / (end - one.began_at), 0.0)
        place = address.get(behind.get(one.charge_point, ""), NO_POINT)
        found[place] = found.get(place, 0.0) + one.delivered_kwh * share
    return found


def _points(
    programs: ResourcePrograms, rows: Columns, cars: _Cars, sent: Mapping[str, plans.Sent], prices: SettlementPrices,
    beside: Mapping[str, float],
) -> list[PointLine]:  # fmt: skip
    period, isps = programs.period, programs.period.isp_count
    addresses = list(dict.fromkeys(programs.congestion_point))
    numbers = {address: number for number, address in enumerate(addresses)}
    place = np.array([numbers[address] for address in programs.congestion_point], dtype=np.int64)
    known = {name: numbers[address] for name, address in zip(programs.resource, programs.congestion_point, strict=True)}
    strangers = {name: cars.address(name) for name in rows.names if name not in known}
    known |= {name: numbers[address] for name, address in strangers.items() if address is not None}
    owner = np.array([known.get(name, len(addresses)) for name in rows.names], dtype=np.int64)  # the last: none known
    of, count = owner[rows.resource] if len(owner) else rows.resource, len(addresses) + 1
    sums = _deviations(period, rows, of, count, prices)
    cells, mine = of[rows.whole] * isps + rows.isp[rows.whole], rows.whole
    planned, measured = (
        np.bincount(cells, weights=values[mine], minlength=count * isps).reshape(count, isps) / period.isp_hours
        for values in (rows.planned_kwh, rows.measured_kwh)
    )
    unseen = np.bincount(cells, minlength=count * isps).reshape(count, isps) == 0
    planned[unseen] = measured[unseen] = np.nan
    judged, all_there = np.bincount(owner, minlength=count), np.bincount(place, minlength=count)
    whole_kw = np.zeros((len(addresses), isps))
    np.add.at(whole_kw, place, programs.power_kw)
    found = []
    for number, address in enumerate(addresses):
        if not judged[number]:
            continue
        prognosis = sent.get(address)
        found.append(PointLine(
            address=address, judged=int(judged[number]), resources=int(all_there[number]), deviation=sums[number],
            planned_kw=whole_kw[number], planned_judged_kw=planned[number], measured_kw=measured[number],
            prognosed_kw=None if prognosis is None else np.array(prognosis.power_w) / 1000,
            unplanned_kwh=beside.get(address, 0.0),
        ))  # fmt: skip
    return sorted(found, key=lambda line: (-abs(line.deviation.kwh), line.address))


def worst_verdict(counts: Mapping[str, int]) -> str:
    """Return the verdict to show of several: what went wrong first."""
    order = (Verdict.UNREACHABLE, Verdict.DEVIATED, Verdict.UNMEASURED, Verdict.EXECUTED)
    return next((verdict.value for verdict in order if counts.get(verdict.value)), "")
