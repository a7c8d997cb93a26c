"""What participants publish about themselves in the DNS: public keys, endpoint, version.

Source: message transport mechanism, service discovery (DNS). For domain D and role R: `_R._usef.D` TXT holds one or two
public keys, `_http._R._usef.D` CNAME the host, `_usef.D` TXT the version, whose first number is part of the path.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agr.domain.errors import DiscoveryError
from agr.uftp.signing import public_key_bytes

VERSIONS = ("3.1.0", "3.0.0")
"""Versions of the protocol that we support, preferred first."""
_HOST = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
"""The last label begins with a letter, so that no IP address is taken for a name (RFC 1123, 2.1)."""
_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}")


class Said(Protocol):
    """What a name holds, and for how long."""

    @property
    def values(self) -> tuple[str, ...]:
        """The records' texts."""

    @property
    def fresh_until(self) -> datetime:
        """When to ask again."""

    @property
    def valid_until(self) -> datetime:
        """When its signatures expire."""


class DnsSource(Protocol):
    """A source of DNS answers."""

    def ask(self, name: str, kind: str) -> Said:
        """Return what a name holds. Raises DiscoveryError."""


@dataclass(frozen=True, kw_only=True)
class DnsFound:
    """What was found; empty where it was not asked for."""

    public_keys: tuple[str, ...]
    endpoint: str
    version: str
    fresh_until: datetime
    valid_until: datetime


def look_up(dns: DnsSource, domain: str, role: str, *, keys: bool = True, endpoint: bool = True) -> DnsFound:
    """Return a participant's published keys and endpoint. Raises DiscoveryError, which names the wrong record."""
    answers: list[Said] = []

    def ask(name: str, kind: str) -> tuple[str, ...]:
        answers.append(dns.ask(name, kind))
        return answers[-1].values

    found = _keys(f"_{role}._usef.{domain}", ask(f"_{role}._usef.{domain}", "TXT")) if keys else ()
    place = version = ""
    if endpoint:
        version, major = _version(f"_usef.{domain}", ask(f"_usef.{domain}", "TXT"))
        (host,) = ask(f"_http._{role}._usef.{domain}", "CNAME")
        if not _HOST.fullmatch(host) or len(host) > 253:
            raise DiscoveryError(
                f"_http._{role}._usef.{domain} leads to {host[:80]!r}, which is not the name of a host"
            )
        place = f"https://{host}/shapeshifter/api/v{major}/message"
    if not answers:
        raise DiscoveryError(f"there is nothing to ask the DNS about {domain} as {role}")
    return DnsFound(
        public_keys=found, endpoint=place, version=version, fresh_until=min(a.fresh_until for a in answers),
        valid_until=min(a.valid_until for a in answers),
    )  # fmt: skip


def _keys(name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    keys = tuple(dict.fromkeys(word for text in texts for word in text.split()))
    if len(keys) not in (1, 2):
        raise DiscoveryError(f"{name} holds {len(keys)} public keys; expected one, or two while they change")
    for key in keys:
        try:
            public_key_bytes(key)
        except ValueError as error:
            raise DiscoveryError(f"{name}: {error}; it holds {key[:100]!r}") from None
    return keys


def _version(name: str, texts: tuple[str, ...]) -> tuple[str, str]:
    """Return the version to speak and the number in the path."""
    said = [_numbers(word) for text in texts for word in text.split() if _VERSION.fullmatch(word)]
    # A later version understands an earlier one of the same major version.
    ours = next((v for v in VERSIONS if any(s[0] == _numbers(v)[0] and s >= _numbers(v) for s in said)), "")
    if not ours:
        shown = " ".join(texts)[:80]
        raise DiscoveryError(f"{name} names no version of UFTP that we speak ({', '.join(VERSIONS)}): {shown!r}")
    return ours, ours.split(".")[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
