"""What each message of the plan phase changes, in the transaction that finishes its inbox row: a function per type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import structlog

from agr.domain.faults import number_of
from agr.domain.isp import Period
from agr.domain.plan import Reason, ReasonKind
from agr.domain.program import expand
from agr.domain.register import CongestionPoint
from agr.messaging.reply import reply
from agr.messaging.rules import OpenRequest
from agr.settings import Settings
from agr.store import day, outbox, plans, portfolio
from agr.store.engine import Tx
from agr.store.inbox import Received
from agr.uftp import messages as m
from agr.uftp.participants import Participants

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How a message was judged: accepted, rejected (with the reasons) or noted (needs no response)."""

    state: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Handling:
    """What a handler works with besides the message: the transaction, the inbox row and what it answers."""

    tx: Tx
    settings: Settings
    participants: Participants
    now: datetime
    row: Received
    question: OpenRequest | None  # the request of ours that the message names

    def period(self, of: date) -> Period:
        """Return the Period of a local day."""
        return Period(of, self.settings.time_zone, self.settings.isp_minutes)

    def reply(
        self, message: m.Message, result: str, reason: str | None = None,
        orders: Sequence[m.OrderSettlementStatus] = (),
    ) -> None:  # fmt: skip
        """Queue the response that belongs to a request; responses get none. `orders`: see agr.uftp.codec.respond."""
        reply(
            self.tx, message, self.row.sender_role, result, reason, domain=self.settings.domain, now=self.now,
            orders=orders,
        )  # fmt: skip

    def answered(self, message: m.Response) -> None:
        """Record the response to our request, and end the alarms about waiting for it."""
        tx, now, sender = self.tx, self.now, self.row.sender_domain
        subject = (self.question and self.question.congestion_point) or ""
        outbox.answered(tx, message.reference, now, message.result.value, message.rejection_reason)
        day.recover(tx, "delivery", sender, now)  # whoever responds has our message, whatever delivery knows
        day.recover(tx, "answer overdue", f"{sender} {subject}".strip(), now)
        day.recover(tx, "answer refused", sender, now)


Handler: TypeAlias = Callable[[Any, Handling], Judgement]
"""Carries out what a valid message of its type asks for; the message is the first argument."""


def refusal(why: str | None) -> Judgement:
    """Return the verdict on a response that fits and says no: noted, and never shown as accepted."""
    return Judgement(state="noted", reason=f"the sender rejects our request: {why or 'without a reason'}")


def _test(message: m.TestMessage, handling: Handling) -> Judgement:
    handling.reply(message, "Accepted")
    return Judgement(state="accepted")


def _portfolio(message: m.AGRPortfolioQueryResponse, handling: Handling) -> Judgement:
    """Take a CRO's list of congestion points in place of its former one; where that changes a plan, ask for another."""
    tx, now, cro, question = handling.tx, handling.now, handling.row.sender_domain, handling.question
    handling.answered(message)
    asked_for = question.period if question and question.period else message.period
    if message.period is None or asked_for is None or message.result is not m.Result.ACCEPTED:
        text = message.rejection_reason or "without a reason"
        if asked_for is not None:
            portfolio.set_answer(tx, asked_for, cro, "rejected", now, text)
        day.raise_alarm(tx, "portfolio rejected", f"{cro} {asked_for}", f"CRO {cro} rejected the query: {text}", now)
        return refusal(text)
    period = handling.period(message.period)
    planned = plans.wanted(tx, period.day)
    before = portfolio.load(tx, period) if planned else None
    points = tuple(
        CongestionPoint(
            address=p.address, dso=p.dso_domain, connections=p.connections, mutex_offers=p.mutex_offers,
            day_ahead_redispatch_by=p.day_ahead_redispatch_by, intraday_redispatch_by=p.intraday_redispatch_by,
        )
        for p in message.points
    )  # fmt: skip
    clashes = portfolio.replace(tx, period.day, cro, points, message.free_connections)
    portfolio.set_answer(tx, period.day, cro, "answered", now)
    day.recover(tx, "portfolio late", f"{cro} {period}", now)
    day.recover(tx, "portfolio rejected", f"{cro} {period}", now)
    _report_portfolio(handling, period, clashes)
    if planned and portfolio.load(tx, period) != before:
        reason = Reason(kind=ReasonKind.PORTFOLIO, reference=handling.row.message_id, text=f"CRO {cro} answered")
        day.put_trigger(tx, period.day, reason, now)
    return Judgement(state="accepted")


def _report_portfolio(handling: Handling, period: Period, clashes: tuple[str, ...]) -> None:
    """Log what joined, left or moved since the day before; connections that are claimed twice are an alarm."""
    tx, cro = handling.tx, handling.row.sender_domain
    known, since = portfolio.size(tx, period), portfolio.difference(tx, period)
    log.info(
        "portfolio.known", period=str(period), cro=cro, connections=known.connections,
        congestion_points=known.points, joined=since.joined, left=since.left, moved=since.moved,
        claimed_twice=len(clashes),
    )  # fmt: skip
    if clashes:
        claimed = f"{number_of(len(clashes), 'connection')} {'is' if len(clashes) == 1 else 'are'} claimed"
        text = f"{claimed} by {cro} and by another CRO, or twice; the first claim stays"
        day.raise_alarm(tx, "portfolio conflict", f"{cro} {period}", text, handling.now)
    else:
        day.recover_all(tx, "portfolio conflict", f"{cro} ", handling.now)


def prognosis_answer(message: m.DPrognosisResponse, handling: Handling) -> Judgement:
    """Record what a DSO says of a D-Prognosis; that it rejects one is an alarm."""
    tx, now, dso, question = handling.tx, handling.now, handling.row.sender_domain, handling.question
    accepted = message.result is m.Result.ACCEPTED
    handling.answered(message)
    plans.answer_prognosis(tx, message.reference, "accepted" if accepted else "rejected", message.rejection_reason)
    subject = question.congestion_point if question and question.congestion_point else message.reference
    if accepted:
        day.recover(tx, "prognosis rejected", subject, now)
        day.recover(tx, "prognosis not accepted", subject, now)
    else:
        text = f"{dso} rejected the D-Prognosis: {message.rejection_reason or 'without a reason'}"
        day.raise_alarm(tx, "prognosis rejected", subject, text, now)
    log.info("prognosis.answered", dso=dso, congestion_point=subject, result=message.result.value)
    return Judgement(state="accepted") if accepted else refusal(message.rejection_reason)


def _reservation(message: m.FlexReservationUpdate, handling: Handling) -> Judgement:
    """Store what is still reserved and ask for a plan; ISPs that the message leaves out are released."""
    tx, row, period = handling.tx, handling.row, handling.period(message.period)
    power_w = tuple(p or 0 for p in expand(message.isps, period.isp_count))
    day.put_reservation(tx, message.contract_id, period.day, power_w, row.message_id, message.time_stamp)
    held = -min(power_w, key=lambda p: -abs(p)) if power_w else 0
    text = f"{row.sender_domain}, contract {message.contract_id}: at most {abs(held) / 1000:g} kW still reserved"
    reason = Reason(kind=ReasonKind.RESERVATION, reference=row.message_id, text=text)
    # Also while the first plan is being made, which may have read the reservations already.
    if "first_plan" in day.done_moments(tx, period.day) or plans.in_force(tx, period.day) is not None:
        day.put_trigger(tx, period.day, reason, handling.now)
    handling.reply(message, "Accepted")
    log.info("reservation.updated", period=str(period), contract=message.contract_id, message_id=row.message_id)
    return Judgement(state="accepted")


def _connections_answer(message: m.AGRPortfolioUpdateResponse, handling: Handling) -> Judgement:
    tx, now, cro = handling.tx, handling.now, handling.row.sender_domain
    handling.answered(message)
    if message.result is m.Result.ACCEPTED:
        day.recover(tx, "connections rejected", cro, now)
        return Judgement(state="accepted")
    text = f"CRO {cro} rejected our connections: {message.rejection_reason or 'without a reason'}"
    day.raise_alarm(tx, "connections rejected", cro, text, now)
    return refusal(message.rejection_reason)


HANDLERS: Mapping[type[m.Message], Handler] = {
    m.TestMessage: _test,
    m.AGRPortfolioQueryResponse: _portfolio,
    m.DPrognosisResponse: prognosis_answer,
    m.FlexReservationUpdate: _reservation,
    m.AGRPortfolioUpdateResponse: _connections_answer,
}
"""Message type → its handler. Messages of other types are only recorded."""
