"""The delivery stage: outbox → sealed POST → delivered, retried, or given up with an alarm.

A slow recipient delays no other.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from threading import Lock, Thread

import structlog

from agr.domain.errors import StoreError
from agr.domain.isp import Clock, Period
from agr.settings import Settings
from agr.store import day, outbox, plans
from agr.store.engine import Store, Tx
from agr.store.outbox import Queued
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair, seal
from agr.uftp.transport import REFUSED, DeliveryAttempt, DeliveryOutcome, Sender, next_delay

log = structlog.get_logger()

MOST_THREADS = 256

_FINAL = {DeliveryOutcome.DELIVERED, DeliveryOutcome.FAILED}
_REST_S = 5.0
"""Seconds for which no delivery is begun after the store has failed, or none to one recipient after our own code failed
on a message to it."""
_NAMED = 5
"""Most congestion points that an alarm names besides the first."""
_SHARE_OF_THE_REST = 0.125
"""Longest wait before a D-Prognosis is sent again, as a share of the time left to its gate: the nearer the gate, the
shorter the wait."""


class Deliverer:
    """Delivers what is due; at most one message to a recipient is under way at a time, so their order is kept."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        participants: Participants,
        key: Callable[[], KeyPair],
        sender_to: Callable[[Participant], Sender],
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._participants, self._key, self._sender_to = participants, key, sender_to
        self._threads: dict[str, Thread] = {}  # of each recipient, so that one that hangs delays no other
        self._busy: set[str] = set()
        self._rests_until = 0.0
        self._skipped_until: dict[str, float] = {}  # recipients to whom a delivery could not be recorded
        self._lock = Lock()

    def run_due(self) -> int:
        """Start delivering what is due to recipients that are not busy; return how many deliveries were started."""
        now = time.monotonic()
        if now < self._rests_until:
            return 0
        with self._lock:
            busy = frozenset(self._busy)
            skipped = {recipient for recipient, until in self._skipped_until.items() if now < until}
        with self._store.transaction() as tx:
            due = outbox.due(tx, self._clock.now(), busy | skipped)[: MOST_THREADS - len(busy)]
        started = 0
        for message in due:
            if not self._start(message):
                break
            started += 1
        return started

    def _start(self, message: Queued) -> bool:
        """Start delivering to a recipient in a thread of its own; False when the system has no thread to give."""
        recipient = message.recipient_domain
        # A daemon thread: a recipient that hangs does not keep the process from ending.
        thread = Thread(target=self._drain, args=(message,), name=f"delivery {recipient}", daemon=True)
        with self._lock:  # before the start, because the thread may end at once
            self._busy.add(recipient)
        try:
            thread.start()
        except RuntimeError as error:
            with self._lock:
                self._busy.discard(recipient)
            self._rests_until = time.monotonic() + _REST_S
            log.warning("delivery.not_started", recipient=recipient, why=str(error), what="it is tried again")
            return False
        with self._lock:
            self._threads[recipient] = thread
        return True

    def _drain(self, first: Queued) -> None:
        """Deliver everything due to one recipient, in order: one transaction and one POST for each message."""
        recipient = first.recipient_domain
        try:
            with self._store.transaction() as tx:
                outbox.attempt(tx, first.id)
            message: Queued | None = first
            while message is not None:
                message = self._deliver(message)
        except StoreError:  # the watchdog reports it; what was not recorded is tried again
            self._rests_until = time.monotonic() + _REST_S
        except Exception:
            log.exception("delivery.broke", recipient=recipient, message_id=first.message_id)
            with self._lock:
                self._skipped_until[recipient] = time.monotonic() + _REST_S
        finally:
            with self._lock:
                self._busy.discard(recipient)

    def _deliver(self, message: Queued) -> Queued | None:
        """Try once, record the result, and return the next message (with its attempt counted) if it may follow."""
        result = self._try(message)
        fields = {
            "message_id": message.message_id, "conversation_id": message.conversation_id, "type": message.type,
            "recipient": message.recipient_domain,
        }  # fmt: skip
        old = self._given_up(message)
        following = None
        with self._store.transaction() as tx:
            self._record(tx, message, result, old=old)
            if result.outcome in _FINAL:
                following = outbox.next_to(tx, message.recipient_domain, self._clock.now())
            if following is not None:
                outbox.attempt(tx, following.id)
        if result.outcome is DeliveryOutcome.DELIVERED:
            log.info("message.delivered", **fields, attempt=message.attempts + 1)
        else:
            gone = result.outcome is DeliveryOutcome.FAILED or old
            log.warning("message.failed" if gone else "message.retry", **fields, why=result.detail)
        return following

    def _try(self, message: Queued) -> DeliveryAttempt:
        """Seal and post a message. What fails on our side, such as reading the key, is tried again like the rest."""
        to = self._participants.find(message.recipient_domain, message.recipient_role)
        if to is None:
            return DeliveryAttempt(DeliveryOutcome.FAILED, None, "recipient is not among our participants", None)
        if not to.endpoint:
            return DeliveryAttempt(
                DeliveryOutcome.RETRY, None, "the DNS has not told us its endpoint yet (alarm discovery)", None
            )
        try:
            sealed = seal(message.xml, domain=self._settings.domain, role="AGR", key=self._key())
            return self._sender_to(to).post(to.endpoint, sealed, attempt=message.attempts + 1)
        except StoreError:
            raise
        except Exception as error:
            log.exception("delivery.broke", recipient=message.recipient_domain, message_id=message.message_id)
            why = f"it could not be sent from here: {type(error).__name__}: {error}"
            return DeliveryAttempt(DeliveryOutcome.RETRY, None, why, None)

    def _record(self, tx: Tx, message: Queued, result: DeliveryAttempt, *, old: bool) -> None:
        now = self._clock.now()
        if result.outcome is DeliveryOutcome.DELIVERED:
            outbox.delivered(tx, message.id, now, result.detail)
            day.recover(tx, "delivery", message.recipient_domain, now)
        elif result.outcome is DeliveryOutcome.FAILED or old:
            if not outbox.failed(tx, message.id, result.detail):
                return  # answered while the attempt was under way: an earlier attempt had arrived
            plans.answer_prognosis(tx, message.message_id, "failed", result.detail)  # the next plan sends it anew
            text = f"{_named(message)} was not delivered: {result.detail}"
            day.raise_alarm(tx, "delivery", message.recipient_domain, text, now)
        else:
            wait = self._wait_s(message, result)
            waits = outbox.retry(tx, message.id, now + timedelta(seconds=wait), result.detail)
            late = now - message.queued_at >= timedelta(seconds=self._settings.delivery.alarm_after_s)
            if waits and (late or result.status in REFUSED):
                text = self._still_waiting(tx, message, result)
                day.raise_alarm(tx, "delivery", message.recipient_domain, text, now)

    def _still_waiting(self, tx: Tx, message: Queued, result: DeliveryAttempt) -> str:
        """Say what is not delivered yet: every congestion point that waits for this recipient, not only the last."""
        subjects = outbox.waiting_subjects(tx, message.recipient_domain, message.type)
        others = [subject for subject in subjects if subject != message.subject]
        more = f"; so wait {', '.join(others[:_NAMED])}" if others else ""
        more += f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        key = ": does it know our current public key?" if result.status == HTTPStatus.UNAUTHORIZED else ""
        return f"{_named(message)} is not delivered yet, and is tried again: {result.detail}{key}{more}"

    def _wait_s(self, message: Queued, result: DeliveryAttempt) -> float:
        settings = self._settings.delivery
        wait: float = next_delay(
            message.attempts + 1, random.SystemRandom(), first_s=settings.first_delay_s, max_s=settings.max_delay_s
        )
        left_s = self._until_gate_s(message)
        if left_s > 0:
            wait = min(wait, max(settings.first_delay_s, left_s * _SHARE_OF_THE_REST))
        return max(wait, result.retry_after_s or 0.0)

    def _until_gate_s(self, message: Queued) -> float:
        """Return the seconds until the gate of a D-Prognosis; 0 for other messages and afterwards."""
        if message.type != "D-Prognosis" or message.period is None:
            return 0.0
        period = Period(message.period, self._settings.time_zone, self._settings.isp_minutes)
        gate = dict(self._settings.timetable.moments(period))["prognosis_gate"]
        return max((gate - self._clock.now()).total_seconds(), 0.0)

    def _given_up(self, message: Queued) -> bool:
        """Say whether a message is too old to be tried again; a D-Prognosis never is before its gate."""
        age = self._clock.now() - message.queued_at
        return age >= timedelta(seconds=self._settings.delivery.give_up_after_s) and not self._until_gate_s(message)

    def close(self, patience_s: float | None = None) -> None:
        """Wait for what is under way, at most so many seconds; what is not recorded by then is tried again."""
        until = None if patience_s is None else time.monotonic() + patience_s
        for thread in list(self._threads.values()):
            thread.join(None if until is None else max(until - time.monotonic(), 0.0))


def _named(message: Queued) -> str:
    """Name a message for people: with its congestion point and Period, where it is about one."""
    about = f" of {message.subject}" if message.subject else ""
    day_ = f" for {message.period}" if message.period else ""
    return f"{message.type}{about}{day_} ({message.message_id})"
