"""Flexibility as a DSO asks for it, we offer it, and the DSO orders it: frozen values.

Power is whole W per ISP, consumption positive, and always a deviation from the baseline of a congestion point. Prices
are amounts that the DSO pays us. Source: UFTP specification, validate phase; UFTP-agr-dso.xsd 3.1.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol, TypeAlias

from agr.domain.isp import Period

Limits: TypeAlias = tuple[int | None, int | None]
"""(lowest, highest) power of a program in an ISP, in W; None: no limit on that side."""


class Disposition(Enum):
    """What a DSO says about an ISP of its request."""

    REQUESTED = "Requested"
    AVAILABLE = "Available"  # room for rebound, not asked for


@dataclass(frozen=True, kw_only=True)
class RequestedIsp:
    """Bounds in W on the deviation in one ISP."""

    isp: int  # from 1
    disposition: Disposition
    min_w: int
    max_w: int


@dataclass(frozen=True, kw_only=True)
class FlexRequest:
    """A DSO asks for flexibility at a congestion point; an ISP that it does not name may not deviate."""

    message_id: str
    conversation_id: str
    dso: str
    congestion_point: str
    period: Period
    revision: int
    expires_at: datetime
    received_at: datetime
    isps: tuple[RequestedIsp, ...]  # one per ISP named, in order
    contract_id: str | None = None  # None: free market, nobody has to offer
    service_type: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
    """(first ISP, number of ISPs) of each ISP element of the message. Some DSOs want the same elements in offers."""
    limits: bool = False  # whether powers are limits of the program itself, not deviations from a baseline
    unsolicited: bool = False  # whether it is a wish of our own, for an offer that no DSO has asked for

    @property
    def requested(self) -> tuple[RequestedIsp, ...]:
        """The ISPs in which flexibility is asked for."""
        return tuple(isp for isp in self.isps if isp.disposition is Disposition.REQUESTED)

    @property
    def bounds_w(self) -> tuple[tuple[int, int], ...]:
        """(lowest, highest) deviation per ISP of the Period; (0, 0) in ISPs that the request does not name."""
        bounds = [(0, 0)] * self.period.isp_count
        for isp in self.isps:
            bounds[isp.isp - 1] = (isp.min_w, isp.max_w)
        return tuple(bounds)

    def limits_w(self, power_w: Sequence[int | None]) -> tuple[Limits, ...]:
        """Return what powers, one per ISP, limit the program to in the Requested ISPs; None: the ISP is not named.

        A MaxPower limits consumption, a negative MinPower production; where both are 0, neither is allowed.
        """
        found: list[Limits] = [(None, None)] * self.period.isp_count
        for isp in self.requested:
            power = power_w[isp.isp - 1]
            if power is None:
                continue
            nothing = isp.min_w == 0 == isp.max_w
            produces, consumes = isp.min_w < 0 or nothing, isp.max_w > 0 or nothing
            found[isp.isp - 1] = (power if produces else None, power if consumes else None)
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class OfferOption:
    """One program that can be ordered, with one price for all of it."""

    reference: str
    power_w: tuple[int | None, ...]  # per ISP of the Period; None: the option does not name the ISP
    price: Decimal  # in the offer's currency
    min_activation_factor: Decimal = Decimal("1.00")  # from 0.01; 1: whole or not at all


def kwh_of(power_w: Sequence[int | None], period: Period) -> float:
    """Return the energy that deviations move, kWh, in either direction, not negative."""
    return sum(abs(power or 0) for power in power_w) * period.isp_hours / 1000


@dataclass(frozen=True, kw_only=True)
class FlexOffer:
    """What we offer a DSO: options that exclude each other."""

    message_id: str
    conversation_id: str
    dso: str
    congestion_point: str
    period: Period
    expires_at: datetime
    options: tuple[OfferOption, ...]
    currency: str = "EUR"
    request_message_id: str | None = None  # None: unsolicited
    contract_id: str | None = None
    prognosis_message_id: str | None = None  # of the D-Prognosis that is the baseline
    limits: bool = False  # whether powers are limits of the program itself; see FlexRequest

    def option(self, reference: str | None) -> OfferOption | None:
        """Return the option of that name; without one the only option, else None."""
        if reference is None:
            return self.options[0] if len(self.options) == 1 else None
        return next((option for option in self.options if option.reference == reference), None)


@dataclass(frozen=True, kw_only=True)
class FlexOrder:
    """A DSO orders an option of an offer, or a part of it."""

    message_id: str
    conversation_id: str
    dso: str
    congestion_point: str
    period: Period
    offer_message_id: str  # its own MessageID where it was ordered without an offer
    order_reference: str
    option_reference: str
    activation_factor: Decimal
    power_w: tuple[int, ...]  # per ISP of the Period: the deviation ordered, 0 where none
    price: Decimal
    currency: str
    stamped_at: datetime
    received_at: datetime
    contract_id: str | None = None

    @property
    def direct(self) -> bool:
        """Whether it was ordered without an offer, under a contract."""
        return self.offer_message_id == self.message_id

    @property
    def name(self) -> str:
        """What plans call it: DSOs number their orders without knowing of each other."""
        return f"{self.order_reference} of {self.dso}"


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """What an order binds the program of a congestion point to."""

    order: FlexOrder
    baseline_w: tuple[int, ...]  # per ISP: the program that the order deviates from
    limits_w: tuple[Limits, ...] = ()  # per ISP, where the order limits the program itself; empty: it is a deviation
    start_w: tuple[int, ...] = ()  # what the deviation counts from, see agr.domain.obligations; empty: the baseline
    earlier_w: tuple[int | None, ...] = ()  # per ISP, what earlier orders of its direction bind the program to
    taken_back_w: tuple[int, ...] = ()  # per ISP, not negative: what later orders of the other direction undo of it

    @property
    def due_w(self) -> tuple[int, ...]:
        """The deviation that is still to be delivered, per ISP."""
        back = self.taken_back_w or (0,) * len(self.order.power_w)
        return tuple(v - less if v > 0 else v + less for v, less in zip(self.order.power_w, back, strict=True))

    @property
    def program_w(self) -> tuple[int, ...]:
        """The program due with the order, per ISP; of an order of limits, what was planned when it was offered."""
        if self.limits_w:
            return self.baseline_w
        return tuple(b + v for b, v in zip(self.start_w or self.baseline_w, self.due_w, strict=True))

    @property
    def bounds_w(self) -> tuple[Limits, ...]:
        """Per ISP what the program is bound to: less consumption is an upper bound, more a lower one."""
        if self.limits_w:
            return self.limits_w
        return tuple(
            (bound if ordered > 0 else None, bound if ordered < 0 else None)
            for bound, ordered in zip(self.program_w, self.due_w, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What flexibility costs us, and the audited program that delivers it."""

    options: tuple[OfferOption, ...]
    baseline_w: tuple[int, ...]  # per ISP: the accepted D-Prognosis that the options deviate from
    prognosis_message_id: str | None  # of that D-Prognosis
    plan: int  # the plan that it was priced against
    costs: tuple[tuple[str, float], ...]  # (term, EUR) of the first option; their sum is its price
    limits: tuple[str, ...] = ()  # what keeps the volume from being larger, in words
    draws_kwh: tuple[float, ...] = ()  # per ISP: new energy bought (positive) or sold for it, for the ledger
    outcome: bytes = field(default=b"", repr=False)  # archive of the audited program, so that an order needs no solver


@dataclass(frozen=True, kw_only=True)
class BoundOffer:
    """What an offer that a DSO may order binds: its congestion point stays, and its trades are kept free."""

    message_id: str
    congestion_point: str
    draws_kwh: tuple[float, ...]  # per ISP: new energy bought (positive) or sold


@dataclass(frozen=True, kw_only=True)
class NoOffer:
    """Why a request gets no offer, in words for operators."""

    reason: str


class Pricer(Protocol):
    """Prices flexibility; takes seconds, and is called outside any transaction."""

    at_once: int
    """How many requests it prices at the same time"""

    def price_together(self, requests: Sequence[FlexRequest]) -> "list[Quote | NoOffer | Exception]":
        """Return for each request the cost of what it asks for, why there is no offer, or what pricing it raised.

        The requests are of different congestion points. Their quotes may all be ordered.
        """
