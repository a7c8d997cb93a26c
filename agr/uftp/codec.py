"""Turns messages into XML and back, and makes the response to a request. Pure.

`decode` refuses unknown elements or attributes, wrong types and excess sizes, except where peers are known to differ:
docs/reference/protocol.md, "What we tolerate".
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from lxml import etree
from pydantic import ValidationError

from agr.domain.errors import MessageError
from agr.domain.program import IspRun
from agr.uftp.field_types import BLANK, Result, written
from agr.uftp.flex_messages import OrderSettlementStatus
from agr.uftp.messages import (
    TYPES,
    AGRPortfolioQuery,
    AGRPortfolioQueryResponse,
    FlexSettlement,
    FlexSettlementResponse,
    Message,
    TestMessage,
    TestMessageResponse,
)
from agr.uftp.metadata import XmlElement
from agr.uftp.unsupported import OTHER_REQUESTS, OTHER_RESPONSES, OtherMessage, OtherResponse
from agr.uftp.xml_parser import MAX_BYTES, Element, read

VERSIONS = ("3.0.0", "3.1.0")
"""Versions of the specification in which we write messages."""

_METADATA = ("Version", "SenderDomain", "RecipientDomain", "TimeStamp", "MessageID", "ConversationID")
_NEXT_REFERENCE = "ReferenceMessageID"
_FREE_TEXT = frozenset({"RejectionReason", "Reference", "OrderReference", "DisputeReason"})
"""Attributes that are only shown or returned, and so are kept as the peer wrote them."""
_SHOWN_FAULTS = 5


def decode(xml: bytes, *, max_bytes: int = MAX_BYTES) -> Message:
    """Return the message in `xml`. Raises MessageError, which names each faulty place and what was expected there."""
    root, content = read(xml, max_bytes=max_bytes)
    _trim(content)
    kind = TYPES.get(root)
    try:
        if kind is not None:
            _normalise(kind, content)
            return kind.model_validate(content, by_alias=True, by_name=False)
        if root in OTHER_REQUESTS or root in OTHER_RESPONSES:
            return _other(root, content)
    except ValidationError as error:
        raise MessageError(_explain(kind.root if kind else root, error)) from None
    raise MessageError("the root element is not a message of UFTP 3.x")


def _trim(element: Element) -> None:
    """Take the white space off the ends of every value that is compared or computed with, in place.

    The schemas' number, time and truth types ignore it. In their string types it counts, but no identifier has any: it
    comes from padded columns of the peer's database.
    """
    for name, value in element.items():
        if isinstance(value, list):
            for child in value:
                _trim(child)
        elif name not in _FREE_TEXT:
            element[name] = value.strip(BLANK)


def _normalise(kind: type[Message], content: Element) -> None:
    """Bring what peers write in different ways into one form, in place."""
    specific = kind.reference_attribute
    if specific not in (None, _NEXT_REFERENCE) and _NEXT_REFERENCE in content:
        reference = content.pop(_NEXT_REFERENCE)
        if str(content.setdefault(str(specific), reference)).lower() != str(reference).lower():
            raise MessageError(f"{kind.root}: {specific} and {_NEXT_REFERENCE} differ")
    if kind is AGRPortfolioQueryResponse and content.get("Result") == Result.REJECTED:
        content.pop("DSO-View", None)  # a dummy: the 3.x schema demands one even in a rejection


def _other(root: str, content: Element) -> OtherMessage:
    """Return what a response needs from a message that we do not read in full."""
    fields: dict[str, object] = {name: content[name] for name in _METADATA if name in content}
    fields["root_name"] = root
    if root in OTHER_RESPONSES:
        fields["reference"] = content.get(OTHER_RESPONSES[root], content.get(_NEXT_REFERENCE))
    if root == "DSOPortfolioQuery":
        fields.update(time_zone=content.get("TimeZone"), period=content.get("Period"))
    return OtherMessage.model_validate(fields)


def _explain(root: str, error: ValidationError) -> str:
    """Return the first faults in words, without the values that the peer wrote."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    known = [f"{root}{_place(fault['loc'], fault['type'])}: {fault['msg']}" for fault in faults[:_SHOWN_FAULTS]]
    if len(faults) > _SHOWN_FAULTS:
        known.append(f"and {len(faults) - _SHOWN_FAULTS} more")
    return "; ".join(known)


def _place(location: tuple[int | str, ...], fault: str) -> str:
    """Return the path to a fault; the name of an unknown part is the peer's own text and is left out."""
    if fault == "extra_forbidden":
        location = (*location[:-1], "(unknown attribute or element)")
    return "".join(f"[{step + 1}]" if isinstance(step, int) else f"/{step}" for step in location)


def encode(message: Message) -> bytes:
    """Return the message as UTF-8 XML in the form of schema 3.x. Raises MessageError."""
    element = etree.Element(message.type_name)
    _fill(element, message)
    if isinstance(message, OtherResponse):
        element.set(OTHER_REQUESTS[message.request], message.reference)
    return bytes(etree.tostring(element, xml_declaration=True, encoding="UTF-8"))


def _fill(element: etree._Element, part: XmlElement) -> None:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        if field.alias is None or value is None:
            continue
        if not isinstance(value, tuple):
            element.set(field.alias, written(value))
            continue
        for item in value:
            child = etree.SubElement(element, field.alias)
            if isinstance(item, XmlElement):
                _fill(child, item)
            else:
                for key, text in _attributes(item):
                    child.set(key, text)


def _attributes(item: IspRun | str) -> Iterator[tuple[str, str]]:
    """Yield the attributes of an ISP or Connection element."""
    if isinstance(item, str):
        yield "EntityAddress", item
        return
    yield "Power", str(item.power_w)
    yield "Start", str(item.start)
    if item.duration != 1:
        yield "Duration", str(item.duration)


def respond(
    request: Message, *, result: str, reason: str | None, sender_domain: str, now: datetime, message_id: str,
    orders: Sequence[OrderSettlementStatus] = (),
) -> Message | None:  # fmt: skip
    """Return our response to `request`; None for a message that is itself a response.

    It copies the ConversationID, names the request, and is in its version (in ours if we do not write that one).
    `orders`: the verdict on each order of a FlexSettlement; by default, that on the message.
    """
    version = request.version if request.version in VERSIONS else VERSIONS[-1]
    metadata = {
        "version": version,
        "sender_domain": sender_domain,
        "recipient_domain": request.sender_domain,
        "time_stamp": now,
        "message_id": message_id,
        "conversation_id": request.conversation_id,
    }
    if isinstance(request, TestMessage):
        return TestMessageResponse.model_validate(metadata)
    verdict = {**metadata, "result": result, "rejection_reason": reason, "reference": request.message_id}
    if isinstance(request, AGRPortfolioQuery):
        place = {"time_zone": request.time_zone, "period": request.period}
        return AGRPortfolioQueryResponse.model_validate({**verdict, **place})
    if isinstance(request, FlexSettlement):
        statuses = tuple(orders) or _same_for_all(request, result, reason)
        return FlexSettlementResponse.model_validate({**verdict, "order_statuses": statuses})
    if isinstance(request, OtherMessage):
        return None if request.is_response else _respond_other(request, verdict)
    kind = TYPES.get(f"{request.type_name}Response")
    return None if kind is None else kind.model_validate(verdict)


def _respond_other(request: OtherMessage, verdict: dict[str, object]) -> OtherResponse:
    """Return the verdict on a message that we do not read in full."""
    place = {"time_zone": request.time_zone, "period": request.period}
    return OtherResponse.model_validate({**verdict, **place, "request": request.root_name})


def _same_for_all(settlement: FlexSettlement, result: str, reason: str | None) -> tuple[OrderSettlementStatus, ...]:
    """Return one verdict for each order; the schemas demand at least one."""
    accepted = result == Result.ACCEPTED
    return tuple(
        OrderSettlementStatus(
            order_reference=order,
            disposition="Accepted" if accepted else "Disputed",
            dispute_reason=None if accepted else reason,
        )
        for order in (tuple(o.order_reference for o in settlement.orders) or (None,))
    )
