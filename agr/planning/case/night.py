"""What cars must hold at midnight because limits cannot carry all that they need after it. Pure.

A car's own power says what it must hold at least (`agr.planning.case.ev_session`). Cars behind one fuse may together
need more in the same night than the fuse carries. What does not fit is shared out here, so that limits can carry it
before midnight, and each car's need at midnight is raised to its share.
Source: docs/reference/formulation.md §2.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.planning.case.inputs import Inputs
from agr.planning.case.limits_ahead import Ahead, LimitsAhead, Place, drawn_kw
from agr.planning.case.rows import Floats
from agr.planning.case.storage import CLASS as STORES
from models.case import Case
from models.early_charging import Loads, Rooms, charged_early

DAYS = 2
"""Most days after the Period that are looked at; a car that stays for longer charges the rest as late as it can"""
_KWH = 1e-6
_SHOWN_KWH = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class _Car:
    """A car, and its row among the stores; None where it comes after the Period."""

    car: EvSession
    row: int | None


def staying(inputs: Inputs) -> list[EvSession]:
    """Return the cars that are there when the Period ends, and stay."""
    end = inputs.period.end
    return [car for car in inputs.register.of(EvSession) if car.arrival < end < car.departure]


def raised_over_midnight(
    inputs: Inputs, case: Case, names: Mapping[str, tuple[str, ...]], notes: list[str]
) -> Case:  # fmt: skip
    """Return the case in which cars that stay must hold at midnight what limits cannot carry after it; notes it."""
    stay = staying(inputs)
    if not stay or not (inputs.register.connection_limits or inputs.register.limits):
        return case
    ahead = _ahead(inputs.period, stay)
    limits = LimitsAhead(inputs, ahead)
    first = {place for car in stay for place in limits.places_of.get(car.connection, ()) if limits.binds_after(place)}
    if not first:
        return case
    connections, places = _reached(limits, first, inputs)
    row_of = {name: row for row, name in enumerate(names[STORES.name])}
    cars = [
        _Car(car=car, row=row_of.get(car.resource))
        for car in inputs.register.of(EvSession)
        if car.connection in connections
        and (car.resource in row_of or inputs.period.end <= car.arrival < ahead.periods[-1].end)
    ]
    mine = frozenset(one.car.resource for one in cars)
    drawn = drawn_kw(inputs, case, names, connections, mine, ahead)
    rooms = _rooms(limits, places, cars, drawn, case.isp_hours)
    loads, base = _loads(inputs, case, cars, ahead)
    early = charged_early(loads, rooms)
    over = {car.resource for car in stay}
    missing = sum(kwh for one, kwh in zip(cars, early.nowhere_kwh, strict=True) if one.car.resource in over)
    if missing > _SHOWN_KWH:
        notes.append(
            f"limits leave no room for {missing:.1f} kWh that cars over midnight need, before or after it: "
            "they are exceeded unless other devices draw less"
        )
    return _raised(case, cars, base, early.before_kwh, notes)


def _ahead(period: Period, stay: Sequence[EvSession]) -> Ahead:
    """Return the Period and the days after it until the last car leaves, DAYS at most."""
    periods, last = [period, period.next()], max(car.departure for car in stay)
    while periods[-1].end < last and len(periods) <= DAYS:
        periods.append(periods[-1].next())
    return Ahead(periods=tuple(periods))


def _reached(
    limits: LimitsAhead, first: Iterable[Place], inputs: Inputs
) -> tuple[frozenset[str], tuple[Place, ...]]:  # fmt: skip
    """Return the connections behind some places, all places with a limit that count a car there, and so on."""
    with_cars = {car.connection for car in inputs.register.of(EvSession)}
    places, connections, new = set[Place](), set[str](), set(first)
    while new:
        places |= new
        found = {at for place in new for at in limits.connections_at[place]} - connections
        connections |= found
        new = {place for at in found & with_cars for place in limits.places_of[at]} - places
    return frozenset(connections), tuple(sorted(places))


def _rooms(
    limits: LimitsAhead, places: Sequence[Place], cars: Sequence[_Car], drawn: Mapping[str, Floats], hours: float
) -> Rooms:  # fmt: skip
    """Return what limits leave to cars, kWh, and which cars are behind each."""
    behind: dict[Place, list[int]] = {place: [] for place in places}
    for number, one in enumerate(cars):
        for place in limits.places_of[one.car.connection]:
            behind[place].append(number)
    used = [place for place in places if behind[place]]
    return Rooms(
        members=tuple(np.array(behind[place], dtype=np.int64) for place in used),
        room_kwh=np.array([limits.room_kw(place, drawn) for place in used]) * hours,
    )


def _loads(inputs: Inputs, case: Case, cars: Sequence[_Car], ahead: Ahead) -> tuple[Loads, Floats]:
    """Return the cars as loads, and the content (J,), kWh, from which their energies count.

    That is what a car holds if it moves no more; of one that can give back, no more than it must hold at midnight.
    """
    hours, T = case.isp_hours, ahead.midnight
    most = np.zeros((len(cars), ahead.isps))
    most[:, T:] = _presence(inputs.period, [one.car for one in cars], ahead)[:, T:]
    most *= np.array([one.car.charge_kw for one in cars])[:, None] * hours
    base, owed, held = (np.zeros(len(cars)) for _ in range(3))
    planned = np.full(len(cars), np.inf)
    for j, one in enumerate(cars):
        car, into = one.car, one.car.charge_efficiency
        after = max((car.departure - ahead.periods[-1].end) / timedelta(hours=1), 0.0)
        target = car.initial_kwh + car.energy_kwh
        due, content, base[j] = target - after * car.charge_kw * into, car.initial_kwh, car.initial_kwh
        if one.row is not None:
            data, row = case.storage, one.row
            pinned = np.broadcast_to(data.pinned_kw[row], T)
            most[j, :T] = np.where(np.isnan(pinned), np.broadcast_to(data.charge_kw[row], T), 0.0) * hours
            content = float(data.energy_start_kwh[row]) + _gained_kwh(car, np.nan_to_num(pinned), hours)
            least = float(np.broadcast_to(data.energy_min_kwh[row], T)[-1])
            base[j] = min(content, least) if car.discharge_kw > 0 and car.departure > inputs.period.end else content
            program = inputs.previous.programs_kw.get(car.resource)
            if program is not None and len(program) == T:
                free = np.where(np.isnan(pinned), program, 0.0)
                planned[j] = max((content + _gained_kwh(car, free, hours) - base[j]) / into, 0.0)
        able = max(content - base[j], 0.0) / into + most[j].sum()  # what it misses by itself, no limit can help
        owed[j] = min(max(due - base[j], 0.0) / into, able)
        held[j] = min(max(content - base[j], 0.0) / into, owed[j])
    least_kwh = np.array([one.car.charge_min_kw for one in cars]) * hours
    loads = Loads(
        most_kwh=most, least_kwh=least_kwh, owed_kwh=owed, held_kwh=held, planned_kwh=planned,
        moment=T, dear=_dear(case),
    )  # fmt: skip
    return loads, base


def _presence(period: Period, cars: Sequence[EvSession], ahead: Ahead) -> Floats:
    """Return the share of each ISP (J,N) during which cars are connected."""
    came, left = (
        np.array([(instant - period.start) / period.isp_length for instant in instants])[:, None]
        for instants in ([car.arrival for car in cars], [car.departure for car in cars])
    )
    begins = np.arange(ahead.isps)
    return np.asarray(np.clip(np.minimum(left, begins + 1) - np.maximum(came, begins), 0.0, 1.0))


def _gained_kwh(car: EvSession, power_kw: Floats, hours: float) -> float:
    """Return what a program (T,), kW, brings into a car."""
    into, out = np.maximum(power_kw, 0.0), np.maximum(-power_kw, 0.0)
    return float((into * car.charge_efficiency - out / car.discharge_efficiency).sum()) * hours


def _dear(case: Case) -> Floats:
    """Return how dear each ISP of the Period is (T,), 0..1."""
    price: Floats = case.day_ahead.price_eur_per_mwh - case.day_ahead.price_eur_per_mwh.min()
    return np.asarray(price / max(float(price.max()), 1e-9))


def _raised(
    case: Case, cars: Sequence[_Car], base: Floats, before: Floats, notes: list[str]
) -> Case:  # fmt: skip
    """Return the case with the needs at midnight raised, and say by how much."""
    data, raised = case.storage, dict[int, float]()
    for one, content, kwh in zip(cars, base.tolist(), before.tolist(), strict=True):
        if one.row is None or kwh <= _KWH:
            continue
        least, most = (float(table[one.row, -1]) for table in (data.energy_min_kwh, data.energy_max_kwh))
        need = min(content + kwh * one.car.charge_efficiency, most)  # which rounding may exceed
        if need > least + _KWH:
            raised[one.row] = need
    if not raised:
        return case
    rows, needs = np.array(list(raised), dtype=np.int64), np.array(list(raised.values()))
    low = np.array(np.broadcast_to(data.energy_min_kwh, (len(data.point), case.isps)))
    more = float((needs - low[rows, -1]).sum())
    low[rows, -1] = needs
    notes.append(
        f"{number_of(len(rows), 'car')} must hold {more:.1f} kWh more at midnight: "
        "limits cannot carry all that is needed after it"
    )
    return replace(case, storage=replace(data, energy_min_kwh=low))
