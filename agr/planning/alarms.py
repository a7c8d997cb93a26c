"""Which alarms a plan raises, and which it ends. Pure: takes a plan, returns changes; both are stored together."""

from collections.abc import Iterator
from dataclasses import dataclass

from agr.domain.plan import ROLLED, Plan, PlanState
from agr.planning.in_force import words
from agr.planning.promises import KINDS, at_risk

STALE = "in for missing ones"
"""Words by which a note about missing forecasts, which others replace, is recognised."""


@dataclass(frozen=True, kw_only=True)
class AlarmChange:
    """An alarm of a Period that is raised or renewed with a text; without a text, the alarm ends."""

    kind: str
    text: str | None = None


def alarms_of(plan: Plan) -> tuple[AlarmChange, ...]:
    """Return the alarm changes for a plan that was made or came into force."""
    return tuple(_alarms(plan))


def alarms_of_failure(why: str) -> tuple[AlarmChange, ...]:
    """Return the alarm changes for a run that made no plan."""
    return (AlarmChange(kind="plan failed", text=why),)


def _alarms(plan: Plan) -> Iterator[AlarmChange]:
    result = plan.result
    yield AlarmChange(kind="plan failed")
    yield AlarmChange(kind="audit failed", text="; ".join(result.audit[:5]) or None)
    if plan.state in (PlanState.AUDITED, PlanState.HELD_BACK):  # a plan held back leaves an earlier one in force
        yield AlarmChange(kind="no plan")
    if plan.state is PlanState.AUDITED:
        yield from _promises(plan)
        if not plan.part:  # a part says nothing about the programs of the whole, which it keeps
            yield from _in_force(plan)


def _in_force(plan: Plan) -> Iterator[AlarmChange]:
    """Say where an earlier program had to stay because the search found nothing better, or had to be given up."""
    against = plan.against
    kept = against is not None and against.kept and not against.proven  # within the gap, the search is not at fault
    given_up = against is not None and against.given_up  # also where nothing better can exist: the euros are gone
    if plan.reasons and all(reason.kind in ROLLED for reason in plan.reasons):
        given_up = False  # a measurement is no fault of a plan, and is in its notes
    said = f"plan {plan.id}: {words(against)}" if against is not None else None
    yield AlarmChange(kind="plan kept", text=said if kept else None)
    yield AlarmChange(kind="plan given up", text=said if given_up else None)


def _promises(plan: Plan) -> Iterator[AlarmChange]:
    """Say which promises the plan in force puts at risk, and which it keeps."""
    risks = {risk.kind: risk for risk in at_risk(plan)}
    for kind in KINDS:
        risk = risks.get(kind)
        worth = "" if risk is None or risk.eur is None else f" (worth {risk.eur:z,.2f} EUR)"
        yield AlarmChange(kind=kind, text=None if risk is None else f"plan {plan.id}: {risk.text}{worth}")
    stale = next((note for note in plan.result.notes if STALE in note), None)
    yield AlarmChange(kind="feed stale", text=None if stale is None else f"plan {plan.id}: {stale}")
