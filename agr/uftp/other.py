"""The UFTP messages we do not take part in yet: read only so far that a proper rejection can be sent.

Source: UFTP-agr-dso.xsd, UFTP-metering.xsd and UFTP-cro-dso.xsd 3.1.0.
"""

from typing import Literal

from pydantic import Field

from agr.uftp import wire
from agr.uftp.metadata import Message, Part, Response

OTHER_REQUESTS: dict[str, str] = {
    "FlexRequest": "FlexRequestMessageID",
    "FlexOffer": "FlexOfferMessageID",
    "FlexOfferRevocation": "FlexOfferRevocationMessageID",
    "FlexOrder": "FlexOrderMessageID",
    "FlexSettlement": "FlexSettlementMessageID",
    "Metering": "MeteringMessageID",
    "DSOPortfolioUpdate": "DSOPortfolioUpdateResponseMessageID",
    "DSOPortfolioQuery": "DSOPortfolioQueryMessageID",
}
"""Request → the attribute by which its response names it (3.x); the response is called <request>Response."""

OTHER_RESPONSES: dict[str, str] = {f"{request}Response": name for request, name in OTHER_REQUESTS.items()}
"""Response → the attribute that names its request."""


class OtherMessage(Message):
    """Any other message of the specification: metadata, root name and what an answer must repeat."""

    root_name: str
    reference: wire.Uuid | None = None  # of a response
    order_references: tuple[wire.Text | None, ...] = ()  # of a FlexSettlement
    time_zone: wire.ZoneName | None = None
    period: wire.PeriodDay | None = None

    @property
    def type_name(self) -> str:
        """The name of the XML root element."""
        return self.root_name

    @property
    def is_response(self) -> bool:
        """Whether the message is itself an answer, and so gets none."""
        return self.root_name in OTHER_RESPONSES


class OrderSettlementStatus(Part):
    """Our verdict about one order of a FlexSettlement."""

    order_reference: wire.Text | None = Field(default=None, alias="OrderReference")
    disposition: Literal["Accepted", "Disputed"] = Field(alias="Disposition")
    dispute_reason: wire.Text | None = Field(default=None, alias="DisputeReason")


class OtherResponse(Response):
    """The verdict about an OtherMessage; `request` is the root of the message answered."""

    request: str
    time_zone: wire.ZoneName | None = Field(default=None, alias="TimeZone")
    period: wire.PeriodDay | None = Field(default=None, alias="Period")
    order_statuses: tuple[OrderSettlementStatus, ...] = Field(default=(), alias="FlexOrderSettlementStatus")

    @property
    def type_name(self) -> str:
        """The name of the XML root element."""
        return f"{self.request}Response"
