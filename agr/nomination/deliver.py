"""Delivers e-programs: queued revisions → a file and a POST to each balance responsible party, until they succeed."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import structlog

from agr.connectors.e_programs import Letter, post, write_file
from agr.domain.errors import DeliveryError
from agr.domain.foreign_text import one_line
from agr.domain.isp import Clock, Period
from agr.settings import Brp, Settings
from agr.store import day, nominations
from agr.store.engine import Store
from agr.store.nominations import Nomination
from agr.uftp.connections import tls_context
from agr.uftp.transport import next_delay

log = structlog.get_logger()


class NominationDeliverer:
    """One duty per BRP, each for a loop of its own, so that a BRP that hangs delays no other.

    A BRP's revisions leave one after the other. An attempt is counted first, and repeated with the same message id.
    """

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store, self._settings, self._clock = store, settings, clock
        self._brps = {brp.name: brp for brp in settings.brps}
        self._client = httpx.Client(verify=tls_context(settings.tls.authorities_file, beside_system=True))
        self._written: dict[str, Path] = {}  # message id → its file: whoever has fetched it does not get it again

    def duties(self) -> dict[str, Callable[[], int]]:
        """Return BRP → what its loop calls."""
        return {name: partial(self.run_due, name) for name in self._brps}

    def run_due(self, brp: str | None = None) -> int:
        """Deliver what is due to a BRP, or to all one after the other; return how many revisions left."""
        with self._store.reading() as tx:
            due = nominations.due(tx, self._clock.now(), brp)
        return sum(self._deliver(one) for one in due)

    def give_up(self) -> None:
        """End what waits for BRPs that are not in the settings any more, for which no duty looks."""
        longest = timedelta(seconds=self._settings.delivery.max_delay_s)
        with self._store.reading() as tx:
            due = nominations.due(tx, self._clock.now() + longest)
        for one in due:
            if one.brp not in self._brps:
                self._deliver(one)

    def _deliver(self, one: Nomination) -> bool:
        period = Period(one.period, self._settings.time_zone, self._settings.isp_minutes)
        now, brp = self._clock.now(), self._brps.get(one.brp)
        if brp is None or now >= period.end:
            why = "it is not in [[brps]] any more" if brp is None else f"Period {period} is over"
            self._written.pop(one.message_id, None)
            with self._store.transaction() as tx:
                nominations.failed(tx, one.id, f"not delivered: {why}; before: {one.detail or 'no attempt'}")
                day.recover(tx, "nomination not delivered", f"{one.brp} {period}", now)
            return False
        with self._store.transaction() as tx:
            if not nominations.attempt(tx, one.id):
                self._written.pop(one.message_id, None)
                return False  # answered, or taken back, meanwhile
        fields = {"brp": one.brp, "period": str(period), "revision": one.revision}
        try:
            detail = self._hand_over(one, brp, period)
        except DeliveryError as error:
            why = one_line(str(error))
            self._try_again(one, period, why)
            log.warning("nomination.retry", **fields, why=why)
            return False
        now = self._clock.now()
        with self._store.transaction() as tx:
            nominations.sent(tx, one.id, now, detail)
            day.recover(tx, "nomination not delivered", f"{one.brp} {period}", now)
        self._written.pop(one.message_id, None)
        log.info("nomination.sent", **fields, detail=detail)
        return True

    def _hand_over(self, one: Nomination, brp: Brp, period: Period) -> str:
        """Write the file and post it, as far as the settings want; return what was done. Raises DeliveryError."""
        letter = Letter(
            sender=self._settings.domain, brp=one.brp, period=period, revision=one.revision, plan=one.plan,
            message_id=one.message_id, made_at=one.queued_at, content=one.content,
        )  # fmt: skip
        done = []
        if brp.folder is not None:
            if one.message_id not in self._written:
                self._written[one.message_id] = write_file(letter, brp.folder)
            done.append(f"written to {self._written[one.message_id]}")
        if brp.url is not None:
            done.append(post(letter, brp, self._client))
        return ", ".join(done) or "kept for the API only: the BRP has no url and no folder"

    def _try_again(self, one: Nomination, period: Period, why: str) -> None:
        now, delivery = self._clock.now(), self._settings.delivery
        wait_s = next_delay(
            one.attempts + 1, random.SystemRandom(), first_s=delivery.first_delay_s, max_s=delivery.max_delay_s
        )
        with self._store.transaction() as tx:
            if not nominations.retry(tx, one.id, now + timedelta(seconds=wait_s), why):
                return  # answered, or taken back, meanwhile
            if now - one.queued_at >= timedelta(seconds=delivery.alarm_after_s):
                text = f"revision {one.revision} of the e-program is not delivered yet, and is tried again: {why}"
                day.raise_alarm(tx, "nomination not delivered", f"{one.brp} {period}", text, now)

    def close(self) -> None:
        """Release connections."""
        self._client.close()
