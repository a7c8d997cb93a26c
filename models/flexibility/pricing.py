"""Prices offers of flexibility: C(v) = V(R(0)) − V(R(v)), the same point planned twice on the same data, exactly.

Source: docs/explanation/flexibility-offers.md.
"""

from time import perf_counter

import numpy as np

from models.audit import audit
from models.case import Case, Floats
from models.coupling_costs import cost_of
from models.flexibility.binding import binding
from models.flexibility.blending import convex
from models.flexibility.new_trades import MONEY_APART, taken_over, with_new_trades, without
from models.flexibility.question import Answer, Priced, Question
from models.flexibility.rows import offered
from models.outcome import Outcome
from models.reference.restated import SameProblem
from models.resources.registry import PRICED

_W_PER_KW = 1000
_ROUNDING_W = 1e-3
"""How far rounding may move a whole number of W."""
_LEAST_KW = 0.01
"""An element of a request with less power than this throughout is not worth giving up any other power."""
_GAP = 1e-9
_SHORT_EUR = 0.05
"""What rounding may cost at the hard prices, EUR."""


def compile_used() -> None:
    """Compile what pricing calls, so that it takes no time from any question."""
    cost_of(0.0, np.zeros(1), np.zeros(2))


def price(question: Question, same: SameProblem | None = None) -> Answer:
    """Return the largest volume that can be delivered, and what volumes cost; no volume with the reason why not.

    All volumes are one problem with other bounds, which is stated once; `same` may have stated it for a question
    before. Raises SolverError where the solver fails.
    """
    began = perf_counter()
    same = same or SameProblem(threads=question.threads)
    room, nothing = question.room, np.zeros(question.part.isps)
    planned_kw = question.planned.point_kw[0]
    case = with_new_trades(question)
    asked = _within_reach(case, room.asked_kw)

    def refused(why: str) -> Answer:
        return Answer(
            priced=(), deliverable_kw=nothing, binding=(), convex=False, why_not=why, seconds=perf_counter() - began
        )

    if not asked.any():
        return refused("nothing is asked for that any of our resources there could do")
    most = _solved(
        same, question, _used_up(question, offered(case, room, planned_kw, asked, question.giving_way), asked)
    )
    if most is None:
        return refused("no program was found in time")
    deliverable = _whole_w(_delivered(asked, most))
    sold = with_one_whole_element(_whole_w(question.sell_share * deliverable), room.elements)
    volume = _useful(sold, room.smallest_kw, question.least_kw)
    if not volume.any():
        largest = float(np.abs(_useful(sold, room.smallest_kw, 0.0)).max())
        if largest >= _LEAST_KW:
            return refused(
                f"no more than {largest * _W_PER_KW:.0f} W can be sold in any ISP; "
                f"less than {question.least_kw:g} kW is not an offer"
            )
        why = "; ".join(binding(case, most, room, deliverable)) or "less can be delivered than is asked for at least"
        return refused(f"nothing can be delivered: {why}")
    without_offer = _solved(same, question, offered(case, room, planned_kw, nothing))
    if without_offer is None:
        return refused("no program was found in time")
    found = []
    for share in sorted(question.shares, reverse=True):
        part = _useful(_whole_w(share * volume), room.smallest_kw, question.least_kw)
        if part.any():
            found.append(_priced(same, question, case, without_offer, share, part))
    good = tuple(one for one in found if one is not None)
    if not good:
        return refused("no program that delivers it passed its audit, or one was not found in time")
    return Answer(
        priced=good, deliverable_kw=deliverable, binding=binding(case, most, room, deliverable),
        convex=convex(case, question.planned, good[0].outcome), seconds=perf_counter() - began,
    )  # fmt: skip


def _priced(
    same: SameProblem, question: Question, case: Case, without_offer: Outcome, share: float, volume: Floats
) -> Priced | None:
    """Return a volume with its cost; None where no audited program delivers it without any new shortfall."""
    room = question.room
    rows = offered(case, room, question.planned.point_kw[0], volume, question.giving_way)
    stated = _used_up(question, rows, volume)
    if question.traded_by_operator:
        stated = taken_over(stated, volume)  # the grid operator trades the energy of the deviation, not we
    found = _solved(same, question, stated)
    if found is None or audit(stated, found) or _shortfalls_eur(found) > _shortfalls_eur(without_offer) + _SHORT_EUR:
        return None
    names = dict.fromkeys((*without_offer.terms_eur, *found.terms_eur))
    costs = {
        name: without_offer.terms_eur.get(name, 0.0) - found.terms_eur.get(name, 0.0)
        for name in names
        if name not in MONEY_APART
    }
    return Priced(
        share=share, volume_kw=volume, deviation_kw=found.point_kw[0] - room.baseline_kw,
        cost_eur=sum(costs.values()), costs_eur={name: eur for name, eur in costs.items() if abs(eur) >= 5e-7},
        traded_kw=found.intraday_buy_kw - found.intraday_sell_kw, outcome=found, case=stated,
    )  # fmt: skip


def _used_up(question: Question, case: Case, volume_kw: Floats) -> Case:
    """Return the case in which an offer under a contract uses up its reservation."""
    return case if question.reservation is None else without(case, question.reservation, volume_kw)


def _solved(same: SameProblem, question: Question, case: Case) -> Outcome | None:
    return same.solve(case, relative_gap=_GAP, time_limit_s=question.time_limit_s)


def _shortfalls_eur(outcome: Outcome) -> float:
    return -sum(eur for name, eur in outcome.terms_eur.items() if name in MONEY_APART and name != "prognosis change")


def _delivered(asked_kw: Floats, outcome: Outcome) -> Floats:
    """Return what an outcome delivers of what is asked for, signed (T,): its last order is the offer."""
    left: Floats = np.sign(asked_kw) * np.maximum(np.abs(asked_kw) - outcome.order_shortfall_kw[-1], 0.0)
    return left


def with_one_whole_element(volume_kw: Floats, elements: tuple[tuple[int, int], ...]) -> Floats:
    """Return a volume (T,), kW, with the same power throughout in at least one element, for the least energy given up.

    volume_kw (T,): what could be delivered; elements: (first ISP, number of ISPs) of each.

    It stays as it is where no element has any power throughout: then that would leave nothing of it.
    """
    pieces = [slice(first, first + count) for first, count in elements]
    if not pieces or any(np.ptp(volume_kw[piece]) == 0 for piece in pieces):
        return volume_kw
    least = [float(np.abs(volume_kw[piece]).min()) for piece in pieces]
    lost = [float(np.abs(volume_kw[piece]).sum()) - kw * (piece.stop - piece.start)
            for piece, kw in zip(pieces, least, strict=True)]  # fmt: skip
    usable = [place for place, kw in enumerate(least) if kw >= _LEAST_KW]
    if not usable:
        return volume_kw
    best = min(usable, key=lambda place: lost[place])
    found = volume_kw.copy()
    found[pieces[best]] = np.sign(found[pieces[best]]) * least[best]
    return found


def _useful(volume_kw: Floats, smallest_kw: Floats, least_kw: float) -> Floats:
    """Return a volume that is 0 where it would be less than is of use, and 0 everywhere if none reaches least_kw."""
    useful: Floats = np.where(np.abs(volume_kw) + _ROUNDING_W / _W_PER_KW < smallest_kw, 0.0, volume_kw)
    return useful if np.abs(useful).max() + _ROUNDING_W / _W_PER_KW >= least_kw else np.zeros_like(useful)


def _whole_w(volume_kw: Floats) -> Floats:
    """Return a volume rounded towards zero to whole W: never more than can be delivered."""
    whole: Floats = np.trunc(volume_kw * _W_PER_KW + np.sign(volume_kw) * _ROUNDING_W) / _W_PER_KW
    return whole


def _within_reach(case: Case, asked_kw: Floats) -> Floats:
    """Return what is asked for, cut to what all units together can change: absurd numbers spoil the arithmetic."""
    reach = np.zeros(case.isps)
    for one in PRICED:
        low, high = one.range_kw(case, np.arange(one.count(case)))
        reach += (high - low).sum(axis=0, dtype=np.float64)
    return np.sign(asked_kw) * np.minimum(np.abs(asked_kw), reach)
