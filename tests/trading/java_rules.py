"""A DSO that judges offers, and makes orders, by the published rules of Shapeshifter's Java library (3.6.0).

Its rules as its documentation, its validators and its issues 37 and 61 describe them, in words and code of our own, on
raw XML and with nothing of the daemon: it is stricter than the specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

_DECIMALS = {"EUR": 2, "JPY": 0}


def _elements(parent: "etree._Element") -> list[tuple[int, int]]:
    """(Start, Duration) of each ISP element."""
    return [(int(isp.get("Start")), int(isp.get("Duration", "1"))) for isp in parent.iter("ISP")]


def _ends(message: "etree._Element", isp: int) -> datetime:
    zone = ZoneInfo(message.get("TimeZone"))
    midnight = datetime.fromisoformat(message.get("Period")).replace(tzinfo=zone)
    minutes = int(message.get("ISP-Duration").removeprefix("PT").removesuffix("M"))
    return midnight.astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes * isp)


def _about(option: "etree._Element", offer: "etree._Element") -> Iterator[str]:
    price, decimals = Decimal(option.get("Price")), _DECIMALS[offer.get("Currency")]
    exponent: Any = price.as_tuple().exponent
    if -exponent != decimals:
        yield "Price is not valid for the currency"
    if not 0 < Decimal(option.get("MinActivationFactor", "1")) <= 1:
        yield "Min activation factor must be between 0 and 1"
    numbers = [isp for start, count in _elements(option) for isp in range(start, start + count)]
    if len(set(numbers)) < len(numbers):
        yield "ISP conflict"


@dataclass
class JavaDso:
    """Keeps what it has sent, and judges what it gets."""

    sent: "list[etree._Element]" = field(default_factory=list)
    offers: "list[etree._Element]" = field(default_factory=list)

    def sends(self, xml: str) -> str:
        """Remember a message of ours that later ones refer to."""
        self.sent.append(etree.fromstring(xml.encode()))
        return xml

    def _found(self, name: str, message_id: str | None, conversation: str) -> "etree._Element | None":
        """A message is found by its id in the same conversation only."""
        return next(
            (m for m in self.sent
             if m.tag == name and m.get("MessageID") == message_id and m.get("ConversationID") == conversation),
            None,
        )  # fmt: skip

    def judge(self, offer: "etree._Element", now: datetime) -> list[str]:
        """Return why an offer is rejected; nothing: it is accepted, and can be ordered."""
        options = offer.findall("OfferOption")
        faults = [*self._about_request(offer, now), *(fault for option in options for fault in _about(option, offer))]
        if offer.get("D-PrognosisMessageID") is not None:
            faults.append("Unknown reference D-PrognosisMessageID")  # it looks among what the AGR was sent
        last = max(start + count - 1 for option in options for start, count in _elements(option))
        expires = datetime.fromisoformat(offer.get("ExpirationDateTime"))
        if expires > _ends(offer, last):
            faults.append("ExpirationDateTime out of bounds")
        if expires <= now:
            faults.append("ExpirationDateTime in the past")
        if not faults:
            self.offers.append(offer)
        return faults

    def _about_request(self, offer: "etree._Element", now: datetime) -> Iterator[str]:
        request_id, options = offer.get("FlexRequestMessageID"), offer.findall("OfferOption")
        request = self._found("FlexRequest", request_id, offer.get("ConversationID"))
        if request_id is not None and request is None:
            yield "Unknown reference FlexRequestMessageID"
        if request is not None:
            if datetime.fromisoformat(request.get("ExpirationDateTime")) <= now:
                yield "Reference message expired"
            wanted = [(int(isp.get("Start")), int(isp.get("Duration", "1")))
                      for isp in request if isp.get("Disposition") == "Requested"]  # fmt: skip
            if not any(element in wanted for option in options for element in _elements(option)):
                yield "None of the requested ISPs is mentioned"
        if offer.get("Unsolicited") is not None and (request_id is None) != (offer.get("Unsolicited") == "true"):
            yield "FlexRequestMessageID must only be present if not unsolicited"

    def order(self, reference: str) -> dict[str, str]:
        """Return the attributes of the only order that these rules let out for the newest offer.

        It must have the ISPs of all options, and the price of each of them, so there must be one option, and no part.
        """
        offer = self.offers[-1]
        prices = {Decimal(option.get("Price")) for option in offer.findall("OfferOption")}
        assert len(offer.findall("OfferOption")) == 1, "an offer of several options can never be ordered"
        (price,) = prices
        return {
            "FlexOfferMessageID": offer.get("MessageID"), "ConversationID": offer.get("ConversationID"),
            "OrderReference": reference, "Price": str(price), "Currency": offer.get("Currency"),
        }  # fmt: skip
