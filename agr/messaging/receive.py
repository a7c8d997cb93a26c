"""The receiving stage: HTTP body → inbox (then 200); later: rules → state change and reply in one transaction."""

import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock

import structlog

from agr.domain.errors import MessageError, SealError, StoreError
from agr.domain.faults import number_of
from agr.domain.isp import Clock, Period
from agr.domain.plan import Reason, ReasonKind
from agr.domain.program import expand
from agr.domain.register import CongestionPoint, Contract
from agr.messaging.rules import OpenRequest, RuleContext, join, violations
from agr.settings import MessageLimits, Settings
from agr.store import day, inbox, outbox, plans, portfolio, register
from agr.store.engine import Store, Tx
from agr.store.inbox import Arrival, Received
from agr.uftp import messages as m
from agr.uftp.codec import decode, encode, respond
from agr.uftp.participants import Participants
from agr.uftp.rate_limit import RateLimit
from agr.uftp.signing import peek, unseal

log = structlog.get_logger()

HORIZON_DAYS = 366
"""How many days ahead a Period may lie."""


PATIENCE = 3
"""How many times a message may break the program before it is set aside."""


class RequestQuota:
    """How many messages a minute and bytes an hour each sender has left; only what it has signed counts."""

    def __init__(self, limits: MessageLimits) -> None:
        self._messages = RateLimit(limits.messages_per_minute, 60.0, time.monotonic)
        self._bytes = RateLimit(limits.bytes_per_hour, 3600.0, time.monotonic)
        self._strangers, self._told_at, self._lock = 0, -math.inf, Lock()

    def take(self, sender: str, size: int) -> bool:
        """Count one message; False when the sender has to wait."""
        return not self._bytes.empty(sender) and self._messages.take(sender) and self._bytes.take(sender, size)

    def spent(self, sender: str) -> bool:
        """Say whether the sender has to wait."""
        return self._messages.empty(sender) or self._bytes.empty(sender)

    def note_stranger(self) -> None:
        """Count a message of somebody unknown; it is logged once a minute, so that a flood cannot fill the log."""
        with self._lock:
            self._strangers += 1
            count, now = self._strangers, time.monotonic()
            if now - self._told_at < 60.0:
                return
            self._strangers, self._told_at = 0, now
        log.warning("message.refused", status=419, why="no public key is known for the sender and role", count=count)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a message was judged: accepted, rejected (with the reasons) or noted (needs no response)."""

    state: str
    reason: str = ""


def _refusal(why: str | None) -> Verdict:
    """Return the verdict on a response that fits and says no: noted, and never shown as accepted."""
    return Verdict(state="noted", reason=f"the sender rejects our request: {why or 'without a reason'}")


class Receiver:
    """Receives, stores, judges and answers messages."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, participants: Participants, wake: Callable[[], None]
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._participants, self._wake = participants, wake
        self._broken: dict[int, int] = {}
        self._quota = RequestQuota(settings.limits)

    # --- receiving: everything up to the 200 -----------------------------------------------------------------------

    def expects(self, head: bytes, length: int) -> int | None:
        """Return the status to refuse a body by its first bytes and length, before the rest is read; None: go on.

        A stranger costs a look-up in memory, one line in the log a minute, and no disk access.
        """
        limits, claim = self._settings.limits, peek(head)
        if claim is None:  # SenderDomain and SenderRole come after the Body, which then has to be small
            return None if length <= limits.max_bytes_dso else 413
        if not self._participants.keys(*claim):
            self._quota.note_stranger()
            return 419
        if length > (limits.max_bytes_cro if claim[1] == "CRO" else limits.max_bytes_dso):
            return 413
        return 429 if self._quota.spent(claim[0]) else None

    def receive(self, body: bytes) -> int:
        """Unseal, check and store one body; return the HTTP status. What is answered 200 is never lost."""
        limits = {"CRO": self._settings.limits.max_bytes_cro}
        try:
            sealed = unseal(
                body, self._participants.keys, max_bytes=limits, default_max_bytes=self._settings.limits.max_bytes_dso
            )
            message = decode(sealed.xml)
            if message.sender_domain != sealed.sender_domain:
                raise MessageError("the SenderDomain inside differs from the envelope's; both must be the sender's")
        except SealError as error:
            log.warning("message.refused", status=error.status, why=str(error))
            return error.status
        except MessageError as error:
            log.warning("message.refused", status=400, why=str(error))
            return 400
        if not self._quota.take(sealed.sender_domain, len(body)):
            log.warning("message.refused", status=429, why="quota", sender=sealed.sender_domain)
            return 429
        with self._store.transaction() as tx:
            arrival = inbox.put(
                tx, sender_domain=sealed.sender_domain, sender_role=sealed.sender_role, message_id=message.message_id,
                conversation_id=message.conversation_id, kind=message.type_name, xml=sealed.xml, at=self._clock.now(),
            )  # fmt: skip
            if arrival is Arrival.DUPLICATE:
                self._reply(tx, message, sealed.sender_role, "Rejected", "Duplicate Identifier")
        log.info(
            "message.received", type=message.type_name, sender=sealed.sender_domain, message_id=message.message_id,
            conversation_id=message.conversation_id, arrival=arrival.value,
        )  # fmt: skip
        self._wake()
        return 200

    # --- processing: what is stored, oldest first ---------------------------------------------------------------------

    def process_next(self) -> bool:
        """Process the oldest stored messages; False when none waits.

        A message's verdict, state change and reply are written in one transaction. Several messages share it, because
        thousands of updates in a minute would otherwise wait for the disk. A message that breaks the program is
        processed alone, and after three times it is set aside with an alarm, so that it blocks no other.
        """
        with self._store.transaction() as tx:
            rows = inbox.next_few(tx)
        if len(rows) > 1 and not self._broken:
            try:
                self._process(rows)
            except StoreError:
                raise
            except Exception:
                log.exception("message.batch_broke", count=len(rows))
            else:
                return True
        if rows:
            try:
                self._process(rows[:1])
            except StoreError:
                raise  # not the message's fault
            except Exception as error:
                self._set_aside(rows[0], error)
                raise
        return bool(rows)

    def _process(self, rows: Sequence[Received]) -> None:
        verdicts = []
        with self._store.transaction() as tx:
            for row in rows:
                verdict = self._judge(tx, row, decode(row.xml))
                inbox.finish(tx, row.id, verdict.state, verdict.reason or None)
                day.recover(tx, "message set aside", row.message_id, self._clock.now())
                verdicts.append(verdict)
        for row, verdict in zip(rows, verdicts, strict=True):
            self._broken.pop(row.id, None)
            event = log.warning if verdict.state == "rejected" else log.info
            event(
                "message.processed", type=row.type, sender=row.sender_domain, message_id=row.message_id,
                conversation_id=row.conversation_id, verdict=verdict.state, reason=verdict.reason,
            )  # fmt: skip

    def take_up_again(self) -> int:
        """Try messages that were set aside once more, for instance after an update of the program; return how many."""
        with self._store.transaction() as tx:
            again = inbox.take_up_again(tx)
        if again:
            log.info("message.taken_up_again", count=again)
        return again

    def _set_aside(self, row: Received, error: Exception) -> None:
        self._broken[row.id] = self._broken.get(row.id, 0) + 1
        if self._broken[row.id] < PATIENCE:
            return
        text = f"{row.type} {row.message_id} of {row.sender_domain} could not be processed and was set aside: {error}"
        with self._store.transaction() as tx:
            inbox.finish(tx, row.id, "failed", type(error).__name__)
            self._broken.pop(row.id, None)
            day.raise_alarm(tx, "message set aside", row.message_id, text, self._clock.now())

    def _judge(self, tx: Tx, row: Received, message: m.Message) -> Verdict:
        question = self._question(tx, message)
        contract = register.contract(tx, message.contract_id) if isinstance(message, m.FlexReservationUpdate) else None
        reasons = violations(message, self._context(tx, row, message, question, contract))
        self._watch_sender(tx, row, message, join(reasons) if reasons else "")
        if reasons:
            text = join(reasons)
            self._reply(tx, message, row.sender_role, "Rejected", text)
            if isinstance(message, m.RESPONSES) or (isinstance(message, m.OtherMessage) and message.is_response):
                day.raise_alarm(tx, "answer refused", row.sender_domain, f"{row.type}: {text}", self._clock.now())
            return Verdict(state="rejected", reason=text)
        handler = self._HANDLERS.get(type(message))
        if handler is None:
            return Verdict(state="noted")
        return handler(self, tx, row, message, question)

    def _watch_sender(self, tx: Tx, row: Received, message: m.Message, faults: str) -> None:
        """Raise alarms when a participant's request is rejected or its clock runs ahead; end them when that is over."""
        now, sender = self._clock.now(), row.sender_domain
        ahead = (message.time_stamp - row.received_at).total_seconds()
        if ahead > self._settings.alarms.clock_skew_s:
            text = f"{row.type} {row.message_id} of {sender} is from {ahead:.0f} s in the future: check both clocks"
            day.raise_alarm(tx, "clock skew", sender, text, now)
        else:
            day.recover(tx, "clock skew", sender, now)
        response = isinstance(message, m.RESPONSES) or (isinstance(message, m.OtherMessage) and message.is_response)
        if response:
            return  # a response that does not fit is an alarm of its own
        if faults:
            text = f"we rejected {row.type} {row.message_id} of {sender}: {faults}"
            day.raise_alarm(tx, "message rejected", f"{sender} {row.type}", text, now)
        else:
            day.recover(tx, "message rejected", f"{sender} {row.type}", now)

    def _context(
        self, tx: Tx, row: Received, message: m.Message, question: OpenRequest | None, contract: Contract | None
    ) -> RuleContext:
        period = getattr(message, "period", None)
        point = getattr(message, "congestion_point", None)
        points = self._points_of(tx, period, row.sender_domain, point) if isinstance(period, date) else None
        return RuleContext(
            own_domain=self._settings.domain, zone_name=self._settings.time_zone,
            isp_minutes=self._settings.isp_minutes,
            now=self._clock.now(), participants=self._participants, sender_role=row.sender_role, contract=contract,
            points=points, question=question, horizon_days=HORIZON_DAYS,
        )  # fmt: skip

    def _points_of(self, tx: Tx, period: date, dso: str, named: object) -> frozenset[str] | None:
        """Return those of the DSO's congestion points that the message names.

        None while a CRO that may know more has not answered.
        """
        answers = portfolio.answers(tx, period).values()
        if not answers or any(answer.state != "answered" for answer in answers):
            return None
        known = isinstance(named, str) and portfolio.has_point(tx, period, dso, named)
        return frozenset({str(named)}) if known else frozenset()

    def _period(self, of: date) -> Period:
        return Period(of, self._settings.time_zone, self._settings.isp_minutes)

    def _question(self, tx: Tx, message: m.Message) -> OpenRequest | None:
        reference = getattr(message, "reference", None)
        asked = outbox.asked(tx, reference) if isinstance(reference, str) else None
        if asked is None:
            return None
        return OpenRequest(
            message_id=asked.message_id, conversation_id=asked.conversation_id, type=asked.type,
            recipient_domain=asked.recipient_domain, period=asked.period, congestion_point=asked.subject or None,
        )  # fmt: skip

    def _reply(self, tx: Tx, message: m.Message, role: str, result: str, reason: str | None = None) -> None:
        """Queue the response that belongs to a request; responses get none."""
        now = self._clock.now()
        reply = respond(
            message, result=result, reason=reason, sender_domain=self._settings.domain, now=now,
            message_id=str(uuid.uuid4()),
        )  # fmt: skip
        if reply is None:
            return
        outbox.put(
            tx, message_id=reply.message_id, conversation_id=reply.conversation_id, kind=reply.type_name,
            recipient_domain=message.sender_domain, recipient_role=role, xml=encode(reply), at=now,
        )  # fmt: skip

    def _answered(self, tx: Tx, row: Received, message: m.Response, question: OpenRequest | None) -> None:
        """Record the response to our request, and end the alarms about waiting for it."""
        now, subject = self._clock.now(), (question and question.congestion_point) or ""
        outbox.answered(tx, message.reference, now, message.result.value, message.rejection_reason)
        day.recover(tx, "delivery", row.sender_domain, now)  # whoever responds has our message, whatever delivery knows
        day.recover(tx, "answer overdue", f"{row.sender_domain} {subject}".strip(), now)
        day.recover(tx, "answer refused", row.sender_domain, now)

    # --- handlers: one per message type of the plan phase ----------------------------------------------------------

    def _test(self, tx: Tx, row: Received, message: m.TestMessage, _question: OpenRequest | None) -> Verdict:
        self._reply(tx, message, row.sender_role, "Accepted")
        return Verdict(state="accepted")

    def _portfolio(
        self, tx: Tx, row: Received, message: m.AGRPortfolioQueryResponse, question: OpenRequest | None
    ) -> Verdict:
        now, cro = self._clock.now(), row.sender_domain
        self._answered(tx, row, message, question)
        asked_for = question.period if question and question.period else message.period
        if message.period is None or asked_for is None or message.result is not m.Result.ACCEPTED:
            text = message.rejection_reason or "without a reason"
            if asked_for is not None:
                portfolio.set_answer(tx, asked_for, cro, "rejected", now, text)
            day.raise_alarm(
                tx, "portfolio rejected", f"{cro} {asked_for}", f"CRO {cro} rejected the query: {text}", now
            )
            return _refusal(text)
        period = self._period(message.period)
        planned = "first_plan" in day.done_moments(tx, period.day)
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
        self._report_portfolio(tx, period, cro, clashes)
        if planned and portfolio.load(tx, period) != before:
            reason = Reason(kind=ReasonKind.PORTFOLIO, reference=row.message_id, text=f"CRO {cro} answered")
            day.put_trigger(tx, period.day, reason, now)
        return Verdict(state="accepted")

    def _report_portfolio(self, tx: Tx, period: Period, cro: str, clashes: tuple[str, ...]) -> None:
        """Log what joined, left or moved since the day before."""
        known, since = portfolio.size(tx, period), portfolio.difference(tx, period)
        log.info(
            "portfolio.known", period=str(period), cro=cro, connections=known.connections,
            congestion_points=known.points, joined=since.joined, left=since.left, moved=since.moved,
            claimed_twice=len(clashes),
        )  # fmt: skip
        if clashes:
            claimed = f"{number_of(len(clashes), 'connection')} {'is' if len(clashes) == 1 else 'are'} claimed"
            text = f"{claimed} by {cro} and by another CRO, or twice; the first claim stays"
            day.raise_alarm(tx, "portfolio conflict", f"{cro} {period}", text, self._clock.now())
        else:
            day.recover_all(tx, "portfolio conflict", f"{cro} ", self._clock.now())

    def _prognosis_answer(
        self, tx: Tx, row: Received, message: m.DPrognosisResponse, question: OpenRequest | None
    ) -> Verdict:
        now, accepted = self._clock.now(), message.result == "Accepted"
        self._answered(tx, row, message, question)
        plans.answer_prognosis(tx, message.reference, "accepted" if accepted else "rejected", message.rejection_reason)
        subject = question.congestion_point if question and question.congestion_point else message.reference
        if accepted:
            day.recover(tx, "prognosis rejected", subject, now)
            day.recover(tx, "prognosis not accepted", subject, now)
        else:
            text = f"{row.sender_domain} rejected the D-Prognosis: {message.rejection_reason or 'without a reason'}"
            day.raise_alarm(tx, "prognosis rejected", subject, text, now)
        log.info("prognosis.answered", dso=row.sender_domain, congestion_point=subject, result=message.result.value)
        return Verdict(state="accepted") if accepted else _refusal(message.rejection_reason)

    def _reservation(
        self, tx: Tx, row: Received, message: m.FlexReservationUpdate, _question: OpenRequest | None
    ) -> Verdict:
        """Store what is still reserved and ask for a plan; ISPs that the message leaves out are released."""
        now, period = self._clock.now(), self._period(message.period)
        power_w = tuple(p or 0 for p in expand(message.isps, period.isp_count))
        day.put_reservation(tx, message.contract_id, period.day, power_w, row.message_id, message.time_stamp)
        held = -min(power_w, key=lambda p: -abs(p)) if power_w else 0
        text = f"{row.sender_domain}, contract {message.contract_id}: at most {abs(held) / 1000:g} kW still reserved"
        reason = Reason(kind=ReasonKind.RESERVATION, reference=row.message_id, text=text)
        # Also while the first plan is being made, which may have read the reservations already.
        if "first_plan" in day.done_moments(tx, period.day) or plans.in_force(tx, period.day) is not None:
            day.put_trigger(tx, period.day, reason, now)
        self._reply(tx, message, row.sender_role, "Accepted")
        log.info("reservation.updated", period=str(period), contract=message.contract_id, message_id=row.message_id)
        return Verdict(state="accepted")

    def _connections_answer(
        self, tx: Tx, row: Received, message: m.AGRPortfolioUpdateResponse, question: OpenRequest | None
    ) -> Verdict:
        now = self._clock.now()
        self._answered(tx, row, message, question)
        if message.result is m.Result.ACCEPTED:
            day.recover(tx, "connections rejected", row.sender_domain, now)
            return Verdict(state="accepted")
        text = f"CRO {row.sender_domain} rejected our connections: {message.rejection_reason or 'without a reason'}"
        day.raise_alarm(tx, "connections rejected", row.sender_domain, text, now)
        return _refusal(message.rejection_reason)

    _HANDLERS: "dict[type, Callable[..., Verdict]]" = {  # noqa: RUF012
        m.TestMessage: _test,
        m.AGRPortfolioQueryResponse: _portfolio,
        m.DPrognosisResponse: _prognosis_answer,
        m.FlexReservationUpdate: _reservation,
        m.AGRPortfolioUpdateResponse: _connections_answer,
    }

    # --- watching --------------------------------------------------------------------------------------------------

    def watch(self) -> int:
        """Report answers that are overdue, once each; return how many."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            overdue = outbox.unanswered(tx, now)
            for late in overdue:
                outbox.no_longer_waiting(tx, late.message_id)
                waited = number_of(round((now - late.queued_at) / timedelta(minutes=1)), "minute")
                text = f"{late.recipient_domain} has not answered {late.type} {late.message_id} for {waited}"
                day.raise_alarm(tx, "answer overdue", f"{late.recipient_domain} {late.subject}".strip(), text, now)
                log.warning(
                    "answer.overdue", type=late.type, recipient=late.recipient_domain, message_id=late.message_id
                )
        return len(overdue)
