"""Rules about responses: they must name a request of ours."""

from agr.messaging.rules.context import Reason, RuleContext
from agr.uftp.messages import AGRPortfolioQueryResponse, Message, Response, TestMessageResponse

Answer = Response | TestMessageResponse


def the_reference_is_known(message: Answer, day: RuleContext) -> Reason | None:
    """Unknown <MessageType>MessageID reference: we sent this sender no such request. Source: message validation."""
    if message.reference is None:
        return None
    question = day.question
    known = (
        question is not None
        and question.message_id.lower() == message.reference.lower()
        and question.recipient_domain == message.sender_domain
        and question.answer_type == message.type_name
    )
    return None if known else f"Unknown {_reference_name(message)} reference"


def _reference_name(message: Message) -> str:
    return message.reference_attribute or "MessageID"


def the_conversation_is_the_questions(message: Answer, day: RuleContext) -> Reason | None:
    """ConversationID mismatch: a response copies the ConversationID. Source: metadata attributes (wording ours)."""
    if day.question is None:
        return None
    same = day.question.conversation_id.lower() == message.conversation_id.lower()
    return None if same else "ConversationID mismatch"


def the_period_is_the_questions(message: AGRPortfolioQueryResponse, day: RuleContext) -> Reason | None:
    """Reference Period mismatch: our request was about another Period. Source: message validation."""
    if day.question is None or day.question.period is None or message.period is None:
        return None
    return None if message.period == day.question.period else "Reference Period mismatch"
