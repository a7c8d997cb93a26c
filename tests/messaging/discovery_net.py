"""A daemon whose participants are found in the DNS, with a resolver that says what a test wants."""

from datetime import datetime, timedelta
from pathlib import Path

from agr.domain.errors import DiscoveryError
from agr.messaging.directory import participants_of
from agr.messaging.discovery import Discoverer
from agr.messaging.receive import Receiver
from agr.settings import Discovery, ParticipantSettings
from agr.store import day
from agr.uftp.dns.dnssec import DnsAnswer
from tests.builders.worlds import NOW, Party, World

PLACE = "https://uftp.dso.example/shapeshifter/api/v3/message"
WEEK = timedelta(days=7)


class Told:
    """A DNS that says what it is told to, and whose time can be set."""

    def __init__(self, party: Party, now: datetime = NOW) -> None:
        self.now, self.passed = now, 0.0
        self.records = {
            f"_{party.role}._usef.{party.domain}": party.public,
            f"_usef.{party.domain}": "3.0.0",
            f"_http._{party.role}._usef.{party.domain}": "uftp.dso.example",
        }
        self.dead = ""
        self.asked = 0
        self.valid = WEEK

    def ask(self, name: str, kind: str) -> DnsAnswer:
        self.asked += 1
        if self.dead or name not in self.records:
            raise DiscoveryError(self.dead or f"the DNS knows no {name}")
        fresh = self.now + timedelta(hours=1)
        return DnsAnswer(values=(self.records[name],), fresh_until=fresh, valid_until=self.now + self.valid)

    def pass_(self, time: timedelta) -> None:
        self.now += time
        self.passed += time.total_seconds()


class Net:
    """A world whose DSO is found in the DNS, but for what the settings give."""

    def __init__(self, folder: Path, **given: object) -> None:
        self.world, self.woken = World(folder), 0
        self.dns = Told(self.world.dso)
        left_out = ParticipantSettings(domain="dso.example", role="DSO", **given)  # type: ignore[arg-type]
        self.settings = self.world.settings.model_copy(
            update={
                "participants": (self.world.settings.participants[0], left_out),
                "discovery": Discovery(enabled=True),
            }
        )
        self.begin()

    def wake(self) -> None:
        self.woken += 1

    def begin(self) -> None:
        """Start anew, as after a restart."""
        world = self.world
        self.participants = participants_of(self.settings)
        self.discoverer = Discoverer(
            world.store, self.settings, world.clock, self.participants, self.dns, now=lambda: self.dns.now,
            monotonic=lambda: self.dns.passed, wake=self.wake,
        )  # fmt: skip
        self.receiver = Receiver(world.store, self.settings, world.clock, self.participants, lambda: None)

    def receive(self, party: Party | None = None) -> int:
        party = party or self.world.dso
        return self.receiver.receive(party.seal(party.message("TestMessage")))

    def alarms(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return [alarm.text for alarm in day.open_alarms(tx) if alarm.kind == "discovery"]
