"""What counterparties received, read from the raw XML without our codec, and checked against the published schemas."""

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from agr.demo.counterparties import Event
from tests.builders.schemas import schema


def faults_of(events: Iterable[Event]) -> list[str]:
    """Return what the published schema has against the messages."""
    found = []
    for event in events:
        if not schema().validate(etree.fromstring(event.xml.encode())):
            found.append(f"{event.type} {event.message_id}: {schema().error_log}")
    return found


@dataclass(frozen=True, kw_only=True)
class Prognosis:
    """One D-Prognosis as a DSO received it."""

    dso: str
    point: str
    revision: int
    period: str
    message_id: str
    conversation_id: str
    power_w: tuple[int, ...]  # from ISP 1; every ISP exactly once


def read(dso: str, event: Event) -> Prognosis:
    """Read one; fails when an ISP is missing or there twice."""
    root = etree.fromstring(event.xml.encode())
    found: dict[int, int] = {}
    for isp in root.iter("ISP"):
        start = int(isp.get("Start"))
        for number in range(start, start + int(isp.get("Duration", "1"))):
            assert number not in found, f"ISP {number} of {event.message_id} is there twice"
            found[number] = int(isp.get("Power"))
    assert sorted(found) == list(range(1, len(found) + 1)), f"ISPs of {event.message_id} have gaps"
    return Prognosis(
        dso=dso,
        point=root.get("CongestionPoint"),
        revision=int(root.get("Revision")),
        period=root.get("Period"),
        message_id=root.get("MessageID"),
        conversation_id=root.get("ConversationID"),
        power_w=tuple(found[number] for number in sorted(found)),
    )
