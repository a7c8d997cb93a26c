"""Keys, and the SignedMessage envelope: Ed25519 signatures (NaCl's crypto_sign) around the XML of a message.

Source: message transport mechanism (cryptographic scheme CS1, error handling); UFTP-common.xsd, SignedMessage.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey

from agr.domain.errors import MessageError, SealError, SettingsError
from agr.uftp.field_types import DOMAIN_PATTERN
from agr.uftp.xml_parser import MAX_BYTES, Element, read

PREFIX = "cs1."
KEY_BYTES = 32
BAD_ENVELOPE, BAD_SIGNATURE, TOO_LARGE, KEY_NOT_FOUND = 400, 401, 413, 419

_DOMAIN = re.compile(DOMAIN_PATTERN.removeprefix("^").removesuffix("$"))
_LOCKED = b"agr-key-argon2id:"
_ROLES = ("AGR", "CRO", "DSO")
_BLANK = dict.fromkeys(map(ord, " \t\r\n"))
_WRITTEN_BLANK = re.compile(rb"&#(?:0*(?:9|10|13|32)|x0*(?:9|[aA]|[dD]|20));")  # how serialisers write line breaks
_BODY = re.compile(rb"""\sBody\s*=\s*(["'])""")
_DOMAIN_SHOWN = re.compile(rb"""\sSenderDomain\s*=\s*["']([a-z0-9.-]{1,253})["']""")
_ROLE_SHOWN = re.compile(rb"""\sSenderRole\s*=\s*["']([A-Z]{1,8})["']""")
_EXPECTED = "expected SignedMessage with SenderDomain, SenderRole, Body and nothing else"
MAX_HEAD = 16_384
"""Most bytes of an envelope besides its Body."""


def public_key_bytes(text: str) -> bytes:
    """Return the 32-byte signing key of `cs1.` + base64 of 32 bytes (64 with an encryption key). Raises ValueError."""
    expected = f"expected {PREFIX!r} and the base64 of 32 bytes (signing) or 64 bytes (signing and encryption)"
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(expected) from None
    if not text.startswith(PREFIX) or len(raw) not in (KEY_BYTES, 2 * KEY_BYTES):
        raise ValueError(expected)
    return raw[:KEY_BYTES]


@dataclass(frozen=True)
class KeyPair:
    """Our signing key. The seed never appears in a repr, a log or an error."""

    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "KeyPair":
        """Return a new random key."""
        return cls(bytes(SigningKey.generate()))

    @property
    def public_bytes(self) -> bytes:
        """The 32 bytes with which others verify our signatures."""
        return bytes(SigningKey(self.seed).verify_key)

    @property
    def public(self) -> str:
        """The public key as participants exchange it: cs1.…"""
        return PREFIX + base64.b64encode(self.public_bytes).decode("ascii")

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write a new file that only its owner can read, encrypted if there is a passphrase; never overwrites.

        Raises SettingsError.
        """
        text = base64.b64encode(self.seed) if passphrase is None else _locked(self.seed, passphrase)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError as error:
            words = "exists already and was not overwritten; move it away, or choose another place"
            raise SettingsError(f"key file {path}: {words}") from error
        except OSError as error:
            raise SettingsError(f"key file {path} cannot be created: {error.strerror}") from error

    @classmethod
    def load(cls, path: Path, passphrase: bytes | None = None) -> "KeyPair":
        """Read base64 of a 32-byte seed or of libsodium's 64-byte secret key, or what `save` encrypted.

        Raises SettingsError.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(1024).strip()
        except OSError as error:
            raise SettingsError(f"key file {path} cannot be read: {error.strerror}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"key file {path} is open to others; run chmod 600 {path}, and consider a new key")
        if text.startswith(_LOCKED):
            return cls(_unlocked(text, passphrase, path))
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        pair = cls(raw[:KEY_BYTES])
        if len(raw) == KEY_BYTES or (len(raw) == 2 * KEY_BYTES and raw[KEY_BYTES:] == pair.public_bytes):
            return pair
        raise SettingsError(f"key file {path}: expected the base64 of a 32-byte seed or a 64-byte secret key")


def _stretched(passphrase: bytes, salt: bytes) -> bytes:
    return bytes(
        argon2id.kdf(
            KEY_BYTES, passphrase, salt, opslimit=argon2id.OPSLIMIT_MODERATE, memlimit=argon2id.MEMLIMIT_INTERACTIVE
        )
    )


def _locked(seed: bytes, passphrase: bytes) -> bytes:
    salt = os.urandom(argon2id.SALTBYTES)
    return _LOCKED + base64.b64encode(salt + bytes(SecretBox(_stretched(passphrase, salt)).encrypt(seed)))


def _unlocked(text: bytes, passphrase: bytes | None, path: Path) -> bytes:
    if passphrase is None:
        raise SettingsError(f"key file {path} is encrypted: name the file with its passphrase in key_passphrase_file")
    try:
        raw = base64.b64decode(text.removeprefix(_LOCKED), validate=True)
        salt, box = raw[: argon2id.SALTBYTES], raw[argon2id.SALTBYTES :]
        return bytes(SecretBox(_stretched(passphrase, salt)).decrypt(box))
    except (CryptoError, ValueError, TypeError):
        raise SettingsError(f"key file {path} cannot be decrypted: is this its passphrase?") from None


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What an envelope held; its signature is verified."""

    sender_domain: str
    sender_role: str
    xml: bytes


def seal(xml: bytes, *, domain: str, role: str, key: KeyPair) -> bytes:
    """Return the SignedMessage around a message of ours."""
    if role not in _ROLES or not _DOMAIN.fullmatch(domain):
        raise SealError("an envelope needs the sender's domain and role")
    body = base64.b64encode(SigningKey(key.seed).sign(xml))
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<SignedMessage SenderDomain="{domain}" SenderRole="{role}" Body="'
    return head.encode("ascii") + body + b'"/>'


def unseal(
    body: bytes,
    keys_of: Callable[[str, str], Sequence[bytes]],
    *,
    max_bytes: Mapping[str, int] | None = None,
    default_max_bytes: int = MAX_BYTES,
) -> Sealed:
    """Return the message in an envelope once its signature holds for one of the sender's keys.

    `max_bytes` bounds the envelope by the sender's role, `default_max_bytes` for other roles. The cheap checks come
    first: size, form, size for the role, known key, base64, signature. Raises SealError with the HTTP status: 400
    malformed, 401 bad signature, 413 too large, 419 key not found.
    """
    limits = max_bytes or {}
    _limit(len(body), max(default_max_bytes, *limits.values(), 0))
    domain, role, text = _envelope(body)
    _limit(len(body), limits.get(role, default_max_bytes))
    keys = keys_of(domain, role)
    if not keys:
        raise SealError("no public key is known for this sender and role", KEY_NOT_FOUND)
    try:
        signed = base64.b64decode(text.translate(_BLANK), validate=True)
    except (binascii.Error, ValueError):
        raise SealError("SignedMessage/Body: expected base64", BAD_ENVELOPE) from None
    return Sealed(sender_domain=domain, sender_role=role, xml=_open(signed, keys))


def peek(head: bytes) -> tuple[str, str] | None:
    """Return SenderDomain and SenderRole as the first bytes of an envelope claim them; None when they do not.

    A claim is good enough for an early refusal: only `unseal` says who has signed.
    """
    body = _BODY.search(head)
    shown = head[: body.start()] if body else head
    domain, role = _DOMAIN_SHOWN.search(shown), _ROLE_SHOWN.search(shown)
    return (domain[1].decode("ascii"), role[1].decode("ascii")) if domain and role else None


def _limit(size: int, allowed: int) -> None:
    if size > allowed:
        raise SealError(f"the body has {size} bytes, {allowed} are allowed", TOO_LARGE)


def _envelope(body: bytes) -> tuple[str, str, str]:
    """Return SenderDomain, SenderRole and Body. Raises SealError 400.

    The Body may have a hundred megabytes, so it is cut out before the small rest is parsed as XML. That rest must have
    an empty Body and no unknown parts.
    """
    begin = _BODY.search(body)
    end = body.find(begin[1], begin.end()) if begin else -1
    if begin is None or end < 0:
        raise SealError(_EXPECTED, BAD_ENVELOPE)
    rest = body[: begin.end()] + body[end:]
    try:
        root, content = read(rest, max_bytes=MAX_HEAD)
    except MessageError as error:
        raise SealError(f"SignedMessage: {error}", BAD_ENVELOPE) from None
    if root != "SignedMessage" or content.keys() != {"SenderDomain", "SenderRole", "Body"} or content["Body"] != "":
        raise SealError(_EXPECTED, BAD_ENVELOPE)
    domain, role = _text(content, "SenderDomain"), _text(content, "SenderRole")
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise SealError("SignedMessage/SenderDomain: expected an internet domain in lower case", BAD_ENVELOPE)
    if role not in _ROLES:
        raise SealError(f"SignedMessage/SenderRole: expected one of {', '.join(_ROLES)}", BAD_ENVELOPE)
    return domain, role, _WRITTEN_BLANK.sub(b"", body[begin.end() : end]).decode("ascii", "replace")


def _text(content: Element, name: str) -> str:
    value = content[name]
    if not isinstance(value, str):
        raise SealError(f"SignedMessage/{name}: expected an attribute", BAD_ENVELOPE)
    return value


def _open(signed: bytes, keys: Sequence[bytes]) -> bytes:
    """Return the signed XML. Any exception of nacl means that a key does not fit. Raises SealError 401."""
    for key in keys:
        try:
            return bytes(VerifyKey(key).verify(signed))
        except CryptoError:
            continue
    raise SealError("the signature fits none of the sender's keys", BAD_SIGNATURE)
