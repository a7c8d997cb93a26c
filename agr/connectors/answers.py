"""Addresses to which back-ends send answers: each has a proof in its path, since some back-ends send no header.

`…/KIND/ROAD/KEY/PROOF`; the proof is an HMAC-SHA256 over what stands before it. Whoever does not know the secret can
neither make an address nor move an answer to another one. The same secret after a restart, and on a standby, makes the
same addresses, so that answers to commands sent before are still taken.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

COMMAND, VERIFY, NEWS = "command", "verify", "news"
KINDS = (COMMAND, VERIFY, NEWS)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Makes and proves addresses. `base` is asked each time: a port may be known only once it is listened on."""

    base: Callable[[], str]
    secret: bytes

    def url(self, kind: str, road: str, key: str) -> str:
        """Return the address for one answer, or for one station's news."""
        path = "/".join(quote(part, safe="") for part in (kind, road, key, self._proof(kind, road, key)))
        return f"{self.base().rstrip('/')}/{path}"

    def genuine(self, kind: str, road: str, key: str, proof: str) -> bool:
        """Say whether an address is one of ours; takes the same time whatever is wrong with it."""
        return hmac.compare_digest(self._proof(kind, road, key).encode(), proof.encode())

    def _proof(self, kind: str, road: str, key: str) -> str:
        text = "\0".join((kind, road, key)).encode()
        return hmac.digest(self.secret, text, "sha256").hex()


def secret_of(seed: bytes) -> bytes:
    """Return the secret of answers, from that of our signing key: leader and standby have the same one."""
    return hmac.digest(seed, b"agr dispatch answers 1", "sha256")
