"""What operators see of how a Period's plan was carried out: resources, congestion points, sessions, and money."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.session_points import points_of
from agr.domain.dispatch import Dispatch
from agr.domain.execution import Cause, Execution, Verdict
from agr.domain.isp import Period
from agr.nomination.exposure import SPREAD_BACK, SettlementPrices, settled_eur, settlement_prices
from agr.operations.execution.sessions import SessionLine, session_lines
from agr.operations.resource_programs import ResourcePrograms
from agr.settings import Settings
from agr.store import charge_sessions, dispatch_facts, dispatches, executions, plans, register
from agr.store.charge_sessions import ChargeSession
from agr.store.dispatch_facts import Silence
from agr.store.engine import Tx

Floats = NDArray[np.float64]

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
    unplanned_kwh: float  # what cars that no plan knows took there, beside all that


@dataclass(frozen=True, kw_only=True, eq=False)
class Overview:
    """A Period at an instant."""

    period: Period
    plan: int
    points: tuple[PointLine, ...]  # the worst first
    resources: tuple[ResourceLine, ...]  # the worst first
    sessions: tuple[SessionLine, ...]
    total: Deviation
    unplanned_kwh: float  # what cars that no plan knows have taken; in none of the sums above
    silent: Mapping[str, Silence]  # back-ends of charge points that do not answer, by road
    stand_in: bool  # some prices are day-ahead prices, because settlement prices are not known


def overview(tx: Tx, settings: Settings, programs: ResourcePrograms, now: datetime) -> Overview:
    """Return what has become of a plan so far."""
    period = programs.period
    rows = executions.between(tx, period.start, period.end - timedelta(seconds=1))
    prices = settlement_prices(settings, register.prices(tx, period.start - SPREAD_BACK, period.end), period)
    tables = register.load_tables(tx, "connections", "ev_sessions", "charge_points")
    at = points_of(tables)
    by_resource: dict[str, list[Execution]] = {}
    for row in rows:
        by_resource.setdefault(row.resource, []).append(row)
    newest = {name: dispatches.newest(tx, name, 1) for name in {p.charge_point for p in at.values()}}
    sent = {one.congestion_point: one for one in plans.prognoses(tx, period.day)}  # the last is the newest
    lines = []
    for resource, mine in by_resource.items():
        program = programs.of_resource(resource)
        point = at.get(resource)
        answers = [] if point is None else newest[point.charge_point]
        lines.append(ResourceLine(
            resource=resource, connection=program.connection if program else "",
            congestion_point=program.congestion_point if program else NO_POINT,
            charge_point=None if point is None else point.charge_point, deviation=_deviation(period, mine, prices),
            causes=Counter(row.cause.value for row in mine if row.cause is not Cause.UNKNOWN), last=mine[-1],
            answer=answers[0] if answers else None,
        ))  # fmt: skip
    sessions = charge_sessions.overlapping(tx, period.start, period.end)
    beside = _unplanned(sessions, programs, {row.charge_point: row.connection for row in tables.charge_points}, now)
    return Overview(
        period=period, plan=programs.plan, total=_deviation(period, rows, prices),
        resources=tuple(sorted(lines, key=lambda line: (-abs(line.deviation.kwh), line.resource))),
        points=tuple(_points(programs, by_resource, sent, prices, beside)), unplanned_kwh=sum(beside.values()),
        sessions=tuple(session_lines(tables, sessions, programs, now)), silent=dispatch_facts.silent(tx),
        stand_in=bool(prices.stand_in.any()) and bool(rows),
    )  # fmt: skip


def _deviation(period: Period, rows: Iterable[Execution], prices: SettlementPrices) -> Deviation:
    """Return sums; what one takes more and another less in the same ISP is settled together."""
    net, planned, measured = np.zeros(period.isp_count), 0.0, 0.0
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.verdict.value] += 1
        off = row.deviation_kwh
        if off is not None and row.measured_kwh is not None:
            net[period.isp_of(row.start) - 1] += off / 1000
            planned += row.planned_kwh
            measured += row.measured_kwh
    eur = float(settled_eur(net, prices).sum())
    return Deviation(
        planned_kwh=planned, measured_kwh=measured, eur=None if np.isnan(eur) else eur, counts=counts
    )  # fmt: skip


def _unplanned(
    sessions: Iterable[ChargeSession], programs: ResourcePrograms, behind: Mapping[str, str], now: datetime
) -> dict[str, float]:  # fmt: skip
    """Return congestion point → kWh that cars took in the Period which its plan does not know.

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
    programs: ResourcePrograms, rows: Mapping[str, Sequence[Execution]], sent: Mapping[str, plans.Sent],
    prices: SettlementPrices, beside: Mapping[str, float],
) -> list[PointLine]:  # fmt: skip
    period = programs.period
    places: dict[str, list[int]] = {}
    for place, address in enumerate(programs.congestion_point):
        places.setdefault(address, []).append(place)
    found = []
    for address, mine in places.items():
        names = [programs.resource[place] for place in mine if programs.resource[place] in rows]
        judged = [row for name in names for row in rows[name]]
        if not judged:
            continue
        prognosis = sent.get(address)
        planned, measured = _curves(period, judged)
        found.append(PointLine(
            address=address, judged=len(names), resources=len(mine), deviation=_deviation(period, judged, prices),
            planned_kw=programs.power_kw[mine].sum(axis=0), planned_judged_kw=planned, measured_kw=measured,
            prognosed_kw=None if prognosis is None else np.array(prognosis.power_w) / 1000,
            unplanned_kwh=beside.get(address, 0.0),
        ))  # fmt: skip
    return sorted(found, key=lambda line: (-abs(line.deviation.kwh), line.address))


def _curves(period: Period, rows: Iterable[Execution]) -> tuple[Floats, Floats]:
    """Return (planned, measured) power in kW per ISP of what was measured as a whole; NaN where nothing was."""
    planned, measured = np.zeros(period.isp_count), np.zeros(period.isp_count)
    seen = np.zeros(period.isp_count, dtype=bool)
    for row in rows:
        if row.deviation_kwh is None or row.measured_kwh is None:
            continue
        isp = period.isp_of(row.start) - 1
        seen[isp] = True
        planned[isp] += row.planned_kwh
        measured[isp] += row.measured_kwh
    hours = period.isp_hours
    return np.where(seen, planned / hours, np.nan), np.where(seen, measured / hours, np.nan)


def worst_verdict(counts: Mapping[str, int]) -> str:
    """Return the verdict to show of several: what went wrong first."""
    order = (Verdict.UNREACHABLE, Verdict.DEVIATED, Verdict.UNMEASURED, Verdict.EXECUTED)
    return next((verdict.value for verdict in order if counts.get(verdict.value)), "")
