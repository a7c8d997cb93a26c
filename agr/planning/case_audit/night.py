"""Checks what cars must hold at midnight because limits cannot carry all that is needed after it. Pure.

How a shortage is shared out among cars is the case's choice. Checked is what follows from the tables: no car must hold
more than it needs, all together no more than limits ask for, and no kWh is left for after midnight that limits could
carry before it, but not after it. Where limits have no room for all of it, only the first is checked. Where a schedule
by departure fits and nothing is raised, that is proof enough; else two linear programs say it: one is free, one gives
cars no more than the case says. Cars that are too many for a linear program are looked at by themselves only.
Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agr.domain.kinds.ev_session import EvSession
from agr.domain.register import ConnectionLimit, PointLimit
from agr.planning.case_audit.context import AuditContext, Rows
from agr.planning.case_audit.day import Day, after, calendar_after
from agr.planning.case_audit.drawn import drawn_by_others
from agr.planning.case_audit.facts import Floats

_LATER_DAYS = 2
_NOWHERE, _HELD = 100.0, 0.5
"""What a kWh costs that fits nowhere, and one that must not be given back, where one before midnight costs 1"""
_KWH, _SHARE = 1e-3, 1e-5
"""Two answers may differ by so much, and by this share of what all cars need: the tolerances of the programs"""
_LIKED = 1e-3
"""What a kWh that the case has raised costs less: of equal answers the one of the case, which shares out as it likes"""
_MOST = 300_000
"""Most powers of cars in a linear program: one of this size takes some seconds"""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parked:
    """Cars over N ISPs; energies at the meter, kWh."""

    name: NDArray[np.str_]  # (J,)
    most: Floats  # (J,N) that each can take
    least: Floats  # (J,) that it takes in an ISP if it takes anything
    leaves: Floats  # (J,) minutes since the day's midnight
    owed: Floats  # (J,)
    held: Floats  # (J,) of it already there
    given: Floats  # (J,) what the case has it hold or take before midnight; +inf where nothing says so
    own: Floats  # (J,) what its own power asks it to

    def only(self, some: Rows) -> "_Parked":
        """Return some of the cars, by their rows (n,)."""
        return _Parked(**{item.name: getattr(self, item.name)[some] for item in fields(self)})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Limit:
    name: str
    cars: Rows  # (n,)
    room: Floats  # (N,) kWh that others leave


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield cars that must hold too much at midnight, and places where they must hold too little."""
    day, rows = context.day, context.ours(EvSession)
    stays = [row for row in rows if day.since(row.arrival) < day.minutes < day.since(row.departure)]
    if not stays:
        return
    days, calendar = [day], context.facts.period
    last = max(day.since(row.departure) for row in stays)
    while len(days) <= 1 or (sum(one.minutes for one in days) < last and len(days) <= _LATER_DAYS):
        days.append(after(calendar))
        calendar = calendar_after(calendar)
    minutes = sum(one.minutes for one in days)
    there = [row for row in rows if day.since(row.arrival) < minutes and day.since(row.departure) > 0]
    parked = _parked(context, there, minutes)
    over = np.isfinite(parked.given) & (parked.given > np.maximum(parked.owed, parked.own) + _KWH)
    for name in parked.name[over].tolist():
        yield f"case, {name}: must hold more at midnight than it needs"
    limits = _limits(context, [row.connection for row in there], days, frozenset(row.resource for row in there))
    for mine, here in _lots(parked, limits):
        yield from _judged(parked.only(mine), here, day.isps)


def _parked(context: AuditContext, cars: Sequence[EvSession], minutes: int) -> _Parked:
    day, data, count = context.day, context.case.storage, minutes // context.day.length
    isps, hours = day.isps, day.hours
    came, left, into, charge, least, initial, energy = (
        np.array(column, dtype=np.float64)
        for column in zip(
            *((day.since(c.arrival), day.since(c.departure), c.charge_efficiency, c.charge_kw, c.charge_min_kw,
               c.initial_kwh, c.energy_kwh) for c in cars), strict=True,
        )
    )  # fmt: skip
    begins = np.arange(count) * day.length
    plugged = np.minimum(begins + day.length, left[:, None]) - np.maximum(begins, came[:, None])
    most = np.clip(plugged / day.length, 0.0, 1.0) * charge[:, None] * hours
    content, own, due = initial.copy(), initial + energy, initial + energy
    own = np.maximum(own - np.maximum(left - day.minutes, 0.0) / 60 * charge * into, 0.0)
    due = due - np.maximum(left - minutes, 0.0) / 60 * charge * into
    given = np.full(len(cars), np.inf)
    known = context.rows_of("storage", [car.resource for car in cars])
    base = content.copy()
    most[:, :isps] *= context.available([car.resource for car in cars])
    for j in np.flatnonzero(known >= 0).tolist():
        pinned, car = np.broadcast_to(data.pinned_kw[known[j]], isps), cars[j]
        power = np.nan_to_num(pinned)
        moved = np.maximum(power, 0.0) * into[j] - np.maximum(-power, 0.0) / car.discharge_efficiency
        content[j] = data.energy_start_kwh[known[j]] + moved.sum() * hours
        most[j, :isps] *= np.isnan(pinned)
        stays = left[j] > day.minutes
        base[j] = min(content[j], own[j]) if car.discharge_kw > 0 and stays else content[j]
        if stays:
            given[j] = max(float(data.energy_min_kwh[known[j], -1]) - base[j], 0.0) / into[j]
    there = np.maximum(content - base, 0.0) / into
    owed = np.minimum(np.maximum(due - base, 0.0) / into, there + most.sum(axis=1))
    return _Parked(
        name=np.array([car.resource for car in cars]), most=most, least=least * hours, leaves=left, owed=owed,
        held=np.minimum(there, owed), given=given, own=np.maximum(own - base, 0.0) / into,
    )  # fmt: skip


def _limits(context: AuditContext, at: list[str], days: list[Day], cars: frozenset[str]) -> list[_Limit]:
    """Return the limits of import that count some car, with what all others leave."""
    facts, calendar, dates = context.facts, context.facts.period, []
    for _ in days:
        dates.append(calendar.day)
        calendar = calendar_after(calendar)
    above = {row.group: row.parent for row in facts.register.limit_groups}
    behind: dict[tuple[bool, str], set[str]] = {}
    for point in facts.portfolio.points:
        for connection in point.connections:
            behind.setdefault((True, point.address), set()).add(connection)
    for one in facts.register.connections:
        if one.address not in context.point:
            continue
        around: str | None = one.address
        above_it = one.limit_group
        while around is not None and one.address not in behind.get((False, around), set()):
            behind.setdefault((False, around), set()).add(one.address)
            around, above_it = above_it, above.get(above_it) if above_it is not None else None
    cars_at = dict[str, list[int]]()
    for i, place in enumerate(at):
        cars_at.setdefault(place, []).append(i)
    limited = list[tuple[str, set[str], Floats]]()
    rows: tuple[ConnectionLimit | PointLimit, ...] = (*facts.register.connection_limits, *facts.register.limits)
    for row in rows:
        here = (True, row.congestion_point) if isinstance(row, PointLimit) else (False, row.at)
        members = behind.get(here, set()) & context.point.keys()
        if row.import_kw is None or members.isdisjoint(cars_at):
            continue
        most = []
        for date, day in zip(dates, days, strict=True):
            counts = row.first_day <= date and (row.last_day is None or date <= row.last_day)
            inside = day.within(row.window_start, row.window_end) & counts
            most.append(np.where(inside, row.import_kw, np.inf))
        limited.append((here[1], members, np.concatenate(most)))
    if not any(np.isfinite(most[days[0].isps :]).any() for *_, most in limited):
        return []
    drawn = drawn_by_others(context, cars, frozenset(c for _, members, _ in limited for c in members), days)
    return [
        _Limit(
            name=name, cars=np.array(sorted(i for c in members for i in cars_at.get(c, ())), dtype=np.int64),
            room=(most - sum((drawn[c] for c in sorted(members)), np.zeros(len(most)))) * context.day.hours,
        )
        for name, members, most in limited
    ]  # fmt: skip


def _lots(parked: _Parked, limits: list[_Limit]) -> Iterator[tuple[Rows, list[_Limit]]]:
    """Yield cars (n,) that limits connect which they could exceed together, with all limits of these; each car once."""
    count = len(parked.owed)
    lot = np.arange(count)
    for limit in limits:  # the lots that a limit connects get one number
        if len(limit.cars) > 1 and bool((parked.most[limit.cars].sum(axis=0) > limit.room).any()):
            lot[np.isin(lot, lot[limit.cars])] = lot[limit.cars[0]]
    order = np.argsort(lot, kind="stable")
    here: dict[int, list[_Limit]] = {}
    place = np.zeros(count, dtype=np.int64)
    for limit in limits:
        for one in np.unique(lot[limit.cars]).tolist():
            here.setdefault(one, []).append(limit)
    for mine in np.split(order, np.flatnonzero(np.diff(lot[order])) + 1):
        place[mine] = np.arange(len(mine))
        one = int(lot[mine[0]])
        yield mine, [
            _Limit(name=limit.name, cars=place[limit.cars[lot[limit.cars] == one]], room=limit.room)
            for limit in here.get(one, ())
        ]  # fmt: skip


def _judged(cars: _Parked, here: list[_Limit], isps: int) -> Iterator[str]:
    """Yield findings about cars that hang together by limits."""
    most, raised = _alone(cars, here), np.isfinite(cars.given) & (cars.given > cars.own + 1e-6)
    if not raised.any() and (not here or _fits(cars, here, most, isps)):
        return
    if np.count_nonzero(most[cars.owed > 0]) > _MOST:
        return
    where = ", ".join(sorted({limit.name for limit in here})[:3]) or str(cars.name[0])
    best, found = (_least(cars, here, most, isps, given=given) for given in (False, True))
    if best is None or found is None:
        yield f"case, {where}: what cars must hold at midnight could not be worked out"
        return
    slack = _KWH + _SHARE * float(cars.owed.sum())
    if best[2] > slack:
        return  # limits are exceeded whatever cars hold; who holds how much is then the case's choice
    if found[0] > best[0] + slack:
        yield f"case, {where}: cars must hold {(found[0] - best[0]) / _NOWHERE:.6g} kWh more at midnight than they do"
    idle = float((cars.given - np.maximum(found[1], cars.own))[raised].sum())
    if idle > slack:
        yield f"case, {where}: cars must hold {idle:.6g} kWh more at midnight than limits ask for"


def _alone(cars: _Parked, here: list[_Limit]) -> Floats:
    """Return what each car can take (n,N) if it is alone; if it cannot charge with little power, it needs room."""
    room = np.full(cars.most.shape, np.inf)
    for limit in here:
        room[limit.cars] = np.minimum(room[limit.cars], limit.room)
    least = np.minimum(cars.least[:, None], cars.most)
    return np.where(room >= least - 1e-12, np.minimum(cars.most, np.maximum(room, 0.0)), 0.0)


def _fits(cars: _Parked, here: list[_Limit], most: Floats, isps: int) -> bool:
    """Say whether cars can take all they lack after midnight, served by departure; False proves nothing."""
    has = np.where(np.isfinite(cars.given), np.minimum(cars.given, cars.owed), 0.0)
    lacks = np.where(cars.most[:, isps:].any(axis=1), cars.owed - has, 0.0)  # others leave before
    rooms = [np.maximum(limit.room[isps:], 0.0) for limit in here]
    within: list[list[Floats]] = [[] for _ in range(len(lacks))]
    for limit, room in zip(here, rooms, strict=True):
        for i in limit.cars.tolist():
            within[i].append(room)
    for i in np.argsort(cars.leaves, kind="stable").tolist():
        able = np.min([most[i, isps:], *within[i]], axis=0)
        taken = np.clip(lacks[i] - (np.cumsum(able) - able), 0.0, able)
        if taken.sum() < lacks[i] - 1e-6:
            return False
        for room in within[i]:
            room -= taken
    return True


def _least(
    cars: _Parked, here: list[_Limit], most: Floats, isps: int, *, given: bool
) -> tuple[float, Floats, float] | None:  # fmt: skip
    """Return the least cost, what each car has before midnight (n,), kWh, and what fits nowhere, kWh.

    With `given` cars have no more than the case says.

    A column for each car and ISP, and two for each car: what it holds and keeps, and what fits nowhere. None: unsolved.
    """
    from scipy.optimize import linprog  # imported here, because it takes a while
    from scipy.sparse import csr_array, eye_array, hstack, vstack

    car, isp = np.nonzero(most * (cars.owed > 0)[:, None])
    count, flows = len(cars.owed), len(car)
    counted = csr_array((np.ones(flows), (car, np.arange(flows))), shape=(count, flows))
    early = csr_array(((isp < isps) * 1.0, (car, np.arange(flows))), shape=(count, flows))
    same, none = eye_array(count, format="csr"), csr_array((count, count))
    before = hstack([early, same, none], format="csr")
    cost = np.where((isp < isps) & cars.most[car, isps:].any(axis=1), 1.0, 0.0)
    upper = np.concatenate([most[car, isp], cars.held, np.full(count, np.inf)])
    bound, due = [csr_array((0, flows + 2 * count))], [np.zeros(0)]
    for limit in here:
        full = np.flatnonzero(most[limit.cars].sum(axis=0) > limit.room)
        row = np.full(most.shape[1], -1)
        row[full] = np.arange(len(full))
        some = np.flatnonzero((row[isp] >= 0) & np.isin(car, limit.cars))
        bound.append(csr_array((np.ones(len(some)), (row[isp[some]], some)), shape=(len(full), flows + 2 * count)))
        due.append(np.maximum(limit.room[full], 0.0))
    if given:
        capped = np.flatnonzero(np.isfinite(cars.given))
        bound.append(before[capped])
        due.append(cars.given[capped])
    total = np.concatenate([cost, np.full(count, _HELD), np.full(count, _NOWHERE)])
    raised = np.isfinite(cars.given) & (cars.given > cars.own)
    liked = _LIKED * np.concatenate([(isp < isps) & raised[car], raised, np.zeros(count)]) * given
    found = linprog(
        total - liked,
        A_ub=vstack(bound, format="csr"), b_ub=np.concatenate(due),
        A_eq=hstack([counted, same, same], format="csr"), b_eq=cars.owed,
        bounds=np.column_stack([np.zeros(len(upper)), upper]), method="highs",
    )  # fmt: skip
    if not found.success:
        return None
    return float(total @ found.x), np.asarray(before @ found.x), float(found.x[flows + count :].sum())
