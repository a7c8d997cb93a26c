"""Drives a daemon through a market day over real HTTP: the clock jumps over the waiting, everything else is real."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import httpx

from agr.connectors.tables.writing import write_folder
from agr.demo.counterparties import Counterparty, Event, Peer
from agr.demo.run import start_clock
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.operations.tables import import_tables
from agr.service import Service
from agr.settings import Markets, ParticipantSettings, Planning, Settings
from agr.store import day, inbox, outbox, plans, portfolio, positions
from agr.store.plans import Sent
from agr.uftp.signing import KeyPair
from tests.builders.once import NOBODY
from tests.builders.stores import migrated
from tests.day import heard, tiny
from tests.day.parties import Parties

PATIENCE_S = 300.0
"""Longest wait for anything: a slow machine must not fail a test, and no test waits longer than it needs."""

PATH = "/shapeshifter/api/v3/message"
OURS = "agr.example"


class Market:
    """One Period, a daemon that plans it, and the counterparties' view of it."""

    before: tuple[int, ...]
    """What a test keeps to compare with later, W per ISP"""

    def __init__(
        self,
        parties: Parties,
        folder: Path,
        period: Period,
        *,
        tables: Path | None = None,
        config: dict[str, Any] | None = None,
        markets: Markets = Markets(),  # noqa: B008 - frozen
        agreed: Mapping[str, Mapping[str, object]] = MappingProxyType({}),
        **sections: object,
    ) -> None:
        """`agreed`: domain → further settings of that participant."""
        self.parties, self.folder, self.period = parties, folder, period
        self.clock = start_clock(period, daemon_starts=timedelta(minutes=1))  # restarts take seconds where much goes on
        self._marks = {party.domain: len(party.events) for party in parties}
        self.gone: set[str] = set()  # counterparties that a test has stopped
        planning = Planning(join_triggers_s=0, time_limit_s=240, threads=1, method="reference")  # quick at this size
        values: dict[str, Any] = {"planning": planning} | sections
        self.settings = Settings(
            domain=OURS,
            key_file=folder / "agr.key",
            data_folder=folder,
            store_url=f"sqlite:///{folder / 'agr.db'}",
            listen_port=0,
            participants=tuple(
                ParticipantSettings.model_validate(
                    {"domain": p.domain, "role": p.role, "endpoint": p.endpoint, "public_keys": (p.public_key,)}
                    | dict(agreed.get(p.domain, {}))
                )
                for p in parties
            ),
            markets=markets,
            **values,
        )
        self._key = KeyPair.generate()
        self._key.save(self.settings.key_file)
        self._fill(tables)
        parties.cro.send("portfolio", mode="full", config=config or tiny.config())
        for party in parties:
            party.send("silent", on=False)
            party.send("delay", seconds=0)
        self.start()

    def _fill(self, tables: Path | None) -> None:
        if tables is None:
            tables = self.folder / "tables"
            write_folder(tiny.register(self.period), tables)
        store = migrated(self.settings.store_url)
        import_tables(self.settings, store, tables, self.clock)
        store.close()

    # --- the daemon ---------------------------------------------------------------------------------------------

    def start(self, **sections: object) -> None:
        """Start the daemon, with other sections of the settings if given, and tell everybody where it is."""
        self.settings = self.settings.model_copy(update=sections)
        self.daemon = Service(self.settings, self.clock)
        self._let_persist(PATIENCE_S)  # what the daemon sends at once is answered before they know its new port
        self.daemon.start()
        self.running = True
        us = Peer(domain=OURS, role="AGR", endpoint=self.endpoint, public_key=self._key.public)
        for party in self.parties:
            if party.domain not in self.gone:
                party.meet([us])
        self._let_persist(0)  # a tortured day before this one in the same process lets them persist, too
        self._tell_time()

    def _let_persist(self, seconds: float) -> None:
        for party in self.parties:
            if party.domain not in self.gone:
                party.send("persist", seconds=seconds)

    def stop(self) -> None:
        """Stop the daemon; its store stays."""
        if self.running:
            self.running = False
            self.daemon.stop()

    def restart(self, **sections: object) -> None:
        """Stop the daemon and start it again on the same store."""
        self.stop()
        self.start(**sections)

    @property
    def endpoint(self) -> str:
        """Where counterparties reach us."""
        return f"http://127.0.0.1:{self.daemon.port}{PATH}"

    def __enter__(self) -> "Market":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and hold every message that left us against the schemas."""
        self.stop()
        if error is None:
            assert heard.faults_of(self.left_us()) == []

    # --- time ---------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something, in real time."""
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, f"waited {PATIENCE_S:g} s for {what}; alarms: {self.alarms()}"
            time.sleep(0.02)

    def jump(self, to: datetime) -> None:
        """Move the clock, ours and everybody's."""
        self.clock.jump_to(to)
        self._tell_time()

    def wait(self, seconds: float) -> None:
        """Let market time pass."""
        self.jump(self.clock.now() + timedelta(seconds=seconds))

    def _tell_time(self) -> None:
        """Set everybody's clock; whatever they reported before has been read by then."""
        for party in self.parties:
            if party.domain not in self.gone:
                party.send("clock", now=self.clock.now().isoformat())

    def reach(self, moment: str, *, unanswered: bool = False, join_s: float = 0) -> None:
        """Let time pass, moment by moment, until one of our Period was handled and all it caused has settled.

        `unanswered`: do not wait for answers to our questions. `join_s`: how long triggers wait for others.
        """
        while moment not in self.done():
            coming = self.daemon.scheduler.next_moment()
            assert coming is not None
            self.jump(coming.at)
            self.until(lambda coming=coming: self.daemon.scheduler.next_moment() != coming, f"{coming.name}")
            if join_s:
                self.wait(join_s)
            self.settle(unanswered=unanswered)

    def settle(self, *, unanswered: bool = False) -> None:
        """Wait until nothing waits to be processed, planned, delivered or, unless told otherwise, answered."""
        calm = 0
        limit = time.monotonic() + PATIENCE_S
        while calm < 4:
            calm = calm + 1 if self._quiet(unanswered) else 0
            assert time.monotonic() < limit, f"not settled within {PATIENCE_S:g} s; alarms: {self.alarms()}"
            time.sleep(0.03)
        self._tell_time()

    def _quiet(self, unanswered: bool) -> bool:
        if not unanswered:
            return self.daemon.idle()
        if self.daemon.planner.busy:
            return False
        with self.daemon.store.transaction() as tx:
            leaving = outbox.due(tx, self.clock.now())
            return inbox.next_received(tx) is None and not leaving

    # --- what others do -----------------------------------------------------------------------------------------

    def release(self, contract: str, keep_w: int = 0, **more: object) -> None:
        """Let the DSO of a contract of the tiny world announce what it still holds in the evening."""
        point, dso = (tiny.A, self.parties.north) if contract == tiny.FO_A else (tiny.C, self.parties.south)
        evening = tiny.evening(self.period)
        isps: list[Any] = [{"start": evening.start + 1, "duration": len(evening), "power": keep_w}]
        values: dict[str, Any] = {"isps": isps} | more
        dso.send("release", domain=OURS, contract=contract, period=str(self.period), congestion_point=point, **values)

    def post(self, body: bytes) -> int:
        """Post a body to our endpoint as anybody might; return the status."""
        return httpx.post(
            self.endpoint, content=body, headers={"Content-Type": "text/xml; charset=utf-8"}, timeout=60, verify=NOBODY
        ).status_code

    # --- what others saw ----------------------------------------------------------------------------------------

    def received(self, party: Counterparty, message_type: str) -> list[Event]:
        """Return the messages of a type that a counterparty got from us in this market, in order."""
        events = party.events[self._marks[party.domain] :]
        return [e for e in events if e.kind == "received" and e.type == message_type]

    def left_us(self) -> list[Event]:
        """Return every message of ours that arrived anywhere."""
        return [e for p in self.parties for e in p.events[self._marks[p.domain] :] if e.kind == "received"]

    def prognoses(self) -> list[heard.Prognosis]:
        """Return the D-Prognoses that DSOs received."""
        dsos = (self.parties.north, self.parties.south)
        return [heard.read(dso.domain, event) for dso in dsos for event in self.received(dso, "D-Prognosis")]

    def revisions(self, point: str) -> list[heard.Prognosis]:
        """Return what was received for a congestion point."""
        return [p for p in self.prognoses() if p.point == point]

    # --- what we know -------------------------------------------------------------------------------------------

    def done(self) -> dict[str, str]:
        """Return the moments of our Period that were handled."""
        with self.daemon.store.transaction() as tx:
            return day.done_moments(tx, self.period.day)

    def plans(self) -> list[Plan]:
        """Return the Period's plans."""
        with self.daemon.store.transaction() as tx:
            return plans.history(tx, self.period.day)

    def in_force(self) -> Plan:
        """Return the plan in force."""
        with self.daemon.store.transaction() as tx:
            plan = plans.in_force(tx, self.period.day)
        assert plan is not None, "no plan is in force"
        return plan

    def sent(self) -> list[Sent]:
        """Return what we believe to have sent."""
        with self.daemon.store.transaction() as tx:
            return plans.prognoses(tx, self.period.day)

    def fixed(self) -> dict[str, tuple[float, ...]]:
        """Return the fixed market positions."""
        with self.daemon.store.transaction() as tx:
            return positions.all_on(tx, self.period.day)

    def reserved(self) -> dict[str, tuple[int, ...]]:
        """Return what the DSOs' updates left reserved."""
        with self.daemon.store.transaction() as tx:
            return day.reservations_on(tx, self.period.day)

    def points(self) -> set[str]:
        """Return the congestion points we know."""
        with self.daemon.store.transaction() as tx:
            return {p.address for p in portfolio.load(tx, self.period).points}

    def alarms(self) -> dict[tuple[str, str], str]:
        """Return open alarms of this Period or of none: (kind, subject) → text."""
        with self.daemon.store.transaction() as tx:
            return {(a.kind, a.subject): a.text for a in day.open_alarms(tx)}
