"""Keys and endpoints from the DNS: kept, renewed and dropped in time; a dead resolver delays nothing."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from agr.domain.errors import DiscoveryError
from agr.messaging.deliver import Deliverer
from agr.operations.configuration_check import undiscovered
from agr.service import Service
from agr.settings import Discovery, ParticipantSettings, Settings
from agr.store import outbox, outbox_rows
from agr.uftp.dns.dnssec import DnsAnswer
from agr.uftp.signing import KeyPair
from agr.uftp.transport import Sender
from agr.web.endpoint import PATH
from tests.builders.dns_server import DnsServer, Zone, unsigned
from tests.builders.worlds import NOW, Party
from tests.messaging.discovery_net import PLACE, Net


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    made = Net(tmp_path)
    yield made
    made.world.store.close()


def test_a_participant_without_keys_in_the_settings_is_heard_once_the_dns_has_told_them(net: Net) -> None:
    assert net.receive() == 419
    assert not net.discoverer.refresh()
    assert net.receive() == 200
    found = net.participants.find("dso.example", "DSO")
    assert found is not None
    assert (found.endpoint, found.version) == (PLACE, "3.0.0")
    asked = net.dns.asked
    net.dns.pass_(timedelta(minutes=59))
    net.discoverer.refresh()
    assert net.dns.asked == asked  # kept for its time to live
    net.dns.pass_(timedelta(minutes=2))
    net.discoverer.refresh()
    assert net.dns.asked > asked


def test_what_the_settings_give_wins_over_the_dns(tmp_path: Path) -> None:
    real, forged = Party("dso.example", "DSO"), Party("dso.example", "DSO")
    net = Net(tmp_path, public_keys=(real.public,), version="3.1.0")
    net.dns.records["_DSO._usef.dso.example"] = forged.public
    net.discoverer.refresh()
    assert (net.receive(real), net.receive(forged)) == (200, 401)
    found = net.participants.find("dso.example", "DSO")
    assert found is not None
    assert (found.endpoint, found.version) == (PLACE, "3.1.0")
    net.world.store.close()


def test_an_endpoint_in_the_settings_is_kept_and_only_keys_are_asked_for(tmp_path: Path) -> None:
    net = Net(tmp_path, endpoint="https://elsewhere.example/x")
    net.discoverer.refresh()
    assert (net.receive(), net.dns.asked) == (200, 1)
    assert net.participants.find("dso.example", "DSO").endpoint == "https://elsewhere.example/x"  # type: ignore[union-attr]
    net.world.store.close()


def test_a_changed_key_is_taken_over_and_an_expired_one_refused(net: Net) -> None:
    net.discoverer.refresh()
    former, fresh = net.world.dso, Party("dso.example", "DSO")
    assert net.receive(former) == 200
    net.dns.records["_DSO._usef.dso.example"] = f"{fresh.public} {former.public}"  # both, while it changes them
    net.dns.pass_(timedelta(hours=2))
    net.discoverer.refresh()
    assert (net.receive(fresh), net.receive(former)) == (200, 200)
    net.dns.records["_DSO._usef.dso.example"] = fresh.public
    net.dns.pass_(timedelta(hours=2))
    net.discoverer.refresh()
    assert (net.receive(fresh), net.receive(former)) == (200, 401)


def test_keys_are_never_used_beyond_the_signatures_that_vouch_for_them(net: Net) -> None:
    net.dns.valid = timedelta(minutes=90)
    net.discoverer.refresh()
    net.dns.dead = "down"
    net.dns.pass_(timedelta(minutes=89))
    net.discoverer.refresh()
    assert net.receive() == 200
    net.dns.pass_(timedelta(minutes=1))
    net.discoverer.refresh()
    assert net.receive() == 419


def test_failed_questions_are_repeated_ever_more_slowly(net: Net) -> None:
    net.dns.dead = "down"
    for _ in range(3600):
        net.discoverer.refresh()
        net.dns.pass_(timedelta(seconds=1))
    assert 12 <= net.dns.asked <= 18  # 10, 20, 40, 80, 160 s, then every 300 s
    assert len(net.alarms()) == 1


def test_a_restart_with_a_dead_resolver_remembers_what_was_found(net: Net) -> None:
    net.discoverer.refresh()
    net.dns.dead = "down"
    net.begin()
    assert net.receive() == 200
    net.dns.pass_(timedelta(hours=26))
    net.begin()
    assert net.receive() == 419


def test_what_was_believed_without_validation_is_not_remembered_with_it(net: Net) -> None:
    net.settings = net.settings.model_copy(update={"discovery": Discovery(enabled=True, validation="none")})
    net.begin()
    net.discoverer.refresh()
    net.begin()
    assert net.receive() == 200
    net.settings = net.settings.model_copy(update={"discovery": Discovery(enabled=True)})
    net.begin()
    assert net.receive() == 419


@pytest.mark.parametrize("text", ["", "[1", "{}", '[{"domain": 3}]', '[{"validation": "chain", "public_keys": ["x"]}]'])
def test_a_damaged_file_of_what_was_found_is_left_aside(net: Net, text: str) -> None:
    (net.settings.data_folder / "discovered.json").write_text(text)
    net.begin()
    assert net.receive() == 419
    net.discoverer.refresh()
    assert net.receive() == 200


def test_messages_of_known_participants_are_received_while_the_resolver_hangs(tmp_path: Path) -> None:
    net = Net(tmp_path)
    reached, released = threading.Event(), threading.Event()

    def hang(_name: str, _kind: str) -> DnsAnswer:
        reached.set()
        released.wait()
        raise DiscoveryError("time-out")

    net.dns.ask = hang  # type: ignore[method-assign, assignment]
    thread = threading.Thread(target=net.discoverer.refresh)
    thread.start()
    try:
        assert reached.wait(30)
        assert net.receive(net.world.cro) == 200  # its keys are in the settings
        assert net.receive() == 419
    finally:
        released.set()
        thread.join()
    assert "time-out" in net.alarms()[0]
    net.world.store.close()


def test_messages_to_a_participant_not_found_yet_wait_and_then_go(net: Net) -> None:
    sent: list[str] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        return httpx.Response(200, stream=httpx.ByteStream(b"OK"))

    client = httpx.Client(transport=httpx.MockTransport(take))
    world, key = net.world, KeyPair.generate()
    deliverer = Deliverer(
        world.store, net.settings, world.clock, net.participants, lambda: key, lambda _to: Sender(client)
    )
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="x", recipient_domain="dso.example", recipient_role="DSO",
            xml=b"<x/>", at=NOW,
        )  # fmt: skip

    def deliver() -> str:
        deliverer.run_due()
        deliverer.close()
        with world.store.transaction() as tx:
            row = outbox_rows.row(tx, "m")
        assert row is not None
        return row.state

    assert deliver() == "queued"
    assert sent == []
    net.discoverer.refresh()
    assert net.woken == 1  # the pause before the next attempt is over
    deliverer = Deliverer(
        world.store, net.settings, world.clock, net.participants, lambda: key, lambda _to: Sender(client)
    )
    assert (deliver(), sent) == ("delivered", [PLACE])


def test_only_messages_to_whom_was_found_leave_at_once(net: Net) -> None:
    later = NOW + timedelta(minutes=10)
    with net.world.store.transaction() as tx:
        for domain, role in (("dso.example", "DSO"), ("dso.example", "CRO"), ("cro.example", "CRO")):
            outbox.put(
                tx, message_id=f"{domain} {role}", conversation_id="c", kind="x", recipient_domain=domain,
                recipient_role=role, xml=b"<x/>", at=later,
            )  # fmt: skip
    net.discoverer.refresh()

    def due() -> list[str]:
        with net.world.store.transaction() as tx:
            return [message.message_id for message in outbox.due(tx, net.world.clock.now())]

    assert due() == ["dso.example DSO"]
    with net.world.store.transaction() as tx:
        outbox.retry(tx, outbox.due(tx, net.world.clock.now())[0].id, later, "asked to come back later")
    net.dns.pass_(timedelta(hours=2))
    net.discoverer.refresh()  # nothing new
    assert (due(), net.woken) == ([], 1)


def test_a_signature_about_to_end_is_renewed_before_it_does(net: Net) -> None:
    net.dns.valid = timedelta(seconds=40)
    for _ in range(300):
        net.discoverer.refresh()
        assert net.participants.keys("dso.example", "DSO")
        net.dns.pass_(timedelta(seconds=1))
    assert net.dns.asked <= 3 * 10  # three names, each 36 s


def test_a_signature_that_lasts_seconds_is_not_asked_for_all_the_time(net: Net) -> None:
    net.dns.valid = timedelta(seconds=1)
    for _ in range(60):
        net.discoverer.refresh()
        net.dns.pass_(timedelta(seconds=1))
    assert net.dns.asked == 3 * 6


def test_a_daemon_finds_a_participant_in_a_signed_zone_and_refuses_it_unsigned(tmp_path: Path) -> None:
    party = Party("dso.example", "DSO")
    records = f'_DSO._usef.dso.example. 60 IN TXT "{party.public}"\n'
    server = DnsServer(Zone("example.", ""), Zone("dso.example.", records))
    (tmp_path / "root.ds").write_text(server.anchor)
    settings = Settings(
        domain="agr.example", key_file=tmp_path / "agr.key", data_folder=tmp_path, listen_port=0,
        store_url=f"sqlite:///{tmp_path}/agr.db",
        participants=(ParticipantSettings(domain="dso.example", role="DSO", endpoint="http://127.0.0.1:9/x"),),
        discovery=Discovery(
            enabled=True, resolvers=(f"127.0.0.1:{server.port}",), trust_anchors_file=tmp_path / "root.ds"
        ),
    )  # fmt: skip
    KeyPair.generate().save(settings.key_file)
    server.lie = unsigned
    (told,) = undiscovered(settings)
    assert "dso.example (DSO) cannot be found in the DNS: _DSO._usef.dso.example. TXT is not signed" in told
    server.lie = None
    assert undiscovered(settings) == []
    try:
        with Service(settings) as daemon:
            url = f"http://127.0.0.1:{daemon.port}{PATH}"
            body, until = party.seal(party.message("TestMessage")), time.monotonic() + 60
            while (status := _post(url, body)) == 419 and time.monotonic() < until:
                time.sleep(0.05)
            assert status == 200
    finally:
        server.close()


def _post(url: str, body: bytes) -> int:
    return httpx.post(url, content=body, headers={"Content-Type": "text/xml"}, timeout=60).status_code
