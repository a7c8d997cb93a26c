"""Reruns a plan of the daemon from its stored case, exactly or with changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agr.domain.errors import InputError
from agr.domain.plan import Plan, PlanState, Reason, ReasonKind
from agr.planning import serialisation
from agr.planning.difference import Solved, change
from agr.planning.plan_loader import load_solved, load_stored, merged
from agr.planning.solving import Solution
from agr.scenario import running
from agr.scenario.case_changes import changed_case
from agr.scenario.day import Step, step_of
from agr.scenario.record import Run, ended_by_time_limit, record, timeless
from agr.scenario.running import described_changes, run_name
from agr.scenario.table_frames import TableContext, known_of
from agr.settings import Settings, load
from agr.store import plans, register
from agr.store.engine import Store
from models.case import Case
from models.outcome import Outcome

Solve = Callable[[Case], Solution]


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """A plan as stored, and as rerun."""

    stored: Run
    rerun: Run
    exact: bool  # equal to the last bit; not expected with changes
    remark: str  # why not, if known


def replay_from(config: Path, plan_id: int, sets: Sequence[str] = (), without: Sequence[str] = ()) -> Replay:
    """Rerun a plan of the daemon with this settings file. Raises like `replay`, and for faulty settings."""
    settings = load(config)
    store = Store(settings.store_url)
    store.migrate()
    with running.solver_of(settings.planning, settings.compute.executor) as solver:
        return replay(store, settings, plan_id, solver.solve, sets, without)


def replay(
    store: Store, settings: Settings, plan_id: int, solve: Solve, sets: Sequence[str] = (), without: Sequence[str] = ()
) -> Replay:
    """Rerun a stored plan. Raises InputError when there is no such plan or a change cannot be made."""
    with store.transaction() as tx:
        plan = plans.get(tx, plan_id)
        if plan is None:
            raise InputError(f"there is no plan {plan_id}; `agr status --period DAY` lists those of a day")
        stored = load_stored(tx, plan_id)
        solved = load_solved(tx, plan_id)
        before = plans.get(tx, plan.predecessor) if plan.predecessor else None
        earlier = load_solved(tx, before.id) if before else None
        known = known_of(register.load(tx))
    original = _stored_step(plan, solved, number=2 if before else 1)
    history = [_stored_step(before, earlier, number=1)] if before and earlier else []
    changes = described_changes(sets, without)
    alone = plan.part and not changes  # a part is rerun as a part; with changes, the whole portfolio is planned
    named = stored.named if alone else changed_case(solved.named, sets, without)
    answer = solve(named.case)
    compared = stored if alone else solved
    exact = serialisation.digest(timeless(answer.outcome)) == serialisation.digest(timeless(compared.outcome))
    remark = "" if exact or changes else _remark(plan, compared.outcome, answer.outcome)
    again = Solved(named=named, outcome=answer.outcome)
    if alone and plan.predecessor:
        with store.transaction() as tx:
            again = merged(load_solved(tx, plan.predecessor), again)
    step = Step(
        period=plan.period, number=original.number + 1, at=plan.created_at, reasons=(_reason(plan, changes),),
        solved=again, state=PlanState.FAILED if answer.findings else PlanState.AUDITED, findings=answer.findings,
        no_flexibility_eur=plan.result.no_flexibility_eur if alone else answer.no_flexibility_eur,
        notes=again.named.notes, change=change(plan.id, solved, again, settings.publication.threshold_w), part=alone,
        label=f"plan {plan.id} {'changed' if changes else 'again'}",
    )  # fmt: skip
    return Replay(
        stored=_record(f"plan-{plan.id}", plan, [*history, original], known, settings, ()),
        rerun=_record(run_name(f"plan-{plan.id}-again", changes), plan, [original, step], known, settings, changes),
        exact=exact,
        remark=remark,
    )


def _remark(plan: Plan, stored: Outcome, again: Outcome) -> str:
    """Return why a rerun without changes differs, as far as the outcomes show."""
    if plan.against is not None and plan.against.kept:
        return f"the plan kept the program of plan {plan.against.plan}; a rerun shows what its own search finds"
    if ended_by_time_limit(stored) or ended_by_time_limit(again):
        return "a time limit ended a solve, so the machine's speed decided; raise planning.time_limit_s for replays"
    if stored.solver != again.solver:
        return f"the plan was made by {stored.solver}, now it is {again.solver}"
    return "the settings of the section planning, or library versions, have changed since the plan was made"


def _reason(plan: Plan, changes: Sequence[str]) -> Reason:
    text = f"plan {plan.id} with {'; '.join(changes)}" if changes else f"plan {plan.id} as it was"
    return Reason(kind=ReasonKind.OPERATOR, reference=str(plan.id), text=text)


def _stored_step(plan: Plan, solved: Solved, number: int) -> Step:
    """Return a stored plan as a step."""
    return step_of(plan, solved, number, plan.change if number > 1 else None, label=f"plan {plan.id}")


def _record(
    name: str, plan: Plan, steps: list[Step], known: TableContext, settings: Settings, changes: Sequence[str]
) -> Run:
    reasons = "; ".join(str(reason) for reason in plan.reasons)
    head = {
        "scenario": f"plan {plan.id} of {plan.period}",
        "title": f"Plan {plan.id} of {plan.period}",
        "question": f"Why it was made: {reasons}",
        "zone": plan.period.zone_name,
        "isp_minutes": plan.period.isp_minutes,
        "periods": [str(plan.period)],
        "changes": list(changes),
        "seed": None,
        "resources": sum(len(names) for names in steps[-1].solved.named.names.values()),
        "solving": settings.planning.model_dump(mode="json"),
        "inputs_sha256": {"case": plan.case_digest},
    }
    return record(name, steps, known, head, {})
