"""A request that we sent, as far as its response is judged by it."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class OpenRequest:
    """One outgoing request."""

    message_id: str
    conversation_id: str
    type: str  # the root element, e.g. D-Prognosis
    recipient_domain: str
    period: date | None = None
    congestion_point: str | None = None

    @property
    def answer_type(self) -> str:
        """The type of its response: UFTP names every response after its request."""
        return f"{self.type}Response"
