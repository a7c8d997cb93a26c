"""The UFTP messages of metering: what a connection has measured on one day, and the DSO's response.

Source: UFTP-metering.xsd 3.0.0 and 3.1.0; message catalog, metering. The schemas write an EAN as E and 16 digits,
libraries as E and 18: both are read.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agr.uftp import field_types
from agr.uftp.metadata import Message, PeriodMessage, Response, XmlElement

__all__ = ["MeteredIsp", "Metering", "MeteringProfile", "MeteringResponse"]


class MeteredIsp(XmlElement):
    """The value of one ISP."""

    start: field_types.IspNumber = Field(alias="Start")
    value: field_types.Amount = Field(alias="Value")


class MeteringProfile(XmlElement):
    """What was measured: mean power of ISPs in kW, energies or registers in kWh."""

    profile_type: Literal["Power", "ImportEnergy", "ExportEnergy", "ImportMeterReading", "ExportMeterReading"] = Field(
        alias="ProfileType"
    )
    unit: Literal["kW", "kWh"] = Field(alias="Unit")
    isps: Annotated[tuple[MeteredIsp, ...], Field(min_length=1, max_length=field_types.MAX_ISPS)] = Field(alias="ISP")


class Metering(PeriodMessage):
    """AGR → DSO: what one connection has measured on one day."""

    root: ClassVar[str] = "Metering"

    revision: field_types.Revision = Field(alias="Revision")
    isp_duration: field_types.IspDuration = Field(alias="ISP-Duration")
    currency: field_types.Currency | None = Field(default=None, alias="Currency")
    ean: Annotated[str, Field(pattern=r"^[Ee]([0-9]{16}|[0-9]{18})$")] = Field(alias="EAN")
    profiles: Annotated[tuple[MeteringProfile, ...], Field(min_length=1)] = Field(alias="Profile")


class MeteringResponse(Response):
    """DSO → AGR: verdict on a Metering message."""

    root: ClassVar[str] = "MeteringResponse"
    reference_attribute: ClassVar[str | None] = "MeteringMessageID"

    reference: field_types.Uuid = Field(alias="MeteringMessageID")


METERING_TYPES: tuple[type[Message], ...] = (Metering, MeteringResponse)
"""The messages of metering."""
