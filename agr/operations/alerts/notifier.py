"""Sends what is new through each channel: alarms that have lasted long enough, and those that have ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import httpx
import structlog

from agr.domain.errors import NoticeError
from agr.domain.isp import Clock
from agr.operations.alerts.channels import mail, post
from agr.operations.alerts.templates import Notice
from agr.settings import Email, Settings, Webhook
from agr.store import day, notices
from agr.store.engine import Store
from agr.uftp.connections import tls_context

log = structlog.get_logger()

FAILED = "notice failed"
"""Kind of the alarm about a channel that does not work; it is sent through no channel."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=15)


class Notifier:
    """Several alarms at once make one notice. The store knows what was sent, so a restart sends nothing twice."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, url: Callable[[], str]) -> None:
        self._store, self._settings, self._clock, self._url = store, settings, clock, url
        tls = tls_context(settings.alarms.authorities_file, setting="alarms.authorities_file")
        self._client = httpx.Client(verify=tls)
        self._pauses: dict[str, tuple[datetime, timedelta]] = {}
        self._channels: list[tuple[Webhook | Email, Callable[[Notice], str]]] = [
            *((hook, partial(self._post, hook)) for hook in settings.alarms.webhooks),
            *((one, partial(mail, one, tls=tls)) for one in settings.alarms.emails),
        ]

    def _post(self, hook: Webhook, notice: Notice) -> str:
        post(hook, notice, self._client)
        return ""

    def tell(self) -> int:
        """Send what is new through every channel; return how many notices left."""
        return sum(self._tell(channel, deliver) for channel, deliver in self._channels)

    def _tell(self, channel: Webhook | Email, deliver: Callable[[Notice], str]) -> bool:
        now, settings = self._clock.now(), self._settings.alarms
        until, pause = self._pauses.get(channel.name, (now, _FIRST_PAUSE))
        if now < until:
            return False
        with self._store.transaction() as tx:
            stood, quiet = now - timedelta(seconds=settings.settle_s), now - timedelta(seconds=settings.repeat_s)
            raised = [a for a in notices.untold(tx, channel.name, stood, quiet) if _concerns(channel, a.kind)]
            ended = notices.recovered(tx, channel.name)
        if not raised and not ended:
            return False
        notice = Notice(
            raised=tuple(raised), recovered=tuple(ended), domain=self._settings.domain, url=self._url()
        )  # fmt: skip
        try:
            refused = deliver(notice)
        except NoticeError as error:
            log.warning("notice.failed", channel=channel.name, why=str(error))
            self._pauses[channel.name] = (now + pause, min(pause * 2, _LONGEST_PAUSE))
            with self._store.transaction() as tx:
                day.raise_alarm(tx, FAILED, channel.name, f"channel {channel.name}: {error}", now)
            return False
        self._pauses.pop(channel.name, None)
        with self._store.transaction() as tx:
            notices.told(tx, channel.name, "raised", raised, now)
            notices.told(tx, channel.name, "recovered", ended, now)
            if refused:
                day.raise_alarm(tx, FAILED, channel.name, f"channel {channel.name}: {refused}; others got it", now)
            else:
                day.recover(tx, FAILED, channel.name, now)
        log.info("notice.sent", channel=channel.name, raised=len(raised), recovered=len(ended))
        return True

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def _concerns(channel: Webhook | Email, kind: str) -> bool:
    return kind != FAILED and (not channel.kinds or kind in channel.kinds)
