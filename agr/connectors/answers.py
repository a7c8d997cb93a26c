"""Addresses to which back-ends send answers: each has a proof in its path, since some back-ends send no header.

`…/KIND/ROAD/KEY/PROOF`; the proof is an HMAC-SHA256 over what stands before it. Whoever does not know the secret can
neither make an address nor move an answer to another one. The same secret after a restart, and on a standby, makes the
same addresses, so that answers to commands sent before are still taken.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

COMMAND, VERIFY, NEWS = "command", "verify", "news"
KINDS = (COMMAND, VERIFY, NEWS)


@dataclass(frozen=True, kw_only=True)
class AnswerAddresses:
    """Makes and proves addresses. `base` is asked each time: a port may be known only once it is listened on."""

    base: Callable[[], str]
    secret: bytes

    def url(self, kind: str, road: str, key: str) -> str:
        """Return the address for one answer, or for one station's news."""
        path = "/".join(in_path(part) for part in (kind, road, key, self._proof(kind, road, key)))
        return f"{self.base().rstrip('/')}/{path}"

    def genuine(self, kind: str, road: str, key: str, proof: str) -> bool:
        """Say whether an address is one of ours; takes the same time whatever is wrong with it."""
        return hmac.compare_digest(self._proof(kind, road, key).encode(), proof.encode())

    def _proof(self, kind: str, road: str, key: str) -> str:
        text = "\0".join((kind, road, key)).encode()
        return hmac.digest(self.secret, text, "sha256").hex()


_PLAIN = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


def in_path(text: str) -> str:
    """Return a text as one part of a path; what servers and proxies read differently is in base64."""
    if _PLAIN.fullmatch(text) and set(text) != {"."}:
        return text
    return "~" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def of_path(part: str) -> str:
    """Return the text of a part of a path; what is not from `in_path` comes back as it is: its proof will not fit."""
    if not part.startswith("~"):
        return part
    try:
        return base64.urlsafe_b64decode(part[1:] + "=" * (-len(part[1:]) % 4)).decode()
    except (binascii.Error, ValueError):
        return part


def secret_of(seed: bytes) -> bytes:
    """Return the secret of answers, from that of our signing key: leader and standby have the same one."""
    return hmac.digest(seed, b"agr dispatch answers 1", "sha256")
