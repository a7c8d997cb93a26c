"""Keeps what the DNS says about participants up to date: public keys and endpoints that the settings do not give.

The DNS is asked in a thread of its own, never while a message is received or sent, so a dead resolver delays nobody. An
answer is used until its time to live is over and, while the DNS gives no valid one, for `keep_hours` more, but never
beyond its signatures. A file in the data folder keeps it over a restart.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from agr.domain.errors import DiscoveryError, SettingsError, StoreError
from agr.domain.isp import Clock
from agr.messaging.kept_rows import KeptRows
from agr.settings import ParticipantSettings, Settings
from agr.settings.discovery import resolver_address
from agr.store import day, outbox
from agr.store.engine import Store
from agr.uftp.dns.discovery import DnsFound, DnsSource, look_up
from agr.uftp.participants import Participants
from agr.uftp.signing import public_key_bytes

log = structlog.get_logger()

ALARM = "discovery"
SHORTEST_S, LONGEST_S = 60.0, 86_400.0
"""Least and most seconds until a record is looked up again, whatever its time to live."""
AHEAD = 0.9
"""Share of a signature's remaining life after which a record is looked up again."""
FIRST_RETRY_S, LAST_RETRY_S = 10.0, 300.0
PATIENCE = 3
"""Failures in a row before an alarm, while the result of an earlier lookup is still in use."""


def utc_now() -> datetime:
    """Return the machine's time: signatures in the DNS follow the real time, also while our own clock is simulated."""
    return datetime.now(UTC)


def dns_of(settings: Settings, now: Callable[[], datetime] = utc_now) -> DnsSource:
    """Return the resolver that the settings describe. Raises SettingsError."""
    given = settings.discovery
    try:
        from agr.uftp.dns.dnssec import Dns, anchors_of
    except ImportError as error:
        raise SettingsError('discovery.enabled needs dnspython: pip install "agr-optimizer[dns]"') from error
    return Dns(
        resolvers=[resolver_address(text) for text in given.resolvers], validation=given.validation,
        anchors=anchors_of(given.trust_anchors_file), timeout_s=given.timeout_s, now=now,
    )  # fmt: skip


@dataclass
class _Sought:
    """A participant whose entry in the settings leaves something out."""

    domain: str
    role: str
    keys: bool
    endpoint: bool
    version: bool
    found: DnsFound | None = None
    ends: datetime | None = None
    due: float = 0.0
    failures: int = 0
    answered: bool = False  # the latest query, if there was one

    @property
    def subject(self) -> str:
        return f"{self.domain} ({self.role})"


def _sought(given: ParticipantSettings) -> _Sought | None:
    keys, endpoint = not given.public_keys, given.endpoint is None
    if not keys and not endpoint:
        return None
    version = "version" not in given.model_fields_set
    return _Sought(given.domain, given.role, keys=keys, endpoint=endpoint, version=version)


def end_alarms(store: Store, doubtful: Callable[[], set[str]], now: datetime) -> None:
    """End alarms about participants that the DNS answers for again, or that nobody looks up any more."""
    with store.transaction() as tx:
        mine = [alarm for alarm in day.open_alarms(tx) if alarm.kind == ALARM]
        kept = doubtful() if mine else set()  # after reading the alarms: their subjects are in doubt by now
        for alarm in mine:
            if alarm.subject not in kept:
                day.recover(tx, ALARM, alarm.subject, now)


class Discoverer:
    """Looks up the participants that are due and updates the directory of participants."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        participants: Participants,
        dns: DnsSource,
        leading: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._clock, self._participants, self._dns = store, clock, participants, dns
        self._leading, self._now, self._monotonic, self._wake = leading, now, monotonic, wake
        self._keep = timedelta(hours=settings.discovery.keep_hours)
        self._validation = settings.discovery.validation
        self._file = KeptRows(file=settings.data_folder / "discovered.json", who="discovery")
        self._all = [found for p in settings.participants if (found := _sought(p)) is not None]
        for sought in self._all:
            sought.due = monotonic()
        self._remember()

    def refresh(self) -> bool:
        """Look up one participant that is due; return whether others wait. Forgets what may no longer be used."""
        due = sorted((s for s in self._all if s.due <= self._monotonic()), key=lambda s: s.due)
        if due:
            self._renew(due[0])
        for sought in self._all:
            if sought.ends is not None and self._now() >= sought.ends:
                sought.found = sought.ends = None
                self._participants.forget(sought.domain, sought.role, keys=sought.keys, endpoint=sought.endpoint)
                log.error("discovery.ended", participant=sought.domain, role=sought.role)
        return len(due) > 1

    def _renew(self, sought: _Sought) -> None:
        sought.due = self._monotonic() + FIRST_RETRY_S  # whatever happens, the others get their turn
        sought.answered = False
        try:
            found = look_up(self._dns, sought.domain, sought.role, keys=sought.keys, endpoint=sought.endpoint)
        except DiscoveryError as error:
            sought.failures += 1
            wait = min(FIRST_RETRY_S * 2.0 ** min(sought.failures - 1, 10), LAST_RETRY_S)
            sought.due = self._monotonic() + wait
            log.warning("discovery.failed", participant=sought.domain, role=sought.role, why=str(error))
            self._alarm(sought, str(error))
            return
        wait = min(max((found.fresh_until - self._now()).total_seconds(), SHORTEST_S), LONGEST_S)
        # Ask before the signature expires: keys and endpoint must not be missing until the next answer.
        lasting = AHEAD * (found.valid_until - self._now()).total_seconds()
        sought.due = self._monotonic() + max(min(wait, lasting), FIRST_RETRY_S)
        sought.failures, sought.answered = 0, True
        known = self._participants.find(sought.domain, sought.role)
        missed = sought.endpoint and (known is None or not known.endpoint)
        self._learn(sought, found, min(self._now() + timedelta(seconds=wait) + self._keep, found.valid_until))
        self._keep_file()
        if self._leading():
            if missed:
                self._written(lambda: self._let_go(sought))
            self._written(lambda: end_alarms(self._store, self.doubtful, self._clock.now()))

    def _learn(self, sought: _Sought, found: DnsFound, ends: datetime) -> None:
        before, sought.found, sought.ends = sought.found, found, ends
        self._participants.learn(
            sought.domain, sought.role, public_keys=found.public_keys if sought.keys else (),
            endpoint=found.endpoint if sought.endpoint else "",
            version=found.version if sought.version and sought.endpoint else "",
        )  # fmt: skip
        if before is None or (before.public_keys, before.endpoint) != (found.public_keys, found.endpoint):
            log.info(
                "discovery.found", participant=sought.domain, role=sought.role, keys=found.public_keys,
                endpoint=found.endpoint, until=ends.isoformat(),
            )  # fmt: skip

    def _let_go(self, sought: _Sought) -> None:
        """Send what waited for an endpoint; its next attempt may be ten minutes away."""
        with self._store.transaction() as tx:
            outbox.hasten_to(tx, sought.domain, sought.role, self._clock.now())
        self._wake()

    def doubtful(self) -> set[str]:
        """Return subjects whose alarms may be right: the DNS did not answer about them when it was last asked."""
        return {sought.subject for sought in self._all if not sought.answered}

    def _alarm(self, sought: _Sought, why: str) -> None:
        if not self._leading() or (sought.found is not None and sought.failures < PATIENCE):
            return
        text = f"the DNS gives no valid answer about {sought.subject}: {why}; "
        text += (
            f"what was found before is used until {sought.ends:%Y-%m-%d %H:%M} UTC"
            if sought.ends is not None
            else "its messages are answered 419 and ours wait; it is asked again"
        )

        def tell() -> None:
            with self._store.transaction() as tx:
                day.raise_alarm(tx, ALARM, sought.subject, text, self._clock.now())

        self._written(tell)

    def _written(self, write: Callable[[], None]) -> None:
        """Write; where the store fails, a later look-up or the daemon's watch writes it."""
        try:
            write()
        except StoreError as error:
            log.error("discovery.not_written", why=str(error))  # noqa: TRY400

    # --- over a restart -------------------------------------------------------------------------------------------

    def _keep_file(self) -> None:
        rows = [
            {
                "domain": s.domain, "role": s.role, "validation": self._validation, "ends": s.ends.isoformat(),
                "public_keys": s.found.public_keys, "endpoint": s.found.endpoint, "version": s.found.version,
                "fresh_until": s.found.fresh_until.isoformat(), "valid_until": s.found.valid_until.isoformat(),
            }
            for s in self._all
            if s.found is not None and s.ends is not None
        ]  # fmt: skip
        self._file.keep(rows)

    def _remember(self) -> None:
        """Use what was found before the restart, as far as it is still valid."""
        for row in self._file.read():
            try:
                if row["validation"] != self._validation:  # what was believed in a test network counts nowhere else
                    continue
                found = DnsFound(
                    public_keys=tuple(row["public_keys"]), endpoint=row["endpoint"], version=row["version"],
                    fresh_until=datetime.fromisoformat(row["fresh_until"]),
                    valid_until=datetime.fromisoformat(row["valid_until"]),
                )  # fmt: skip
                ends = min(datetime.fromisoformat(row["ends"]), found.fresh_until + self._keep, found.valid_until)
                for key in found.public_keys:
                    public_key_bytes(key)
                for sought in self._all:
                    same = (sought.domain, sought.role) == (row["domain"], row["role"])
                    whole = bool(found.public_keys) >= sought.keys and bool(found.endpoint) >= sought.endpoint
                    if same and whole and self._now() < ends:
                        self._learn(sought, found, ends)
            except (KeyError, TypeError, ValueError) as error:
                self._file.not_read(error)
