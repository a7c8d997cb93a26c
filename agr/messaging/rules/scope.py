"""The rule about message types of phases that we do not support by UFTP."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import OtherMessage


def the_type_is_supported(message: OtherMessage, day: RuleContext) -> Reason | None:
    """Message type not supported: a request beyond the plan phase. Source: message validation (the wording is ours)."""
    return None if message.is_response else "Message type not supported"
