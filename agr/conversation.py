"""Which answer belongs to which question, and whether it is overdue. Pure.

Requests and responses are separate posts, correlated by the reference to the request's MessageID and by the
ConversationID. Source: message transport mechanism, awaiting reply.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from agr.uftp.messages import RESPONSES, DPrognosis, Message, OtherMessage, PeriodMessage
from agr.uftp.question import ANSWERS, Question


def expected_answer(request_type: str) -> str | None:
    """Return the type that answers a request, None for types that get no answer."""
    return ANSWERS.get(request_type)


def is_answer(message: Message) -> bool:
    """Say whether the message answers something, and so gets no answer itself."""
    return message.is_response if isinstance(message, OtherMessage) else isinstance(message, RESPONSES)


def question_of(message: Message) -> Question:
    """Return what to remember of a request we send."""
    period: date | None = message.period if isinstance(message, PeriodMessage) else None
    return Question(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        type=message.type_name,
        recipient_domain=message.recipient_domain,
        period=period,
        congestion_point=message.congestion_point if isinstance(message, DPrognosis) else None,
    )


def reference_of(message: Message) -> str | None:
    """Return the MessageID of the request an answer names; a 3.x TestMessageResponse names none."""
    reference = getattr(message, "reference", None)
    return reference if isinstance(reference, str) else None


def belongs(message: Message, question: Question) -> bool:
    """Say whether the message is from the one we asked and answers this question.

    By the reference where there is one; else by conversation and type. A reference from another conversation still
    belongs here: agr.rules says what is wrong with it.
    """
    if message.sender_domain != question.recipient_domain or message.type_name != expected_answer(question.type):
        return False
    reference = reference_of(message)
    if reference is not None:
        return reference.lower() == question.message_id.lower()
    return message.conversation_id.lower() == question.conversation_id.lower()


def question_answered_by(message: Message, questions: Iterable[Question]) -> Question | None:
    """Return the first of our questions that the message answers."""
    return next((question for question in questions if belongs(message, question)), None)


def is_overdue(sent_at: datetime, now: datetime, patience: timedelta) -> bool:
    """Say whether an answer should have come by now."""
    return now - sent_at >= patience
