"""A DSO: accepts D-Prognoses, or rejects them as told; reserves and releases flexibility."""

from typing import TYPE_CHECKING

from shapeshifter_uftp import DPrognosis, DPrognosisResponse, ShapeshifterDsoService

if TYPE_CHECKING:  # by its full name; the process knows this folder only
    from agr.demo.parties.uftp_party import Counterparty, only_received, verdict
else:
    from uftp_party import Counterparty, only_received, verdict


class Dso(Counterparty, ShapeshifterDsoService):  # type: ignore[misc]
    """Accepts prognoses, reserves flexibility."""

    process_flex_request_response = process_flex_offer = process_flex_order_response = only_received
    process_flex_offer_revocation = process_flex_reservation_update_response = only_received
    process_flex_settlement_response = process_dso_portfolio_query_response = only_received
    process_dso_portfolio_update_response = process_metering = only_received

    def process_d_prognosis(self, message: DPrognosis) -> None:
        """Accept, or reject as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        self.reply(message, DPrognosisResponse(d_prognosis_message_id=message.message_id, **verdict(reason)))
