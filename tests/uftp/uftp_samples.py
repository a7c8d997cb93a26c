"""Messages and schemas for the tests of the protocol layer."""

from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from lxml import etree

from agr.uftp.codec import decode
from agr.uftp.metadata import Message
from tests.builders.schemas import schema

M = TypeVar("M", bound=Message)
MESSAGE_ID = "11111111-2222-4333-8444-555555555555"
CONVERSATION_ID = "99999999-8888-4777-8666-aaaaaaaaaaaa"
REFERENCE = "0a0b0c0d-1111-4222-8333-444455556666"
NOW = datetime(2026, 3, 28, 5, 30, 15, 250000, tzinfo=UTC)
META = {
    "version": "3.1.0",
    "sender_domain": "agr.example.com",
    "recipient_domain": "dso.example.com",
    "time_stamp": NOW,
    "message_id": MESSAGE_ID,
    "conversation_id": CONVERSATION_ID,
}
POINT = "ea1.2020-01.com.example:point-1"
EAN = "ean.871685900012636543"
ISPS = {
    "isp_duration": timedelta(minutes=15),
    "time_zone": "Europe/Amsterdam",
    "period": date(2026, 3, 29),
    "congestion_point": POINT,
}


def assert_valid(xml: bytes, version: str, name: str = "UFTP-agr") -> None:
    """Check a document against the specification's own schema."""
    schema(version, name).assertValid(etree.fromstring(xml, etree.XMLParser(huge_tree=True)))


def decoded(xml: bytes, kind: type[M]) -> M:
    """Read a document, which must hold a message of this type."""
    message = decode(xml)
    assert isinstance(message, kind)
    return message


def attributes(version: str = "3.1.0", **more: str) -> str:
    """Return a message's attributes as a peer writes them, not by our encoder."""
    every = {
        "Version": version,
        "SenderDomain": "dso.example.com",
        "RecipientDomain": "agr.example.com",
        "TimeStamp": "2026-03-28T05:30:15Z",
        "MessageID": MESSAGE_ID,
        "ConversationID": CONVERSATION_ID,
        **more,
    }
    return " ".join(f'{name}="{value}"' for name, value in every.items())


def reservation_xml(isps: str = '<ISP Power="-50000" Start="1" Duration="4"/>', **more: str) -> bytes:
    """Return a FlexReservationUpdate as a peer writes it."""
    every = {
        "ISP-Duration": "PT15M",
        "TimeZone": "Europe/Amsterdam",
        "Period": "2026-03-29",
        "CongestionPoint": POINT,
        "ContractID": "flex-7",
        "Reference": "dso-1",
        **more,
    }
    return f"<FlexReservationUpdate {attributes(**every)}>{isps}</FlexReservationUpdate>".encode()
