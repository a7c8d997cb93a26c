"""The Day page: whether the promises of tomorrow and today are kept, what is at risk, and what is planned."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from agr.domain.errors import InputError
from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.plan import PlanState
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.glance import Glance, Limited
from agr.operations.plan_cache import Head
from agr.operations.point_table import PointRow
from agr.operations.timeline import Timeline, timeline
from agr.planning.promises import KINDS, AtRisk, at_risk
from agr.store import audit_log, day, nominations, outbox_rows
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, narrowed, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]

SHOWN_DSOS = 5
"""Most DSOs with a line of their own in the chart; the table has all."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page shows of one Period."""

    line: Timeline
    head: Head | None  # of the plan in force
    risks: tuple[AtRisk, ...]
    glance: Glance | None  # None: no plan, or its programs are no longer kept
    accepted: dict[str, int]  # DSO → congestion points whose newest D-Prognosis it has accepted
    picture: str | None  # the chart's data
    waiting: int  # D-Prognoses that wait for an operator
    previews: list[int]
    e_programs: dict[str, str] | None  # BRP → state of its newest e-program; None: there is no BRP in the settings


@router.get("/")
@narrowed
def overview(request: Request, principal: Viewer) -> Response:
    """Tomorrow and today: whether promises are kept, and what needs attention; for some, what concerns them."""
    context = context_of(request)
    if not context.sights.sees_everything(principal):
        return RedirectResponse("/points", status_code=303)
    today = context.today()
    shown = [_shown(context, period) for period in (today.next(), today)]
    with context.store.transaction() as tx:
        alarms, counts, done = day.open_alarms(tx), outbox_rows.counts(tx), audit_log.entries(tx, limit=5)
    told = {(risk.kind, str(item.line.period)) for item in shown for risk in item.risks}
    return render(
        request, principal, "overview.html", shown=shown, alarms=[a for a in alarms if (a.kind, a.subject) not in told],
        of_risk={(a.kind, a.subject): a for a in alarms if a.kind in KINDS}, counts=counts, done=done,
        automatic=context.settings.publication.automatic,
    )  # fmt: skip


def _shown(context: WebContext, period: Period) -> Shown:
    _, rows = context.point_table.rows(period.day)
    states = dict(Counter(row.state for row in rows))
    with context.store.transaction() as tx:
        line = timeline(tx, context.settings, period, context.clock.now(), states)
    number = line.in_force
    head = context.plan_cache.head(number) if number else None
    found = _glance(context, number)
    return Shown(
        line=line, head=head, risks=at_risk(head.plan) if head else (), glance=found, accepted=_accepted(rows),
        picture=_picture(period, found, context.settings.currency) if found else None,
        waiting=context.unsent(period) if number else 0,
        e_programs=_e_programs(context, period),
        previews=[n for n, state in line.plans.items() if state is PlanState.PREVIEW],
    )  # fmt: skip


def _e_programs(context: WebContext, period: Period) -> dict[str, str] | None:
    brps = [brp.name for brp in context.settings.brps]
    if not brps:
        return None
    with context.store.transaction() as tx:
        newest = {one.brp: one.shown_state for one in nominations.history(tx, period.day)}
    return {brp: newest.get(brp, "not sent") for brp in brps}


def _glance(context: WebContext, number: int | None) -> Glance | None:
    try:
        return None if number is None else context.plan_cache.glance(number)
    except InputError:  # retention has deleted the programs of a Period long past: the page shows the plan's figures
        return None


def _accepted(rows: tuple[PointRow, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row.dso] = found.get(row.dso, 0) + (row.state == "accepted")
    return found


def _picture(of: Period, seen: Glance, currency: str) -> str:
    """Return the chart's data: the program, what DSOs may call, what is promised to each, limits and the price."""
    series: list[dict[str, Any]] = [{"label": "whole portfolio", "kind": "plan", "values": seen.program_kw}]
    ordered = sorted(seen.dsos, key=lambda dso: -abs(dso.peak_kw))
    series += [{"label": dso.dso, "kind": "dso", "values": dso.program_kw} for dso in ordered[:SHOWN_DSOS]]
    if rest := ordered[SHOWN_DSOS:]:
        total = [round(sum(values), 3) for values in zip(*(dso.program_kw for dso in rest), strict=True)]
        series.append({"label": number_of(len(rest), "more DSO"), "kind": "dso", "values": total})
    series += [*_limit("import", seen.import_limited), *_limit("export", seen.export_limited)]
    price = {"label": "day-ahead price", "kind": "price", "values": seen.price_eur_per_mwh}
    held = zip(seen.program_kw, seen.reserved_down_kw, seen.reserved_up_kw, strict=True)
    edges = [(round(p + down, 3), round(p + up, 3)) if down or up else (None, None) for p, down, up in held]
    return chart(
        starts=starts_of(of), zone=of.zone_name, unit="kW", below=f"{currency}/MWh",
        series=[*series, price | {"below": True}],
        band={"low": [low for low, _ in edges], "high": [high for _, high in edges]}
        if any(low is not None for low, _ in edges) else None,
    )  # fmt: skip


def _limit(way: str, limited: Limited | None) -> list[dict[str, Any]]:
    if limited is None:
        return []
    points = f"{number_of(limited.points, 'point')} with an {way} limit"
    return [
        {"label": f"{points}: program", "kind": "sent", "values": limited.program_kw},
        {"label": f"{points}: limit", "kind": "limit", "values": limited.limit_kw},
    ]
