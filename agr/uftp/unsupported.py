"""The UFTP messages that we do not support yet: read only as far as a proper rejection needs.

Source: UFTP-cro-dso.xsd 3.1.0.
"""

from pydantic import Field

from agr.uftp import field_types
from agr.uftp.metadata import Message, Response

OTHER_REQUESTS: dict[str, str] = {
    "DSOPortfolioUpdate": "DSOPortfolioUpdateResponseMessageID",
    "DSOPortfolioQuery": "DSOPortfolioQueryMessageID",
}
"""Request → the attribute with which its response refers to it (3.x); the response is called <request>Response."""

OTHER_RESPONSES: dict[str, str] = {f"{request}Response": name for request, name in OTHER_REQUESTS.items()}
"""Response → the attribute that names its request."""


class OtherMessage(Message):
    """Any other message of the specification: metadata, root name and what its response must repeat."""

    root_name: str
    reference: field_types.Uuid | None = None  # of a response
    time_zone: field_types.ZoneName | None = None
    period: field_types.PeriodDay | None = None

    @property
    def type_name(self) -> str:
        """The name of the XML root element."""
        return self.root_name

    @property
    def is_response(self) -> bool:
        """Whether the message is itself a response, and so gets none."""
        return self.root_name in OTHER_RESPONSES


class OtherResponse(Response):
    """The verdict on an OtherMessage; `request` is the root element of the message answered."""

    request: str
    time_zone: field_types.ZoneName | None = Field(default=None, alias="TimeZone")
    period: field_types.PeriodDay | None = Field(default=None, alias="Period")

    @property
    def type_name(self) -> str:
        """The name of the XML root element."""
        return f"{self.request}Response"
