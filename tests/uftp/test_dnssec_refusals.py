"""What is forged, expired or not signed in the DNS is refused, and said in words."""

from collections.abc import Iterator
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

from agr.domain.errors import DiscoveryError
from agr.uftp.dns.discovery import look_up
from tests.builders.dns_server import Zone, broken, forged, unsigned
from tests.uftp.signed_zones import OTHER, Published


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    made = Published(tmp_path)
    yield made
    made.server.close()


def test_a_tampered_answer_is_refused(published: Published) -> None:
    published.server.lie = forged("TXT", f'"{OTHER}"')
    published.refused("no signature of _agr._usef.agr.example. TXT is valid")


def test_a_tampered_endpoint_is_refused(published: Published) -> None:
    published.server.lie = forged("CNAME", "evil.example.")
    published.refused("no signature of _http._agr._usef.agr.example. CNAME is valid")


def test_an_answer_whose_signature_was_taken_away_is_refused(published: Published) -> None:
    published.server.lie = unsigned
    published.refused(r"is not signed \(DNSSEC\), and not believed")


def test_an_unsigned_zone_is_refused(published: Published) -> None:
    published.serve(Zone("example.", ""), published.zone(signed=False))
    published.refused("_agr._usef.agr.example. TXT is not signed")


def test_a_zone_its_parent_does_not_vouch_for_is_refused(published: Published) -> None:
    signed, stranger = published.zone(), published.zone(signed=False)
    published.serve(Zone("example.", ""), stranger)
    published.server._zones[signed.origin] = signed.made()  # signed, but no DS above
    published.refused("zone agr.example. is not secured by DNSSEC: the zone above has no DS record")


def test_keys_other_than_those_the_parent_vouches_for_are_refused(published: Published) -> None:
    published.server._zones[Zone("agr.example.", "").origin] = published.zone().made()  # a new key, the old DS
    published.refused("none of the keys of zone agr.example. is vouched for by its parent")


def test_an_expired_answer_is_refused(published: Published) -> None:
    past = datetime.now(UTC) - timedelta(days=2)
    published.serve(
        Zone("example.", ""), published.zone(inception=past - timedelta(days=7), expiration=past)
    )  # fmt: skip
    published.refused(f"has expired on {past:%Y-%m-%d}")


def test_an_answer_from_the_future_is_refused(published: Published) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    published.serve(Zone("example.", ""), published.zone(inception=later))
    published.refused(f"is valid only from {later:%Y-%m-%d %H:%M} UTC on: our clock is wrong, or its signer's")


def test_keys_of_a_zone_are_asked_for_again_before_their_signature_ends(published: Published) -> None:
    begin = datetime.now(UTC)
    published.serve(Zone("example.", ""), published.zone(expiration=begin + timedelta(minutes=10)))
    resolver, passed = published.dns(), timedelta(0)
    resolver._now = lambda: begin + passed
    look_up(resolver, "agr.example", "AGR")

    def asked_for_keys() -> bool:
        published.server.asked.clear()
        look_up(resolver, "agr.example", "AGR")
        return ("agr.example.", "DNSKEY") in published.server.asked

    passed = timedelta(minutes=7)
    assert not asked_for_keys()
    passed = timedelta(minutes=9)
    assert asked_for_keys()


def test_another_root_is_refused(published: Published) -> None:
    dns = published.dns()
    published.serve(Zone("example.", ""), published.zone())
    with pytest.raises(
        DiscoveryError, match=r"none of the keys of zone \. is vouched for by its parent or by our trust"
    ):
        look_up(dns, "agr.example", "AGR")


def test_an_answer_out_of_a_wildcard_is_refused(published: Published) -> None:
    wild = Zone("agr.example.", f'*._usef.agr.example. 3600 IN TXT "{OTHER}"\n_usef.agr.example. 60 IN TXT "3.1.0"\n')
    published.serve(Zone("example.", ""), wild)
    published.refused("comes from a wildcard")


def test_a_sibling_zone_cannot_sign_for_another(published: Published) -> None:
    thief = Zone("evil.example.", f'_agr._usef.evil.example. 3600 IN TXT "{OTHER}"\n')
    published.serve(Zone("example.", ""), published.zone(), thief)
    stolen = published.server._zones[thief.origin].find_node("_agr._usef.evil.example.")

    def lie(response: dns.message.Message) -> None:
        for rrset in response.answer:
            if "_agr" in str(rrset.name).lower():
                rrset.clear()
                rrset.update(stolen.get_rdataset(dns.rdataclass.IN, rrset.rdtype, rrset.covers))

    published.server.lie = lie
    published.refused("is not signed by its own zone")


def test_a_resolver_in_trouble_is_an_error_in_words(published: Published) -> None:
    published.server.lie = broken
    published.refused("could not be looked up: .*SERVFAIL")


def test_names_that_do_not_exist_are_said(published: Published) -> None:
    with pytest.raises(DiscoveryError, match=r"the DNS knows no _DSO\._usef\.agr\.example"):
        look_up(published.dns(), "agr.example", "DSO")
