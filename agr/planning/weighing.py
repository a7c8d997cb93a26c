"""Compares a plan with keeping the announced programs; a plan that gains too little is held back. Pure."""

from dataclasses import replace

from agr.domain.plan import Plan, PlanState
from agr.planning.case import NamedCase, build
from agr.planning.difference import begun_from
from agr.planning.inputs import RunInputs
from agr.settings import Publication
from models.outcome import Outcome

_STAY_EUR_PER_MWH = 1e5
"""A price so high that a program leaves what was announced only where it must."""

_MOVED_EUR = 1e-3
"""Costs of leaving announced programs below this, in EUR, are numerical noise."""


def prognoses_to_weigh(plan: Plan, run: RunInputs, publication: Publication) -> int:
    """Return how many D-Prognoses the plan would change, or 0 where the change needs no minimum gain."""
    if plan.state is not PlanState.AUDITED or plan.change is None or not run.published:
        return 0
    known = set(run.before.named.case.points) if run.before else set()
    if publication.minimum_gain_eur_per_prognosis <= 0 or known != {point.address for point in plan.points}:
        return 0
    return len(plan.change.points)


def staying_case(run: RunInputs) -> NamedCase:
    """Return the case in which the announced programs are kept wherever they can be."""
    return begun_from(run.before, build(replace(run.inputs, stay_eur_per_mwh=_STAY_EUR_PER_MWH)))


def weighed(plan: Plan, staying: Outcome, prognoses: int, publication: Publication) -> Plan:
    """Return the plan, held back where it gains too little over the outcome of `staying_case`."""
    if -staying.terms_eur.get("prognosis change", 0.0) > _MOVED_EUR:  # the announced programs cannot be kept
        return plan
    least = publication.minimum_gain_eur_per_prognosis
    gain = plan.result.objective_eur - staying.objective_eur
    if gain >= least * prognoses:
        return plan
    note = (
        f"held back: gains {gain:.2f} EUR over keeping the announced programs, less than "
        f"{least:g} EUR for each of {prognoses} prognoses"
    )
    return replace(plan, state=PlanState.HELD_BACK, result=replace(plan.result, notes=(*plan.result.notes, note)))
