"""The UFTP messages of trading: request, offer, revocation, order, settlement, and their responses.

Source: UFTP-agr-dso.xsd 3.0.0 and 3.1.0; message catalog. A part that only one version has is optional.
"""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agr.uftp import field_types
from agr.uftp.field_types import Result
from agr.uftp.metadata import IspMessage, Message, PointMessage, Response, XmlElement

__all__ = [
    "ContractSettlement",
    "ContractSettlementIsp",
    "ContractSettlementPeriod",
    "FlexOffer",
    "FlexOfferResponse",
    "FlexOfferRevocation",
    "FlexOfferRevocationResponse",
    "FlexOrder",
    "FlexOrderResponse",
    "FlexRequest",
    "FlexRequestResponse",
    "FlexSettlement",
    "FlexSettlementResponse",
    "OfferedOption",
    "OrderSettlement",
    "OrderSettlementIsp",
    "OrderSettlementStatus",
    "RequestIsp",
]


class _Isps(XmlElement):
    """An element about one or more ISPs."""

    start: field_types.IspNumber = Field(alias="Start")
    duration: field_types.IspNumber = Field(default=1, alias="Duration")

    @property
    def stop(self) -> int:
        """The first ISP after these."""
        return self.start + self.duration


class RequestIsp(_Isps):
    """Bounds on the deviation, in W, and whether the DSO asks for it. The schemas do not demand a Disposition."""

    disposition: field_types.Disposition | None = Field(default=None, alias="Disposition")
    min_power_w: field_types.Power = Field(alias="MinPower")
    max_power_w: field_types.Power = Field(alias="MaxPower")


RequestIsps = Annotated[tuple[RequestIsp, ...], Field(min_length=1, max_length=field_types.MAX_ISPS)]


class FlexRequest(PointMessage):
    """DSO → AGR: where the DSO needs flexibility, and where there is room."""

    root: ClassVar[str] = "FlexRequest"

    revision: field_types.Revision = Field(alias="Revision")
    expires_at: field_types.TimeStamp = Field(alias="ExpirationDateTime")
    contract_id: field_types.Text | None = Field(default=None, alias="ContractID")
    service_type: field_types.Text | None = Field(default=None, alias="ServiceType")
    isps: RequestIsps = Field(alias="ISP")


class FlexRequestResponse(Response):
    """AGR → DSO: verdict on a FlexRequest."""

    root: ClassVar[str] = "FlexRequestResponse"
    reference_attribute: ClassVar[str | None] = "FlexRequestMessageID"

    reference: field_types.Uuid = Field(alias="FlexRequestMessageID")


class OfferedOption(XmlElement):
    """One of several programs that exclude each other; the price is for all of its ISPs."""

    option_reference: field_types.Text = Field(alias="OptionReference")
    price: field_types.Amount = Field(alias="Price")
    min_activation_factor: field_types.Factor = Field(default=Decimal("1.00"), alias="MinActivationFactor")
    isps: field_types.Runs = Field(alias="ISP")


class FlexOffer(PointMessage):
    """AGR → DSO: flexibility and its price."""

    root: ClassVar[str] = "FlexOffer"

    expires_at: field_types.TimeStamp = Field(alias="ExpirationDateTime")
    unsolicited: field_types.Flag | None = Field(default=None, alias="Unsolicited")  # not in 3.0.0
    flex_request: field_types.Uuid | None = Field(default=None, alias="FlexRequestMessageID")
    contract_id: field_types.Text | None = Field(default=None, alias="ContractID")
    prognosis: field_types.Uuid | None = Field(default=None, alias="D-PrognosisMessageID")
    baseline_reference: field_types.Text | None = Field(default=None, alias="BaselineReference")
    currency: field_types.Currency = Field(alias="Currency")
    options: Annotated[tuple[OfferedOption, ...], Field(min_length=1)] = Field(alias="OfferOption")


class FlexOfferResponse(Response):
    """DSO → AGR: verdict on a FlexOffer; accepting the message orders nothing."""

    root: ClassVar[str] = "FlexOfferResponse"
    reference_attribute: ClassVar[str | None] = "FlexOfferMessageID"

    reference: field_types.Uuid = Field(alias="FlexOfferMessageID")


class FlexOfferRevocation(Message):
    """AGR → DSO: an offer is void from now on."""

    root: ClassVar[str] = "FlexOfferRevocation"

    flex_offer: field_types.Uuid = Field(alias="FlexOfferMessageID")


class FlexOfferRevocationResponse(Response):
    """DSO → AGR: verdict on a FlexOfferRevocation."""

    root: ClassVar[str] = "FlexOfferRevocationResponse"
    reference_attribute: ClassVar[str | None] = "FlexOfferRevocationMessageID"

    reference: field_types.Uuid = Field(alias="FlexOfferRevocationMessageID")


class FlexOrder(IspMessage):
    """DSO → AGR: the flexibility that the DSO orders; the deviation in W per ISP."""

    root: ClassVar[str] = "FlexOrder"

    unsolicited: field_types.Flag | None = Field(default=None, alias="Unsolicited")  # not in 3.0.0
    flex_offer: field_types.Uuid | None = Field(default=None, alias="FlexOfferMessageID")
    service_type: field_types.Text | None = Field(default=None, alias="ServiceType")
    contract_id: field_types.Text | None = Field(default=None, alias="ContractID")
    prognosis: field_types.Uuid | None = Field(default=None, alias="D-PrognosisMessageID")
    baseline_reference: field_types.Text | None = Field(default=None, alias="BaselineReference")
    price: field_types.Amount = Field(alias="Price")
    currency: field_types.Currency = Field(alias="Currency")
    order_reference: field_types.Text = Field(alias="OrderReference")
    option_reference: field_types.Text | None = Field(default=None, alias="OptionReference")
    activation_factor: field_types.Factor = Field(default=Decimal("1.00"), alias="ActivationFactor")


class FlexOrderResponse(Response):
    """AGR → DSO: verdict on a FlexOrder."""

    root: ClassVar[str] = "FlexOrderResponse"
    reference_attribute: ClassVar[str | None] = "FlexOrderMessageID"

    reference: field_types.Uuid = Field(alias="FlexOrderMessageID")


class OrderSettlementIsp(_Isps):
    """What was ordered and delivered in some ISPs, in W, as the DSO sees it."""

    baseline_w: field_types.Power = Field(alias="BaselinePower")
    ordered_w: field_types.Power = Field(alias="OrderedFlexPower")
    actual_w: field_types.Power = Field(alias="ActualPower")
    delivered_w: field_types.Power = Field(alias="DeliveredFlexPower")
    deficiency_w: field_types.Power = Field(default=0, alias="PowerDeficiency")


class OrderSettlement(XmlElement):
    """The settlement of one order."""

    order_reference: field_types.Text | None = Field(default=None, alias="OrderReference")
    period: field_types.PeriodDay = Field(alias="Period")
    contract_id: field_types.Text | None = Field(default=None, alias="ContractID")
    prognosis: field_types.Uuid | None = Field(default=None, alias="D-PrognosisMessageID")
    baseline_reference: field_types.Text | None = Field(default=None, alias="BaselineReference")
    congestion_point: field_types.Address = Field(alias="CongestionPoint")
    price: field_types.Amount = Field(alias="Price")
    penalty: field_types.Amount = Field(default=Decimal(0), alias="Penalty")
    net_settlement: field_types.Amount = Field(alias="NetSettlement")
    isps: Annotated[tuple[OrderSettlementIsp, ...], Field(max_length=field_types.MAX_ISPS)] = Field(
        default=(), alias="ISP"
    )


class ContractSettlementIsp(_Isps):
    """What a contract had reserved in some ISPs, and what came of it, in W."""

    reserved_w: field_types.Power = Field(alias="ReservedPower")
    requested_w: field_types.Power | None = Field(default=None, alias="RequestedPower")
    available_w: field_types.Power | None = Field(default=None, alias="AvailablePower")
    offered_w: field_types.Power | None = Field(default=None, alias="OfferedPower")
    ordered_w: field_types.Power | None = Field(default=None, alias="OrderedPower")


class ContractSettlementPeriod(XmlElement):
    """One day of a contract."""

    period: field_types.PeriodDay = Field(alias="Period")
    isps: tuple[ContractSettlementIsp, ...] = Field(default=(), alias="ISP")


class ContractSettlement(XmlElement):
    """The settlement of one contract."""

    contract_id: field_types.Text | None = Field(default=None, alias="ContractID")
    periods: tuple[ContractSettlementPeriod, ...] = Field(default=(), alias="Period")


class FlexSettlement(Message):
    """DSO → AGR: what the DSO owes us, order by order. The schemas also demand a Result, which means nothing here."""

    root: ClassVar[str] = "FlexSettlement"

    result: Result | None = Field(default=None, alias="Result")
    rejection_reason: field_types.Text | None = Field(default=None, alias="RejectionReason")
    isp_duration: field_types.IspDuration | None = Field(default=None, alias="ISP-Duration")  # text, not in schemas
    time_zone: field_types.ZoneName | None = Field(default=None, alias="TimeZone")  # text, not in the schemas
    period_start: field_types.PeriodDay = Field(alias="PeriodStart")
    period_end: field_types.PeriodDay = Field(alias="PeriodEnd")
    currency: field_types.Currency = Field(alias="Currency")
    orders: tuple[OrderSettlement, ...] = Field(default=(), alias="FlexOrderSettlement")
    contracts: tuple[ContractSettlement, ...] = Field(default=(), alias="ContractSettlement")


class OrderSettlementStatus(XmlElement):
    """Our verdict on one order of a FlexSettlement."""

    order_reference: field_types.Text | None = Field(default=None, alias="OrderReference")
    disposition: Literal["Accepted", "Disputed"] = Field(alias="Disposition")
    dispute_reason: field_types.Text | None = Field(default=None, alias="DisputeReason")


class FlexSettlementResponse(Response):
    """AGR → DSO: accepted or rejected as a message; each order accepted or disputed."""

    root: ClassVar[str] = "FlexSettlementResponse"
    reference_attribute: ClassVar[str | None] = "FlexSettlementMessageID"

    reference: field_types.Uuid = Field(alias="FlexSettlementMessageID")
    order_statuses: tuple[OrderSettlementStatus, ...] = Field(default=(), alias="FlexOrderSettlementStatus")


FLEX_TYPES: tuple[type[Message], ...] = (
    FlexRequest, FlexRequestResponse, FlexOffer, FlexOfferResponse, FlexOfferRevocation, FlexOfferRevocationResponse,
    FlexOrder, FlexOrderResponse, FlexSettlement, FlexSettlementResponse,
)  # fmt: skip
"""The messages of trading."""
