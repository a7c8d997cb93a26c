"""A market day whose daemon is killed again and again, and what independent counterparties recorded of it."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import tomli_w
from lxml import etree

from agr.connectors.tables.writing import write_folder
from agr.demo.counterparties import Counterparty, Event, Peer
from agr.demo.run import start_clock
from agr.domain.isp import JumpingClock
from agr.messaging.publish import OPEN
from agr.operations.tables import import_tables
from agr.planning import serialisation
from agr.planning.case import NamedCase
from agr.settings import load
from agr.store import day, inbox, plans, tables
from agr.store.engine import Store
from agr.uftp.signing import KeyPair
from models.audit import audit
from models.outcome import Outcome
from tests.builders.stores import migrated
from tests.day import heard, tiny
from tests.torture.lives import PATIENCE_S, PERIOD, Died, Life, Score, Standing, free_port, group_lives

OURS = "agr.example"
PATH = "/shapeshifter/api/v3/message"


class TorturedDay:
    """The tiny world's day from portfolio query to prognosis gate, with two releases, through any number of lives."""

    def __init__(self, folder: Path, parties: tuple[Counterparty, Counterparty, Counterparty], url: str = "") -> None:
        self.folder, self.parties = folder, parties
        self.cro, self.north, self.south = parties
        self.now = start_clock(PERIOD).now()
        self.config = folder / "agr.toml"
        self.port = free_port()
        self._marks = [len(p.events) for p in parties]
        self._released: dict[str, threading.Thread] = {}
        self._lives: list[int] = []
        self._prepare(url)

    def _prepare(self, url: str) -> None:
        key = KeyPair.generate()
        key.save(self.folder / "agr.key")
        values = {
            "domain": OURS, "key_file": "agr.key", "data_folder": ".", "listen_port": self.port,
            "store_url": url or "sqlite:///agr.db", "operators": {"listen_port": 0},
            "participants": [
                {"domain": p.domain, "role": p.role, "endpoint": p.endpoint, "public_keys": [p.public_key]}
                for p in self.parties
            ],
            "planning": {"join_triggers_s": 0, "threads": 1, "method": "reference"},
            "delivery": {"first_delay_s": 0.2, "max_delay_s": 2},
            "timetable": {"portfolio_query_retry_s": 5},
        }  # fmt: skip
        self.config.write_text(tomli_w.dumps(values))
        self.settings = load(self.config)
        write_folder(tiny.register(PERIOD), self.folder / "tables")
        store = migrated(self.settings.store_url)
        import_tables(self.settings, store, self.folder / "tables", JumpingClock(self.now))
        store.close()
        self._public = key.public
        self.meet(self.port)
        for party in self.parties:
            party.send("persist", seconds=PATIENCE_S)
        self.cro.send("portfolio", mode="full", config=tiny.config())
        self._tell_time()

    def meet(self, port: int) -> None:
        """Tell everybody where we are, as a balancer in front of two daemons would."""
        us = Peer(domain=OURS, role="AGR", endpoint=f"http://127.0.0.1:{port}{PATH}", public_key=self._public)
        for party in self.parties:
            party.meet([us])

    def second(self) -> tuple[Path, int]:
        """Write the configuration of a second daemon on the same store; return it and its port."""
        folder, port = self.folder / "second", free_port()
        folder.mkdir()
        text = self.config.read_text().replace(f"listen_port = {self.port}", f"listen_port = {port}")
        (folder / "agr.toml").write_text(text.replace('"agr.key"', '"../agr.key"'))
        return folder / "agr.toml", port

    def _tell_time(self) -> None:
        for party in self.parties:
            party.send("clock", now=self.now.isoformat())

    def live(self, *killing: str, commit_s: float = 0.0) -> Life:
        """Start the daemon; each of its commits takes `commit_s` longer, as on a slow disk."""
        life = Life(self.config, self.now, self.folder / "daemon.log", *killing, commit_s=commit_s)
        self.started(life)
        return life

    def started(self, life: Life) -> None:
        """Count a life that somebody else started among those that must leave no process behind."""
        self._lives.append(life.process.pid)

    def drive(self, life: Life, until_done: str = "prognosis_gate", standing: Standing | None = None) -> None:
        """Bring the day to a moment, or as far as this life lasts. Raises Died."""
        standing = standing or life.read()
        until = time.monotonic() + PATIENCE_S
        calm = 0
        while True:
            assert time.monotonic() < until, f"no progress for {PATIENCE_S:g} s: {standing}; see {self.folder}"
            self.now = max(self.now, standing.now)
            calm = calm + 1 if standing.idle and not self._releasing() else 0
            if calm < 3:
                time.sleep(0.02)
                standing = life.ask()
                continue
            calm, until = 0, time.monotonic() + PATIENCE_S
            if self._release(standing.done):
                continue
            if until_done in standing.done:
                return
            assert standing.next is not None
            self.now = max(standing.next, self.now)
            self._tell_time()
            standing = life.ask(self.now)

    def _releasing(self) -> bool:
        return any(thread.is_alive() for thread in self._released.values())

    def _release(self, done: list[str]) -> bool:
        """Let a DSO release its reservation once the prognoses are out: first one, then the other."""
        contracts = ((tiny.FO_A, tiny.A, self.north, -50_000), (tiny.FO_C, tiny.C, self.south, 0))
        if OPEN not in done:
            return False
        for contract, point, dso, keep in contracts:
            if contract not in self._released:
                evening = tiny.evening(PERIOD)
                isps: Any = [{"start": evening.start + 1, "duration": len(evening), "power": keep}]
                thread = threading.Thread(
                    target=dso.send, args=("release", PATIENCE_S), daemon=True,
                    kwargs={"domain": OURS, "contract": contract, "period": str(PERIOD), "congestion_point": point,
                            "isps": isps},
                )  # fmt: skip
                self._released[contract] = thread
                thread.start()
                return True
        return False

    # --- what independent records say ---------------------------------------------------------------------------

    def _events(self, kind: str) -> Iterator[tuple[Counterparty, Event]]:
        for party, mark in zip(self.parties, self._marks, strict=True):
            for event in party.events[mark:]:
                if event.kind == kind:
                    yield party, event

    def judge(self, score: Score) -> None:
        """Hold what counterparties recorded against what was promised; add faults and figures to the score."""
        score.faults += self._orphans()
        store = Store(self.settings.store_url)
        with store.transaction() as tx:
            score.faults += self._intact(tx)
            score.faults += self._taken(tx, score)
            score.faults += self._answers(tx)
            score.faults += self._prognoses(tx, score)
            score.faults += self._plans(tx, score)
            score.faults += [f"open alarm: {a.kind} {a.subject}: {a.text}" for a in day.open_alarms(tx)]
            names = set(day.done_moments(tx, PERIOD.day))
            score.faults += (
                [] if {"first_plan", "day_ahead_results", "prognosis_gate", OPEN} <= names else ["unfinished"]
            )
        store.close()
        score.faults += heard.faults_of(event for _, event in self._events("received"))
        score.days += 1

    def _orphans(self) -> list[str]:
        """Every process that a life started ends with it."""
        until = time.monotonic() + PATIENCE_S
        while alive := [group for group in self._lives if group_lives(group)]:
            if time.monotonic() > until:
                return [f"{len(alive)} workers outlived their daemon"]
            time.sleep(0.05)
        return []

    def _intact(self, tx: sa.Connection) -> list[str]:
        if tx.dialect.name != "sqlite":
            return []
        said = tx.exec_driver_sql("PRAGMA integrity_check").scalar()
        return [] if said == "ok" else [f"the store is damaged: {said}"]

    def _taken(self, tx: sa.Connection, score: Score) -> list[str]:
        """Everything we answered 200 is in the inbox once and was processed."""
        states = Counter((row["message_id"], row["state"]) for row in inbox.messages(tx))
        found = []
        for party, event in self._events("sent"):
            score.taken += 1
            mine = {state: n for (message, state), n in states.items() if message == event.message_id.lower()}
            if sum(mine.values()) != 1 or not mine.keys() <= {"accepted", "rejected", "noted"}:
                found.append(f"{event.type} {event.message_id} of {party.domain} was answered 200 and then: {mine}")
            if "rejected" in mine:
                found.append(f"{event.type} {event.message_id} of {party.domain} was rejected")
        failed = [e for _, e in self._events("failed")]
        return found + [f"{e.type} {e.message_id} never reached us" for e in failed]

    def _answers(self, tx: sa.Connection) -> list[str]:
        """Each release counts once and has one answer, however often the answer arrived."""
        releases = [e.message_id for _, e in self._events("sent") if e.type == "FlexReservationUpdate"]
        answers: dict[str, set[str]] = {}
        for _, event in self._events("received"):
            if event.type == "FlexReservationUpdateResponse":
                root = etree.fromstring(event.xml.encode())
                answers.setdefault(str(root.get("FlexReservationUpdateMessageID")).lower(), set()).add(event.message_id)
        stored = Counter(tx.execute(sa.select(tables.reservations.c.message_id)).scalars())
        found = [f"{r} counted {stored[r.lower()]} times" for r in releases if stored[r.lower()] != 1]
        found += [
            f"{r} has {len(answers.get(r.lower(), ()))} answers"
            for r in releases
            if len(answers.get(r.lower(), ())) != 1
        ]
        return found + ([] if len(releases) == 2 else [f"{len(releases)} releases of 2 arrived"])

    def _prognoses(self, tx: sa.Connection, score: Score) -> list[str]:
        """No revision twice with different content, none skipped, the last one is the plan in force and accepted."""
        received: dict[tuple[str, int], heard.Prognosis] = {}
        order: dict[str, list[int]] = {}
        found = []
        for party, event in self._events("received"):
            if event.type != "D-Prognosis":
                continue
            read = heard.read(party.domain, event)
            known = received.setdefault((read.point, read.revision), read)
            score.again += known is not read
            if known != read:
                found.append(f"revision {read.revision} of {read.point} was sent with two contents")
            if known is read:
                order.setdefault(read.point, []).append(read.revision)
        score.arrived += len(received)
        found += [f"revisions of {point} came as {seen}" for point, seen in order.items() if seen != sorted(seen)]
        sent = plans.prognoses(tx, PERIOD.day)
        for one in sent:
            got = received.pop((one.congestion_point, one.revision), None)
            if one.state == "superseded":
                continue
            if got is None or got.power_w != one.power_w:
                found.append(f"revision {one.revision} of {one.congestion_point} is {one.state} and did not arrive so")
            if one.state != "accepted":
                found.append(f"revision {one.revision} of {one.congestion_point} is {one.state}")
        found += [f"revision {revision} of {point} arrived and is in no record" for point, revision in received]
        rounds = sorted({one.revision for one in sent})
        found += [] if rounds == list(range(1, len(rounds) + 1)) else [f"publication rounds were {rounds}"]
        force = plans.in_force(tx, PERIOD.day)
        last = {one.congestion_point: one.power_w for one in sent if one.state == "accepted"}
        if force is None or {p.address: p.power_w for p in force.points} != last:
            found.append("what DSOs accepted last is not the plan in force")
        return found

    def _plans(self, tx: sa.Connection, score: Score) -> list[str]:
        """Every stored plan passes the audit again, from its archives."""
        found = []
        for plan in plans.history(tx, PERIOD.day):
            score.plans += 1
            case, outcome = plans.archives(tx, plan.id)
            faults = audit(serialisation.unpack(NamedCase, case).case, serialisation.unpack(Outcome, outcome))
            found += [f"plan {plan.id}: {fault}" for fault in faults]
        return found


def through(tortured: TorturedDay, score: Score, begin: Callable[[], Life]) -> None:
    """Drive a day through as many lives as it takes; a life that ends by anything but SIGKILL is a fault."""
    began = time.monotonic()
    while True:
        life = begin()
        try:
            tortured.drive(life)
        except Died:
            code = life.bury()
            score.kills += 1
            if code != -signal.SIGKILL:
                score.faults.append(f"the daemon ended by itself with {code}; see {tortured.folder}/daemon.log")
                break
            continue
        except BaseException:
            life.kill()
            life.bury()
            raise
        code = life.end()
        if code == -signal.SIGKILL:  # killed while it stopped
            score.kills += 1
            continue
        if code != 0:
            score.faults.append(f"the daemon stopped with {code}")
        break
    tortured.judge(score)
    score.seconds += time.monotonic() - began
