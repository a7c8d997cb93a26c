"""What a message is judged by: who we are, what was agreed, what we know, and the time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from agr.domain.flexibility import FlexOffer
from agr.domain.flexibility_states import OfferState
from agr.domain.isp import Period, period_of
from agr.domain.register import Contract
from agr.uftp.open_request import OpenRequest
from agr.uftp.participants import Participants

Reason: TypeAlias = str
"""A RejectionReason, in the words of the specification where it has them."""


@dataclass(frozen=True, kw_only=True)
class DirectFacts:
    """What a FlexOrder without an offer is judged by, where the DSO may send any."""

    reserved_w: tuple[int, ...]  # per ISP, what the contract still reserves, signed
    price_eur_per_mwh: float | None  # of the contract; None: it names none
    currency: str
    prognosis: str | None  # MessageID of the accepted D-Prognosis that is the baseline; None: there is none
    closed_isps: int  # ISPs that can be ordered no longer


@dataclass(frozen=True, kw_only=True)
class TradeFacts:
    """What we know of the trade that a message is about."""

    newest_revision: int | None = None  # of FlexRequests about the same; None: there is none
    offer: FlexOffer | None = None  # that a FlexOrder names
    offer_state: OfferState | None = None
    reference_used: bool = False  # the OrderReference, by another order of this DSO
    unsettled: tuple[tuple[str, date], ...] = ()  # (OrderReference, Period) of the sender's orders not settled yet
    hold: timedelta = timedelta(0)  # how long after its offer's expiry an order may arrive
    direct: DirectFacts | None = None  # of a FlexOrder without an offer; None: there is no such agreement


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """The context of one message."""

    own_domain: str
    zone_name: str
    isp_minutes: int
    now: datetime  # aware
    participants: Participants
    sender_role: str | None = None  # of the envelope; None: unknown, so the role that the type needs is assumed
    contract: Contract | None = None  # the contract that the message names, if we have it
    points: frozenset[str] | None = (
        None  # the sender's in the Period, at least the one named; None: there is no list yet
    )
    question: OpenRequest | None = None  # the request of ours that the message names
    trade: TradeFacts = TradeFacts()
    supported_versions: tuple[str, ...] = ("3.0.0", "3.1.0")
    horizon_days: int = 366  # how far ahead a Period may lie
    reservations_until: datetime | None = None  # agreed deadline for releases in the Period, if there is one

    def today(self) -> date:
        """Return the market's current local day."""
        return period_of(self.now, self.zone_name, self.isp_minutes).day

    def period(self, of: date) -> Period:
        """Return the market's calendar of a day."""
        return Period(of, self.zone_name, self.isp_minutes)
