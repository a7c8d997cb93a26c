"""Responses of the JSON API about trading with DSOs. Power in W, a deviation, consumption positive; DSOs pay prices."""

from datetime import datetime

from pydantic import BaseModel


class FlexIspOut(BaseModel):
    """What a DSO asks for in one ISP."""

    isp: int
    disposition: str  # Requested | Available
    min_w: int
    max_w: int


class FlexRequestOut(BaseModel):
    """A request of a DSO."""

    message_id: str
    conversation_id: str
    dso: str
    congestion_point: str
    revision: int
    contract: str | None  # null: free market
    received_at: datetime
    expires_at: datetime
    isps: list[FlexIspOut]
    state: str
    priced: bool
    note: str  # why there is no offer
    unsolicited: bool  # our own wish: no DSO has asked for it
    of_limits: bool  # powers are limits of the program itself, not deviations


class OfferOptionOut(BaseModel):
    """An option of an offer."""

    reference: str
    power_w: list[int | None]  # per ISP; null: not named
    price: float
    min_activation_factor: float


class OfferOut(BaseModel):
    """An offer to a DSO, with what it costs us."""

    message_id: str
    conversation_id: str
    request: str | None
    dso: str
    congestion_point: str
    contract: str | None
    state: str
    state_at: datetime
    expires_at: datetime
    currency: str
    options: list[OfferOptionOut]
    baseline_w: list[int]
    plan: int  # that it was priced against
    costs: dict[str, float]  # term → EUR; their sum is the first option's price, before it is rounded up
    limits: list[str]  # what keeps it from being larger
    draws_kwh: list[float]  # per ISP: new energy bought for it
    by: str
    note: str
    of_limits: bool  # as its request's


class SettledOut(BaseModel):
    """What a DSO settles of an order, and what we expect."""

    at: datetime
    price: float
    penalty: float
    net: float
    expected_net: float
    deficiency_kwh: float
    faults: list[str]
    unchecked: int  # ISPs of the order whose actual power our meters do not tell


class OrderOut(BaseModel):
    """An order of a DSO."""

    message_id: str
    order_reference: str
    offer: str
    option: str
    dso: str
    congestion_point: str
    contract: str | None
    state: str
    state_at: datetime
    received_at: datetime
    activation_factor: float
    price: float
    currency: str
    power_w: list[int]
    baseline_w: list[int]
    note: str
    limits_w: list[tuple[int | None, int | None]]  # per ISP (lowest, highest); empty: a deviation
    program_w: list[int]  # per ISP: what the congestion point was to do with the order
    planned_w: list[int] | None  # per ISP: by the plan in force; null: there is none
    settled: SettledOut | None


class LedgerOut(BaseModel):
    """What open offers may draw on in one ISP, whichever of them are ordered."""

    isp: int
    depth_kw: float  # of the intraday market, either way
    planned_kw: float  # net, bought positive
    buy_taken_kw: float
    sell_taken_kw: float
    buy_left_kw: float
    sell_left_kw: float
    reserved_kw: float  # of all FlexOptions
    capacity_mw: float  # of all balancing capacity, either way


class TradingOut(BaseModel):
    """A Period's trade with DSOs, newest first."""

    requests: list[FlexRequestOut]
    offers: list[OfferOut]
    orders: list[OrderOut]
    ledger: list[LedgerOut]  # ISPs in which an open offer has power or draws on something


class MeteringOut(BaseModel):
    """The newest Metering message about a connection."""

    dso: str
    connection: str
    revision: int
    isps: int  # that were measured
    kwh: float  # in these; consumption positive
    sent_at: datetime
    state: str  # of the message: queued, delivered, …
    answer: str | None  # Accepted, Rejected
    answer_reason: str | None
