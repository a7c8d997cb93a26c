"""What UFTP messages have in common: metadata, a Period, ISPs, a verdict. Frozen; unknown parts are refused.

Source: UFTP-common.xsd, UFTP-agr-dso.xsd 3.1.0 (FlexMessageType); message catalog, metadata attributes.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from agr.uftp import field_types
from agr.uftp.field_types import Result


class XmlElement(BaseModel):
    """An XML element: frozen, without unknown parts."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )


class Message(XmlElement):
    """What every message carries. Source: message catalog, metadata attributes."""

    root: ClassVar[str] = ""
    reference_attribute: ClassVar[str | None] = None

    version: field_types.Version = Field(alias="Version")
    sender_domain: field_types.Domain = Field(alias="SenderDomain")
    recipient_domain: field_types.Domain = Field(alias="RecipientDomain")
    time_stamp: field_types.TimeStamp = Field(alias="TimeStamp")
    message_id: field_types.Uuid = Field(alias="MessageID")
    conversation_id: field_types.Uuid = Field(alias="ConversationID")

    @property
    def type_name(self) -> str:
        """The name of the XML root element, e.g. D-Prognosis."""
        return self.root


class PeriodMessage(Message):
    """A message about one local calendar day."""

    time_zone: field_types.ZoneName = Field(alias="TimeZone")
    period: field_types.PeriodDay = Field(alias="Period")


class PointMessage(PeriodMessage):
    """A message about one congestion point. Source: UFTP-agr-dso.xsd, FlexMessageType."""

    isp_duration: field_types.IspDuration = Field(alias="ISP-Duration")
    congestion_point: field_types.Address = Field(alias="CongestionPoint")


class IspMessage(PointMessage):
    """A message about power in ISPs of one congestion point."""

    isps: field_types.Runs = Field(alias="ISP")


class Response(Message):
    """A response with a verdict on the message that `reference` names."""

    result: Result = Field(alias="Result")
    rejection_reason: field_types.Text | None = Field(default=None, alias="RejectionReason")
    reference: field_types.Uuid
