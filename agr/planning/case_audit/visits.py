"""Checks the cars that nobody planned: each is a fixed load of what its charge point gives, and nobody else's. Pure.

Source: docs/how-to/carry-plans-out.md.
"""

from collections.abc import Iterator

import numpy as np

from agr.domain.visit import Visit
from agr.planning.case_audit.context import AuditContext
from agr.planning.case_audit.facts import Floats
from agr.planning.case_audit.findings import differences


def check_case(context: AuditContext) -> Iterator[str]:
    """Yield cars that the case does not have, or has with another power."""
    for visit in context.facts.visits:
        due = _due_kw(context, visit)
        row = int(context.rows_of("fixed", [visit.resource])[0])
        if row >= 0:
            have = context.case.fixed.program_kw[row : row + 1]
            yield from differences([visit.resource], "program_kw", have, due.reshape(1, -1))
        elif due.any() and visit.connection in context.point:
            yield f"case, {visit.resource}: a car that nobody planned is missing"


def _due_kw(context: AuditContext, visit: Visit) -> Floats:
    """Return what a car takes (T,), kW: in closed ISPs as in the plan in force; without one, none in ended ISPs."""
    facts, day = context.facts, context.day
    came, left = day.since(visit.began), np.inf if visit.until is None else day.since(visit.until)
    minutes = np.minimum(day.begins + day.length, left) - np.maximum(day.begins, came)
    found = np.maximum(minutes, 0.0) / day.length * visit.limit_kw
    found[: facts.past_isps] = 0.0
    before = facts.previous.programs_kw.get(visit.resource)
    kept = facts.past_isps if before is None else max(facts.closed_isps, facts.past_isps)
    if before is not None:
        found[: facts.closed_isps] = before[: facts.closed_isps]
    found[day.begins >= left] = 0.0
    if visit.wants_kwh is not None:
        taken = np.cumsum(found[facts.past_isps :]) * day.hours
        sure = float(found[facts.past_isps : kept].sum()) * day.hours
        most = np.minimum(taken, max(visit.wants_kwh, sure))
        found[kept:] = (np.diff(most, prepend=0.0) / day.hours)[kept - facts.past_isps :]
    due: Floats = found
    return due
