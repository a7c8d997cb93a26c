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


ANSWERS: dict[str, str] = {
    "TestMessage": "TestMessageResponse",
    "AGRPortfolioQuery": "AGRPortfolioQueryResponse",
    "AGRPortfolioUpdate": "AGRPortfolioUpdateResponse",
    "D-Prognosis": "D-PrognosisResponse",
    "FlexReservationUpdate": "FlexReservationUpdateResponse",
    "FlexOffer": "FlexOfferResponse",
    "FlexOfferRevocation": "FlexOfferRevocationResponse",
    "Metering": "MeteringResponse",
}
"""Request → the type of its response, by root element."""
