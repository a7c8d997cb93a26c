"""The page about trading with DSOs: requests, offers with their costs, orders with their settlement."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from agr.domain.flexibility_states import LIVE_OFFERS, OfferState
from agr.domain.isp import Period
from agr.domain.program import compress, in_words, limits_in_words, sums_in_words
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.flex_offers import TradingDay, takers_of_offers, trading_day
from agr.operations.trade_ledger import LedgerRow, WithoutOrder, trade_ledger, without_orders
from agr.store.flex_requests import StoredRequest
from agr.trading.metering import metering_lines
from agr.trading.rooms import asked_limits
from agr.web.layout import chart, render, starts_of
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
_SHOWN = 100
"""Most connections whose Metering messages the page lists; the command line lists all."""
_CHOICES = 500
"""Most congestion points that the form suggests; any other can be typed."""
_FEW_ROWS = 12
"""Rows of the ledger that are shown before the table is opened."""
_AT_A_GLANCE = 4
"""Most stretches of ISPs with different powers that are listed; if there are more, their sums are shown."""
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]


@router.get("/trading")
def trading(request: Request, principal: Viewer, period: str | None = None) -> HTMLResponse:
    """What DSOs have requested of a Period, what we offer, what was ordered."""
    context = context_of(request)
    of = context.period(period)
    with context.store.reading() as tx:
        found = trading_day(tx, of)
        ledger = trade_ledger(tx, context.settings, of, found)
        without = without_orders(tx, of, found)
        measured = metering_lines(tx, of)
        takers = takers_of_offers(tx, context.settings, principal, of) if principal.may(Permission.ACT) else ()
    return render(
        request, principal, "trading.html", of=of, found=found, automatic=context.settings.trading.automatic,
        states=OfferState, asked=_asked, asked_w=_asked_w, words=_words, sums=_sums,
        picture=_picture(of, found),
        draws=_draws(found), ordered_price=sum(stored.order.price for stored in found.orders),
        ledger=_stretches(ledger), isps=len(ledger), few=_FEW_ROWS,
        without=[(one, _without(of, one)) for one in without],
        measured=measured[:_SHOWN], unshown=len(measured[_SHOWN:]), takers=takers[:_CHOICES],
        can_propose=bool(takers) and context.clock.now() < of.end,
    )  # fmt: skip


def _stretches(ledger: Sequence[LedgerRow]) -> list[tuple[LedgerRow, int]]:
    """Return ISPs that follow each other and have the same figures as one row: the first one's, and the last ISP."""
    found: list[tuple[LedgerRow, int]] = []
    for row in ledger:
        first, last = found[-1] if found else (row, row.isp)
        if found and row.isp == last + 1 and replace(row, isp=first.isp) == first:
            found[-1] = first, row.isp
        else:
            found.append((row, row.isp))
    return found


def _asked(stored: StoredRequest) -> str:
    """Return what is requested, in words: the strongest bound of each Requested ISP."""
    if stored.request.limits:
        return limits_in_words(asked_limits(stored.request))
    return in_words(_asked_w(stored))


def _asked_w(stored: StoredRequest) -> tuple[int, ...]:
    power_w = [0] * stored.request.period.isp_count
    for isp in stored.request.requested:
        power_w[isp.isp - 1] = isp.min_w if isp.max_w <= 0 else isp.max_w
    return tuple(power_w)


def _words(power_w: tuple[int | None, ...], limits: bool = False) -> str:
    return limits_in_words(power_w) if limits else in_words([power or 0 for power in power_w])


def _sums(power_w: Sequence[int | None], isp_hours: float) -> str:
    """Return a deviation of many different powers as its sums; nothing where every power can be read at a glance."""
    whole_w = [power or 0 for power in power_w]
    many = sum(1 for run in compress(whole_w) if run.power_w) > _AT_A_GLANCE
    return sums_in_words(whole_w, isp_hours) if many else ""


def _picture(of: Period, found: TradingDay) -> str:
    """Return the sums over all congestion points per ISP: offered and still open, and ordered, in kW; no limits."""
    offered, ordered = [0.0] * of.isp_count, [0.0] * of.isp_count
    for stored in found.offers:
        if stored.state in LIVE_OFFERS and not stored.offer.limits:
            for place, power in enumerate(stored.offer.options[0].power_w):
                offered[place] += (power or 0) / 1000
    for order in found.orders:
        for place, watts in enumerate(() if order.obligation.limits_w else order.order.power_w):
            ordered[place] += watts / 1000
    series: list[dict[str, Any]] = [
        {"label": "offered", "kind": "sent", "values": offered},
        {"label": "ordered", "kind": "plan", "values": ordered},
    ]
    return chart(starts=starts_of(of), zone=of.zone_name, unit="kW", series=series, band=None)


def _without(of: Period, one: WithoutOrder) -> str:
    """Return the picture of a congestion point without an order, as ordered, and as planned now, kW."""
    series: list[dict[str, Any]] = [
        {"label": "without the order", "kind": "sent", "values": [watts / 1000 for watts in one.baseline_w]},
        {"label": "ordered", "kind": "called", "values": [watts / 1000 for watts in one.ordered_w]},
    ]
    if one.planned_w is not None:
        series.append({"label": "plan in force", "kind": "plan", "values": [w / 1000 for w in one.planned_w]})
    return chart(starts=starts_of(of), zone=of.zone_name, unit="kW", series=series, band=None)


def _draws(found: TradingDay) -> dict[str, tuple[float, float]]:
    """Return offer → (kWh to be bought, kWh to be sold) for it; what open offers draw on is sold to nobody else."""
    return {
        stored.offer.message_id: (
            sum(kwh for kwh in stored.draws_kwh if kwh > 0),
            -sum(kwh for kwh in stored.draws_kwh if kwh < 0),
        )
        for stored in found.offers
    }
