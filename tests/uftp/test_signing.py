"""Keys and envelopes: a valid signature is accepted, everything else is refused with its HTTP status."""

import base64
import inspect
import os
import time

import nacl.exceptions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from nacl.signing import SigningKey

from agr.domain.errors import SealError, SettingsError
from agr.uftp.signing import KeyPair, Sealed, public_key_bytes, seal, unseal
from tests.uftp.uftp_samples import assert_valid

KEY = KeyPair(bytes(range(32)))
XML = b"<TestMessage/>"


def keys_of(domain: str, role: str) -> tuple[bytes, ...]:
    return (KEY.public_bytes,) if (domain, role) == ("dso.nl", "DSO") else ()


def envelope(body: str, domain: str = "dso.nl", role: str = "DSO", more: str = "") -> bytes:
    return f'<SignedMessage SenderDomain="{domain}" SenderRole="{role}" Body="{body}"{more}/>'.encode()


def signed(xml: bytes = XML) -> str:
    return base64.b64encode(SigningKey(KEY.seed).sign(xml)).decode()


def status_of(body: bytes, **limits) -> int:
    with pytest.raises(SealError) as caught:
        unseal(body, keys_of, **limits)
    return caught.value.status


# --- interoperability: nacl alone on the other side ----------------------------------------------------------------


def test_message_sealed_by_plain_nacl_is_opened():
    assert unseal(envelope(signed()), keys_of) == Sealed(sender_domain="dso.nl", sender_role="DSO", xml=XML)


def test_message_we_seal_is_opened_by_plain_nacl():
    body = seal(XML, domain="agr.nl", role="AGR", key=KEY)
    assert_valid(body, "3.1.0")
    element = etree.fromstring(body)
    assert (element.tag, element.get("SenderDomain"), element.get("SenderRole")) == ("SignedMessage", "agr.nl", "AGR")
    blob = base64.b64decode(element.get("Body"), validate=True)
    assert SigningKey(KEY.seed).verify_key.verify(blob) == XML
    assert blob[64:] == XML  # crypto_sign: the signature comes first


@given(st.binary(max_size=500))
@settings(deadline=None, max_examples=50)
def test_unsealing_undoes_sealing(xml):
    assert unseal(seal(xml, domain="dso.nl", role="DSO", key=KEY), keys_of).xml == xml


def test_both_keys_of_a_rotation_are_valid():
    other = KeyPair.generate()
    pair = (other.public_bytes, KEY.public_bytes)
    for order in (pair, pair[::-1]):
        assert unseal(envelope(signed()), lambda domain, role, order=order: order).xml == XML


# --- refusals ------------------------------------------------------------------------------------------------------


def test_unknown_key_is_419():
    assert status_of(envelope(signed(), domain="other.nl")) == 419
    assert status_of(envelope(signed(), role="CRO")) == 419


def test_every_flipped_bit_is_401():
    blob = bytearray(base64.b64decode(signed()))
    for position in range(len(blob)):
        flipped = bytearray(blob)
        flipped[position] ^= 1 << (position % 8)
        assert status_of(envelope(base64.b64encode(flipped).decode())) == 401


def test_signature_malleability_is_401():
    """S + L would be the same signature to a careless verifier, in other bytes."""
    blob = base64.b64decode(signed())
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(blob[32:64], "little") + order
    while scalar < 2**256:
        forged = blob[:32] + scalar.to_bytes(32, "little") + blob[64:]
        assert status_of(envelope(base64.b64encode(forged).decode())) == 401
        scalar += order


def test_a_signature_of_small_order_that_fits_any_message_is_401():
    """With the neutral element as R and as key, and S = 0, the equation holds for every message."""
    neutral = (1).to_bytes(32, "little")
    forged = base64.b64encode(neutral + bytes(32) + XML).decode()
    with pytest.raises(SealError) as caught:
        unseal(envelope(forged), lambda domain, role: (neutral,))
    assert caught.value.status == 401


@pytest.mark.parametrize("blob", [b"", b"x", bytes(63), bytes(64), bytes(200)])
def test_blob_without_a_signature_is_401(blob):
    assert status_of(envelope(base64.b64encode(blob).decode())) == 401


def test_other_key_is_401():
    stranger = KeyPair.generate()
    assert status_of(seal(XML, domain="dso.nl", role="DSO", key=stranger)) == 401


@pytest.mark.parametrize("key", [b"", b"short", bytes(33), bytes(32), b"\xff" * 32, "text", None])
def test_unusable_key_in_the_directory_is_401_and_never_breaks_out(key):
    with pytest.raises(SealError) as caught:
        unseal(envelope(signed()), lambda domain, role: (key,))
    assert caught.value.status == 401


def test_every_nacl_exception_is_caught():
    kinds = [kind for _, kind in inspect.getmembers(nacl.exceptions, inspect.isclass) if kind is not type]
    raised = [kind for kind in kinds if issubclass(kind, Exception) and kind.__module__ == "nacl.exceptions"]
    assert len(raised) >= 9
    assert all(issubclass(kind, nacl.exceptions.CryptoError) for kind in raised)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<SignedMessage/>",
        b"<TestMessage/>",
        envelope("AAAA")[:-3],
        envelope("AAAA", more=' Extra="1"'),
        envelope("AAAA").replace(b"/>", b"><x/></SignedMessage>"),
        b'<SignedMessage SenderDomain="dso.nl" SenderRole="DSO"><Body/></SignedMessage>',
        envelope("AAAA").replace(b"/>", b">AAAA</SignedMessage>"),
        b"<!DOCTYPE x>" + envelope("AAAA"),
        envelope("AAAA").decode().encode("utf-16"),
        envelope("AAAA", domain="DSO.nl"),
        envelope("AAAA", domain=" dso.nl"),
        envelope("AAAA", domain="dso.nl&#10;"),
        envelope("AAAA", domain="a" * 260 + ".nl"),
        envelope("AAAA", domain=""),
        envelope("AAAA", role="dso"),
        envelope("AAAA", role="BRP"),
        envelope("%%%%"),
        envelope("A"),
        envelope("QQ==QQ=="),
        envelope("AAA\u00e9"),
        envelope("-_-_"),
    ],
)
def test_malformed_envelope_is_400(body):
    assert status_of(body) == 400


def test_white_space_in_base64_is_read_as_the_schema_allows():
    text = signed()
    wrapped = " \t".join(text[i : i + 76] for i in range(0, len(text), 76))
    assert unseal(envelope(f" {wrapped}&#13;&#10; "), keys_of).xml == XML


def test_size_limits_hold_by_role_before_anything_is_opened():
    body = envelope(signed())
    assert unseal(body, keys_of, max_bytes={"DSO": len(body)}).xml == XML
    assert status_of(body, max_bytes={"DSO": len(body) - 1}) == 413
    assert status_of(body, default_max_bytes=len(body) - 1) == 413
    assert status_of(b"not even xml", max_bytes={"CRO": 3}, default_max_bytes=5) == 413
    assert unseal(body, keys_of, max_bytes={"CRO": 1}, default_max_bytes=len(body)).xml == XML


def test_body_larger_than_lxmls_own_limit_is_opened():
    xml = b"<x>" + b" " * 12_000_000 + b"</x>"
    started = time.monotonic()
    assert unseal(seal(xml, domain="dso.nl", role="DSO", key=KEY), keys_of).xml == xml
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("domain", "role"), [("AGR.nl", "AGR"), ('a"b.nl', "AGR"), ("agr.nl", "BRP")])
def test_we_never_write_a_malformed_envelope(domain, role):
    with pytest.raises(SealError):
        seal(XML, domain=domain, role=role, key=KEY)


# --- key files -----------------------------------------------------------------------------------------------------


def test_key_survives_the_file_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "agr.key"
    key = KeyPair.generate()
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyPair.load(path) == key
    assert key != KeyPair.generate()


def test_key_file_is_never_overwritten(tmp_path):
    path = tmp_path / "agr.key"
    KEY.save(path)
    with pytest.raises(SettingsError, match="exists already and was not overwritten"):
        KeyPair.generate().save(path)
    assert KeyPair.load(path) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o644])
def test_key_file_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "agr.key"
    KEY.save(path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        KeyPair.load(path)


def test_missing_key_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.key cannot be read"):
        KeyPair.load(tmp_path / "none.key")


def write(path, content: bytes):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(content)
    return path


def test_libsodiums_secret_key_is_read(tmp_path):
    path = write(tmp_path / "k", base64.b64encode(KEY.seed + KEY.public_bytes))
    assert KeyPair.load(path) == KEY


@pytest.mark.parametrize(
    "content", [b"", b"%%%", base64.b64encode(bytes(31)), base64.b64encode(bytes(64)), base64.b64encode(bytes(96))]
)
def test_other_key_files_are_refused_without_showing_them(tmp_path, content):
    with pytest.raises(SettingsError, match="expected the base64") as caught:
        KeyPair.load(write(tmp_path / "k", content))
    assert not content or content.decode() not in str(caught.value)


def test_secret_never_shows():
    shown = f"{KEY!r} {KEY}"
    assert base64.b64encode(KEY.seed).decode() not in shown
    assert str(KEY.seed) not in shown


def test_public_key_has_the_form_participants_exchange():
    # RFC 8032, 7.1, test 1: this seed has this public key
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    key = KeyPair(seed)
    assert key.public_bytes == public
    assert key.public == "cs1." + base64.b64encode(public).decode()
    assert public_key_bytes(key.public) == public
    assert public_key_bytes("cs1." + base64.b64encode(public + bytes(32)).decode()) == public


def test_specifications_example_key_is_read():
    text = "cs1.V4lZrkYHq8FzneXxUML+QEMXMul3tBm+gPGoVDIZBA92VoWTu8/kRu2Zx72XOm1i/qwwoSgXjqSAqSa43myCaQ=="
    assert public_key_bytes(text) == base64.b64decode(text[4:])[:32]


@pytest.mark.parametrize("text", ["", "cs1.", "cs2." + "A" * 44, "A" * 43 + "=", "cs1.AAAA", "cs1.%%%", "cs1.é"])
def test_other_public_keys_are_refused(text):
    with pytest.raises(ValueError, match="expected 'cs1"):
        public_key_bytes(text)
