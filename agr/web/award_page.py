"""What an auction awarded for a Period: shows bid and position, and lets operators enter the result, after a check."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from agr.connectors.results import Results, read_results
from agr.domain.bid import DAY_AHEAD
from agr.domain.errors import ConflictError, InputError
from agr.domain.isp import Period
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import said_why
from agr.operations.auction_results import AuctionStanding, seen_of
from agr.operations.commands import parse_numbers
from agr.web.action_routes import done_page, fields_of, perform
from agr.web.http_status import status_of
from agr.web.layout import chart, render, starts_of
from agr.web.requests import AwardGiven
from agr.web.security import context_of, form_for, page_for

router = APIRouter(prefix="/awards", include_in_schema=False)
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]
Actor = Annotated[Principal, Depends(form_for(Permission.ACT))]
Text = Annotated[str, Form(max_length=2000)]
Pasted = Annotated[str, Form(max_length=200_000)]
Tick = Annotated[bool, Form()]


def _show(
    request: Request, principal: Principal, of: Period, market: str, standing: AuctionStanding, *, pasted: str = "",
    given: Results | None = None, beyond_bid: bool = False, fault: str = "", why: str = "", seen: str | None = None,
    doubts: tuple[str, ...] = (), status: int = 200,
) -> HTMLResponse:  # fmt: skip
    """Return the page; with `given`, what was entered is shown beside the bid, to be confirmed."""
    entered = None if given is None else list(given.mw)
    position = None if standing.position is None else [v / standing.scale for v in standing.position.values]
    bid = [v / standing.scale for v in standing.bid.values]
    rows = [
        (
            standing.place(of, i),
            bid[i],
            None if position is None else position[i],
            None if entered is None else entered[i],
        )
        for i in range(standing.count)
    ]
    shown: list[dict[str, Any]] = [
        {"label": "bid", "kind": "sent", "values": bid},
        {"label": "position now", "kind": "limit", "values": position},
        {"label": "entered", "kind": "plan", "values": entered},
    ]
    data = chart(
        starts=starts_of(of), zone=of.zone_name, now=context_of(request).clock.now().timestamp(), unit="MW",
        series=shown, band=None,
    )  # fmt: skip
    return render(
        request, principal, "award.html", status=status, of=of, market=market, standing=standing, rows=rows,
        per_isp=market == DAY_AHEAD, data=data if market == DAY_AHEAD else "", pasted=pasted, given=given,
        beyond_bid=beyond_bid, fault=fault, why=why, seen=seen_of(standing.position) if seen is None else seen,
        example=f"{of.start.astimezone(of.tz).isoformat()},{bid[0]:g}",
        net_mwh=None if entered is None else sum(entered) * of.isp_hours, doubts=doubts,
    )  # fmt: skip


@router.get("/{day_}/{market:path}")
def award(request: Request, principal: Viewer, day_: str, market: str) -> HTMLResponse:
    """What was bid, and what was awarded as far as it is known."""
    context = context_of(request)
    of = context.period(day_)
    return _show(request, principal, of, market, context.auction_results.standing(market, of.day))


@router.post("/{day_}/{market:path}")
def enter(
    request: Request, principal: Actor, day_: str, market: str, pasted: Pasted = "", beyond_bid: Tick = False,
    step: Text = "look", seen: Text = "", why: Text = "",
) -> Response:  # fmt: skip
    """Check what an exchange reported, or enter it, depending on `step`."""
    context = context_of(request)
    of, results = context.period(day_), context.auction_results
    given: Results | None = None
    try:
        given = _read(pasted, of, market, context.settings.markets.day_ahead.product_minutes)
        if step == "enter":
            award_given = fields_of(
                AwardGiven, market=market, period=of.day, mw=list(given.mw), why=said_why(why),
                beyond_bid=beyond_bid, seen=seen,
                price_eur_per_mwh=None if given.price_eur_per_mwh is None else list(given.price_eur_per_mwh),
            )  # fmt: skip
            done = perform(context, principal, "award", award_given)
            return done_page(request, done, f"/markets?period={of}")
        results.check(market, of.day, given.mw, beyond_bid=beyond_bid, price_eur_per_mwh=given.price_eur_per_mwh)
    except (InputError, ConflictError) as error:
        shown = given if step == "enter" else None
        return _show(
            request, principal, of, market, results.standing(market, of.day), pasted=pasted, given=shown,
            beyond_bid=beyond_bid, fault=str(error), why=why, status=status_of(error),
        )  # fmt: skip
    standing = results.standing(market, of.day)
    doubts = results.doubts(market, of.day, given.mw)
    return _show(
        request, principal, of, market, standing, pasted=pasted, given=given, beyond_bid=beyond_bid, doubts=doubts
    )  # fmt: skip


def _read(pasted: str, of: Period, market: str, product_minutes: int) -> Results:
    """Return what was pasted: a table with a row per ISP or product, or MW separated by commas."""
    if not pasted.strip():
        raise InputError("paste the result first")
    if "start" in pasted.partition("\n")[0]:
        return read_results(
            pasted.strip(), "the result", of, product_minutes if market == DAY_AHEAD else of.isp_minutes
        )
    return Results(mw=parse_numbers(pasted.strip().strip(",")))
