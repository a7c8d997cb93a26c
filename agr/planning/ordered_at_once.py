"""While a Period runs, the program that an order has bought comes into force at once: no solver is asked.

Source: docs/explanation/flexibility-offers.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
from models.errors import ModelError
from models.outcome import Outcome

Rows = dict[str, NDArray[np.int64]]
"""Class → units of a case (n,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bought:
    """An order that the plan in force does not have yet, and the program that it has bought."""

    order: str  # the name of its row
    programs: OfferedPrograms
    option: str
    factor: float


def bought(
    reader: PlanReader, before: Solved | None, period: Period, triggers: Sequence[Trigger], now: datetime
) -> tuple[Bought, ...]:  # fmt: skip
    """Return the orders that the plan in force (`before`) lacks, with their programs.

    None unless the Period runs, orders alone ask for the plan, and the program of each is there.
    """
    alone = all(t.reason.kind is ReasonKind.ORDER and not t.points and not t.preview for t in triggers)
    if before is None or not alone or now < period.start:
        return ()
    found, points = [], set()
    for one in newly_ordered(before.named, reader.orders(period)):
        programs = offered_programs(reader.offered_programs(one.order.offer_message_id))
        if programs is None or not programs.units or one.order.option_reference not in programs.options:
            return ()
        points.add(one.order.congestion_point)
        found.append(
            Bought(
                order=one.order.name, programs=programs, option=one.order.option_reference,
                factor=float(one.order.activation_factor),
            )
        )  # fmt: skip
    return tuple(found) if len(points) == len(found) else ()


def at_once(before: Solved | None, named: NamedCase, orders: Sequence[Bought]) -> Solution | None:
    """Return the plan in force with the programs that orders have bought, audited under today's facts.

    None where it must be planned instead: a program cannot be run any more, or would miss the order or anything else.
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
    if int(mine.sum()) < len(orders) or short_kw > SHORT_KW or misses_more(solved.outcome, outcome):
        return None
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
