"""The page about the markets: positions, bids, prices."""

from dataclasses import dataclass
from datetime import timedelta
from math import isnan
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from agr.domain.bid import DAY_AHEAD
from agr.domain.isp import Period
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.expected_imbalance import ExpectedImbalance
from agr.schedule.bidding import gate_of
from agr.schedule.moments import BID_LAST_SAFE_START
from agr.store import bids as bids_
from agr.store import day, plans, positions, register, trades
from agr.store.bids import ChannelDelivery, StoredBid
from agr.web.context import WebContext
from agr.web.layout import chart, render, starts_of
from agr.web.named_plan import PlanNumber, plan_of, state_of
from agr.web.security import context_of, page_for

router = APIRouter(include_in_schema=False)
_MWH = 1e-6
"""Imbalance below this is numerical noise."""
Viewer = Annotated[Principal, Depends(page_for(Permission.READ))]


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Our bids on a product of balancing capacity, oldest first, and how each left."""

    sent: tuple[StoredBid, ...]
    left: tuple[ChannelDelivery, ...]

    def said(self, volumes_kw: tuple[float, ...]) -> bool:
        """Say whether the newest bid is this one."""
        return bool(self.sent) and self.sent[-1].volumes_kw == volumes_kw

    @property
    def newest(self) -> tuple[ChannelDelivery, ...]:
        """How the newest bid left."""
        return tuple(d for d in self.left if self.sent and d.bid == self.sent[-1].id)


@router.get("/markets")
def markets(request: Request, principal: Viewer, period: str | None = None, plan: PlanNumber = None) -> HTMLResponse:
    """Positions, bids and prices of a Period, in the plan in force or in another one."""
    context = context_of(request)
    of = context.period(period)
    shown_plan = plan_of(context, of, plan)
    with context.store.transaction() as tx:
        fixed = positions.all_on(tx, of.day)
        bids = {market: bid[0] for market in fixed if (bid := positions.bid_on(tx, of.day, market)) is not None}
        prices = register.prices(tx, of.start - timedelta(days=1), of.end)
        sent, left = bids_.of_period(tx, of.day, DAY_AHEAD), bids_.deliveries(tx, of.day, DAY_AHEAD)
        held = {market: positions.one_on(tx, of.day, market) for market in fixed}
        in_force, traded = plans.in_force(tx, of.day), trades.of_period(tx, of.day)
        bid_done = BID_LAST_SAFE_START in day.done_moments(tx, of.day)
        offered = {
            product.name: Offered(
                sent=tuple(bids_.of_period(tx, of.day, product.name)),
                left=tuple(bids_.deliveries(tx, of.day, product.name)),
            )
            for product in context.settings.markets.capacity
        }
    bidding = context.bidding
    gate = gate_of(context.settings, of, DAY_AHEAD)
    names = sorted({p.series for p in prices if p.start + timedelta(minutes=p.minutes) > of.start})
    series = {name: _per_isp(of, [p for p in prices if p.series == name]) for name in names}
    energy = {n: v for n, v in series.items() if n in _energy_series(context)}
    shown: list[dict[str, Any]] = [{"label": n, "kind": "price", "values": v} for n, v in energy.items()]
    position: list[dict[str, Any]] = []
    if shown_plan is not None:
        balance = [round(v, 2) for v in shown_plan.positions.balance_eur_per_mwh]
        shown.append({"label": "worth in the portfolio", "kind": "plan", "values": balance})
        bought = [round(v, 3) for v in shown_plan.positions.day_ahead_kw]
        position = [
            {"label": "day-ahead", "kind": "plan", "values": bought},
            {"label": "intraday", "kind": "sent", "values": [round(v, 3) for v in shown_plan.positions.intraday_kw]},
        ]
    outlook = context.imbalance.of(of)
    common = {"starts": starts_of(of), "zone": of.zone_name, "band": None}
    return render(
        request, principal, "markets.html", of=of, plan=shown_plan, plan_state=state_of(context, of, plan), fixed=fixed,
        bids=bids, sent=list(reversed(sent)), left=left, positions=held, gate=gate, sends=bidding.sends(DAY_AHEAD),
        approval=context.settings.bids.approval, bid_done=bid_done, in_force=in_force, traded=traded,
        gates={DAY_AHEAD: gate} | {p.name: p.gate.gate(p.name).instant(of) for p in context.settings.markets.capacity},
        starts=[start.astimezone(of.tz) for start in of.starts()],
        wanted_kw=bidding.volumes_kw(in_force, DAY_AHEAD) if in_force is not None else (), offered=offered,
        sendable={
            name for name, known in offered.items()
            if in_force is not None and bidding.sends(name) and not known.said(bidding.volumes_kw(in_force, name))
        },
        asks={p.name: bidding.prices(shown_plan, p.name) for p in context.settings.markets.capacity if shown_plan},
        products=context.settings.markets.capacity, brps=context.settings.brps,
        price_data=chart(unit=f"{context.settings.currency}/MWh", series=shown, **common),
        position_data=chart(unit="kW", series=position, **common), series=series, hours=of.isp_hours,
        units=_units(context), outlook=outlook, outlook_rows=_imbalanced(outlook),
    )  # fmt: skip


def _imbalanced(outlook: ExpectedImbalance | None) -> list[tuple[int, float, float, float | None]]:
    """Return (ISP from 1, planned MWh, deviation MWh, EUR) of the ISPs that are not balanced."""
    if outlook is None:
        return []
    rows = zip(outlook.planned_mwh.tolist(), outlook.deviation_mwh.tolist(), outlook.eur.tolist(), strict=True)
    shown = enumerate(rows, start=1)
    return [(isp, *one[:2], None if isnan(one[2]) else one[2]) for isp, one in shown if abs(one[0] + one[1]) > _MWH]


def _energy_series(context: WebContext) -> set[str]:
    m = context.settings.markets
    names = {m.day_ahead.series, m.day_ahead.forecast_series, m.intraday.buy_series, m.intraday.sell_series}
    return {n for n in names if n}


def _units(context: WebContext) -> dict[str, str]:
    """Return series → unit, for the price series in the settings."""
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
