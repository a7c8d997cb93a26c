"""The pages: read, put into a template. What they show is worked out in agr.desk."""

import json
from datetime import timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from agr.access.roles import ROLES, May, Visitor
from agr.desk.board import SORTS
from agr.desk.point import detail
from agr.desk.shelf import Head
from agr.desk.timeline import timeline
from agr.errors import MissingError
from agr.explain import terms
from agr.isp import Period
from agr.plan import PlanState, PointChange
from agr.store import access, day, doings, inbox, outbox, plans, register, switches
from agr.web.context import Context
from agr.web.guard import COOKIE, context_of, page_for

router = APIRouter(include_in_schema=False)
Viewer = Annotated[Visitor, Depends(page_for(May.READ))]
Admin = Annotated[Visitor, Depends(page_for(May.ADMIN))]

ROWS = 50
_SHOWN_ISPS = 400


def render(
    request: Request, visitor: Visitor | None, template: str, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a page with what all pages show."""
    context, templates = context_of(request), request.app.state.templates
    assert isinstance(templates, Environment)
    now = context.clock.now()
    frame: dict[str, Any] = {
        "visitor": visitor,
        "may": May,
        "now": now,
        "zone": context.today(),
        "path": request.url.path,
    }
    frame |= {"currency": context.settings.currency, "domain": context.settings.domain, "held": None, "alarm_count": 0}
    if visitor is not None:
        with context.store.transaction() as tx:
            frame["held"] = switches.held(tx)
            opened = day.open_alarms(tx)
        frame["alarm_count"] = sum(a.acknowledged_at is None for a in opened)
        frame["running"] = context.progress.latest()
        # Said once, to whoever opens the next page: an open page that asks for what is new must not take it away.
        live = "x-live" in request.headers
        frame["flash"] = None if live else context.flashes.take(request.cookies.get(COOKIE, ""))
    text = templates.get_template(template).render(frame | values)
    return HTMLResponse(text, status_code=status)


def chart(**values: Any) -> str:
    """Return a chart's data as JSON that may stand inside a script element."""
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")


def starts_of(period: Period) -> list[int]:
    """Return the start of each ISP, in seconds since 1970."""
    return [int(start.timestamp()) for start in period.starts()]


def _states(context: Context, period: Period) -> dict[str, int]:
    return context.board.states(period.day)


@router.get("/")
def overview(request: Request, visitor: Viewer) -> HTMLResponse:
    """Tomorrow and today: are the promises kept, and what needs a hand."""
    context = context_of(request)
    today, now = context.today(), context.clock.now()
    lines = []
    for period in (today.next(), today):
        states = _states(context, period)
        with context.store.transaction() as tx:
            line = timeline(tx, context.settings, period, now, states)
        head = context.shelf.head(line.in_force) if line.in_force else None
        waiting = context.waiting(period) if line.in_force else 0
        previews = [n for n, s in line.plans.items() if s is PlanState.PREVIEW]
        lines.append({"line": line, "head": head, "waiting": waiting, "previews": previews})
    with context.store.transaction() as tx:
        alarms, counts, done = day.open_alarms(tx), outbox.counts(tx), doings.doings(tx, limit=5)
    return render(
        request, visitor, "overview.html", lines=lines, alarms=alarms, counts=counts, done=done,
        automatic=context.settings.publication.automatic,
    )  # fmt: skip


@router.get("/points")
def points(
    request: Request, visitor: Viewer, period: str | None = None, q: Annotated[str, Query(max_length=255)] = "",
    state: Annotated[str, Query(max_length=16)] = "", sort: str = "state", order: str = "up",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """The congestion points of a Period, searched and sorted."""
    context = context_of(request)
    of, sort = context.period(period), sort if sort in SORTS else "state"
    found = context.board.page(
        of.day, search=q, state=state, sort=sort, descending=order == "down", limit=ROWS, offset=(page - 1) * ROWS
    )
    pages = max((found.matching + ROWS - 1) // ROWS, 1)
    return render(
        request, visitor, "points.html", of=of, found=found, q=q, state=state, sort=sort, order=order, page=page,
        pages=pages,
    )  # fmt: skip


@router.get("/points/{day_}/{address:path}")
def point(request: Request, visitor: Viewer, day_: str, address: str) -> HTMLResponse:
    """One congestion point: program, revisions, reservation, limits, called program, conversation."""
    context = context_of(request)
    of = context.period(day_)
    number, rows = context.board.rows(of.day)
    row = next((r for r in rows if r.address == address), None)
    if row is None:
        raise MissingError(f"{address!r} is not a congestion point of {of}")
    with context.store.transaction() as tx:
        sent = plans.prognoses_of(tx, of.day, address)
        lines = inbox.conversation(tx, inbox.conversations_of(tx, [s.message_id for s in sent]))
        history = day.reservation_history(tx, of.day)
    found = detail(context.shelf.solved(number), address) if number is not None else None
    contracts = {h.contract for h in found.held} if found else set()
    plan = context.shelf.plan(number) if number is not None else None
    changed = next((p.isps for p in plan.change.points if p.address == address), ()) if plan and plan.change else ()
    data = chart(
        starts=starts_of(of), zone=of.zone_name, now=context.clock.now().timestamp(), unit="kW",
        series=[
            *(
                {"label": f"revision {s.revision} ({s.state})", "kind": "sent", "values": [w / 1000 for w in s.power_w]}
                for s in sent[-4:]
            ),
            {"label": "plan", "kind": "plan", "values": list(found.program_kw) if found else None},
            {"label": "called", "kind": "called", "values": _list(found.called_kw if found else None)},
            {"label": "import limit", "kind": "limit", "values": _list(found.import_kw if found else None)},
            {"label": "export limit", "kind": "limit", "values": _list(found.export_kw if found else None)},
        ],
        band=_band(found.program_kw, [h.reserved_kw for h in found.held]) if found and found.held else None,
    )  # fmt: skip
    return render(
        request, visitor, "point.html", of=of, row=row, sent=sent, lines=lines, found=found, number=number, data=data,
        changed=changed[:_SHOWN_ISPS], reserved=[h for h in history if h.contract in contracts],
    )  # fmt: skip


def _list(values: tuple[float | None, ...] | None) -> list[float | None] | None:
    return None if values is None else list(values)


def _band(program_kw: tuple[float, ...], held: list[tuple[float, ...]]) -> dict[str, list[float | None]]:
    """Return the space between the program and what it must be able to move to, where anything is reserved."""
    total, program = np.array(held).sum(axis=0), np.array(program_kw)
    high, low = np.maximum(program, program + total), np.minimum(program, program + total)
    return {
        name: [round(float(v), 3) if r else None for v, r in zip(edge, total, strict=True)]
        for name, edge in (("high", high), ("low", low))
    }


@router.get("/markets")
def markets(request: Request, visitor: Viewer, period: str | None = None) -> HTMLResponse:
    """Positions, bids and prices of a Period."""
    context = context_of(request)
    of = context.period(period)
    plan = context.shelf.in_force(of.day)
    with context.store.transaction() as tx:
        fixed = day.positions_on(tx, of.day)
        prices = register.prices(tx, of.start - timedelta(days=1), of.end)
    names = sorted({p.series for p in prices if p.start + timedelta(minutes=p.minutes) > of.start})
    series = {name: _per_isp(of, [p for p in prices if p.series == name]) for name in names}
    energy = {n: v for n, v in series.items() if n in _energy_series(context)}
    shown: list[dict[str, Any]] = [{"label": n, "kind": "price", "values": v} for n, v in energy.items()]
    position: list[dict[str, Any]] = []
    if plan is not None:
        balance = [round(v, 2) for v in plan.positions.balance_eur_per_mwh]
        shown.append({"label": "worth in the portfolio", "kind": "plan", "values": balance})
        bought = [round(v, 3) for v in plan.positions.day_ahead_kw]
        position = [
            {"label": "day-ahead", "kind": "plan", "values": bought},
            {"label": "intraday", "kind": "sent", "values": [round(v, 3) for v in plan.positions.intraday_kw]},
        ]
    common = {"starts": starts_of(of), "zone": of.zone_name, "now": context.clock.now().timestamp(), "band": None}
    return render(
        request, visitor, "markets.html", of=of, plan=plan, fixed=fixed, products=context.settings.markets.capacity,
        price_data=chart(unit=f"{context.settings.currency}/MWh", series=shown, **common),
        position_data=chart(unit="kW", series=position, **common), series=series, hours=of.isp_hours,
        units=_units(context),
    )  # fmt: skip


def _energy_series(context: Context) -> set[str]:
    m = context.settings.markets
    names = {m.day_ahead.series, m.day_ahead.forecast_series, m.intraday.buy_series, m.intraday.sell_series}
    return {n for n in names if n}


def _units(context: Context) -> dict[str, str]:
    """Return price series → unit, of those that the settings name."""
    currency = context.settings.currency
    capacity = {p.series: p.price_unit.replace("EUR", currency) for p in context.settings.markets.capacity}
    return dict.fromkeys(_energy_series(context), f"{currency}/MWh") | capacity


def _per_isp(of: Period, prices: list[Any]) -> list[float | None]:
    values: list[float | None] = [None] * of.isp_count
    for price in prices:
        end = price.start + timedelta(minutes=price.minutes)
        first, last = max(of.isp_of(price.start), 1), min(of.isp_of(end - timedelta(seconds=1)), of.isp_count)
        values[first - 1 : last] = [price.value] * max(last - first + 1, 0)
    return values


def heads_of(context: Context, of: Period) -> list[tuple[Head, PlanState]]:
    """Return the plans of a Period with their states, newest first."""
    states = context.shelf.states(of.day)
    found = [(context.shelf.head(number), state) for number, state in reversed(states.items())]
    return [(head, state) for head, state in found if head is not None]


@router.get("/runs")
def runs(request: Request, visitor: Viewer, period: str | None = None) -> HTMLResponse:
    """The run under way with its progress, and why each plan was made and what it changed."""
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
        visitor,
        "runs.html",
        of=of,
        heads=heads,
        waiting=waiting,
        run=run,
        data=data,
        in_force=next((head.plan.id for head, state in heads if state is PlanState.AUDITED), None),
    )


@router.get("/runs/{number}")
def run(request: Request, visitor: Viewer, number: int) -> HTMLResponse:
    """One plan: why, what it is worth, what it changed; a preview is sent or discarded here."""
    context = context_of(request)
    head = context.shelf.head(number)
    if head is None:
        raise MissingError(f"there is no plan {number}")
    states = context.shelf.states(head.plan.period.day)
    state = states[number]
    in_force = number == next((n for n, s in reversed(states.items()) if s is PlanState.AUDITED), None)
    plan = context.shelf.plan(number)
    assert plan is not None
    points_ = plan.change.points if plan.change else ()
    moved = sorted((_moved(p) for p in points_), key=lambda m: -abs(m["largest_w"]))
    before = context.shelf.head(plan.predecessor) if plan.predecessor else None
    return render(
        request, visitor, "run.html", head=head, plan=head.plan, state=state, terms=terms(plan), moved=moved[:100],
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
def asked(request: Request, visitor: Viewer, trigger: int) -> HTMLResponse:
    """What became of a plan that was asked for; shows its progress until there is one."""
    context = context_of(request)
    with context.store.transaction() as tx:
        wanted, outcome = day.trigger(tx, trigger), day.trigger_outcome(tx, trigger)
    if wanted is None:
        raise MissingError(f"no plan was asked for under number {trigger}")
    return render(
        request, visitor, "asked.html", wanted=wanted, outcome=outcome, run=context.progress.latest(),
        of=context.period(str(wanted.period)),
    )  # fmt: skip


@router.get("/reservations")
def reservations(request: Request, visitor: Viewer, period: str | None = None) -> HTMLResponse:
    """Contracts, what is still reserved of them, and every word on that; what is unavailable."""
    context = context_of(request)
    of = context.period(period)
    with context.store.transaction() as tx:
        whole = register.load(tx)
        history = day.reservation_history(tx, of.day)
        current = day.reservations_on(tx, of.day)
        off = switches.unavailable_from(tx, context.today().day)
    valid = [c for c in whole.contracts if any(c.contracted_w(of))]
    rows = [
        {
            "contract": c,
            "contracted_kw": c.power_w / 1000,
            "reserved_kw": _largest_kw(current.get(c.contract, c.contracted_w(of))),
            "told": c.contract in current,
        }
        for c in valid
    ]
    return render(request, visitor, "reservations.html", of=of, rows=rows, history=history[:200], off=off)


def _largest_kw(power_w: tuple[int, ...]) -> float:
    return max(power_w, key=abs, default=0) / 1000


@router.get("/alarms")
def alarms(request: Request, visitor: Viewer) -> HTMLResponse:
    """Open alarms, and those that ended in the last two days."""
    context = context_of(request)
    with context.store.transaction() as tx:
        opened = day.open_alarms(tx)
        ended = day.recovered_alarms(tx, context.clock.now() - timedelta(days=2))
    return render(request, visitor, "alarms.html", opened=opened, ended=ended)


@router.get("/outbox")
def outbox_(
    request: Request, visitor: Viewer, state: Annotated[str, Query(max_length=16)] = "",
    q: Annotated[str, Query(max_length=255)] = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:  # fmt: skip
    """What leaves, what is stuck and why."""
    context = context_of(request)
    with context.store.transaction() as tx:
        rows, count = outbox.rows(tx, state=state or None, search=q.strip(), limit=ROWS, offset=(page - 1) * ROWS)
        counts = outbox.counts(tx)
        stuck = outbox.stuck(tx, context.clock.now() - timedelta(minutes=5))
    pages = max((count + ROWS - 1) // ROWS, 1)
    return render(
        request, visitor, "outbox.html", rows=rows, count=count, counts=counts, stuck=stuck, state=state, q=q,
        page=page, pages=pages, participants=context.participants.everybody(),
    )  # fmt: skip


@router.get("/conversations/{conversation}")
def conversation(request: Request, visitor: Viewer, conversation: str) -> HTMLResponse:
    """The messages of a conversation, readable and raw."""
    with context_of(request).store.transaction() as tx:
        lines = inbox.conversation(tx, [conversation])
    if not lines:
        raise MissingError(f"there is no conversation {conversation!r}")
    return render(request, visitor, "conversation.html", lines=lines, conversation=conversation)


@router.get("/log")
def log_(
    request: Request, visitor: Viewer, before: int | None = None, action: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Who did what, when and why."""
    with context_of(request).store.transaction() as tx:
        lines = doings.doings(tx, limit=ROWS, before=before, action=action or None)
    return render(request, visitor, "log.html", lines=lines, action=action, rows=ROWS)


@router.get("/account")
def account(request: Request, visitor: Viewer) -> HTMLResponse:
    """One's own tokens and, for an admin, every account."""
    with context_of(request).store.transaction() as tx:
        known = access.accounts(tx) if visitor.may(May.ADMIN) else []
        tokens = [t for t in access.tokens(tx) if visitor.may(May.ADMIN) or t.account == visitor.name]
    return render(
        request, visitor, "account.html", accounts=known, tokens=tokens, roles=list(ROLES),
        scopes=[m.value for m in May if m in visitor.allowed], made=None,
    )  # fmt: skip
