"""Rules about who sends to whom: they hold for every message."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.metadata import Message

ROLES: dict[str, tuple[str, ...]] = {
    "TestMessage": ("CRO", "DSO"),
    "TestMessageResponse": ("CRO", "DSO"),
    "AGRPortfolioQueryResponse": ("CRO",),
    "AGRPortfolioUpdateResponse": ("CRO",),
    "D-PrognosisResponse": ("DSO",),
    "FlexReservationUpdate": ("DSO",),
    "FlexRequest": ("DSO",),
    "FlexOfferResponse": ("DSO",),
    "FlexOfferRevocationResponse": ("DSO",),
    "FlexOrder": ("DSO",),
    "FlexSettlement": ("DSO",),
    "MeteringResponse": ("DSO",),
}
"""Message type → the roles that may send it to an AGR; other types are not for an AGR."""


def we_are_the_recipient(message: Message, day: RuleContext) -> Reason | None:
    """Unknown RecipientDomain. Source: message validation."""
    return None if message.recipient_domain == day.own_domain else "Unknown RecipientDomain"


def the_role_may_send_this(message: Message, day: RuleContext) -> Reason | None:
    """Invalid SenderRole: the type is not one that an AGR gets from this role. Source: message validation."""
    allowed = ROLES.get(message.type_name, ())
    fits = bool(allowed) if day.sender_role is None else day.sender_role in allowed
    return None if fits else "Invalid SenderRole"


def the_sender_is_known(message: Message, day: RuleContext) -> Reason | None:
    """Unknown SenderDomain (message): nobody of that domain is in our directory. Source: message validation."""
    return None if day.participants.roles_of(message.sender_domain) else "Unknown SenderDomain (message)"


def the_sender_has_that_role(message: Message, day: RuleContext) -> Reason | None:
    """Invalid Sender combination: a known domain, but not in the envelope's role. Source: message validation."""
    known = day.participants.roles_of(message.sender_domain)
    return "Invalid Sender combination" if known and day.sender_role not in (None, *known) else None


def the_sender_is_not_barred(message: Message, day: RuleContext) -> Reason | None:
    """Barred Sender. Source: message validation."""
    roles = day.participants.roles_of(message.sender_domain) if day.sender_role is None else (day.sender_role,)
    found = [day.participants.find(message.sender_domain, role) for role in roles]
    return "Barred Sender" if any(one is not None and one.barred for one in found) else None


def the_version_is_supported(message: Message, day: RuleContext) -> Reason | None:
    """Invalid version. Source: message transport mechanism, messages (it leaves the wording open)."""
    return None if message.version in day.supported_versions else "Invalid version"
