"""The table of rules by message type, and how it is applied."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agr.messaging.rules import answer, period, reservation, scope, sender
from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import (
    AGRPortfolioQueryResponse,
    FlexReservationUpdate,
    IspMessage,
    Message,
    OtherMessage,
    PeriodMessage,
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
_ISPS: RuleSet[IspMessage] = RuleSet(
    (IspMessage,),
    (
        period.the_isp_duration_is_agreed,
        period.the_congestion_point_is_ours,
        period.isps_are_in_bounds,
        period.isps_do_not_overlap,
    ),
)
_RESERVATIONS: RuleSet[FlexReservationUpdate] = RuleSet(
    (FlexReservationUpdate,),
    (
        reservation.the_contract_is_known,
        reservation.the_contract_is_the_senders,
        reservation.the_contract_covers_the_congestion_point,
        reservation.the_contract_is_valid_then,
        reservation.the_deadline_is_open,
        reservation.the_power_is_as_contracted,
    ),
)
_OTHERS: RuleSet[OtherMessage] = RuleSet((OtherMessage,), (scope.the_type_is_supported,))

CHAPTERS: tuple[RuleSet[Any], ...] = (_EVERY, _ANSWERS, _PORTFOLIO, _DATED, _ISPS, _RESERVATIONS, _OTHERS)
"""Message type → rules, from general to special."""


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
