"""How much each sender may send us."""

import math
import time
from threading import Lock

import structlog

from agr.settings import MessageLimits
from agr.uftp.rate_limit import RateLimit

log = structlog.get_logger()


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
