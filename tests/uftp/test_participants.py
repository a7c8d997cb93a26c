"""The directory finds its participants and refuses unusable entries."""

import pytest

from agr.domain.errors import SettingsError
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair

OLD, NEW = KeyPair(bytes(32)), KeyPair(bytes(range(32)))


def participant(**more):
    fields = {"domain": "dso.nl", "role": "DSO", "endpoint": "https://dso.nl/x", "public_keys": (OLD.public,)}
    return Participant(**{**fields, **more})


def test_participants_are_found_by_domain_and_role():
    cro = participant(role="CRO", public_keys=(NEW.public, OLD.public), version="3.0.0")
    directory = Participants([participant(), cro])
    assert directory.find("dso.nl", "CRO") is cro
    assert directory.find("dso.nl", "AGR") is None
    assert directory.find("cro.nl", "CRO") is None
    assert directory.keys("dso.nl", "DSO") == (OLD.public_bytes,)
    assert directory.keys("dso.nl", "CRO") == (NEW.public_bytes, OLD.public_bytes)
    assert directory.keys("nobody.nl", "DSO") == ()
    assert directory.with_role("CRO") == (cro,)
    assert directory.roles_of("dso.nl") == ("DSO", "CRO")
    assert directory.roles_of("nobody.nl") == ()


def test_barred_participant_keeps_its_keys_so_that_it_can_be_told():
    assert Participants([participant(barred=True)]).keys("dso.nl", "DSO") == (OLD.public_bytes,)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([participant(), participant()], "listed twice"),
        ([participant(role="BRP")], "expected a role"),
        ([participant(public_keys=())], "one public key"),
        ([participant(public_keys=(OLD.public,) * 3)], "one public key"),
        ([participant(public_keys=("cs1.x",))], "expected 'cs1"),
    ],
)
def test_unusable_entries_are_refused_in_words(entries, expected):
    with pytest.raises(SettingsError, match=f"participant dso.nl.*{expected}"):
        Participants(entries)
