"""The publication stage: the plan in force → D-Prognoses for what changed, as the next revision, into the outbox."""

import uuid
from datetime import timedelta
from threading import Lock
from typing import TypeAlias

import structlog

from agr.domain.isp import Clock, Period
from agr.domain.plan import Plan, PointProgram, ReasonKind
from agr.messaging.prognosis import d_prognosis, differs, values_to_send
from agr.settings import Settings
from agr.store import day, outbox, overrides, plans
from agr.store.engine import Store, Tx
from agr.store.plans import Sent
from agr.uftp.codec import encode
from agr.uftp.participants import Participants

log = structlog.get_logger()

OPEN = day.PUBLICATION_OPEN

Waiting: TypeAlias = list[tuple[PointProgram, tuple[int, ...]]]
"""Congestion points whose program is to be sent, each with its power per ISP in W."""

_UNDELIVERED = ("failed", "cancelled")
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
"""How long after a failed or cancelled delivery the same program may be sent again."""


def last_per_point(sent: list[Sent], *states: str) -> dict[str, Sent]:
    """Return congestion point → newest revision in one of the states."""
    return {s.congestion_point: s for s in sent if s.state in states}


class Publisher:
    """Sends what has changed, once; a crash between two calls loses and repeats nothing."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, participants: Participants) -> None:
        self._store, self._settings, self._clock, self._participants = store, settings, clock, participants
        self.one_at_a_time = Lock()  # planning, the timetable and operators publish; taken before a transaction

    def publish(self, period: Period, closed_isps: int = 0, *, by_hand: bool = False) -> int:
        """Queue D-Prognoses of the plan in force that differ from what was last sent; return how many.

        `by_hand`: an operator asks for it, although sending is on hold or needs approval. What a DSO has rejected is
        sent again, as the next revision, when an operator asks for it or for the plan; never by itself, because the
        DSO would reject the same program again and again.
        """
        if not by_hand and not self._settings.publication.automatic:
            return 0
        with self.one_at_a_time, self._store.transaction() as tx:
            if not by_hand and overrides.held(tx) is not None:
                return 0
            plan = plans.in_force(tx, period.day)
            if plan is None or OPEN not in day.done_moments(tx, period.day):
                return 0
            history = plans.prognoses(tx, period.day)
            waiting = self._waiting(plan, history, closed_isps)
            if by_hand or any(reason.kind is ReasonKind.OPERATOR for reason in plan.reasons):
                waiting += self._rejected(plan, history, closed_isps, asked_since=None if by_hand else plan.id)
            queued = self._queue(tx, plan, history, waiting)
        self._tell(plan, queued)
        return len(queued)

    def send_again(self, tx: Tx, period: Period, congestion_point: str, closed_isps: int = 0) -> Sent | None:
        """Queue the program in force of a congestion point whose newest D-Prognosis was rejected, as a new revision.

        Call it with `one_at_a_time` taken. Return None where there is no plan in force with that point, or nothing was
        rejected.
        """
        plan = plans.in_force(tx, period.day)
        if plan is None:
            return None
        history = plans.prognoses(tx, period.day)
        again = [w for w in self._rejected(plan, history, closed_isps) if w[0].address == congestion_point]
        queued = self._queue(tx, plan, history, again)
        self._tell(plan, queued)
        return next(iter(queued), None)

    def takes_prognoses(self, dso: str) -> bool:
        """Say whether a DSO is sent D-Prognoses; the operators of GOPACS are not."""
        return not self._participants.limits(dso)

    @staticmethod
    def _tell(plan: Plan, queued: list[Sent]) -> None:
        if queued:
            log.info(
                "prognosis.queued", period=str(plan.period), plan=plan.id, revision=queued[0].revision,
                count=len(queued), congestion_points=[s.congestion_point for s in queued[:20]],
            )  # fmt: skip

    def waiting(self, tx: Tx, plan: Plan, closed_isps: int = 0) -> Waiting:
        """Return the congestion points that an operator could send now, with what would be sent."""
        history = plans.prognoses(tx, plan.period.day)
        return self._waiting(plan, history, closed_isps) + self._rejected(plan, history, closed_isps)

    def rejected(self, tx: Tx, plan: Plan, closed_isps: int = 0) -> Waiting:
        """Return the congestion points whose newest D-Prognosis was rejected with the program that is in force."""
        return self._rejected(plan, plans.prognoses(tx, plan.period.day), closed_isps)

    def _rejected(
        self, plan: Plan, history: list[Sent], closed_isps: int, *, asked_since: int | None = None
    ) -> Waiting:
        """Return what was rejected and is still in force; with `asked_since`, only what an earlier plan had sent."""
        newest = last_per_point(history, "sent", "accepted", "rejected")
        accepted = last_per_point(history, "accepted")
        found: Waiting = []
        for point in plan.points:
            last, held = newest.get(point.address), accepted.get(point.address)
            if last is None or last.state != "rejected" or (asked_since is not None and last.plan >= asked_since):
                continue
            power_w = values_to_send(point.power_w, held.power_w if held else None, closed_isps)
            if not differs(power_w, last.power_w, self._settings.publication.threshold_w):
                found.append((point, power_w))
        return found

    def _waiting(self, plan: Plan, history: list[Sent], closed_isps: int) -> Waiting:
        newest = last_per_point(history, "sent", "accepted", "rejected")
        accepted = last_per_point(history, "accepted")
        latest = last_per_point(history, "sent", "accepted", "rejected", *_UNDELIVERED)
        threshold, found = self._settings.publication.threshold_w, []
        for point in plan.points:
            if not self.takes_prognoses(point.dso):
                continue
            held = accepted.get(point.address)
            power_w = values_to_send(point.power_w, held.power_w if held else None, closed_isps)
            last = newest.get(point.address)
            if self._just_failed(latest.get(point.address), power_w):
                continue
            if differs(power_w, last.power_w if last else None, threshold):
                found.append((point, power_w))
        return found

    def _queue(self, tx: Tx, plan: Plan, history: list[Sent], waiting: Waiting) -> list[Sent]:
        revision = max((s.revision for s in history), default=0) + 1
        queued = [self._send(tx, plan, p, power_w, revision) for p, power_w in waiting]
        return [sent for sent in queued if sent is not None]

    def _just_failed(self, last: Sent | None, power_w: tuple[int, ...]) -> bool:
        """Say whether delivering the same program has just failed: then it is not sent again at once."""
        now = self._clock.now()
        recent = last is not None and last.state in _UNDELIVERED and abs(now - last.at) < PAUSE_AFTER_FAILURE
        return recent and last is not None and last.power_w == power_w

    def _send(self, tx: Tx, plan: Plan, point: PointProgram, power_w: tuple[int, ...], revision: int) -> Sent | None:
        now, period = self._clock.now(), plan.period
        dso = self._participants.find(point.dso, "DSO")
        if dso is None or dso.barred:
            why = "is barred" if dso else "is not among our participants: add it to [[participants]]"
            day.raise_alarm(tx, "prognosis not sent", point.address, f"DSO {point.dso} {why}", now)
            return None
        message_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
        message = d_prognosis(
            power_w, period=period, congestion_point=point.address, revision=revision, sender=self._settings.domain,
            recipient=point.dso, version=dso.version, now=now, message_id=message_id, conversation_id=conversation_id,
        )  # fmt: skip
        outbox.supersede(tx, "D-Prognosis", period.day, point.address)
        plans.supersede_unsent(tx, period.day, point.address)
        day.recover(tx, "prognosis not sent", point.address, now)
        outbox.put(
            tx, message_id=message_id, conversation_id=conversation_id, kind="D-Prognosis", recipient_domain=point.dso,
            recipient_role="DSO", xml=encode(message), at=now, period=period.day, subject=point.address,
            answer_due_at=now + timedelta(seconds=self._settings.delivery.answer_due_s),
        )  # fmt: skip
        sent = Sent(
            congestion_point=point.address, dso=point.dso, revision=revision, plan=plan.id, message_id=message_id,
            power_w=power_w, at=now, state="sent", reason=None,
        )  # fmt: skip
        plans.put_prognosis(tx, period.day, sent)
        return sent
