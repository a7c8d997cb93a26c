"""Audits what units hold in reserve: is there room in power and energy, is no kW held twice?"""

from collections.abc import Iterator, Mapping

import numpy as np

from models.audit.findings import above, differs, isp, named, slack
from models.audit.scenario import Situation, net_kw, scenarios
from models.audit.slicing import few_at_a_time
from models.case import Bools, Case, Direction, Floats, Ints
from models.outcome import Headroom, Outcome

SIDES = {"up": (Direction.UP, Direction.SYMMETRIC), "down": (Direction.DOWN, Direction.SYMMETRIC)}
"""Side of a program → the directions that take it."""


def check_headroom(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield headroom that is not there; see the rules in models.audit."""
    for few in few_at_a_time(case, outcome):
        yield from _check_headroom(few.case, few.outcome, few.first)


def _check_headroom(case: Case, outcome: Outcome, first: Mapping[str, int]) -> Iterator[str]:
    for scenario in scenarios(case, outcome, first):
        if scenario.headroom is None:
            continue
        for side in SIDES:
            curtailable, storage = held_kw(scenario.headroom, side)
            parts = (
                ("curtailable", case.curtailable.point, case.curtailable.reserve_kw, curtailable),
                ("storage", case.storage.point, case.storage.reserve_kw, storage),
            )
            for kind, point, prequalified_kw, held in parts:
                concerned = scenario.concerns(point)[:, None]
                total = np.where(concerned, held.sum(axis=0), 0.0)
                axes = (scenario.units(kind), isp)
                room = _curtailable_room(case, scenario, side) if kind == "curtailable" else _room(case, scenario, side)
                yield from _products(case, scenario, f"{kind} {side}", held)
                yield from above(axes, f"{side} headroom is beyond its room", total - room, slack(total, room))
                cap = prequalified_kw[:, None]
                yield from above(axes, f"{side} headroom is beyond its reserve_kw", total - cap, slack(total))
            yield from _margin(case, scenario, side, storage)
            yield from _unmoved(case, outcome, scenario, side)


def held_kw(headroom: Headroom, side: str) -> tuple[Floats, Floats]:
    """Return what curtailable and storage units (R,U,T) hold on a side."""
    if side == "up":
        return headroom.curtailable_up_kw, headroom.storage_up_kw
    return headroom.curtailable_down_kw, headroom.storage_down_kw


def on_side(case: Case, side: str) -> Bools:
    """Return (R,) which products take the side."""
    return np.array([reserve.direction in SIDES[side] for reserve in case.reserves], dtype=np.bool_)


def _products(case: Case, scenario: Situation, what: str, held: Floats) -> Iterator[str]:
    kind, side = what.split()
    product = named("reserve", [reserve.name for reserve in case.reserves])
    axes = (product, scenario.units(kind), isp)
    other = ~on_side(case, side)[:, None, None]
    yield from above(axes, f"{side} headroom is negative", -held, slack(held))
    yield from above(axes, f"{side} headroom of a product that does not take it", np.where(other, held, 0.0), 1e-4)


def _curtailable_room(case: Case, scenario: Situation, side: str) -> Floats:
    power, data = scenario.programs.curtailable_kw, case.curtailable
    if side == "up":
        return np.subtract(power, np.fmin(data.forecast_kw, data.pinned_kw))
    return np.subtract(np.fmax(data.pinned_kw, 0.0), power)


def _room(case: Case, scenario: Situation, side: str) -> Floats:
    """A pin beyond the limit shows that the unit can do it: it is then the limit."""
    power, data = net_kw(scenario.programs), case.storage
    if side == "up":
        return np.add(power, np.fmax(data.discharge_kw, -data.pinned_kw))
    return np.subtract(np.fmax(data.charge_kw, data.pinned_kw), power)


def _margin(case: Case, scenario: Situation, side: str, held: Floats) -> Iterator[str]:
    """Compare Σ sustain_h·held, in stored energy, with what lies between energy and band at both ends of the ISP."""
    data, energy = case.storage, scenario.programs.energy_kwh
    hours = np.array([reserve.sustain_h for reserve in case.reserves]).reshape(-1, 1, 1)
    per_kw = 1 / data.discharge_efficiency[:, None] if side == "up" else data.charge_efficiency
    needed = np.where(scenario.concerns(data.point)[:, None], (hours * held).sum(axis=0) * per_kw, 0.0)
    band = np.broadcast_to(data.energy_min_kwh if side == "up" else data.energy_max_kwh, energy.shape)
    sign = 1.0 if side == "up" else -1.0
    end = sign * (energy - band)
    start = np.column_stack([sign * (data.energy_start_kwh - band[:, 0]), end[:, :-1]])
    axes = (scenario.units("storage"), isp)
    for moment, margin in (("start", start), ("end", end)):
        # Without headroom nothing is needed, however far outside its band the energy may be.
        excess = np.where(needed > 0, needed - np.maximum(margin, 0.0), 0.0)
        what = f"{side} headroom is beyond its energy at the {moment} of the ISP"
        yield from above(axes, what, excess, slack(needed, energy, band), "kWh")


def _unmoved(case: Case, outcome: Outcome, scenario: Situation, side: str) -> Iterator[str]:
    """Units at congestion points nobody calls on hold what they hold as planned."""
    if scenario.headroom is None:
        return
    product = named("reserve", [reserve.name for reserve in case.reserves])
    points: tuple[Ints, Ints] = (case.curtailable.point, case.storage.point)
    pairs = zip(held_kw(outcome.headroom, side), held_kw(scenario.headroom, side), strict=True)
    for kind, point, (planned, called) in zip(("curtailable", "storage"), points, pairs, strict=True):
        elsewhere = ~scenario.concerns(point)[:, None]
        axes = (product, scenario.units(kind), isp)
        what = f"{side} headroom is not as planned though nothing is reserved there,"
        yield from differs(axes, what, np.where(elsewhere, called, planned), planned)
