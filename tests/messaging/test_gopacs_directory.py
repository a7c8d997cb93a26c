"""Operators of GOPACS and their keys: found by domain and contract, kept, replaced, and forgotten in the end."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from nacl.signing import SigningKey

from agr.messaging.directory import participants_of
from agr.messaging.gopacs_directory import GopacsDirectory, participants_beside
from agr.messaging.receive import Receiver
from agr.settings import ClientCredentials, Gopacs, Settings
from agr.store import day, register
from tests.builders.worlds import Party, World

CONTRACT, POINT = "CSC/2026 1", "ean.871685900012636543"
START = datetime(2026, 3, 28, 6, tzinfo=UTC)


def gopacs(*operators: str, **more: object) -> Gopacs:
    token = ClientCredentials(token_url="https://auth.example/token", client_id="agr", client_secret_env="X")
    return Gopacs(
        broker="https://broker.example/message", directory="https://api.example/v3/", oauth2=token,
        operators=operators, **more,  # type: ignore[arg-type]
    )  # fmt: skip


class Site:
    """A world with GOPACS, and a directory that answers what a test says."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.know_register()
        self.told: dict[str, tuple[int, object]] = {}
        self.asked: list[str] = []
        self.now, self.mono = START, 0.0
        self.configure(gopacs("grid.example", keep_hours=1))

    def configure(self, given: Gopacs) -> None:
        """Begin anew with these settings, as after a restart."""
        self.settings = self.world.settings.model_copy(update={"gopacs": given})
        self.participants = participants_of(self.settings)
        client = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.directory = GopacsDirectory(
            self.world.store, self.settings, given, self.world.clock, self.participants, client,
            now=lambda: self.now, monotonic=lambda: self.mono,
        )  # fmt: skip

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        self.asked.append(path)
        status, body = self.told.get(path, (404, {}))
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body).encode())

    def contracted(self) -> None:
        """Add a contract at a contracted connection, with an operator that the settings do not name."""
        with self.world.store.transaction() as tx:
            known = register.load(tx)
            made = replace(known.contracts[0], contract=CONTRACT, dso="other-grid.example", congestion_point=POINT)
            register.replace(tx, replace(known, contracts=(*known.contracts, made)))

    def look(self, seconds: float = 0.0) -> None:
        """Let time pass, and do all that is due."""
        self.mono, self.now = self.mono + seconds, self.now + timedelta(seconds=seconds)
        while self.directory.refresh():
            pass

    def keys(self, domain: str) -> list[bytes]:
        return list(self.participants.keys(domain, "DSO"))

    def alarms(self) -> dict[str, str]:
        with self.world.store.reading() as tx:
            return {a.subject: a.text for a in day.open_alarms(tx) if a.kind == "gopacs directory"}


def listed(domain: str, key: SigningKey) -> tuple[int, object]:
    return 200, {"domain": domain, "publicKey": base64.b64encode(bytes(key.verify_key)).decode(), "endpoint": None}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.world.store.close()


BY_DOMAIN = "/v3/participants/grid.example"
BY_CONTRACT = "/v3/participants/contracts/CSC%2F2026%201/roles/DSO"


def test_an_operator_of_the_settings_speaks_3_0_0_through_the_broker_with_the_key_of_the_directory(site: Site) -> None:
    key = SigningKey.generate()
    site.told[BY_DOMAIN] = listed("grid.example", key)
    assert site.keys("grid.example") == []
    site.look()
    assert site.keys("grid.example") == [bytes(key.verify_key)]
    known = site.participants.find("grid.example", "DSO")
    assert known is not None
    assert (known.endpoint, known.version, known.limits) == ("https://broker.example/message", "3.0.0", True)
    assert known.way.access is not None
    site.look(30)
    assert site.asked == [BY_DOMAIN]  # it is fresh
    site.look(600)
    assert site.asked == [BY_DOMAIN] * 2


def test_the_operator_of_a_contract_is_found_by_contract_id(site: Site) -> None:
    site.contracted()
    key = SigningKey.generate()
    site.told[BY_CONTRACT] = listed("other-grid.example", key)
    site.look()
    assert site.keys("other-grid.example") == [bytes(key.verify_key)]
    assert site.participants.limits("other-grid.example")
    beside = participants_beside(site.settings).find("other-grid.example", "DSO")
    assert beside is not None  # a command beside the daemon knows it, too
    assert (beside.version, beside.endpoint) == ("3.0.0", "https://broker.example/message")
    assert BY_CONTRACT in site.asked


def test_a_contract_with_a_participant_of_the_settings_is_not_asked_for(site: Site) -> None:
    site.look()
    assert site.asked == [BY_DOMAIN]  # FO-1 is with dso.example


def test_a_former_key_stays_valid_for_one_more_round(site: Site) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    site.told[BY_DOMAIN] = listed("grid.example", old)
    site.look()
    site.told[BY_DOMAIN] = listed("grid.example", new)
    site.look(600)
    assert site.keys("grid.example") == [bytes(new.verify_key), bytes(old.verify_key)]
    site.look(600)
    assert site.keys("grid.example") == [bytes(new.verify_key)]


def test_a_key_is_asked_for_at_once_where_a_signature_does_not_fit(site: Site) -> None:
    old, stranger = SigningKey.generate(), Party("grid.example", "DSO")
    site.told[BY_DOMAIN] = listed("grid.example", old)
    site.look()
    receiver = Receiver(site.world.store, site.settings, site.world.clock, site.participants, lambda: None)
    for _ in range(3):
        assert receiver.receive(stranger.seal(stranger.message("TestMessage"))) == 401
    site.look(1)
    assert site.asked == [BY_DOMAIN]  # it was asked a second ago
    site.told[BY_DOMAIN] = listed("grid.example", stranger.key)
    site.look(10)
    assert site.asked == [BY_DOMAIN] * 2
    assert receiver.receive(stranger.seal(stranger.message("TestMessage"))) == 200


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {}), "does not know grid.example"),
        ((503, {}), "answers HTTP 503"),
        ((200, b"<html>"), "has no domain and publicKey"),
        ((200, {"domain": "grid.example"}), "has no domain and publicKey"),
        ((200, {"domain": "grid.example", "publicKey": "short"}), "public key of grid.example is not one"),
        ((200, {"domain": "evil.example", "publicKey": "A" * 43 + "="}), "answers about another domain"),
        ((200, b"x" * 100_000), "answers more than"),
    ],
)
def test_a_directory_that_tells_nothing_is_an_alarm_until_it_does(
    site: Site, answer: tuple[int, object], words: str
) -> None:
    site.told[BY_DOMAIN] = answer
    site.look()
    assert words in site.alarms()["grid.example"]
    assert "answered 419" in site.alarms()["grid.example"]
    assert site.keys("grid.example") == []
    site.told[BY_DOMAIN] = listed("grid.example", SigningKey.generate())
    site.look(10)
    assert site.alarms() == {}


def test_a_key_is_kept_over_a_restart_and_for_keep_hours_and_no_longer(site: Site) -> None:
    key = SigningKey.generate()
    site.told[BY_DOMAIN] = listed("grid.example", key)
    site.look()
    site.told[BY_DOMAIN] = (503, {})
    site.configure(gopacs("grid.example", keep_hours=1))
    assert site.keys("grid.example") == [bytes(key.verify_key)]
    site.look(600)
    assert "its key of before is used until" in site.alarms()["grid.example"]
    site.look(3599)
    assert site.keys("grid.example") == [bytes(key.verify_key)]
    site.look(2)
    assert site.keys("grid.example") == []


def test_what_another_directory_has_told_is_not_believed(site: Site) -> None:
    site.told[BY_DOMAIN] = listed("grid.example", SigningKey.generate())
    site.look()
    site.configure(gopacs("grid.example").model_copy(update={"directory": "https://api.acc.example/v3"}))
    assert site.keys("grid.example") == []


def test_a_broken_file_is_ignored(site: Site) -> None:
    (site.settings.data_folder / "gopacs.json").write_text('[{"name": 1}, "x"]')
    site.configure(gopacs("grid.example"))
    assert site.keys("grid.example") == []


def test_the_alarm_of_a_contract_ends_with_it(site: Site) -> None:
    site.contracted()
    site.told[BY_DOMAIN] = listed("grid.example", SigningKey.generate())
    site.look()
    assert set(site.alarms()) == {f"contract {CONTRACT}"}
    site.world.know_register()
    site.look(61)
    assert site.alarms() == {}


def test_a_domain_is_reached_one_way_only() -> None:
    with pytest.raises(ValueError, match=r"operator dso\.example is a DSO in participants, too"):
        Settings(
            domain="agr.example", gopacs=gopacs("dso.example"),
            participants=[{"domain": "dso.example", "role": "DSO", "endpoint": "https://x.example",
                           "public_keys": [Party("a.example", "DSO").public]}],
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"names grid\.example twice"):
        gopacs("grid.example", "grid.example")


def test_an_unknown_sender_is_found_by_its_domain_where_the_settings_say_so(site: Site) -> None:
    key, other = SigningKey.generate(), Party("new-grid.example", "DSO")
    site.told["/v3/participants/new-grid.example"] = listed("new-grid.example", key)
    head = other.seal(other.message("FlexRequest"))[:400]
    for find in (False, True):
        site.configure(gopacs("grid.example", find_senders=find))
        receiver = Receiver(site.world.store, site.settings, site.world.clock, site.participants, lambda: None)
        assert receiver.expects(head, 1000) == 419
        site.look()
        assert site.keys("new-grid.example") == ([bytes(key.verify_key)] if find else [])
    found = site.participants.find("new-grid.example", "DSO")
    assert found is not None
    assert (found.endpoint, found.limits, found.version) == ("https://broker.example/message", True, "3.0.0")
    assert receiver.expects(head, 1000) is None


def test_a_sender_that_the_directory_does_not_know_is_asked_about_once_in_ten_minutes_without_an_alarm(
    site: Site,
) -> None:
    site.configure(gopacs(find_senders=True))
    for _ in range(3):
        for domain in ("stranger.example", "../secrets", "cro.example"):
            site.participants.miss(domain, "DSO")
        site.participants.miss("an.agr.example", "AGR")
        site.look(60.0)
    assert [path for path in site.asked if "contracts" not in path] == ["/v3/participants/stranger.example"]
    assert site.alarms() == {}
    site.look(600.0)  # it is forgotten
    site.participants.miss("stranger.example", "DSO")
    site.look(1.0)
    assert site.asked.count("/v3/participants/stranger.example") == 2


def test_a_flood_of_names_asks_about_a_few(site: Site) -> None:
    site.configure(gopacs(find_senders=True))
    for number in range(200):
        site.participants.miss(f"grid-{number}.example", "DSO")
        site.look(0.1)
    assert len([path for path in site.asked if "grid-" in path]) <= 50
