"""How we reach each participant: TLS with verified certificates, client certificates, access tokens."""

import os
import ssl
import time
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from threading import Lock

import httpx

from agr.domain.errors import DeliveryError, SettingsError
from agr.uftp.access import Access, Way

_EARLY_S = 60.0
"""Seconds before its expiry at which a token stops being used."""
_SHORTEST_S = 10.0


def tls_context(
    authorities: Path | None, certificate: tuple[Path, Path] | None = None, *, setting: str = "tls.authorities_file",
    beside_system: bool = False,
) -> ssl.SSLContext:  # fmt: skip
    """Return a context that verifies names and certificates, with TLS 1.2 or newer. Raises SettingsError.

    `authorities` are the only ones, unless they are to be trusted `beside_system`; None: those of the system.
    Whoever trusts the system's authorities and shows no certificate gets the same context: do not change it.
    """
    if authorities is None and certificate is None:
        places = ssl.get_default_verify_paths()
        return _of_system(*((place, _changed_at(place)) for place in (places.cafile, places.capath)))
    try:
        context = ssl.create_default_context(cafile=None if beside_system else authorities)
        if beside_system and authorities is not None:
            context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{setting} {authorities} cannot be used: {_why(error)}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        try:
            context.load_cert_chain(*certificate)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"client certificate {certificate[0]} cannot be used: {_why(error)}") from error
    return context


@lru_cache(maxsize=1)
def _of_system(*_places: tuple[str | None, int]) -> ssl.SSLContext:
    """Return a context with the system's authorities, read again once they have changed: reading them takes 0.1 s."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _changed_at(place: str | None) -> int:
    return 0 if place is None else Path(place).stat().st_mtime_ns


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


class ClientCredentials(httpx.Auth):
    """Adds a bearer token to each request and gets a new one when it expires or is refused. Source: RFC 6749, 4.4."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = Lock()
        self._token, self._until = "", 0.0

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Get a token where there is none, send the request, and send it once more with a new token after a 401."""
        fresh = time.monotonic() >= self._until
        if fresh:
            self._keep((yield self._question()))
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == 401 and not fresh:
            self._keep((yield self._question()))
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _question(self) -> httpx.Request:
        secret = os.environ.get(self._access.secret_variable)
        if not secret:
            raise DeliveryError(
                f"environment variable {self._access.secret_variable} with our client secret is not set"
            )
        fields = {"grant_type": "client_credentials"} | ({"scope": self._access.scope} if self._access.scope else {})
        basic = httpx.BasicAuth(self._access.client_id, secret)
        asked = httpx.Request("POST", self._access.token_url, data=fields, headers={"Accept": "application/json"})
        return next(basic.auth_flow(asked))

    def _keep(self, response: httpx.Response) -> None:
        """Return the token in an answer. Raises DeliveryError, which never repeats a secret."""
        response.read()
        try:
            answer = response.json() if response.status_code == 200 else {}
            token, lasts = str(answer["access_token"]), float(answer.get("expires_in", 300))
        except (ValueError, KeyError, TypeError, AttributeError):
            where = httpx.URL(self._access.token_url).host
            raise DeliveryError(
                f"no access token from {where}: HTTP {response.status_code}; it is asked again"
            ) from None
        with self._lock:
            self._token = token
            self._until = time.monotonic() + max(lasts - _EARLY_S, _SHORTEST_S)


class Connections:
    """HTTP clients, one per way of reaching participants; safe to use from many threads."""

    def __init__(self, authorities: Path | None = None, *, timeout_s: float = 30.0) -> None:
        self._authorities, self._timeout_s = authorities, timeout_s
        self._clients: dict[Way, httpx.Client] = {}

    def prepare(self, way: Way) -> httpx.Client:
        """Return the client for a way, made on first use. Raises SettingsError when its files cannot be used."""
        if way not in self._clients:
            self._clients[way] = httpx.Client(
                timeout=self._timeout_s, follow_redirects=False, verify=tls_context(self._authorities, way.certificate),
                auth=ClientCredentials(way.access) if way.access else None,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
            )  # fmt: skip
        return self._clients[way]

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
