"""The rule about message types that belong to phases we do not take part in by UFTP."""

from agr.rules.day import Day, Reason
from agr.uftp.messages import OtherMessage


def the_type_is_supported(message: OtherMessage, day: Day) -> Reason | None:
    """Message type not supported: a request beyond the plan phase. Source: message validation (words ours)."""
    return None if message.is_response else "Message type not supported"
