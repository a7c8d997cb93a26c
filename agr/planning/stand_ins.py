"""Charging sessions that a group's forecast expects and that are not known yet: they stand in for real ones. Pure.

Each is a session of the plan's register only, at one of the group's charge points. Nothing is sent to it.
Source: docs/how-to/forecast.md (charging sessions that are not known yet).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from agr.dispatch.unplanned import behind, expected_name, is_expected
from agr.domain.charge_point import ChargePoint
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.quantities import POWER
from agr.domain.register import Portfolio, Register
from agr.domain.stand_in import GroupForecast, StandIn
from agr.forecasting.expected import ExpectedSession, expected_sessions, still_expected
from agr.forecasting.sessions import ARRIVALS, ELSEWHERE, ENERGY, STAY
from agr.planning.case import Inputs
from agr.planning.contents import named_some
from agr.store.forecast_runs import ForecastRun

Floats = NDArray[np.float64]
Runs = Mapping[str, ForecastRun]
"""Series → our newest forecast of it for one Period."""
_LEAST_KWH = 1e-3


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Charge points that one forecast is of, and what is forecast for them."""

    name: str
    points: tuple[ChargePoint, ...]
    runs: tuple[ForecastRun, ForecastRun, ForecastRun]  # arrivals, energy, stay


def stand_ins(inputs: Inputs, runs_of: Mapping[Period, Runs], now: datetime, notes: list[str]) -> Inputs:
    """Return the inputs with the sessions that are expected; says in `notes` how many stand in, and where none can.

    `runs_of`: the Period, and the one before while it is not over: cars stay beyond midnight.
    """
    points = points_by_group(inputs.register, inputs.portfolio)
    known = _known(inputs.register, points)
    kept = inputs.frozen_points - inputs.uncallable_points
    found = [
        _of_group(inputs, group, period, known[group.name], now)
        for period, runs in runs_of.items()
        for group in _groups(runs, points)
        if group.name not in kept
    ]
    rows = tuple(
        EvSession(
            resource=one.resource, connection=connection, arrival=one.arrival, departure=one.departure,
            energy_kwh=one.energy_kwh, charge_kw=one.charge_kw, charge_point=charge_point,
        )
        for expectation, places in found
        for one, (charge_point, connection) in zip(expectation.stand_ins, places, strict=True)
    )  # fmt: skip
    gone, programs = _gone(inputs, {row.resource for row in rows}, points, kept)
    _say(inputs, [one for one, _ in found], runs_of, points, notes)
    if not rows and not gone:
        return replace(inputs, expectations=tuple(one for one, _ in found))
    return replace(
        inputs, expectations=tuple(one for one, _ in found), forecasts={**inputs.forecasts, **programs},
        register=replace(inputs.register, resources=(*inputs.register.resources, *rows, *gone)),
    )  # fmt: skip


def points_by_group(register: Register, portfolio: Portfolio) -> dict[str, tuple[ChargePoint, ...]]:
    """Return group → its charge points by name."""
    point_of = {connection: point.address for point in portfolio.points for connection in point.connections}
    found: defaultdict[str, list[ChargePoint]] = defaultdict(list)
    for row in sorted(register.charge_points, key=lambda row: row.charge_point):
        found[point_of.get(row.connection, ELSEWHERE)].append(row)
    return {group: tuple(rows) for group, rows in found.items()}


def _groups(runs: Runs, points: Mapping[str, Sequence[ChargePoint]]) -> Iterator[_Group]:
    for name in sorted(points):
        mine = tuple(runs.get(begins + name) for begins in (ARRIVALS, ENERGY, STAY))
        arrivals, energy, stay = mine
        if arrivals is not None and energy is not None and stay is not None:
            yield _Group(name=name, points=tuple(points[name]), runs=(arrivals, energy, stay))


def _known(register: Register, points: Mapping[str, Sequence[ChargePoint]]) -> dict[str, list[datetime]]:
    """Return group → arrivals of the sessions that are known beforehand."""
    group_of = {row.connection: group for group, rows in points.items() for row in rows}
    found: dict[str, list[datetime]] = {group: [] for group in points}
    for row in register.of(EvSession):
        if row.connection in group_of:
            found[group_of[row.connection]].append(row.arrival)
    return found


def _of_group(
    inputs: Inputs, group: _Group, of: Period, known: Sequence[datetime], now: datetime
) -> tuple[GroupForecast, list[tuple[str, str]]]:
    """Return what a group's forecast of a Period leaves expected, and the charge point and connection of each."""
    arrivals, energy, stay = group.runs
    every = expected_sessions(arrivals.mean, energy.mean, stay.mean, of.start, arrivals.minutes)
    place_of = dict(zip((one.arrival for one in every), _places(every, group.points), strict=True))
    mine = [arrival for arrival in known if of.start <= arrival < of.end]
    made, places = list[StandIn](), list[tuple[str, str]]()
    taken = {row.resource for row in inputs.register.of(EvSession)}
    for one in still_expected(every, mine, now):
        point = place_of[one.arrival]
        kw = one.cars * min(point.max_kw, inputs.planning.sessions.car_kw or np.inf)
        departure = one.arrival + max(one.stay, timedelta(hours=one.energy_kwh / kw))
        name = expected_name(point.charge_point, one.arrival)
        if one.energy_kwh < _LEAST_KWH or departure <= inputs.period.start or name in taken:
            continue
        made.append(
            StandIn(
                resource=name, group=group.name, arrival=one.arrival, departure=departure, energy_kwh=one.energy_kwh,
                charge_kw=kw,
            )
        )  # fmt: skip
        places.append((point.charge_point, point.connection))
    return GroupForecast(
        group=group.name, first=of.start, last=of.end, cars=float(arrivals.mean.sum()),
        energy_kwh=float(energy.mean.sum()), known=tuple(mine), stand_ins=tuple(made), asked_at=now,
    ), places  # fmt: skip


def _places(sessions: Sequence[ExpectedSession], points: Sequence[ChargePoint]) -> list[ChargePoint]:
    """Return a charge point for each session, which come by arrival: the one that has been free for longest."""
    if not sessions:
        return []
    free = [(sessions[0].arrival, place) for place in range(len(points))]
    heapify(free)
    found = []
    for one in sessions:
        _, place = heappop(free)
        found.append(points[place])
        heappush(free, (one.arrival + one.stay, place))
    return found


def _gone(
    inputs: Inputs, here: set[str], points: Mapping[str, Sequence[ChargePoint]], kept: frozenset[str]
) -> tuple[tuple[FixedLoad, ...], dict[tuple[str, str], Floats]]:
    """Return what the plan in force has of sessions that are expected no longer: in ISPs that are over, as planned.

    So those ISPs stay as they were announced and traded; from the present ISP on, real cars have taken their place. A
    congestion point that keeps its program (`kept`) keeps that of all its expected sessions, whatever is forecast now.
    """
    over = inputs.past_isps
    connection_of = behind(inputs.previous.programs_kw, (row for rows in points.values() for row in rows))
    keeping = {row.connection for name, rows in points.items() if name in kept for row in rows}
    rows, programs = [], {}
    for name, program in sorted(inputs.previous.programs_kw.items()) if over or keeping else ():
        connection = connection_of.get(name)
        if name in here or not is_expected(name) or connection is None:
            continue
        stays = np.zeros(len(program))
        upto = len(program) if connection in keeping else over
        stays[:upto] = program[:upto]
        if stays.any():
            rows.append(FixedLoad(resource=name, connection=connection))
            programs[name, POWER.name] = stays
    return tuple(rows), programs


def _say(
    inputs: Inputs, found: Sequence[GroupForecast], runs_of: Mapping[Period, Runs],
    points: Mapping[str, Sequence[ChargePoint]], notes: list[str],
) -> None:  # fmt: skip
    mine = [one for expectation in found for one in expectation.stand_ins]
    forecast = [run for runs in runs_of.values() for run in runs.values() if run.series.startswith(ARRIVALS)]
    if mine:
        groups, energy = len({one.group for one in mine}), sum(one.energy_kwh for one in mine)
        made = max(run.made_at for run in forecast).astimezone(inputs.period.tz)
        models = ", ".join(sorted({run.model for run in forecast}))
        sessions = number_of(len(mine), "expected session stands in", "expected sessions stand in")
        notes.append(
            f"{sessions} for those that are not known yet, {energy:,.0f} kWh in {number_of(groups, 'group')}; "
            f"forecast by {models}, made {made:%Y-%m-%d %H:%M}"
        )
    known = sum(len(one.known) for one in found if one.first == inputs.period.start)
    if known:
        sessions = number_of(known, "known session takes", "known sessions take")
        notes.append(f"{sessions} the place of expected ones")
    nowhere = sorted({run.series.removeprefix(ARRIVALS) for run in forecast} - points.keys())
    if nowhere:
        words = "sessions are forecast where no charge point is known, and are not planned"
        notes.append(f"{words}: {named_some(nowhere)}")
