"""What the JSON API returns about trading: positions with their bids and awards, bids with their receipts, trades."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from agr.domain.bid import DAY_AHEAD
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.auction_results import seen_of
from agr.schedule.auctions import auction_of
from agr.store import bids, positions, trades
from agr.web import trade_schemas as a
from agr.web.security import api_for, context_of

router = APIRouter()
Reader = Annotated[Principal, Depends(api_for(Permission.READ))]


@router.get("/days/{period}/positions")
def positions_(request: Request, _principal: Reader, period: date) -> list[a.PositionOut]:
    """Positions that are fixed, with what was bid; kW per ISP, bought positive, or MW per block of capacity."""
    found = []
    with context_of(request).store.transaction() as tx:
        for market in sorted(positions.all_on(tx, period)):
            fixed, bid = positions.one_on(tx, period, market), positions.bid_on(tx, period, market)
            assert fixed is not None
            found.append(
                a.PositionOut(
                    market=market, values=list(fixed.values), origin=fixed.origin, at=fixed.at, awarded=fixed.awarded,
                    seen=seen_of(fixed), bid=None if bid is None else list(bid[0]),
                    bid_origin="" if bid is None else bid[1],
                )
            )  # fmt: skip
    return found


@router.get("/days/{period}/bids")
def bids_(
    request: Request, _principal: Reader, period: date,
    market: Annotated[str, Query(max_length=255, description="day-ahead, or a capacity product.")] = DAY_AHEAD,
) -> list[a.BidOut]:  # fmt: skip
    """The bids on a market in a Period, newest first, and how each left."""
    auction_of(context_of(request).settings, context_of(request).actions.period(period), market)
    with context_of(request).store.transaction() as tx:
        known, left = bids.of_period(tx, period, market), bids.deliveries(tx, period, market)
    return [
        a.BidOut(
            revision=bid.revision, plan=bid.plan, at=bid.at, by=bid.by, volumes_kw=list(bid.volumes_kw),
            prices=list(bid.prices),
            deliveries=[
                a.BidDeliveryOut(
                    channel=d.channel, file_name=d.file_name, state=d.state, attempts=d.attempts,
                    delivered_at=d.delivered_at, detail=d.detail or "",
                )
                for d in left
                if d.bid == bid.id
            ],
        )
        for bid in reversed(known)
    ]  # fmt: skip


@router.get("/days/{period}/trades")
def trades_(request: Request, _principal: Reader, period: date) -> list[a.TradeOut]:
    """The intraday trades of a Period in the order of their delivery, cancelled ones included."""
    with context_of(request).store.transaction() as tx:
        known = trades.of_period(tx, period)
    return [
        a.TradeOut(
            **vars(one.trade), at=one.at, by=one.by, cancelled_at=one.cancelled_at, cancelled_by=one.cancelled_by
        )
        for one in known
    ]
