"""The pages about runs: the progress of the optimisation, and each plan's reasons and changes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.plan import PlanState, PointChange
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.plan_cache import Head
from agr.planning.explanation import terms
from agr.store import day
from agr.web.context import Context
from agr.web.layout import chart, render
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]


def heads_of(context: Context, of: Period) -> list[tuple[Head, PlanState]]:
    """Return the plans of a Period with their states, newest first."""
    states = context.plan_cache.states(of.day)
    found = [(context.plan_cache.head(number), state) for number, state in reversed(states.items())]
    return [(head, state) for head, state in found if head is not None]


@router.get("/runs")
def runs(request: Request, principal: Viewer, period: str | None = None) -> HTMLResponse:
    """The run under way with its progress, and each plan's reasons and changes."""
    context = context_of(request)
    of = context.period(period)
    with context.store.transaction() as tx:
        waiting = [t for t in day.open_triggers(tx) if t.period == of.day]
    run = context.progress.latest()
    data = None
    if run is not None and run.rounds:
        data = chart(
            rounds=[r.round for r in run.rounds],
            value=[None if r.value is None else round(r.value, 2) for r in run.rounds],
            bound=[round(r.bound, 2) for r in run.rounds], unit=context.settings.currency,
        )  # fmt: skip
    heads = heads_of(context, of)
    return render(
        request,
        principal,
        "runs.html",
        of=of,
        heads=heads,
        waiting=waiting,
        run=run,
        data=data,
        in_force=next((head.plan.id for head, state in heads if state is PlanState.AUDITED), None),
    )


@router.get("/runs/{number}")
def run(request: Request, principal: Viewer, number: int) -> HTMLResponse:
    """One plan: reasons, value, changes; a preview can be sent or discarded here."""
    context = context_of(request)
    head = context.plan_cache.head(number)
    if head is None:
        raise MissingError(f"there is no plan {number}")
    states = context.plan_cache.states(head.plan.period.day)
    state = states[number]
    in_force = number == next((n for n, s in reversed(states.items()) if s is PlanState.AUDITED), None)
    plan = context.plan_cache.plan(number)
    assert plan is not None
    points_ = plan.change.points if plan.change else ()
    moved = sorted((_moved(p) for p in points_), key=lambda m: -abs(m["largest_w"]))
    before = context.plan_cache.head(plan.predecessor) if plan.predecessor else None
    return render(
        request, principal, "run.html", head=head, plan=head.plan, state=state, terms=terms(plan), moved=moved[:100],
        before=before, of=plan.period, in_force=in_force,
    )  # fmt: skip


def _moved(change: PointChange) -> dict[str, Any]:
    return {
        "address": change.address,
        "isps": len(change.isps),
        "largest_w": max((i.after_w - i.before_w for i in change.isps), key=abs),
        "earned_eur": sum(i.earned_eur for i in change.isps),
    }


@router.get("/asked/{trigger}")
def asked(request: Request, principal: Viewer, trigger: int) -> HTMLResponse:
    """The outcome of a request for a plan; shows the progress until the plan is made."""
    context = context_of(request)
    with context.store.transaction() as tx:
        wanted, outcome = day.trigger(tx, trigger), day.trigger_outcome(tx, trigger)
    if wanted is None:
        raise MissingError(f"there is no request for a plan with number {trigger}")
    return render(
        request, principal, "asked.html", wanted=wanted, outcome=outcome, run=context.progress.latest(),
        of=context.period(str(wanted.period)),
    )  # fmt: skip
