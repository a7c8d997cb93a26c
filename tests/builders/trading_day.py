"""A world in which a DSO trades, in messages of its own, with a pricer that offers what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from lxml import etree

from agr.domain.flexibility import FlexRequest, NoOffer, OfferOption, Quote
from agr.settings import MessageLimits, Trading
from agr.store import flex_offers, flex_orders, flex_requests
from agr.store.flex_offers import StoredOffer
from agr.store.flex_orders import StoredOrder
from agr.store.flex_requests import StoredRequest
from agr.trading.keeping import Keeping
from agr.trading.offering import Offering
from tests.builders.worlds import CONTRACT, PERIOD, POINT, World

BASELINE_W = 20_000
PROGNOSIS = "0a0b0c0d-1111-4222-8333-444455556666"
REQUESTED = '<ISP Disposition="Requested" MinPower="-50000" MaxPower="0" Start="40" Duration="4"/>'
AVAILABLE = '<ISP Disposition="Available" MinPower="0" MaxPower="80000" Start="44" Duration="8"/>'


@dataclass
class ToldPricer:
    """Offers 30 kW less in every Requested ISP and half of it back in Available ones, for a price.

    With `step_w`, so much less is offered in each Requested ISP than in the one before.
    """

    price_eur: Decimal = Decimal("12.3456")
    reason: str = ""
    least_factor: Decimal = Decimal("0.01")
    broken: bool = False
    step_w: int = 0
    seen: list[FlexRequest] = field(default_factory=list)
    at_once: int = 2

    def price_together(self, requests: Sequence[FlexRequest]) -> list[Quote | NoOffer | Exception]:
        found: list[Quote | NoOffer | Exception] = []
        for request in requests:
            try:
                found.append(self.price(request))
            except RuntimeError as error:
                found.append(error)
        return found

    def price(self, request: FlexRequest) -> Quote | NoOffer:
        self.seen.append(request)
        if self.broken:
            raise RuntimeError("boom")
        if self.reason:
            return NoOffer(reason=self.reason)
        power: list[int | None] = [None] * request.period.isp_count
        for isp in request.isps:
            power[isp.isp - 1] = 15_000
        for place, isp in enumerate(request.requested):
            power[isp.isp - 1] = -30_000 + place * self.step_w
        option = OfferOption(
            reference="1", power_w=tuple(power), price=self.price_eur, min_activation_factor=self.least_factor
        )
        return Quote(
            options=(option,), baseline_w=(BASELINE_W,) * request.period.isp_count, prognosis_message_id=PROGNOSIS,
            plan=1, costs=(("day-ahead", 10.0), ("margin", 2.3456)), limits=("battery: power",),
            draws_kwh=(0.0,) * request.period.isp_count, outcome=b"program",
        )  # fmt: skip


class TradingWorld(World):
    """A world with points, a register and the jobs of trading."""

    def __init__(self, folder: Path, *, automatic: bool = True, limits: MessageLimits | None = None) -> None:
        super().__init__(folder, trading=Trading(automatic=automatic, hold_s=600), limits=limits or MessageLimits())
        self.pricer = ToldPricer()
        self.offering = Offering(self.store, self.settings, self.clock, self.participants, self.pricer)
        self.keeping = Keeping(self.store, self.settings, self.clock)
        self.know_points()
        self.know_register()

    def request(self, isps: str = REQUESTED + AVAILABLE, **more: str) -> str:
        values = {
            "ISP_Duration": "PT15M", "TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "CongestionPoint": POINT,
            "Revision": "1", "ExpirationDateTime": "2026-03-28T16:00:00Z",
        } | more  # fmt: skip
        return self.dso.message("FlexRequest", isps, **values)

    def tell(self, message: str) -> int:
        """Receive a message of the DSO."""
        return self.receive(self.dso.seal(message))

    def answer(self, of: "etree._Element", result: str = "Accepted", **more: str) -> int:
        """Receive the DSO's response to a message of ours."""
        name = {"FlexOffer": "FlexOfferMessageID", "FlexOfferRevocation": "FlexOfferRevocationMessageID"}[of.tag]
        values = {"ConversationID": of.get("ConversationID"), "Result": result, name: of.get("MessageID")} | more
        return self.tell(self.dso.message(f"{of.tag}Response", **values))

    def trade(self) -> None:
        """Do what the daemon's loops do: price everything, send what is due, let what is late expire."""
        while self.offering.price_next():
            pass
        self.offering.expire()
        self.offering.send_due()
        self.keeping.look()

    def offered(self, **more: str) -> "etree._Element":
        """Let the DSO request, and return the FlexOffer that it gets."""
        self.tell(self.request(**more))
        self.replies()
        self.trade()
        (offer,) = self.replies()
        assert offer.tag == "FlexOffer"
        return offer

    def order(self, offer: "etree._Element", isps: str | None = None, **more: str) -> str:
        """Return the FlexOrder that takes an offer, in a conversation of its own."""
        option = offer.find("OfferOption")
        assert option is not None
        values = {
            name: str(offer.get(name))
            for name in ("ISP-Duration", "TimeZone", "Period", "CongestionPoint", "Currency")
        } | {
            "FlexOfferMessageID": str(offer.get("MessageID")), "OrderReference": "o-1",
            "Price": str(option.get("Price")), "OptionReference": str(option.get("OptionReference")),
        } | more  # fmt: skip
        if isps is None:
            isps = "".join(etree.tostring(isp).decode() for isp in option)
        return self.dso.message("FlexOrder", isps, **values)

    def verdict(self) -> tuple[str, str | None]:
        """Return (Result, RejectionReason) of the one reply that waits."""
        (reply,) = self.replies()
        return str(reply.get("Result")), reply.get("RejectionReason")

    def requests(self) -> list[StoredRequest]:
        with self.store.reading() as tx:
            return flex_requests.of_period(tx, PERIOD)

    def offers(self) -> list[StoredOffer]:
        with self.store.reading() as tx:
            return flex_offers.of_period(tx, PERIOD)

    def orders(self) -> list[StoredOrder]:
        with self.store.reading() as tx:
            return flex_orders.of_period(tx, PERIOD)

    def revoke(self, message_id: str) -> None:
        """Revoke an offer, as an operator would."""
        with self.store.transaction() as tx:
            stored = flex_offers.get(tx, message_id, PERIOD.zone_name, PERIOD.isp_minutes)
            assert stored is not None
            self.offering.revoke(tx, stored, "outage")


def at(text: str) -> datetime:
    """Return an instant of the day before delivery, in UTC."""
    return datetime.fromisoformat(f"2026-03-28T{text}").replace(tzinfo=UTC)


__all__ = ["AVAILABLE", "BASELINE_W", "CONTRACT", "POINT", "PROGNOSIS", "REQUESTED", "ToldPricer", "TradingWorld", "at"]
