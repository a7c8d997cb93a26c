"""Responses of the JSON API about trading. Volumes in kW or MW where named so; money in the market's currency."""

from datetime import datetime

from pydantic import BaseModel


class PositionOut(BaseModel):
    """A fixed position on a market."""

    market: str
    values: list[float]  # kW per ISP, bought positive; MW per block of a capacity product
    origin: str
    at: datetime
    awarded: bool  # false: taken as awarded until the result is known
    seen: str  # mark that an entered award repeats, to say which position it was based on
    bid: list[float] | None
    bid_origin: str


class BidDeliveryOut(BaseModel):
    """How a bid left through one channel."""

    channel: str
    file_name: str
    state: str
    attempts: int
    delivered_at: datetime | None
    detail: str  # the receipt, or why it has not arrived


class BidOut(BaseModel):
    """A bid."""

    revision: int
    plan: int
    at: datetime
    by: str
    volumes_kw: list[float]  # per ISP, bought positive; of capacity per block
    prices: list[float]  # of capacity: the least that is asked per block, in the product's unit; empty: any price
    deliveries: list[BidDeliveryOut]


class TradeOut(BaseModel):
    """An intraday trade."""

    trade: str
    start: datetime
    minutes: int
    mw: float  # bought positive
    price_eur_per_mwh: float
    at: datetime  # when it was entered
    by: str
    cancelled_at: datetime | None  # null: it counts
    cancelled_by: str | None
    brp: str  # that it was made for; empty: the first in the settings
