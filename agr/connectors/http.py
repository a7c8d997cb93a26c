"""Fetches prices or forecasts from a web address, with retries; every failure is a FeedError."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from agr.connectors.ports import SourceData
from agr.connectors.posting import place_of
from agr.connectors.records import read_records
from agr.domain.errors import FeedError, SettingsError
from agr.domain.isp import Period
from agr.settings import EntsoeImbalanceFeed, HttpFeed, OutlookFeed
from agr.uftp.connections import tls_context

LARGEST_BYTES = 64 << 20
"""Most bytes of an answer: many times what one day of forecasts for a large portfolio takes."""
AskedFeed = HttpFeed | OutlookFeed | EntsoeImbalanceFeed
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


class _TryAgainError(FeedError):
    """The source failed in a way that may be temporary."""


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """A web address that provides prices or forecasts; see agr.connectors.ports.Source."""

    feed: HttpFeed
    authorities: Path | None = None  # trusted in addition to the system's
    transport: httpx.BaseTransport | None = None  # None: the network

    def fetch(self, period: Period) -> SourceData:
        """Fetch the prices and forecasts of a Period. Raises FeedError."""
        url = address_on(self.feed.url, period)
        answer = get(self.feed, url, authorities=self.authorities, transport=self.transport)
        return read_records(self.feed, answer.text, period)


def open_source(feed: HttpFeed, authorities: Path | None = None) -> HttpSource:
    """Return the source of a feed; sends no request."""
    return HttpSource(feed=feed, authorities=authorities)


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """What a web address answered."""

    content: bytes
    encoding: str

    @property
    def text(self) -> str:
        """The answer as text; bytes that are none are replaced."""
        return self.content.decode(self.encoding, "replace")


def address_on(url: str, period: Period) -> str:
    """Return the web address for a Period."""
    return url.format(period=period, start=_iso(period.start), end=_iso(period.end))


def get(
    feed: AskedFeed, url: str, *, authorities: Path | None = None, transport: httpx.BaseTransport | None = None
) -> HttpResponse:
    """Return what an address answers; temporary failures are tried again. Raises FeedError.

    Messages name the host only: path and query may hold a secret.
    """
    try:
        trusted = tls_context(authorities, beside_system=True)
    except SettingsError as error:
        raise FeedError(f"feed {feed.name}: {error}") from error
    headers = {header: secret(feed, variable, "a header's value") for header, variable in feed.header_env.items()}
    retrying = Retrying(
        stop=stop_after_attempt(feed.attempts),
        wait=wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.2),
        retry=retry_if_exception_type(_TryAgainError),
        retry_error_callback=_give_up,
    )
    with httpx.Client(transport=transport, verify=trusted) as client:
        answer: HttpResponse = retrying(_get_once, feed, url, headers, client)
    return answer


def _give_up(state: RetryCallState) -> HttpResponse:
    assert state.outcome is not None
    error = state.outcome.exception()
    raise FeedError(f"{error}; gave up after {state.attempt_number} attempts") from error


def _get_once(feed: AskedFeed, url: str, headers: Mapping[str, str], client: httpx.Client) -> HttpResponse:
    place = place_of(url)
    until = time.monotonic() + feed.timeout_s
    try:
        # redirects are not followed: they would carry the headers' secrets elsewhere
        with client.stream("GET", url, headers=headers, timeout=feed.timeout_s, follow_redirects=False) as response:
            _refuse(feed, place, response)
            return _whole(feed, place, response, until)
    except httpx.TimeoutException as error:
        raise _TryAgainError(f"feed {feed.name}: {place} did not answer within {feed.timeout_s:g} s") from error
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
        # the error's text may contain a header's secret
        raise FeedError(f"feed {feed.name}: no request can be sent to {place}; check url and headers") from error
    except httpx.TransportError as error:
        raise _TryAgainError(f"feed {feed.name}: {place} cannot be reached ({error})") from error
    except httpx.HTTPError as error:
        raise FeedError(f"feed {feed.name}: the answer of {place} cannot be read ({error})") from error


def _refuse(feed: AskedFeed, place: str, response: httpx.Response) -> None:
    """Raise FeedError for everything but 2xx."""
    words = f"feed {feed.name}: {place} answered {response.status_code} {response.reason_phrase}"
    if response.status_code in _WORTH_RETRYING:
        raise _TryAgainError(words)
    if not response.is_success:
        raise FeedError(f"{words}; check url and headers (redirects are not followed)")


def _whole(feed: AskedFeed, place: str, response: httpx.Response, until: float) -> HttpResponse:
    """Return the answer, as long as it comes in time and is not out of all proportion."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BYTES:
            words = f"answered more than {LARGEST_BYTES >> 20} MiB; ask for one day only"
            raise FeedError(f"feed {feed.name}: {place} {words}")
        if time.monotonic() > until:
            raise _TryAgainError(f"feed {feed.name}: {place} did not answer in full within {feed.timeout_s:g} s")
    return HttpResponse(content=b"".join(parts), encoding=response.encoding or "utf-8")


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def secret(feed: AskedFeed, variable: str, what: str) -> str:
    """Return what an environment variable holds. Raises FeedError where it is not set."""
    value = os.environ.get(variable)
    if not value:
        raise FeedError(f"feed {feed.name}: the environment variable {variable} is not set; it holds {what}")
    return value
