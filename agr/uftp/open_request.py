"""A request we sent and its expected answer, as far as an answer is judged by it."""

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


ANSWERS: dict[str, str] = {
    "TestMessage": "TestMessageResponse",
    "AGRPortfolioQuery": "AGRPortfolioQueryResponse",
    "AGRPortfolioUpdate": "AGRPortfolioUpdateResponse",
    "D-Prognosis": "D-PrognosisResponse",
    "FlexReservationUpdate": "FlexReservationUpdateResponse",
}
"""Request → the type of its answer, by root element."""
