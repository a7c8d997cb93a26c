"""DNS discovery against a real server: it finds what `agr keys publish` prints, and accepts only signed answers."""

import base64
import itertools
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from agr.cli.main import app
from agr.demo.environment import counterparty_python
from agr.domain.errors import DiscoveryError, SettingsError
from agr.uftp.dns.discovery import look_up
from agr.uftp.dns.dnssec import Dns, anchors_of
from tests.builders.dns_server import DnsServer, Zone, unsigned
from tests.uftp.signed_zones import ENDPOINT, OTHER, PROJECT, Published


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    made = Published(tmp_path)
    yield made
    made.server.close()


def test_what_agr_keys_publish_prints_is_found_and_validated(published: Published) -> None:
    found = look_up(published.dns(), "agr.example", "AGR")
    assert found.public_keys == (published.ring.entries()[0].public,)
    assert (found.endpoint, found.version) == (ENDPOINT, "3.1.0")
    now = datetime.now(UTC)
    assert now + timedelta(minutes=50) < found.fresh_until < now + timedelta(minutes=70)  # TTL 3600
    assert now + timedelta(days=6) < found.valid_until < now + timedelta(days=8)


def test_both_keys_of_a_rotation_are_found_although_they_fill_more_than_one_string(published: Published) -> None:
    published.ring.prepare()
    published.serve(Zone("example.", ""), published.zone())
    assert look_up(published.dns(), "agr.example", "AGR").public_keys == tuple(
        entry.public for entry in published.ring.entries()
    )


def test_the_independent_library_finds_the_same_in_what_we_publish(published: Published) -> None:
    program = f"""
import dns.resolver
dns.resolver.default_resolver = r = dns.resolver.Resolver(configure=False)
r.nameservers, r.port = ["127.0.0.1"], {published.server.port}
from shapeshifter_uftp.transport import get_endpoint, get_key
print(get_key("agr.example", "AGR"), get_endpoint("agr.example", "AGR"))
"""
    python = counterparty_python(PROJECT / ".venv-counterparty")
    said = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == [published.ring.entries()[0].public.removeprefix("cs1."), ENDPOINT]


def test_aliases_are_followed_when_each_is_signed(published: Published) -> None:
    published.serve(
        Zone("example.", ""),
        Zone("agr.example.", '_agr._usef.agr.example. 60 IN CNAME keys.host.example.\n'),
        Zone("host.example.", f'keys.host.example. 600 IN TXT "{OTHER}"\n'),
    )  # fmt: skip
    found = look_up(published.dns(), "agr.example", "AGR", endpoint=False)
    assert found.public_keys == (OTHER,)
    assert found.fresh_until < datetime.now(UTC) + timedelta(seconds=61)  # the shortest of the chain


def test_an_alias_into_an_unsigned_zone_is_refused(published: Published) -> None:
    published.serve(
        Zone("example.", ""),
        Zone("agr.example.", '_agr._usef.agr.example. 60 IN CNAME keys.host.example.\n'),
        Zone("host.example.", f'keys.host.example. 600 IN TXT "{OTHER}"\n', signed=False),
    )  # fmt: skip
    published.refused("keys.host.example. TXT is not signed")


def test_aliases_in_a_circle_end(published: Published) -> None:
    names = [f"a{n}.agr.example." for n in range(3)]
    circle = "".join(f"{a} 60 IN CNAME {b}\n" for a, b in zip(names, [*names[1:], names[0]], strict=True))
    published.serve(
        Zone("example.", ""), Zone("agr.example.", f"_agr._usef.agr.example. 60 IN CNAME {names[0]}\n" + circle)
    )
    published.refused("circle|could not be looked up")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ('_agr._usef.agr.example. 60 IN TXT "v=spf1"', "holds 'v=spf1'"),
        (f'_agr._usef.agr.example. 60 IN TXT "{OTHER[:-8]}"', "expected 'cs1.' and the base64 of 32 bytes"),
        (
            "_agr._usef.agr.example. 60 IN TXT "
            + " ".join('"cs1.' + base64.b64encode(bytes([n]) * 32).decode() + ' "' for n in range(3)),
            "holds 3 public keys",
        ),
    ],
)
def test_wrong_keys_are_refused_by_name(published: Published, record: str, why: str) -> None:
    published.serve(Zone("example.", ""), Zone("agr.example.", record + "\n"))
    published.refused(why)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("3.1.0", "3.1.0"), ("3.0.0", "3.0.0"), ("3.0.0 3.1.0", "3.1.0"), ("3.2.7", "3.1.0"), ("3.0.5", "3.0.0")],
)
def test_the_best_version_that_both_speak_is_chosen(published: Published, said: str, expected: str) -> None:
    records = "\n".join(published.ring.records()).replace('"3.1.0"', f'"{said}"')
    published.serve(Zone("example.", ""), Zone("agr.example.", records + "\n"))
    found = look_up(published.dns(), "agr.example", "AGR")
    assert (found.version, found.endpoint) == (expected, ENDPOINT)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0x7f", "a.example.127.1", "localhost"])
def test_an_endpoint_that_is_an_address_or_no_full_name_is_refused(published: Published, host: str) -> None:
    records = "\n".join(published.ring.records()).replace("CNAME uftp.agr.example.", f"CNAME {host}.")
    published.serve(Zone("example.", ""), Zone("agr.example.", records + "\n"))
    published.refused(f"leads to '{host}', which is not the name of a host")


@pytest.mark.parametrize("said", ["2.0.0", "2015", "4.0.0", "3.0"])
def test_versions_we_do_not_speak_are_refused(published: Published, said: str) -> None:
    records = "\n".join(published.ring.records()).replace('"3.1.0"', f'"{said}"')
    published.serve(Zone("example.", ""), Zone("agr.example.", records + "\n"))
    published.refused("names no version of UFTP that we speak")


def test_without_validation_an_unsigned_zone_is_believed_only_where_the_setting_says_so(published: Published) -> None:
    published.serve(Zone("example.", "", signed=False), published.zone(signed=False))
    assert look_up(published.dns("none"), "agr.example", "AGR").endpoint == ENDPOINT
    published.refused("does not vouch for _agr._usef.agr.example.", "resolver")


def test_a_resolver_that_validates_is_believed_where_the_setting_says_so(published: Published) -> None:
    def vouch(response: dns.message.Message) -> None:
        response.flags |= dns.flags.AD

    published.server.lie = vouch
    assert look_up(published.dns("resolver"), "agr.example", "AGR").endpoint == ENDPOINT


def test_an_anchor_may_be_a_key_and_the_roots_are_known(published: Published, tmp_path: Path) -> None:
    (name, digests), *_ = anchors_of(None).items()
    assert (name.to_text(), [ds.key_tag for ds in digests]) == (".", [20326, 38696])
    path = tmp_path / "anchor"
    path.write_text(f". IN DNSKEY {published.server.root.key.to_text()}\n")
    assert [ds.to_text() for ds in anchors_of(path)[name]] == [published.server.root.ds]


@pytest.mark.parametrize("text", ["", "nonsense", ". IN A 192.0.2.1\n", ". IN DS 1 8 1 " + "00" * 20 + "\n"])
def test_a_wrong_anchor_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anchor"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"discovery\.trust_anchors_file"):
        anchors_of(path)


def test_agr_keys_find_shows_what_the_dns_says(published: Published, tmp_path: Path) -> None:
    anchor = tmp_path / "root.ds"
    anchor.write_text(published.server.anchor)
    config = tmp_path / "agr.toml"
    config.write_text(
        'domain = "dso.example"\n[discovery]\nenabled = true\ntrust_anchors_file = "root.ds"\n'
        f'resolvers = ["127.0.0.1:{published.server.port}"]\n'
    )
    said = CliRunner().invoke(app, ["keys", "find", "agr.example", "AGR", "--config", str(config)])
    assert ENDPOINT in said.output, said.output
    assert published.ring.entries()[0].public in said.output
    published.server.lie = unsigned
    refused = CliRunner().invoke(app, ["keys", "find", "agr.example", "AGR", "--config", str(config)])
    assert refused.exit_code == 1
    assert "not signed" in refused.output


class Mutating(Dns):
    """Asks the server's code directly and damages what it says on its way, its name and number excepted."""

    def __init__(self, published: Published) -> None:
        anchor = published.folder / "root.ds"
        anchor.write_text(published.server.anchor)
        super().__init__(
            resolvers=[("127.0.0.1", 9)], validation="chain", anchors=anchors_of(anchor), timeout_s=60,
            now=lambda: datetime.now(UTC),
        )  # fmt: skip
        self.server, self.cuts = published.server, list[tuple[int, float, bytes]]()
        self.asked = 0

    def _query(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.QueryMessage:
        wire = self.server._answer(dns.message.make_query(name, kind, want_dnssec=True)).to_wire(max_size=65_535)
        for number, place, new in self.cuts:
            if number == self.asked:
                at = 12 + int(place * (len(wire) - 12))
                wire = wire[:at] + new + wire[at + len(new) :]
        self.asked += 1
        response = dns.message.from_wire(wire)
        if response.rcode() == dns.rcode.NXDOMAIN:
            raise dns.resolver.NXDOMAIN(qnames=[name], responses={name: response})
        assert isinstance(response, dns.message.QueryMessage)
        return response


CUTS = st.lists(st.tuples(st.integers(0, 9), st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), max_size=4)


@pytest.fixture(scope="module")
def module_published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    made = Published(tmp_path_factory.mktemp("dns"))
    yield made
    made.server.close()


@settings(max_examples=150, deadline=None)
@given(cuts=CUTS)
def test_no_damage_to_any_answer_is_believed_or_breaks_the_program(module_published, cuts) -> None:
    resolver = Mutating(module_published)
    resolver.cuts = cuts
    try:
        found = look_up(resolver, "agr.example", "AGR")
    except DiscoveryError:
        return
    assert found.public_keys == (module_published.ring.entries()[0].public,)  # the damage was beside the point
    assert found.endpoint == ENDPOINT


def test_bytes_that_are_no_answer_are_an_error_in_words(published: Published) -> None:
    published.server.garbage = itertools.cycle([b"", b"\x00" * 12, b"\xff" * 40, b"\x00\x01" * 30])
    with pytest.raises(DiscoveryError, match="could not be looked up"):
        look_up(published.dns(timeout_s=0.3), "agr.example", "AGR")


def test_the_server_takes_another_port_where_somebody_has_its_number_on_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken, numbers = socket.create_server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM), list[int]()

    def create(address: tuple[str, int]) -> socket.socket:
        made = real(address)
        numbers.append(made.getsockname()[1])
        if len(numbers) == 1:
            with suppress(OSError):  # somebody has it already
                taken.bind(("127.0.0.1", numbers[0]))
        return made

    monkeypatch.setattr(socket, "create_server", create)
    server = DnsServer(Zone("example.", ""))
    assert len(numbers) > 1
    assert server.port == numbers[-1]
    server.close()
    taken.close()
