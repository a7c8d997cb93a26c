"""Compares a new plan with the program in force under the same facts: nothing worse comes into force by itself.

Whatever way a search ended, the program in force is checked again with the new reservations, prices, limits, positions
and closed ISPs. It stays where it is worth more than what was found, however little. Only a program that cannot be run
any more gives way to a plan that is worth less, and then an alarm says how much.
Source: docs/explanation/optimisation.md §3.7.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
import structlog
from numpy.typing import NDArray

from agr.domain.errors import PlanError
from agr.domain.plan import AgainstInForce, rounding_eur
from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.plan_loader import places
from agr.planning.solving import Solution
from models.case import UNIT_CLASSES, Case
from models.outcome import Outcome, Termination

if TYPE_CHECKING:  # the rest of it imports the solvers, which takes seconds
    from models.evaluation import Earlier, Kept

log = structlog.get_logger()

_PROOF_EUR, _PROOF = 1e-4, 1e-7
"""A proven bound may lie below a program's worth by this many EUR plus this share of gross cost, as in the audit."""
_SHOWN_KWH, _SHOWN_MW = 1e-3, 1e-9
"""Energy, and a bid, below this is numerical noise."""
_BROKEN_KWH = 0.01
"""Energy in kWh by which a plan from an unfinished search may break promises more than the program in force does."""
_TOLD_EUR = 0.005
"""Differences below this, in EUR, are not mentioned: they round to less than a cent."""
_SHOWN = 5
"""Most resources and findings that are named."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What may come into force, and how it compares with what is."""

    answer: Solution
    against: AgainstInForce | None  # None: there is no program in force that can be evaluated
    in_force: Outcome | None  # the program in force under the new facts; None: it cannot be run any more


CallAgain = Callable[[Case, Outcome, list[NDArray[np.float64]]], Outcome]
"""Returns a kept program with the called programs and reserve that make it worth most, given the bids to hold, MW."""


def misses_of_calls(kept: Outcome, bids_mw: list[NDArray[np.float64]]) -> bool:
    """Return whether a kept program misses a reservation, an award or a bid (per product (B,), MW) with a call."""
    if kept.called is None:
        return False
    lowered = any((wanted - held > _SHOWN_MW).any() for wanted, held in zip(bids_mw, kept.bids_mw, strict=True))
    short_kw = kept.reservation_shortfall_kw.sum() + 1000 * kept.reserve_shortfall_mw.sum()
    return lowered or bool(short_kw > _SHOWN_KWH)


def _called_again(call_again: CallAgain, case: Case, kept: Outcome, bids_mw: list[NDArray[np.float64]]) -> Outcome:
    """Return a kept program with other calls, or as it is where these cannot be found: no plan is lost for them."""
    try:
        return call_again(case, kept, bids_mw)
    except PlanError as error:
        log.warning("plan.not_called_again", why=str(error))
        return kept


def missed_of_promises_kwh(case: Case, outcome: Outcome, reacting: int = 0) -> float:
    """Return by how much reservations, orders, awards, limits and balance are missed, kWh (of reserve kW·h).

    In the first `reacting` ISPs imbalance is deliberate: it answers imbalance prices.
    """
    missed_kw = (
        outcome.reservation_shortfall_kw, outcome.order_shortfall_kw, 1000 * outcome.reserve_shortfall_mw,
        outcome.breach_import_kw, outcome.breach_export_kw, outcome.connection_import_breach_kw,
        outcome.connection_export_breach_kw, outcome.short_kw[reacting:], outcome.long_kw[reacting:],
    )  # fmt: skip
    return case.isp_hours * sum(float(kw.sum()) for kw in missed_kw)


def comparable(before: Solved | None, named: NamedCase) -> bool:
    """Return whether there is a program in force, in ISPs of the same length, that can be evaluated under new facts."""
    from models.evaluation import evaluable

    if before is None or not evaluable(named.case):
        return False
    return (before.named.case.isps, before.named.case.isp_hours) == (named.case.isps, named.case.isp_hours)


def judged(
    number: int, before: Solved, named: NamedCase, answer: Solution, reacting: int = 0,
    call_again: CallAgain = lambda _case, kept, _bids: kept,
) -> Judged:  # fmt: skip
    """Return the program in force (plan `number`) where it is worth more under the new facts, else the new plan.

    It also stays where what was found fails its audit, and where the search was not finished and it misses less of what
    was promised. In the first `reacting` ISPs imbalance is deliberate. `call_again` finds other called programs for the
    program in force where those known miss what it could keep; only after searches that were not finished, since else
    nothing can be worth more. Where it raises PlanError, those known count.
    """
    from models.audit import audit
    from models.evaluation import bids_before, keep

    found = answer.outcome
    if answer.mended is not None and not answer.findings:  # it is the program in force, and was audited
        kept, left, findings = found, _names(named, answer.mended), answer.findings
    else:
        earlier = earlier_of(before, rows_of(before.named, named))
        candidate = keep(named.case, earlier, found)
        kept, left = candidate.outcome, _names(named, candidate.replaced)
        bids_mw = bids_before(named.case, earlier)
        if found.termination is not Termination.OPTIMAL and misses_of_calls(kept, bids_mw):
            kept = _called_again(call_again, named.case, kept, bids_mw)
        findings = audit(named.case, kept)
    worth = None if findings else kept.objective_eur
    noise = rounding_eur(kept.gross_cost_eur)
    missed_kwh = 0.0
    if found.termination in (Termination.TIME_LIMIT, Termination.NO_PROGRAM):
        here, there = (missed_of_promises_kwh(named.case, one, reacting) for one in (found, kept))
        missed_kwh = max(here - there, 0.0)
    breaks = missed_kwh > _BROKEN_KWH
    better = worth is not None and (bool(answer.findings) or worth - found.objective_eur > noise or breaks)
    bound = _bound_eur(found, kept)
    against = AgainstInForce(
        plan=number, was_eur=before.outcome.objective_eur, worth_eur=worth, found_eur=found.objective_eur,
        kept=better, proven=found.termination is Termination.OPTIMAL and (not better or isfinite(bound)),
        termination=found.termination.value, fit=not answer.findings, left=left, why=findings[:_SHOWN],
        missed_kwh=missed_kwh if breaks else 0.0,
    )  # fmt: skip
    in_force = None if findings else kept
    if not better:
        return Judged(answer=answer, against=against, in_force=in_force)
    stays = replace(
        kept,
        termination=_termination(found, bound),
        bound_eur=bound,
        gap_eur=bound - kept.objective_eur,
        solver=f"{kept.solver}; {found.solver} found less",
        seconds=found.seconds | kept.seconds,
        log=found.log,
    )
    return Judged(answer=replace(answer, outcome=stays, findings=()), against=against, in_force=in_force)


def part_in_force(before: Solved, named: NamedCase, found: Outcome) -> Outcome | None:
    """Return the program in force of a part (`named`) under new facts; None where it cannot be evaluated.

    `before` is the whole plan in force. Units that cannot run their program any more take that of `found`.
    """
    from models.evaluation import evaluable, keep

    if not evaluable(named.case):
        return None
    return keep(named.case, earlier_of(before, _rows_of_part(before, named)), found).outcome


def under_new_facts(before: Solved, named: NamedCase) -> tuple[Solved, frozenset[str]]:
    """Return the program in force in a new case, and the resources that cannot run it; these run unmanaged there.

    Call it with a case that is `comparable`.
    """
    from models.evaluation import keep

    return _with_left(named, keep(named.case, earlier_of(before, rows_of(before.named, named))))


def going_on(before: Solved, named: NamedCase) -> tuple[Solved, frozenset[str]]:
    """Return the same, where stores that cannot run their program any more come back to it as soon as they can."""
    from models.returning import keep_or_return

    return _with_left(named, keep_or_return(named.case, earlier_of(before, rows_of(before.named, named))))


def _with_left(named: NamedCase, kept: "Kept") -> tuple[Solved, frozenset[str]]:
    """Return kept programs as a solution, and the names of the resources whose program could not be kept."""
    left = {named.of(name)[unit] for name, few in kept.replaced.items() for unit in few.tolist()}
    return Solved(named=named, outcome=kept.outcome), frozenset(left)


def lost_eur(kept: Outcome, found: Outcome) -> float:
    """Return by how much a program that was found is worth less than the one in force, EUR; 0 if it is not."""
    lost = kept.objective_eur - found.objective_eur
    return lost if lost > rounding_eur(kept.gross_cost_eur) else 0.0


def earlier_of(before: Solved, rows: Mapping[str, NDArray[np.int64]]) -> "Earlier":
    """Return a program in force, with the rows of a new case's units in it."""
    from models.evaluation import Earlier

    return Earlier(case=before.named.case, outcome=before.outcome, rows=rows)


def _rows_of_part(before: Solved, part: NamedCase) -> Mapping[str, NDArray[np.int64]]:
    """Return the same for a part, whose units stand in the order of the whole; the rest of the portfolio is new."""
    from models.part import members

    whole = before.named
    there = members(whole.case, places(whole, part.case.points))
    return {
        name: np.append(units, np.full(len(part.case.units(name).point) - len(units), -1))
        for name, units in there.items()
    }


def rows_of(before: NamedCase, named: NamedCase) -> Mapping[str, NDArray[np.int64]]:
    """Return class → (U,) row in the case before of each unit of a case, by the name of its resource; −1: it is new."""
    found = {}
    for name in UNIT_CLASSES:
        known = {resource: row for row, resource in enumerate(before.of(name))}
        found[name] = np.array([known.get(resource, -1) for resource in named.of(name)], dtype=np.int64)
    return found


def units_of(named: NamedCase) -> int:
    """Return how many units a case has, of all classes."""
    return sum(len(named.of(name)) for name in UNIT_CLASSES)


def _names(named: NamedCase, units: Mapping[str, NDArray[np.int64]]) -> tuple[str, ...]:
    names = [named.of(name)[unit] for name, few in units.items() for unit in few.tolist()]
    return (*names[:_SHOWN], *([f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []))


def _bound_eur(found: Outcome, kept: Outcome) -> float:
    """Return the bound that was proven for the case, or infinity where the kept program shows that it is wrong."""
    slack = _PROOF_EUR + _PROOF * kept.gross_cost_eur
    if found.bound_eur < kept.objective_eur - slack:
        return float("inf")
    return max(found.bound_eur, kept.objective_eur)


def _termination(found: Outcome, bound_eur: float) -> Termination:
    if found.termination is Termination.NO_PROGRAM:
        return Termination.TIME_LIMIT
    if found.termination is Termination.OPTIMAL and not isfinite(bound_eur):
        return Termination.GAP_OPEN
    return found.termination


def words(against: AgainstInForce) -> str:
    """Say which program is in force now, and what that is worth; empty where there is nothing to say."""
    found, loss = f"{against.found_eur:z,.2f} EUR", f"{against.loss_eur:z,.2f} EUR less"
    gone = f"{', '.join(against.left)} cannot run the program of plan {against.plan} any more"
    if against.kept:
        worth = f"{against.worth_eur:z,.2f} EUR"
        missed = f" and {against.missed_kwh:,.2f} kWh more of promises missed" if against.missed_kwh else ""
        loss = f"{against.loss_eur:z,.2f} EUR less" if against.loss_eur >= 0 else f"{-against.loss_eur:z,.2f} EUR more"
        new = f"the new plan {found}, {loss}" if against.fit else "and nothing else was found that may be run"
        said = (
            f"the program of plan {against.plan} stays in force: under the same facts it is worth {worth}, "
            f"{new}{missed} (its search ended: {against.termination})"
        )
        return f"{said}; {gone}, so they run that of the new plan" if against.left else said
    more = _in_force_is_more(against)
    if not against.given_up:
        return more
    if against.why:
        gone = f"the program of plan {against.plan} cannot be run any more ({'; '.join(against.why)})"
    was = f"{against.was_eur:z,.2f} EUR"
    said = f"{gone}: it was worth {was}, this plan {found}, {loss} (its search ended: {against.termination})"
    return f"{said}; {more}" if more else said


def _in_force_is_more(against: AgainstInForce) -> str:
    """Tell the operator if the program in force, which a preview never keeps, is worth more than the preview."""
    if against.worth_eur is None or against.worth_eur - against.found_eur < _TOLD_EUR:
        return ""
    worth, more = f"{against.worth_eur:z,.2f} EUR", f"{against.worth_eur - against.found_eur:z,.2f} EUR"
    return (
        f"under the same facts the program in force (plan {against.plan}) is worth {worth}, {more} more than this plan "
        f"(its search ended: {against.termination})"
    )


def standing(number: int, before: Solved, named: NamedCase) -> str:
    """Say what the program in force (plan `number`) is worth under new facts for which no plan could be made."""
    from models.audit import audit
    from models.evaluation import keep

    candidate = keep(named.case, earlier_of(before, rows_of(before.named, named)))
    left, findings = _names(named, candidate.replaced), audit(named.case, candidate.outcome)
    stays = f"the program of plan {number} stays in force"
    if left or findings:
        return f"{stays}, but cannot be run as it is any more: {', '.join(left) or '; '.join(findings[:_SHOWN])}"
    hours = named.case.isp_hours
    short = float(candidate.outcome.reservation_shortfall_kw.sum()) * hours
    off = float((candidate.outcome.short_kw + candidate.outcome.long_kw).sum()) * hours
    said = f"{stays}, worth {candidate.outcome.objective_eur:z,.2f} EUR under the new facts"
    said += f", {short:,.1f} kWh short if all reservations were called" if short > _SHOWN_KWH else ""
    return said + (f", {off:,.1f} kWh unbalanced" if off > _SHOWN_KWH else "")
