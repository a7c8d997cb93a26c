"""The rule about message types that belong to phases we do not take part in by UFTP."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import OtherMessage


def the_type_is_supported(message: OtherMessage, day: RuleContext) -> Reason | None:
    """Message type not supported: a request beyond the plan phase. Source: message validation (words ours)."""
    return None if message.is_response else "Message type not supported"
