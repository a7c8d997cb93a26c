"""Asks the participants API of GOPACS (V3) for public keys: by domain, or by a contract and a role.

It answers with a domain and a public key; everybody is reached through the broker.
Source: docs/how-to/connect-to-gopacs.md.
"""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from agr.domain.errors import DeliveryError, DiscoveryError
from agr.domain.foreign_text import one_line
from agr.uftp.signing import public_key_bytes

_MOST_BYTES = 65_536
_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A participant as the directory has it."""

    domain: str
    public_key: str  # cs1.…


def by_domain(client: httpx.Client, directory: str, domain: str) -> Listed:
    """Return the participant of a domain. Raises DiscoveryError."""
    found = _ask(client, f"{directory.rstrip('/')}/participants/{quote(domain, safe='')}", domain)
    if found.domain != domain.lower():
        raise DiscoveryError(f"the directory was asked for {domain} and answers about another domain")
    return found


def by_contract(client: httpx.Client, directory: str, contract: str, role: str = "DSO") -> Listed:
    """Return the participant that a contract names in a role. Raises DiscoveryError."""
    place = f"{directory.rstrip('/')}/participants/contracts/{quote(contract, safe='')}/roles/{role}"
    return _ask(client, place, f"contract {contract}")


def _ask(client: httpx.Client, url: str, what: str) -> Listed:
    try:
        with client.stream("GET", url, headers={"Accept": "application/json"}, follow_redirects=False) as response:
            status, body = response.status_code, b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise DiscoveryError(f"the directory answers more than {_MOST_BYTES:,} bytes about {what}")
    except (httpx.HTTPError, httpx.InvalidURL, DeliveryError) as error:
        raise DiscoveryError(f"the directory cannot be asked for {what}: {one_line(str(error))[:200]}") from error
    if status == 404:
        raise DiscoveryError(f"the directory does not know {what}")
    if status != 200:
        raise DiscoveryError(f"the directory answers HTTP {status} about {what}")
    return _read(body, what)


def _read(body: bytes, what: str) -> Listed:
    import json

    try:
        found = json.loads(body)
        domain, key = str(found["domain"]).strip().lower(), str(found["publicKey"]).strip()
    except (ValueError, KeyError, TypeError) as error:
        raise DiscoveryError(f"the directory's answer about {what} has no domain and publicKey") from error
    key = key if key.startswith("cs1.") else f"cs1.{key}"
    try:
        public_key_bytes(key)
        base64.b64decode(key.removeprefix("cs1."), validate=True)
    except (ValueError, binascii.Error) as error:
        shown = one_line(key)[:_SHOWN]
        raise DiscoveryError(f"what the directory gives as public key of {what} is not one: {shown}") from error
    return Listed(domain=domain, public_key=key)
