"""Who is not found in the DNS is an alarm, and it ends when it should."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.messaging.discovery import Discoverer, end_alarms
from agr.service import Service
from agr.settings import ParticipantSettings
from agr.store import day
from agr.uftp.signing import KeyPair
from tests.builders.worlds import NOW, World
from tests.messaging.discovery_net import Net


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    yield made
    made.world.store.close()


def test_a_dead_resolver_is_an_alarm_and_known_keys_stay_in_use_for_a_while(net: Net) -> None:
    net.discoverer.refresh()
    net.dns.dead = "the resolver is down"
    for _ in range(3):
        assert net.alarms() == []
        net.dns.pass_(timedelta(hours=1))
        net.discoverer.refresh()
        assert net.receive() == 200
    assert "the resolver is down; what was found before is used until 2026-03-29 07:00 UTC" in net.alarms()[0]
    net.dns.pass_(timedelta(hours=22, minutes=1))
    net.discoverer.refresh()
    assert net.receive() == 419  # a day and an hour after it was found
    net.dns.pass_(timedelta(hours=1))
    net.discoverer.refresh()
    assert "answered 419 and ours wait" in net.alarms()[0]
    net.dns.dead = ""
    net.dns.pass_(timedelta(hours=1))
    net.discoverer.refresh()
    assert (net.receive(), net.alarms()) == (200, [])


def test_a_standby_asks_too_and_writes_no_alarm(net: Net) -> None:
    net.dns.dead = "down"
    standby = Discoverer(
        net.world.store, net.settings, net.world.clock, net.participants, net.dns, lambda: False, lambda: net.dns.now
    )
    standby.refresh()
    assert (net.dns.asked, net.alarms()) == (1, [])


def test_an_alarm_of_somebody_no_longer_looked_up_ends(net: Net) -> None:
    net.dns.dead = "down"
    net.discoverer.refresh()
    assert len(net.alarms()) == 1
    given = ParticipantSettings(
        domain="dso.example", role="DSO", endpoint="https://elsewhere.example/x", public_keys=(net.world.dso.public,)
    )
    net.settings = net.settings.model_copy(update={"participants": (net.settings.participants[0], given)})
    net.begin()
    end_alarms(net.world.store, net.discoverer.doubtful, net.world.clock.now())
    assert net.alarms() == []


def test_an_alarm_stays_open_over_a_restart_until_the_dns_has_answered(net: Net) -> None:
    net.dns.dead = "down"
    net.discoverer.refresh()
    net.begin()
    for _ in range(2):  # not asked yet; failed again
        end_alarms(net.world.store, net.discoverer.doubtful, net.world.clock.now())
        assert len(net.alarms()) == 1
        net.discoverer.refresh()
    net.dns.dead = ""
    net.dns.pass_(timedelta(hours=1))
    net.discoverer.refresh()
    assert net.alarms() == []


def test_a_daemon_without_discovery_ends_alarms_of_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    KeyPair.generate().save(world.settings.key_file)
    with world.store.transaction() as tx:
        day.raise_alarm(tx, "discovery", "dso.example (DSO)", "no answer", NOW)
        day.raise_alarm(tx, "machine", "dso.example (DSO)", "something else", NOW)
    daemon = Service(world.settings.model_copy(update={"listen_port": 0}), world.clock)
    try:
        daemon.watch()
    finally:
        daemon._stages.deliverer.close()
        daemon.release()
    with world.store.transaction() as tx:
        assert [alarm.kind for alarm in day.open_alarms(tx)] == ["machine"]
    world.store.close()
