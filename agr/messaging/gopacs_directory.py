"""Keeps the public keys of the operators of GOPACS up to date, and knows the operators that contracts name.

The directory is asked in a thread of its own, never while a message is received or sent. A key is used until `fresh_s`
has passed and, while the directory does not answer, for `keep_hours` more; a file in the data folder keeps it over a
restart. The key before the newest stays valid beside it for one more round: an operator's earlier messages may still be
under way.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import httpx
import structlog

from agr.domain.errors import DiscoveryError, StoreError
from agr.domain.isp import Clock, period_of
from agr.domain.register import valid_on
from agr.messaging.directory import operator, participants_of
from agr.messaging.discovery import utc_now
from agr.messaging.kept_rows import KeptRows
from agr.settings import Gopacs, Settings
from agr.store import day, register_summary
from agr.store.engine import Store
from agr.uftp.gopacs import Listed, by_contract, by_domain
from agr.uftp.participants import Participants
from agr.uftp.signing import public_key_bytes

log = structlog.get_logger()

ALARM = "gopacs directory"
"""Kind of alarm: the directory says nothing about an operator or a contract."""
FIRST_RETRY_S, LAST_RETRY_S = 10.0, 300.0
_TRIED_S, _MOST_SENDERS = 600.0, 50
"""Seconds until an unknown sender that is not listed may be looked up again, and most unknown senders looked up."""
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
CONTRACTS_S = 60.0
"""Seconds between two checks of which contracts there are."""
_POINT = "ean."
"""Prefix of the congestion points of contracts through GOPACS, which are contracted connections."""


@dataclass
class _Sought:
    """An operator that the settings name, or the one of a contract."""

    name: str  # domain or ContractID
    contract: bool
    due: float
    listed: Listed | None = None
    former: str = ""  # the key before it
    ends: datetime | None = None  # when it may be used no longer
    failures: int = 0
    asked: float = float("-inf")  # when, by the same clock as `due`
    sender: bool = False  # nobody named it: it has sent something

    @property
    def subject(self) -> str:
        return f"contract {self.name}"[:255] if self.contract else self.name


class GopacsDirectory:
    """Asks about the operators that are due and updates the directory of participants."""

    def __init__(
        self, store: Store, settings: Settings, gopacs: Gopacs, clock: Clock, participants: Participants,
        client: httpx.Client, leading: Callable[[], bool] = lambda: True, now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._store, self._settings, self._gopacs, self._clock = store, settings, gopacs, clock
        self._participants, self._client, self._leading = participants, client, leading
        self._now, self._monotonic = now, monotonic
        self._file = _kept(settings)
        self._all = [_Sought(name, contract=False, due=monotonic()) for name in gopacs.operators]
        self._contracts_due = monotonic()
        self._configured = {p.domain for p in settings.participants}
        self._remember()

    def refresh(self) -> bool:
        """Ask about one operator or contract that is due; return whether others wait. Forgets what is too old."""
        if self._contracts_due <= self._monotonic():
            self._contracts_due = self._monotonic() + CONTRACTS_S
            self._look_at_contracts()
        self._heed_doubts()
        if self._gopacs.find_senders:
            self._look_for_senders()
        due = sorted((s for s in self._all if s.due <= self._monotonic()), key=lambda s: s.due)
        if due:
            self._renew(due[0])
        for sought in self._all:
            if sought.listed is not None and sought.ends is not None and self._now() >= sought.ends:
                self._forget(sought)
        return len(due) > 1

    def _heed_doubts(self) -> None:
        """Ask soon, though not again at once, for the keys of operators in whose names something else was signed."""
        doubted = {domain for domain, role in self._participants.doubted() if role == "DSO"}
        for sought in self._all:
            if sought.listed is not None and sought.listed.domain in doubted:
                sought.due = min(sought.due, sought.asked + FIRST_RETRY_S)

    def _look_for_senders(self) -> None:
        """Seek operators that have sent something and are unknown, by domain; one that is not listed is forgotten."""
        known = {s.name for s in self._all if not s.contract}
        sent = [d for d in self._participants.unknown() if _DOMAIN.fullmatch(d) and d not in known | self._configured]
        room = _MOST_SENDERS - sum(s.sender for s in self._all)
        now = self._monotonic()
        self._all += [_Sought(domain, contract=False, due=now, sender=True) for domain in sent[: max(room, 0)]]
        tried = [s for s in self._all if s.sender and s.listed is None and s.failures and s.asked + _TRIED_S <= now]
        for sought in tried:
            self._all.remove(sought)

    def _look_at_contracts(self) -> None:
        with self._store.reading() as tx:
            contracts = register_summary.contracts(tx)
        today = period_of(self._clock.now(), self._settings.time_zone, self._settings.isp_minutes)
        named = {
            one.contract
            for one in contracts
            if one.congestion_point.startswith(_POINT)
            and one.dso not in self._configured
            and (valid_on(one, today.day) or valid_on(one, today.next().day))
        }
        ended = [s for s in self._all if s.contract and s.name not in named]
        for sought in ended:
            self._all.remove(sought)
            self._written(partial(self._recover, sought.subject))
        known = {s.name for s in self._all if s.contract}
        self._all += [_Sought(name, contract=True, due=self._monotonic()) for name in sorted(named - known)]

    def _renew(self, sought: _Sought) -> None:
        sought.asked = self._monotonic()
        sought.due = sought.asked + FIRST_RETRY_S  # whatever happens, the others get their turn
        ask = by_contract if sought.contract else by_domain
        try:
            listed = ask(self._client, self._gopacs.directory, sought.name)
            if sought.contract and listed.domain in self._configured:
                raise DiscoveryError(f"contract {sought.name} is {listed.domain}'s, which [[participants]] has, too")
        except DiscoveryError as error:
            sought.failures += 1
            stranger = sought.sender and sought.listed is None
            wait = min(FIRST_RETRY_S * 2.0 ** min(sought.failures - 1, 10), LAST_RETRY_S)
            sought.due = self._monotonic() + (_TRIED_S if stranger else wait)
            log.warning("gopacs.not_told", about=sought.subject, why=str(error))
            if not stranger:  # anybody can write any name into a message
                self._alarm(sought, str(error))
            return
        sought.failures, sought.due = 0, self._monotonic() + self._gopacs.fresh_s
        kept = timedelta(seconds=self._gopacs.fresh_s) + timedelta(hours=self._gopacs.keep_hours)
        self._learn(sought, listed, self._now() + kept)
        self._keep_file()
        self._written(partial(self._recover, sought.subject))

    def _learn(self, sought: _Sought, listed: Listed, ends: datetime, former: str = "") -> None:
        before, sought.listed, sought.ends = sought.listed, listed, ends
        if before is not None and before.domain == listed.domain and before.public_key != listed.public_key:
            former = before.public_key
        sought.former = former
        keys = (listed.public_key, *((former,) if former else ()))
        if self._participants.find(listed.domain, "DSO") is None:
            self._participants.add(operator(self._gopacs, listed.domain, keys))
        self._participants.learn(listed.domain, "DSO", public_keys=keys)
        if before != listed:
            log.info("gopacs.told", about=sought.subject, domain=listed.domain, key=listed.public_key)

    def _forget(self, sought: _Sought) -> None:
        listed, sought.listed, sought.ends, sought.former = sought.listed, None, None, ""
        if listed is None or any(s.listed is not None and s.listed.domain == listed.domain for s in self._all):
            return
        self._participants.forget(listed.domain, "DSO", keys=True, endpoint=False)
        log.error("gopacs.ended", about=sought.subject, domain=listed.domain)

    # --- alarms -----------------------------------------------------------------------------------------------------

    def _alarm(self, sought: _Sought, why: str) -> None:
        text = why + (
            f"; its key of before is used until {sought.ends:%Y-%m-%d %H:%M} UTC"
            if sought.listed is not None and sought.ends is not None
            else "; messages are answered 419 until it does"
        )

        def tell() -> None:
            with self._store.transaction() as tx:
                day.raise_alarm(tx, ALARM, sought.subject, text, self._clock.now())

        self._written(tell)

    def _recover(self, subject: str) -> None:
        with self._store.transaction() as tx:
            day.recover(tx, ALARM, subject, self._clock.now())

    def _written(self, write: Callable[[], None]) -> None:
        if not self._leading():
            return
        try:
            write()
        except StoreError as error:
            log.error("gopacs.not_written", why=str(error))  # noqa: TRY400

    # --- over a restart ---------------------------------------------------------------------------------------------

    def _keep_file(self) -> None:
        rows = [
            {
                "name": s.name, "contract": s.contract, "domain": s.listed.domain, "public_key": s.listed.public_key,
                "former": s.former, "ends": s.ends.isoformat(), "directory": self._gopacs.directory,
            }
            for s in self._all
            if s.listed is not None and s.ends is not None
        ]  # fmt: skip
        self._file.keep(rows)

    def _remember(self) -> None:
        """Use what was found before the restart, as far as it is not too old; contracts are looked at later."""
        for row in self._file.read():
            try:
                ends, contract = datetime.fromisoformat(row["ends"]), bool(row["contract"])
                listed = Listed(domain=row["domain"], public_key=row["public_key"])
                public_key_bytes(listed.public_key)
                if row["directory"] != self._gopacs.directory or self._now() >= ends:
                    continue
                if contract and listed.domain not in self._configured:
                    self._all.append(_Sought(row["name"], contract=True, due=self._monotonic()))
                for sought in self._all:
                    if (sought.name, sought.contract) == (row["name"], contract):
                        self._learn(sought, listed, ends, row["former"])
            except (KeyError, TypeError, ValueError) as error:
                self._file.not_read(error)


def participants_beside(settings: Settings) -> Participants:
    """Return the directory of participants beside a daemon: with the operators that it has found by contracts."""
    known, gopacs = participants_of(settings), settings.gopacs
    if gopacs is None:
        return known
    for row in _kept(settings).read():
        if row.get("directory") == gopacs.directory and row.get("domain") and row.get("public_key"):
            known.add(operator(gopacs, row["domain"], (row["public_key"],)))
    return known


def _kept(settings: Settings) -> KeptRows:
    return KeptRows(file=settings.data_folder / "gopacs.json", who="gopacs")
