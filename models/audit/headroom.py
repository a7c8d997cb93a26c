"""Audits the reserve held by units: is there room in power and energy, and is no kW held twice?"""

from collections.abc import Iterator, Mapping

import numpy as np

from models.audit.findings import Axis, above, beside, differs, isp, named
from models.audit.protocols import ClassAudit
from models.audit.resources.registry import CLASSES
from models.audit.scenario import Situation, held_kw, obeyed, on_side, scenarios
from models.audit.slicing import few_at_a_time
from models.case import Case, Floats
from models.outcome import Outcome

SIDES = ("up", "down")


def check_headroom(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield findings about headroom; see the rules in models.audit."""
    for few in few_at_a_time(case, outcome):
        yield from _check_headroom(few.case, few.outcome, few.first)


def _check_headroom(case: Case, outcome: Outcome, first: Mapping[str, int]) -> Iterator[str]:
    for situation in scenarios(case, outcome, first):
        for side in SIDES:
            for of_class in CLASSES:
                yield from _of_class(obeyed(case, situation), outcome, situation, of_class, side)


def _of_class(
    case: Case, outcome: Outcome, situation: Situation, of_class: ClassAudit, side: str
) -> Iterator[str]:  # fmt: skip
    if situation.headroom is None or of_class.reserve_kw is None or of_class.room_kw is None:
        return
    held = held_kw(situation.headroom, of_class.name, side)
    concerned = situation.concerns(case.units(of_class.name).point)[:, None]
    total = np.where(concerned, held.sum(axis=0), 0.0)
    axes, room = (situation.units(of_class.name), isp), of_class.room_kw(case, situation, side)
    yield from _products(case, situation, of_class.name, side, held)
    yield from above(axes, f"{side} headroom is beyond its room", total - room, beside(total, room))
    cap = of_class.reserve_kw(case)[:, None]
    yield from above(axes, f"{side} headroom is beyond its reserve_kw", total - cap, beside(total))
    if of_class.margin is not None:
        yield from of_class.margin(case, situation, side, held)
    if concerned.all():
        return
    planned = held_kw(outcome.headroom, of_class.name, side)
    what = f"{side} headroom is not as planned though nothing is reserved there,"
    yield from differs(_axes(case, situation, of_class.name), what, np.where(concerned, planned, held), planned)


def _axes(case: Case, situation: Situation, name: str) -> tuple[Axis, Axis, Axis]:
    return named("reserve", [reserve.name for reserve in case.reserves]), situation.units(name), isp


def _products(case: Case, situation: Situation, name: str, side: str, held: Floats) -> Iterator[str]:
    axes, other = _axes(case, situation, name), ~on_side(case, side)
    yield from above(axes, f"{side} headroom is negative", -held, beside(held))
    if held[other].any():
        strange = np.where(other[:, None, None], held, 0.0)
        yield from above(axes, f"{side} headroom of a product that does not take it", strange, 1e-4)
