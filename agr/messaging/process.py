"""The processing stage: the oldest stored messages → rules → state change and reply, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import date

import structlog

from agr.domain.errors import StoreError
from agr.domain.isp import Clock
from agr.domain.register import Contract
from agr.messaging.handlers import HANDLERS, Handler, Handling, Judgement
from agr.messaging.rules import OpenRequest, RuleContext, join, violations
from agr.messaging.trade_facts import trade_facts
from agr.settings import Settings
from agr.store import day, inbox, outbox, portfolio, register
from agr.store.engine import Store, Tx
from agr.store.inbox import Received
from agr.uftp import messages as m
from agr.uftp.codec import decode
from agr.uftp.participants import Participants

log = structlog.get_logger()

HORIZON_DAYS = 366
"""How many days ahead a Period may lie."""
_UNDER_CONTRACTS = (m.FlexReservationUpdate, m.FlexRequest, m.FlexOrder)
PATIENCE = 3
"""How many times processing a message may fail with an unexpected error before the message is set aside."""


class Processor:
    """Judges stored messages by the rules of their types, and lets their handlers do what follows."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        participants: Participants,
        handlers: Mapping[type[m.Message], Handler] = HANDLERS,
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._participants, self._handlers = participants, handlers
        self._broken: dict[int, int] = {}

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

    def _judge(self, tx: Tx, row: Received, message: m.Message) -> Judgement:
        question = _question(tx, message)
        handling = Handling(
            tx=tx, settings=self._settings, participants=self._participants, now=self._clock.now(), row=row,
            question=question,
        )  # fmt: skip
        bound = message.contract_id if isinstance(message, _UNDER_CONTRACTS) else None
        contract = None if bound is None else register.contract(tx, bound)
        reasons = violations(message, self._context(tx, row, message, question, contract))
        self._watch_sender(tx, row, message, join(reasons) if reasons else "")
        if reasons:
            text = join(reasons)
            handling.reply(message, "Rejected", text)
            if _is_response(message):
                day.raise_alarm(tx, "answer refused", row.sender_domain, f"{row.type}: {text}", self._clock.now())
            return Judgement(state="rejected", reason=text)
        handler = self._handlers.get(type(message))
        return Judgement(state="noted") if handler is None else handler(message, handling)

    def _watch_sender(self, tx: Tx, row: Received, message: m.Message, faults: str) -> None:
        """Raise alarms when a participant's request is rejected or its clock runs ahead; end them when that is over."""
        now, sender = self._clock.now(), row.sender_domain
        ahead = (message.time_stamp - row.received_at).total_seconds()
        if ahead > self._settings.alarms.clock_skew_s:
            text = f"{row.type} {row.message_id} of {sender} is from {ahead:.0f} s in the future: check both clocks"
            day.raise_alarm(tx, "clock skew", sender, text, now)
        else:
            day.recover(tx, "clock skew", sender, now)
        if _is_response(message):
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
        dso = None if self._participants.limits(row.sender_domain) else row.sender_domain
        points = _points_of(tx, period, dso, point) if isinstance(period, date) else None
        return RuleContext(
            own_domain=self._settings.domain, zone_name=self._settings.time_zone,
            isp_minutes=self._settings.isp_minutes,
            now=self._clock.now(), participants=self._participants, sender_role=row.sender_role, contract=contract,
            points=points, question=question, horizon_days=HORIZON_DAYS,
            trade=trade_facts(tx, message, self._settings, self._clock.now()),
        )  # fmt: skip


def _points_of(tx: Tx, period: date, dso: str | None, named: object) -> frozenset[str] | None:
    """Return those of the DSO's congestion points that the message names; `dso` None: whoever operates them.

    An operator of GOPACS may speak for a point that another one has contracted. None while a CRO that may know
    more has not answered.
    """
    answers = portfolio.answers(tx, period).values()
    if not answers or any(answer.state != "answered" for answer in answers):
        return None
    known = isinstance(named, str) and portfolio.has_point(tx, period, dso, named)
    return frozenset({str(named)}) if known else frozenset()


def _question(tx: Tx, message: m.Message) -> OpenRequest | None:
    reference = getattr(message, "reference", None)
    asked = outbox.asked(tx, reference) if isinstance(reference, str) else None
    if asked is None:
        return None
    return OpenRequest(
        message_id=asked.message_id, conversation_id=asked.conversation_id, type=asked.type,
        recipient_domain=asked.recipient_domain, period=asked.period, congestion_point=asked.subject or None,
    )  # fmt: skip


def _is_response(message: m.Message) -> bool:
    return isinstance(message, m.RESPONSES) or (isinstance(message, m.OtherMessage) and message.is_response)
