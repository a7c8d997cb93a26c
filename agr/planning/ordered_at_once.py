"""The program that an order has bought comes into force at once, before or during its Period, without a solver.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from agr.domain.isp import Period
from agr.domain.plan import ReasonKind
from agr.planning.case import NamedCase
from agr.planning.changed_points import newly_ordered
from agr.planning.difference import Solved
from agr.planning.in_force import comparable, rows_of, under_new_facts
from agr.planning.offered import SHORT_KW, OfferedPrograms, offered_programs
from agr.planning.ports import PlanReader
from agr.planning.solving import Solution, unmanaged
from agr.store.day import Trigger
from models.case import Case
from models.errors import ModelError
from models.outcome import Outcome, Termination

Rows = dict[str, NDArray[np.int64]]
"""Class → indices of units of a case (n,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bought:
    """An order that the plan in force does not have yet, and the program that it has bought."""

    order: str  # the name of its row
    programs: OfferedPrograms
    option: str
    factor: float


def of_orders(triggers: Sequence[Trigger]) -> tuple[Trigger, ...]:
    """Return the triggers that orders have put: what they have bought may come into force before the others are met."""
    return tuple(t for t in triggers if t.reason.kind is ReasonKind.ORDER and not t.points and not t.preview)


def bought(reader: PlanReader, before: Solved | None, period: Period) -> tuple[Bought, ...]:
    """Return the orders that the plan in force (`before`) lacks, oldest first, with their programs.

    None unless the program of each is there.
    """
    if before is None:
        return ()
    found = []
    for one in newly_ordered(before.named, reader.orders(period)):
        programs = offered_programs(reader.offered_programs(one.order.offer_message_id))
        if programs is None or not programs.units or one.order.option_reference not in programs.options:
            return ()
        found.append(
            Bought(
                order=one.order.name, programs=programs, option=one.order.option_reference,
                factor=float(one.order.activation_factor),
            )
        )  # fmt: skip
    return tuple(found)


def at_once(before: Solved | None, named: NamedCase, orders: Sequence[Bought]) -> Solution | None:
    """Return the plan in force with the programs that orders have bought, audited under the facts of now.

    Its prices are those of the plan in force, and so is its bound where only the orders are new. None where
    it must be planned instead: a program cannot be run any more, or would miss the order or anything else.
    """
    if before is None or not orders or not comparable(before, named):
        return None
    from models.audit import audit
    from models.baseline import no_flexibility
    from models.flexibility.put_in import misses_more, put_in

    if any(bool((rows < 0).any()) for rows in rows_of(before.named, named).values()):
        return None  # there are resources that nobody has planned yet
    solved, left = under_new_facts(before, named)
    if left:
        return None
    outcome = solved.outcome
    if _same_rows(before.named.case, named.case):
        outcome = replace(outcome, shadow=before.outcome.shadow)
    try:
        for one in orders:
            rows = _rows(named, one.programs)
            if rows is None:
                return None
            outcome = put_in(named.case, outcome, _program(one), rows, one.factor)
    except ModelError:
        return None
    mine = np.isin(named.case.orders.name, [one.order for one in orders])
    short_kw = float(outcome.order_shortfall_kw[mine].max(initial=0.0))
    if int(mine.sum()) < len(orders) or short_kw > SHORT_KW or misses_more(named.case, solved.outcome, outcome):
        return None
    try:
        outcome = _proven(before, named, outcome)
    except ModelError:
        return None  # what was proven contradicts the program
    if audit(named.case, outcome):
        return None
    without = no_flexibility(unmanaged(named.case)).objective_eur
    return Solution(outcome=outcome, findings=(), no_flexibility_eur=without)


def _rows(named: NamedCase, programs: OfferedPrograms) -> Rows | None:
    """Return where the resources of an offer stand in a case; None where one of them is gone."""
    found: Rows = {}
    for of_class, resources in programs.units.items():
        place = {resource: row for row, resource in enumerate(named.of(of_class))}
        if not all(resource in place for resource in resources):
            return None
        found[of_class] = np.array([place[resource] for resource in resources], dtype=np.int64)
    return found


def _program(one: Bought) -> Outcome:
    return one.programs.outcomes[one.programs.options.index(one.option)]


def _proven(before: Solved, named: NamedCase, found: Outcome) -> Outcome:
    """Return the outcome with the prices of the plan in force, and with its bound where nothing but orders is new.

    Orders and staying near what was announced only restrict, so what was proven goes up by no more than is paid.
    Raises ProofError where bound and program contradict each other.
    """
    from models.flexibility.ordering import bounded
    from models.flexibility.restricting import raised_eur

    case, planned = named.case, before.outcome
    if case.start is not None:  # of the plan in force, for the next search to begin with; they prove nothing here
        found = replace(found, duals=replace(case.start, bound_eur=nan))
    paid = float(case.orders.price_eur[len(before.named.case.orders.name) :].sum())
    proven = bounded(found, planned.bound_eur + raised_eur(before.named.case, case, paid))
    return proven if planned.termination is Termination.OPTIMAL else replace(proven, termination=Termination.GAP_OPEN)


def _same_rows(was: Case, case: Case) -> bool:
    """Say whether shadow prices of one case have the rows of the other."""
    return (was.points, was.reservations.name, was.connection_limits.name, was.balancing_groups.name) == (
        case.points, case.reservations.name, case.connection_limits.name, case.balancing_groups.name,
    ) and (len(was.limits.point), [one.name for one in was.reserves]) == (
        len(case.limits.point), [one.name for one in case.reserves],
    )  # fmt: skip
