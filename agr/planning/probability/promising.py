"""Plans reservations by probability, for the daemon and for scenarios alike, and says what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from agr.domain.errors import PlanError
from agr.domain.faults import number_of
from agr.domain.plan import PromisedPoint
from agr.planning.case import NamedCase
from agr.planning.contents import named_some
from agr.planning.probability.supported import supported
from agr.planning.probability.telling import words
from agr.planning.probability.uncertain import Uncertain, least_days
from agr.planning.progress import RoundProgress
from agr.planning.solving import Solution
from models.case import Anchor, Case

if TYPE_CHECKING:
    from agr.planning.probability.question import CountedPoint, PromiseQuestion, Proposed

_AS_FORECAST = "reservations are planned for the day as it is forecast: {}"


class Promiser(Protocol):
    """Answers questions about days that may come, within one budget; raises PlanError where it cannot."""

    def solve(self, case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the audited outcome of the plan near what is announced."""

    def propose(self, question: "PromiseQuestion") -> "tuple[Proposed, ...]":
        """Return what to announce."""

    def count(self, question: "PromiseQuestion") -> "tuple[CountedPoint, ...]":
        """Return how often what is announced is kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hedge:
    """What the reservations of a plan need: the case with what should be announced, or why there is none."""

    named: NamedCase
    known: Uncertain | None = None  # at the points that are promised
    proposed: "tuple[Proposed, ...]" = ()
    notes: tuple[str, ...] = ()
    counts: bool = False  # whether what is announced can be counted on days that may come

    def given_up(self, named: NamedCase, why: str) -> "Hedge":
        """Return the same for the case without it: nobody could plan near what should be announced."""
        return Hedge(named=named, known=self.known, notes=(*self.notes, _AS_FORECAST.format(why)), counts=True)


def hedged(known: Uncertain | None, named: NamedCase, answer: Solution, promiser: Promiser) -> Hedge:
    """Return the case of a plan that announces what can be kept; the same case where that is not needed or not known.

    answer: the plan of the day as it is forecast, whose price of energy counts.
    """
    if known is None or answer.findings:
        return Hedge(named=named)
    chosen, days = known.inputs.planning.promises, len(known.errors.days)
    least = least_days(chosen)
    if days < least:
        words = f"errors of forecasts are known on {number_of(days, 'day')}, {least} are needed"
        return Hedge(named=named, notes=(_AS_FORECAST.format(words),))
    promised, away = supported(known, named.case)
    if promised is None:
        return Hedge(named=named, notes=away)
    known, notes = promised, (*away, *_certain(known))
    if named.case.anchor is not None:  # announced before: it stays, and only counts
        return Hedge(named=named, known=known, notes=notes, counts=True)
    from agr.planning.probability.question import PromiseQuestion

    balance = np.asarray(answer.outcome.shadow.balance_eur_per_mwh)
    try:
        found = promiser.propose(PromiseQuestion(known=known, balance_eur_per_mwh=balance))
    except PlanError as error:
        return Hedge(named=named, notes=(_AS_FORECAST.format(error),))
    if not found:
        return Hedge(named=named, notes=notes)
    case = named.case
    wanted = np.full((len(case.points), case.isps), np.nan)
    for one in found:
        wanted[case.points.index(one.point), one.reserved] = one.announced_kw[one.reserved]
    price = max(chosen.deviation_eur_per_mwh, float(case.reservations.penalty_eur_per_mwh.max(initial=0.0)))
    anchored = replace(case, anchor=Anchor(point_kw=wanted, eur_per_mwh=price))
    return Hedge(named=replace(named, case=anchored), known=known, proposed=found, notes=notes, counts=True)


def counted(
    hedge: Hedge, answer: Solution, promiser: Promiser | None
) -> tuple[tuple[PromisedPoint, ...], tuple[str, ...]]:
    """Return how often the reservations of a plan are kept with what it announces, and notes; none without a count."""
    known = hedge.known
    if known is None or promiser is None or not hedge.counts or answer.findings:
        return (), hedge.notes
    from agr.planning.probability.question import PromiseQuestion

    program = dict(zip(hedge.named.case.points, answer.outcome.point_kw, strict=True))
    question = PromiseQuestion(
        known=known, balance_eur_per_mwh=np.asarray(answer.outcome.shadow.balance_eur_per_mwh),
        announced_kw={point: program[point] for point in known.points},
    )  # fmt: skip
    try:
        found = promiser.count(question)
    except PlanError as error:
        return (), (*hedge.notes, f"nobody knows on how many days reservations are kept: {error}")
    asked, scenarios = known.inputs.planning.promises.probability, known.inputs.planning.promises.scenarios
    about = {one.point: one for one in hedge.proposed}
    promised = tuple(_promised(one, about.get(one.point), asked, scenarios) for one in found)
    return promised, (*(words(one, known.inputs.period) for one in promised), *hedge.notes)


def _promised(one: "CountedPoint", about: "Proposed | None", asked: float, scenarios: int) -> PromisedPoint:
    found = PromisedPoint(
        address=one.point, probability=asked, scenarios=scenarios, days=one.days, answered=one.answered,
        recounted=one.again, within_kw=one.within_kw,
    )  # fmt: skip
    if about is None:
        return found
    return replace(
        found, margin_kw=about.margin_kw, hedge_eur=about.hedge_eur, scenario=about.scenario, isp=about.isp,
        why=about.why,
    )  # fmt: skip


def _certain(known: Uncertain) -> tuple[str, ...]:
    names: Sequence[str] = known.errors.certain
    if not names:
        return ()
    return (f"too few errors are known, so the forecast is taken as certain: {named_some(names)}",)
