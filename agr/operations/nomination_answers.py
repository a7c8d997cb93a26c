"""Answers of balance responsible parties to their e-programs, by API or entered by an operator."""

from typing import Literal

import structlog

from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.foreign_text import one_line
from agr.operations.accounts.roles import Principal
from agr.operations.action_base import LONGEST_WHY, ActionBase, Done, said_why
from agr.store import day, nominations
from agr.store.engine import Tx
from agr.store.nominations import Nomination

log = structlog.get_logger()

Answer = Literal["accepted", "rejected"]


class NominationAnswers(ActionBase):
    """Records answers, each with who and when. The message id is known only to us and to the BRP that got it."""

    def answer(self, by: Principal, message_id: str, answer: Answer, reason: str = "") -> Done:
        """Record an answer to a revision; the same again changes nothing, another one replaces it.

        Raises MissingError for an unknown message id, InputError for a rejection without a reason, ConflictError
        for a Period that is over, and AccessError for those who act for some DSOs or other BRPs only.
        """
        by.must_act_for((), "an answer to an e-program", brps=by.brps)
        words = said_why(reason) if answer == "rejected" else one_line(reason)
        if len(words) > LONGEST_WHY:
            raise InputError(f"the reason is longer than {LONGEST_WHY} characters")
        with self._store.transaction() as tx:
            one = nominations.by_message(tx, message_id)
            if one is None:
                raise MissingError(f"there is no e-program with message id {message_id!r}")
            what = f"revision {one.revision} of the e-program of {one.brp} for {one.period}"
            by.must_act_for((), what, brps={one.brp})
            if (one.answer, one.answer_reason) == (answer, words or None):
                return Done(text=f"{what} was {answer} already")
            if self.period(one.period).end <= self._clock.now():
                raise ConflictError(f"Period {one.period} is over; its e-program can no longer be answered")
            nominations.answered(tx, one.id, self._clock.now(), answer, words or None)
            entry = self._record(
                tx, by, f"nomination {answer}", f"{one.brp} {one.period} r{one.revision}", words, one.message_id
            )
            self._alarms(tx, one, answer, words)
        log.info(
            "nomination.answered", period=str(one.period), brp=one.brp, revision=one.revision, answer=answer, why=words
        )
        self._wake()
        return Done(text=f"{what} is {answer}", entry=entry)

    def _alarms(self, tx: Tx, one: Nomination, answer: Answer, words: str) -> None:
        """Raise or end alarms, for the newest revision: what a BRP says of an older one concerns nobody any more."""
        newest, subject, now = nominations.newest(tx, one.period, one.brp), f"{one.brp} {one.period}", self._clock.now()
        if newest is None or newest.id != one.id:
            return
        day.recover(tx, "nomination not delivered", subject, now)
        if answer == "accepted":
            day.recover(tx, "nomination rejected", subject, now)
            day.recover(tx, "nomination not accepted", subject, now)
            return
        text = (
            f"BRP {one.brp} has rejected revision {one.revision}: {words}; it is nominated again when a plan changes "
            'it, or with "send waiting"'
        )
        day.raise_alarm(tx, "nomination rejected", subject, text, now)
