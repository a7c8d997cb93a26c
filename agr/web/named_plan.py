"""The plan that a page looks at: one that its address names, or the plan in force."""

from typing import Annotated

from fastapi import Query

from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState
from agr.web.context import WebContext

PlanNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


def plan_of(context: WebContext, of: Period, number: int | None) -> Plan | None:
    """Return a plan of a Period, or the plan in force where none is named. Raises MissingError for another one's."""
    if number is None:
        return context.plan_cache.in_force(of.day)
    found = context.plan_cache.plan(number)
    if found is None or found.period.day != of.day:
        raise MissingError(f"there is no plan {number} of {of}")
    return found


def state_of(context: WebContext, of: Period, number: int | None) -> str:
    """Return what the page calls a plan: in force, replaced, preview, …; empty where no plan is named."""
    if number is None:
        return ""
    states = context.plan_cache.states(of.day)
    if states.get(number) is not PlanState.AUDITED:
        return states[number].value if number in states else ""
    return "in force" if number == context.plan_cache.number_in_force(of.day) else "replaced"
