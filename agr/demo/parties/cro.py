"""A CRO: answers which connections lie in which congestion points, as its configuration says."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shapeshifter_uftp import (
    AgrPortfolioQuery,
    AgrPortfolioQueryResponse,
    AgrPortfolioQueryResponseCongestionPoint,
    AgrPortfolioQueryResponseConnection,
    AgrPortfolioQueryResponseDSOPortfolio,
    AgrPortfolioQueryResponseDSOView,
    AgrPortfolioUpdate,
    AgrPortfolioUpdateResponse,
    ShapeshifterCroService,
)

if TYPE_CHECKING:  # by their full names; the process knows this folder only
    from agr.demo.parties import command_lines
    from agr.demo.parties.uftp_party import UftpParty, only_received, verdict
else:
    import command_lines
    from uftp_party import UftpParty, only_received, verdict

NOWHERE = "ea1.1970-01.example.nowhere:none"  # fills what the schema demands of a rejected response


class Cro(UftpParty, ShapeshifterCroService):  # type: ignore[misc]
    """Knows which connection lies behind which congestion point."""

    process_dso_portfolio_query = process_dso_portfolio_update = only_received

    def process_agr_portfolio_query(self, message: AgrPortfolioQuery) -> None:
        """Answer with what the configuration says, for whatever Period is asked."""
        reason = self.rejections.pop(0) if self.rejections else None
        if self.mode.startswith("rejected"):
            reason = reason or "No portfolio information available"
        response = AgrPortfolioQueryResponse(
            agr_portfolio_query_message_id=message.message_id,
            dso_views=[dso_view(self.config if reason is None else {}, partial=self.mode == "partial")],
            time_zone=message.time_zone,
            period=message.period,
            **verdict(reason),
        )
        if self.mode == "rejected-bare":
            response.dso_views = []  # what a 3.x peer may send although its schema forbids it
        self.reply(message, response)

    def process_agr_portfolio_update(self, message: AgrPortfolioUpdate) -> None:
        """Accept, or reject as told."""
        reason = self.rejections.pop(0) if self.rejections else None
        self.reply(message, AgrPortfolioUpdateResponse(agr_portfolio_update_message_id=message.message_id,
                                                       **verdict(reason)))  # fmt: skip


def connections(addresses: Iterable[str]) -> list[Any]:
    """Return connection elements."""
    return [AgrPortfolioQueryResponseConnection(entity_address=address) for address in addresses]


def dso_view(config: command_lines.Json, *, partial: bool) -> Any:
    """Return all DSOs' congestion points; `partial` leaves out every second one. Without any, a dummy is sent."""
    known = config.get("congestion_points", [])[:: 2 if partial else 1]
    dummy = {"address": NOWHERE, "dso": "nowhere.example", "connections": [NOWHERE]}
    portfolios: dict[str, list[Any]] = {}
    for point in known or [dummy]:
        element = AgrPortfolioQueryResponseCongestionPoint(
            connections=connections(point["connections"]),
            entity_address=point["address"],
            mutex_offers_supported=bool(point.get("mutex_offers", False)),
            day_ahead_redispatch_by=point.get("day_ahead_redispatch_by", "AGR"),
            intraday_redispatch_by=point.get("intraday_redispatch_by"),
        )
        portfolios.setdefault(point["dso"], []).append(element)
    return AgrPortfolioQueryResponseDSOView(
        dso_portfolios=[
            AgrPortfolioQueryResponseDSOPortfolio(dso_domain=dso, congestion_points=points)
            for dso, points in portfolios.items()
        ],
        connections=connections(config.get("free_connections", [])),
    )
