"""The table of rules by message type, and how it is applied."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agr.messaging.rules import (
    answer,
    direct_order,
    flex_order,
    flex_request,
    period,
    reservation,
    scope,
    sender,
    settlement,
)
from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import (
    AGRPortfolioQueryResponse,
    FlexOrder,
    FlexRequest,
    FlexReservationUpdate,
    FlexSettlement,
    IspMessage,
    Message,
    OtherMessage,
    PeriodMessage,
    PointMessage,
    Response,
    TestMessageResponse,
)

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class RuleSet(Generic[M]):
    """Rules for a message type and everything derived from it."""

    kinds: tuple[type[M], ...]
    rules: tuple[Callable[[M, RuleContext], Reason | None], ...]


_EVERY: RuleSet[Message] = RuleSet(
    (Message,),
    (
        sender.we_are_the_recipient,
        sender.the_sender_is_known,
        sender.the_sender_has_that_role,
        sender.the_role_may_send_this,
        sender.the_sender_is_not_barred,
        sender.the_version_is_supported,
    ),
)
_ANSWERS: RuleSet[Response | TestMessageResponse] = RuleSet(
    (Response, TestMessageResponse),
    (answer.the_reference_is_known, answer.the_conversation_is_the_questions),
)
_PORTFOLIO: RuleSet[AGRPortfolioQueryResponse] = RuleSet(
    (AGRPortfolioQueryResponse,), (answer.the_period_is_the_questions,)
)
_DATED: RuleSet[PeriodMessage | AGRPortfolioQueryResponse] = RuleSet(
    (PeriodMessage, AGRPortfolioQueryResponse),
    (period.the_zone_is_agreed, period.the_period_is_in_bounds),
)
_POINTS: RuleSet[PointMessage] = RuleSet(
    (PointMessage,), (period.the_isp_duration_is_agreed, period.the_congestion_point_is_ours)
)
_ISPS: RuleSet[IspMessage | FlexRequest] = RuleSet(
    (IspMessage, FlexRequest), (period.isps_are_in_bounds, period.isps_do_not_overlap)
)
_CONTRACTS: RuleSet[FlexReservationUpdate | FlexRequest] = RuleSet(
    (FlexReservationUpdate, FlexRequest),
    (
        reservation.the_contract_is_known,
        reservation.the_contract_is_the_senders,
        reservation.the_contract_covers_the_congestion_point,
        reservation.the_contract_is_valid_then,
    ),
)
_RESERVATIONS: RuleSet[FlexReservationUpdate] = RuleSet(
    (FlexReservationUpdate,), (reservation.the_deadline_is_open, reservation.the_power_is_as_contracted)
)
_REQUESTS: RuleSet[FlexRequest] = RuleSet(
    (FlexRequest,),
    (
        flex_request.something_is_requested,
        flex_request.a_requested_isp_has_one_direction,
        flex_request.bounds_are_in_order,
        flex_request.the_expiry_is_in_bounds,
        flex_request.the_revision_is_not_older,
    ),
)
_ORDERS: RuleSet[FlexOrder] = RuleSet(
    (FlexOrder,),
    (
        flex_order.the_order_is_of_an_offer,
        flex_order.the_period_is_the_offers,
        flex_order.the_point_is_the_offers,
        flex_order.the_contract_is_the_offers,
        flex_order.the_baseline_is_the_offers,
        flex_order.the_offer_has_not_expired,
        flex_order.the_offer_is_not_revoked,
        flex_order.the_offer_is_ordered_once,
        flex_order.the_order_reference_is_new,
        flex_order.the_option_is_offered,
        flex_order.the_part_is_offered,
        flex_order.the_isps_are_the_offers,
        flex_order.the_power_is_the_offers,
        flex_order.the_price_is_the_offers,
        direct_order.a_direct_order_has_a_contract,
        direct_order.a_direct_order_has_a_baseline,
        direct_order.a_direct_order_is_reserved,
        direct_order.a_direct_order_comes_in_time,
        direct_order.a_direct_order_has_the_contract_s_price,
    ),
)
_SETTLEMENTS: RuleSet[FlexSettlement] = RuleSet(
    (FlexSettlement,),
    (
        settlement.the_start_is_plausible,
        settlement.the_end_is_plausible,
        settlement.items_lie_in_the_period,
        settlement.every_order_is_settled,
    ),
)
_OTHERS: RuleSet[OtherMessage] = RuleSet((OtherMessage,), (scope.the_type_is_supported,))

CHAPTERS: tuple[RuleSet[Any], ...] = (
    _EVERY, _ANSWERS, _PORTFOLIO, _DATED, _POINTS, _ISPS, _CONTRACTS, _RESERVATIONS, _REQUESTS, _ORDERS, _SETTLEMENTS,
    _OTHERS,
)  # fmt: skip
"""The rule sets, from general to special, each with the message types that it holds for."""


def rules_of(kind: type[Message]) -> tuple[Callable[[Any, RuleContext], Reason | None], ...]:
    """Return every rule for a message type, in the order of the table."""
    return tuple(rule for chapter in CHAPTERS if issubclass(kind, chapter.kinds) for rule in chapter.rules)


def violations(message: Message, context: RuleContext) -> tuple[Reason, ...]:
    """Return every reason to reject the message; none: it is acceptable."""
    found = (rule(message, context) for rule in rules_of(type(message)))
    return tuple(reason for reason in found if reason is not None)


def join(reasons: Iterable[Reason]) -> str:
    """Return the text of a RejectionReason: the reasons separated by semicolons. Source: message validation."""
    return "; ".join(reasons)
