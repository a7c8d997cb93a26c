"""Tells back-ends by webhook that setpoints have changed; each channel is told the newest revision until it has it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic_core import to_json

from agr.connectors.hook import Hook
from agr.domain.errors import DeliveryError
from agr.domain.isp import Clock
from agr.operations.setpoints import NOTHING, adopted_plans, revision_of
from agr.settings import Settings
from agr.store import announcements, day
from agr.store.engine import Store
from agr.uftp.transport import next_delay

log = structlog.get_logger()

NOT_ANNOUNCED = "setpoints not announced"


@dataclass
class _Waiting:
    """Attempts that failed one after the other; only their pauses are lost when the daemon ends."""

    attempts: int = 0
    until: datetime | None = None


class SetpointNews:
    """One duty per webhook, each for a loop of its own, so that a channel that hangs delays no other."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._hooks = {
            one.name: Hook(
                one.name,
                one.url,
                header_env=one.header_env,
                secret_env=one.secret_env,
                timeout_s=one.timeout_s,
                authorities=settings.tls.authorities_file,
            )
            for one in settings.setpoints.webhooks
        }
        self._waiting = {name: _Waiting() for name in self._hooks}

    def duties(self) -> dict[str, Callable[[], bool]]:
        """Return channel → what its loop calls."""
        return {name: partial(self.look, name) for name in self._hooks}

    def look(self, channel: str) -> bool:
        """Make one attempt where the channel does not have the newest revision; say whether it was told."""
        now, waiting = self._clock.now(), self._waiting[channel]
        if waiting.until is not None and now < waiting.until:
            return False
        with self._store.transaction() as tx:
            revision = revision_of(adopted_plans(tx, self._settings, now))
            before = announcements.told(tx, channel) or NOTHING
        if revision == before:
            return False
        identity = f"{self._settings.domain}.setpoints.{revision}"
        body = to_json({"type": "setpoints.changed", "since": before, "revision": revision})
        try:
            receipt = self._hooks[channel].post(identity, now, body, {"Content-Type": "application/json"})
        except DeliveryError as error:
            self._again(channel, str(error), now)
            return False
        self._waiting[channel] = _Waiting()
        with self._store.transaction() as tx:
            announcements.put(tx, channel, revision, now)
            day.recover(tx, NOT_ANNOUNCED, channel, now)
        log.info("setpoints.announced", channel=channel, revision=revision, receipt=receipt)
        return True

    def _again(self, channel: str, why: str, now: datetime) -> None:
        waiting, settings = self._waiting[channel], self._settings.delivery
        waiting.attempts += 1
        pause_s = next_delay(
            waiting.attempts, random.SystemRandom(), first_s=settings.first_delay_s, max_s=settings.max_delay_s
        )
        waiting.until = now + timedelta(seconds=pause_s)
        text = f"{channel} does not know yet that setpoints have changed: {why}; it is tried again"
        with self._store.transaction() as tx:
            day.raise_alarm(tx, NOT_ANNOUNCED, channel, text, now)
        log.warning("setpoints.retry", channel=channel, why=why)

    def close(self) -> None:
        """Release connections."""
        for hook in self._hooks.values():
            hook.close()
