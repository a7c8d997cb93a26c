"""The pages about runs: the progress of the optimisation, and each plan's reasons and changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from agr.domain.errors import MissingError
from agr.domain.isp import Period
from agr.domain.plan import Plan, PlanState, PointChange
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.plan_cache import Head
from agr.planning.promises import at_risk
from agr.store import day
from agr.web.context import WebContext
from agr.web.layout import chart, render
from agr.web.security import context_of, narrowed, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

SHOWN_POINTS = 100
"""Most changed congestion points that the page of a plan shows."""
_CENT = 0.005


def heads_of(context: WebContext, of: Period) -> list[tuple[Head, PlanState]]:
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
        earned={head.plan.id: _money(head.plan) for head, _ in heads},
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
    moved = sorted((_moved(p, plan) for p in points_), key=lambda m: -abs(m["largest_w"]))
    before = context.plan_cache.head(plan.predecessor) if plan.predecessor else None
    return render(
        request, principal, "run.html", head=head, plan=head.plan, state=state, terms=_terms(plan),
        moved=moved[:SHOWN_POINTS], before=before, of=plan.period, in_force=in_force, risks=at_risk(plan),
        money=_money(plan), sums=_sums(plan, moved),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Term:
    """By how much new facts and the change of plan moved one term, or the worth of a first plan's term; EUR."""

    name: str
    facts: float
    earned: float
    planning: bool  # a planning price, which nobody pays


def _terms(plan: Plan) -> list[_Term]:
    """Return the terms of a cent or more, the largest first."""
    facts = plan.change.facts_eur if plan.change else {}
    earned = plan.change.earned_eur if plan.change else plan.result.terms_eur
    found = [
        _Term(name=name, facts=facts.get(name, 0.0), earned=eur, planning=name in plan.result.planning)
        for name, eur in earned.items()
    ]
    sized = [(max(abs(term.facts), abs(term.earned)), term) for term in found]
    return [term for size, term in sorted(sized, key=lambda pair: -pair[0]) if size >= _CENT]


def _money(plan: Plan) -> dict[str, float] | None:
    """Return what new facts and the change earned in money, EUR; None for a first plan."""
    if plan.change is None:
        return None
    return {
        "facts": _without(plan.change.facts_eur, plan.result.planning),
        "earned": _without(plan.change.earned_eur, plan.result.planning),
    }


def _sums(plan: Plan, moved: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the change earned at points that are not shown and elsewhere; None where that was not computed."""
    if plan.change is None or not plan.change.rest_eur:
        return None
    others = moved[SHOWN_POINTS:]
    return {
        "others": len(others), "others_eur": sum(m["earned_eur"] for m in others),
        "rest_eur": _without(plan.change.rest_eur, plan.result.planning),
    }  # fmt: skip


def _without(terms_eur: Mapping[str, float], planning: tuple[str, ...]) -> float:
    return sum(eur for term, eur in terms_eur.items() if term not in planning)


def _moved(change: PointChange, plan: Plan) -> dict[str, Any]:
    earned = _without(change.terms_eur, plan.result.planning) if change.terms_eur else None
    return {
        "address": change.address,
        "isps": len(change.isps),
        "largest_w": max((i.after_w - i.before_w for i in change.isps), key=abs),
        "earned_eur": sum(i.earned_eur for i in change.isps) if earned is None else earned,
        "causes": [str(cause) for cause in change.causes],
    }


@router.get("/asked/{trigger}")
@narrowed
def asked(request: Request, principal: Viewer, trigger: int) -> Response:
    """The outcome of a request for a plan; shows the progress until the plan is made."""
    context = context_of(request)
    with context.store.transaction() as tx:
        wanted, outcome = day.trigger(tx, trigger), day.trigger_outcome(tx, trigger)
    if wanted is None:
        raise MissingError(f"there is no request for a plan with number {trigger}")
    everything = context.sights.sees_everything(principal)
    if outcome is not None and outcome[0] and outcome[0] > 0 and not everything:
        return RedirectResponse(f"/points?period={wanted.period}&plan={outcome[0]}", status_code=303)
    return render(
        request, principal, "asked.html", wanted=wanted, outcome=outcome,
        run=context.progress.latest() if everything else None, of=context.period(str(wanted.period)),
    )  # fmt: skip
