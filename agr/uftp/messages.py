"""The UFTP messages as frozen, checked values. Field aliases are the XML names; power in W, consumption positive.

Source: UFTP-agr-cro.xsd, UFTP-agr-dso.xsd and UFTP-metering.xsd 3.1.0; message catalog. Building one
with wrong values raises pydantic.ValidationError; for what peers send, agr.uftp.codec raises MessageError.
"""

from typing import ClassVar

from pydantic import Field

from agr.uftp import field_types
from agr.uftp.field_types import Result
from agr.uftp.flex_messages import (
    FLEX_TYPES,
    ContractSettlement,
    ContractSettlementIsp,
    ContractSettlementPeriod,
    FlexOffer,
    FlexOfferResponse,
    FlexOfferRevocation,
    FlexOfferRevocationResponse,
    FlexOrder,
    FlexOrderResponse,
    FlexRequest,
    FlexRequestResponse,
    FlexSettlement,
    FlexSettlementResponse,
    OfferedOption,
    OrderSettlement,
    OrderSettlementIsp,
    OrderSettlementStatus,
    RequestIsp,
)
from agr.uftp.metadata import IspMessage, Message, PeriodMessage, PointMessage, Response, XmlElement
from agr.uftp.metering_messages import METERING_TYPES, MeteredIsp, Metering, MeteringProfile, MeteringResponse
from agr.uftp.portfolio_messages import (
    PORTFOLIO_TYPES,
    AGRPortfolioQuery,
    AGRPortfolioQueryResponse,
    AGRPortfolioUpdate,
    AGRPortfolioUpdateResponse,
    CongestionPointView,
    ConnectionUpdate,
    DsoPortfolio,
    DsoView,
    PointView,
)
from agr.uftp.unsupported import OtherMessage, OtherResponse

__all__ = [
    "RESPONSES",
    "TYPES",
    "AGRPortfolioQuery",
    "AGRPortfolioQueryResponse",
    "AGRPortfolioUpdate",
    "AGRPortfolioUpdateResponse",
    "CongestionPointView",
    "ConnectionUpdate",
    "ContractSettlement",
    "ContractSettlementIsp",
    "ContractSettlementPeriod",
    "DPrognosis",
    "DPrognosisResponse",
    "DsoPortfolio",
    "DsoView",
    "FlexOffer",
    "FlexOfferResponse",
    "FlexOfferRevocation",
    "FlexOfferRevocationResponse",
    "FlexOrder",
    "FlexOrderResponse",
    "FlexOrderStatus",
    "FlexRequest",
    "FlexRequestResponse",
    "FlexReservationUpdate",
    "FlexReservationUpdateResponse",
    "FlexSettlement",
    "FlexSettlementResponse",
    "IspMessage",
    "Message",
    "MeteredIsp",
    "Metering",
    "MeteringProfile",
    "MeteringResponse",
    "OfferedOption",
    "OrderSettlement",
    "OrderSettlementIsp",
    "OrderSettlementStatus",
    "OtherMessage",
    "OtherResponse",
    "PeriodMessage",
    "PointMessage",
    "PointView",
    "RequestIsp",
    "Response",
    "Result",
    "TestMessage",
    "TestMessageResponse",
]


class TestMessage(Message):
    """Is anybody there?"""

    root: ClassVar[str] = "TestMessage"
    __test__: ClassVar[bool] = False


class TestMessageResponse(Message):
    """Yes. In 3.x it carries metadata only; the specification's next version adds the rest."""

    root: ClassVar[str] = "TestMessageResponse"
    reference_attribute: ClassVar[str | None] = "ReferenceMessageID"
    __test__: ClassVar[bool] = False

    result: Result | None = Field(default=None, alias="Result")
    rejection_reason: field_types.Text | None = Field(default=None, alias="RejectionReason")
    reference: field_types.Uuid | None = Field(default=None, alias="ReferenceMessageID")


class DPrognosis(IspMessage):
    """AGR → DSO: the program of a congestion point, every ISP of the Period."""

    root: ClassVar[str] = "D-Prognosis"

    revision: field_types.Revision = Field(alias="Revision")


class FlexOrderStatus(XmlElement):
    """Whether a D-Prognosis reflects an earlier FlexOrder."""

    flex_order_message_id: field_types.Uuid = Field(alias="FlexOrderMessageID")
    is_validated: field_types.Flag = Field(alias="IsValidated")


class DPrognosisResponse(Response):
    """DSO → AGR: verdict on a D-Prognosis."""

    root: ClassVar[str] = "D-PrognosisResponse"
    reference_attribute: ClassVar[str | None] = "D-PrognosisMessageID"

    reference: field_types.Uuid = Field(alias="D-PrognosisMessageID")
    flex_order_statuses: tuple[FlexOrderStatus, ...] = Field(default=(), alias="FlexOrderStatus")


class FlexReservationUpdate(IspMessage):
    """DSO → AGR: the power of a FlexOption that stays reserved."""

    root: ClassVar[str] = "FlexReservationUpdate"

    contract_id: field_types.Text = Field(alias="ContractID")
    dso_reference: field_types.Text = Field(alias="Reference")


class FlexReservationUpdateResponse(Response):
    """AGR → DSO: verdict on a FlexReservationUpdate."""

    root: ClassVar[str] = "FlexReservationUpdateResponse"
    reference_attribute: ClassVar[str | None] = "FlexReservationUpdateMessageID"

    reference: field_types.Uuid = Field(alias="FlexReservationUpdateMessageID")


_KINDS: tuple[type[Message], ...] = (
    TestMessage,
    TestMessageResponse,
    *PORTFOLIO_TYPES,
    DPrognosis,
    DPrognosisResponse,
    FlexReservationUpdate,
    FlexReservationUpdateResponse,
    *FLEX_TYPES,
    *METERING_TYPES,
)
TYPES: dict[str, type[Message]] = {kind.root: kind for kind in _KINDS}
"""Root element → the type of a message that is read in full."""

RESPONSES: tuple[type[Message], ...] = (Response, TestMessageResponse)
"""Types of responses to our requests; an OtherMessage says itself whether it is one (`is_response`)."""
