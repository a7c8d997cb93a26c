"""The receiving stage: HTTP body → inbox, then 200. What is stored is processed later (agr.messaging.process)."""

from collections.abc import Callable
from http import HTTPStatus

import structlog

from agr.domain.errors import MessageError, SealError
from agr.domain.isp import Clock
from agr.messaging.quota import RequestQuota
from agr.messaging.reply import reply
from agr.settings import Settings
from agr.store import inbox
from agr.store.engine import Store
from agr.store.inbox import Arrival
from agr.uftp.codec import decode
from agr.uftp.participants import Participants
from agr.uftp.signing import peek, unseal

log = structlog.get_logger()

_HEAD = 4096
"""Bytes at the start of an envelope in which its sender must be named."""


class Receiver:
    """Judges bodies by their envelopes, and stores what known senders have signed."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, participants: Participants, wake: Callable[[], None]
    ) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._participants, self._wake = participants, wake
        self._quota = RequestQuota(settings.limits)

    def expects(self, head: bytes, length: int) -> int | None:
        """Return the status to refuse a body by its first bytes and length, before the rest is read; None: go on.

        A stranger costs a look-up in memory, one line in the log a minute, and no disk access.
        """
        limits, claim = self._settings.limits, peek(head)
        if claim is None:  # SenderDomain and SenderRole come after the Body, which then has to be small
            return None if length <= limits.max_bytes_dso else 413
        if not self._participants.keys(*claim):
            self._participants.miss(*claim)
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
            claim = peek(body[:_HEAD]) if error.status == HTTPStatus.UNAUTHORIZED else None
            if claim is not None:
                self._participants.doubt(*claim)
            log.warning("message.refused", status=error.status, why=str(error))
            return error.status
        except MessageError as error:
            log.warning("message.refused", status=400, why=str(error))
            return 400
        if not self._quota.take(sealed.sender_domain, len(body)):
            log.warning("message.refused", status=429, why="quota", sender=sealed.sender_domain)
            return 429
        now = self._clock.now()
        with self._store.transaction() as tx:
            arrival = inbox.put(
                tx, sender_domain=sealed.sender_domain, sender_role=sealed.sender_role, message_id=message.message_id,
                conversation_id=message.conversation_id, kind=message.type_name, xml=sealed.xml, at=now,
            )  # fmt: skip
            if arrival is Arrival.DUPLICATE:
                reply(
                    tx, message, sealed.sender_role, "Rejected", "Duplicate Identifier", domain=self._settings.domain,
                    now=now,
                )  # fmt: skip
        log.info(
            "message.received", type=message.type_name, sender=sealed.sender_domain, message_id=message.message_id,
            conversation_id=message.conversation_id, arrival=arrival.value,
        )  # fmt: skip
        self._wake()
        return 200
