"""Audits units: can each unit run its planned and its called program?"""

from collections.abc import Iterator, Mapping

import numpy as np

from models.audit.findings import Axis, above, beside, isp
from models.audit.protocols import ClassAudit
from models.audit.resources.registry import CLASSES
from models.audit.scenario import Situation, obeyed, scenarios
from models.audit.slicing import few_at_a_time
from models.case import Case
from models.outcome import Outcome


def check_units(case: Case, outcome: Outcome) -> Iterator[str]:
    """Yield findings about programs that a unit cannot run; see the rules in models.audit."""
    for few in few_at_a_time(case, outcome):
        yield from _check_units(few.case, few.outcome, few.first)


def _check_units(case: Case, outcome: Outcome, first: Mapping[str, int]) -> Iterator[str]:
    for situation in scenarios(case, outcome, first):
        for of_class in CLASSES:
            yield from of_class.check(obeyed(case, situation), situation)
            yield from _unmoved(case, outcome, situation, of_class)


def _unmoved(case: Case, outcome: Outcome, situation: Situation, of_class: ClassAudit) -> Iterator[str]:
    """Yield units at congestion points without a reservation that do not keep their plan when called."""
    elsewhere = ~situation.concerns(case.units(of_class.name).point)
    if not elsewhere.any():
        return
    for name, kind in of_class.fields.items():
        planned, called = (
            np.asarray(getattr(programs, name), dtype=np.float64) for programs in (outcome.programs, situation.programs)
        )
        axes: tuple[Axis, ...] = (
            (situation.units(of_class.name), isp) if kind.wide else (situation.units(of_class.name),)
        )
        moved = np.where(elsewhere[:, None] if kind.wide else elsewhere, np.abs(called - planned), 0.0)
        what = f"{name} is not as planned though nothing is reserved there,"
        yield from above(axes, what, moved, 0.0 if kind.unit == "ISPs" else beside(planned), kind.unit)
