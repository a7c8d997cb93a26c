"""What a worker is asked about days that may come, and its answers: what to announce, and how often that is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agr.planning.probability.drawing import DrawnDays, price_eur_per_mwh
from agr.planning.probability.uncertain import DaySplit, Uncertain, split, totals
from agr.settings.promises import Promises

if TYPE_CHECKING:
    from models.case import Case
    from models.promises import BindingCall

Floats = NDArray[np.float64]
MOST_UNIT_DAYS = 4_000
"""Most units times days that are counted again with the reference formulation; more would take minutes."""
_KEPT = 1e-3
"""A call counts as answered if no more than this share of the reserved energy is missing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PromiseQuestion:
    """What to announce at promised points; or, with `announced_kw`, how often that is kept."""

    known: Uncertain
    balance_eur_per_mwh: Floats  # (T,) what the plan has proven a MWh to be worth
    announced_kw: Mapping[str, Floats] | None = None  # point → (T,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposed:
    """What one congestion point should announce."""

    point: str
    announced_kw: Floats  # (T,)
    reserved: NDArray[np.bool_]  # (T,) where something is reserved: only there the announced program matters
    margin_kw: float
    hedge_eur: float  # 0 or more: less than 0 comes only from the gap
    scenario: int | None  # from 1, in which the promise binds; None: in none
    isp: int | None  # from 1
    why: str  # what is special about that scenario


@dataclass(frozen=True, kw_only=True, eq=False)
class CountedPoint:
    """How a congestion point's announced program fares on days that it was not made for."""

    point: str
    days: int
    answered: int  # days, by both counts
    again: int  # of the days, those that were counted again by the reference
    refuted: int  # of these, those that only the first count had as answered
    within_kw: (
        float  # on the share of days that was asked for, the program is no farther off in an ISP that may be called
    )


def propose(question: PromiseQuestion, threads: int = 0) -> tuple[Proposed, ...]:
    """Return what to announce; 0 threads: all available ones. Raises CaseError for what is not planned so."""
    from models.promises import Effort, Scenarios, Terms, calibrated, equal_weights, promise

    known, chosen, dealt = _dealt(question)
    cases = tuple(DrawnDays(known, dealt.planned))
    world = Scenarios(cases=cases, weight=equal_weights(len(cases)), price_eur_per_mwh=_prices(question, dealt.planned))
    terms = Terms(deviation_eur_per_mwh=chosen.deviation_eur_per_mwh)
    effort = Effort(threads=threads)
    found = promise(world, terms, probability=chosen.probability, effort=effort)
    safer = calibrated(world, found, DrawnDays(known, dealt.margin), terms, effort=effort)
    case, answers = cases[0], []
    for n, one in enumerate(found.points):
        name, binding = case.points[one.point], one.binding
        reserved = (case.reservations.reserved_kw[case.reservations.point == one.point] != 0).any(axis=0)
        answers.append(
            Proposed(
                point=name, announced_kw=safer.announced_kw[one.point], reserved=reserved,
                margin_kw=float(safer.margin_kw[n]), hedge_eur=max(float(safer.hedge_eur[n]), 0.0),
                scenario=None if binding is None else binding.scenario + 1,
                isp=None if binding is None else binding.isp + 1, why=_why(known, dealt, binding, name),
            )
        )  # fmt: skip
    return tuple(answers)


def count(question: PromiseQuestion, threads: int = 0) -> tuple[CountedPoint, ...]:
    """Return how often what is announced is kept on the fresh days. Raises ModelError like `propose`."""
    from models.promises import Effort, Terms, count_on
    from models.recount import missing_kw

    known, chosen, dealt = _dealt(question)
    days, announced = DrawnDays(known, dealt.fresh), question.announced_kw or {}
    first = days[0]
    isps, points = first.isps, first.points
    kw = np.array([announced.get(point, np.full(isps, np.nan)) for point in points]).reshape(len(points), isps)
    terms = Terms(deviation_eur_per_mwh=chosen.deviation_eur_per_mwh)
    counted = count_on(days, _prices(question, dealt.fresh), kw, terms, effort=Effort(threads=threads))
    promised = sorted({int(point) for point in first.reservations.point if np.isfinite(kw[point]).any()})
    again = min(len(days), MOST_UNIT_DAYS // max(_units(first), 1))
    lacking = [missing_kw(day, kw).sum(axis=1) for day in days[:again]]
    answers = []
    for n, point in enumerate(promised):
        reserved = np.abs(first.reservations.reserved_kw[first.reservations.point == point]).sum()
        refuted = [
            s for s in range(again) if counted.delivered[n, s] and lacking[s][point] > 2 * _KEPT * float(reserved)
        ]
        answers.append(
            CountedPoint(
                point=points[point],
                days=len(days),
                answered=int(counted.delivered[n].sum()) - len(refuted),
                again=again,
                refuted=len(refuted),
                within_kw=_on_most(counted.away_kw[n], chosen.probability),
            )
        )
    return tuple(answers)


def _on_most(values: Floats, share: float) -> float:
    """Return what so large a share of values (F,) is not above."""
    return float(np.sort(values)[max(ceil(share * len(values) - 1e-9), 1) - 1])


def _dealt(question: PromiseQuestion) -> tuple[Uncertain, Promises, DaySplit]:
    known = question.known
    chosen = known.inputs.planning.promises
    return known, chosen, split(chosen, len(known.errors.days), known.inputs.period)


def _prices(question: PromiseQuestion, places: Sequence[int]) -> Floats:
    return np.array([price_eur_per_mwh(question.known, question.balance_eur_per_mwh, place) for place in places])


def _units(case: "Case") -> int:
    from models.case import UNIT_CLASSES

    return sum(len(case.units(name).point) for name in UNIT_CLASSES)


def _why(known: Uncertain, dealt: DaySplit, binding: "BindingCall | None", point: str) -> str:
    """Return in words what is most unusual about the scenario in which a promise binds."""
    if binding is None:
        return ""
    found = totals(known, dealt.planned[binding.scenario], point)
    away = {what: (drawn - said) / max(said, 1e-9) for what, (drawn, said) in found.items() if said > 0}
    if not away:
        return ""
    what = max(away, key=lambda name: abs(away[name]))
    words = {"cars": ("few", "many")}.get(what, ("little", "much"))
    drawn, said = found[what]
    return f"{words[away[what] > 0]} {what} ({drawn / said:.0%} of what is forecast)"
