"""Asks CROs for the Period's portfolio, or takes it from our own table; asks CROs to publish our connections."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

import structlog

from agr.domain.isp import Clock, Period
from agr.domain.register import Connection
from agr.settings import Settings
from agr.store import outbox, own_portfolio, portfolio
from agr.store.engine import Store, Tx
from agr.store.own_portfolio import OWN_LIST
from agr.uftp.codec import encode
from agr.uftp.messages import AGRPortfolioQuery, AGRPortfolioUpdate, ConnectionUpdate
from agr.uftp.participants import Participant, Participants

log = structlog.get_logger()

QUERY = "AGRPortfolioQuery"


class PortfolioRequests:
    """Sends requests to CROs; a request that is still open is not sent twice."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, participants: Participants) -> None:
        self._store, self._settings, self._clock, self._participants = store, settings, clock, participants

    def ask_portfolio(self, period: Period) -> int:
        """Ask every CRO that has neither answered nor an open request; return how many were asked."""
        asked = 0
        with self._store.transaction() as tx:
            known = portfolio.answers(tx, period.day)
            for cro in self._participants.with_role("CRO"):
                state = known.get(cro.domain)
                if cro.barred or (state is not None and state.state == "answered"):
                    continue
                if self._still_open(tx, period.day, cro.domain):
                    continue
                self._ask(tx, period, cro)
                asked += 1
        return asked

    def take_own_points(self, period: Period, *, again: bool = False) -> str | None:
        """Take what the table of congestion points says about the Period; if it was taken before, only if asked to.

        Returns what was found in words; None where nothing was taken.
        """
        with self._store.transaction() as tx:
            if not again and OWN_LIST in portfolio.answers(tx, period.day):
                return None
            return own_portfolio.take(tx, period, self._clock.now(), alone=not self._settings.asks_cros)

    def _still_open(self, tx: Tx, day: date, cro: str) -> bool:
        """Say whether a request waits to leave, or was sent (and perhaps rejected) less than the retry time ago."""
        patience = timedelta(seconds=self._settings.timetable.portfolio_query_retry_s)
        mine = [q for q in outbox.requests(tx, QUERY, day) if q.recipient_domain == cro]
        return any(q.state == "queued" or abs(self._clock.now() - q.queued_at) < patience for q in mine)

    def _ask(self, tx: Tx, period: Period, cro: Participant) -> None:
        now = self._clock.now()
        message_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
        message = AGRPortfolioQuery(
            version=cro.version, sender_domain=self._settings.domain, recipient_domain=cro.domain, time_stamp=now,
            message_id=message_id, conversation_id=conversation_id, time_zone=period.zone_name, period=period.day,
        )  # fmt: skip
        outbox.put(
            tx, message_id=message_id, conversation_id=conversation_id, kind=QUERY, recipient_domain=cro.domain,
            recipient_role="CRO", xml=encode(message), at=now, period=period.day,
            answer_due_at=now + timedelta(seconds=self._settings.timetable.portfolio_query_retry_s),
        )  # fmt: skip
        portfolio.set_answer(tx, period.day, cro.domain, "asked", now)
        log.info("portfolio.asked", period=str(period), cro=cro.domain, message_id=message_id)

    def register_connections(self, connections: Sequence[Connection]) -> tuple[str, ...]:
        """Publish our connections at every CRO (AGRPortfolioUpdate); return the message ids."""
        now, sent = self._clock.now(), []
        with self._store.transaction() as tx:
            for cro in self._participants.with_role("CRO"):
                message_id, conversation_id = str(uuid.uuid4()), str(uuid.uuid4())
                message = AGRPortfolioUpdate(
                    version=cro.version, sender_domain=self._settings.domain, recipient_domain=cro.domain,
                    time_stamp=now, message_id=message_id, conversation_id=conversation_id,
                    time_zone=self._settings.time_zone,
                    connections=tuple(
                        ConnectionUpdate(address=c.address, start_period=c.first_day, end_period=c.last_day)
                        for c in connections
                    ),
                )  # fmt: skip
                outbox.put(
                    tx, message_id=message_id, conversation_id=conversation_id, kind="AGRPortfolioUpdate",
                    recipient_domain=cro.domain, recipient_role="CRO", xml=encode(message), at=now,
                    answer_due_at=now + timedelta(seconds=self._settings.delivery.answer_due_s),
                )  # fmt: skip
                sent.append(message_id)
        return tuple(sent)
