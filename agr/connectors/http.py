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

from agr.connectors.ports import Series
from agr.connectors.posting import place_of
from agr.connectors.records import read_records
from agr.domain.errors import FeedError, SettingsError
from agr.domain.isp import Period
from agr.settings import HttpFeed
from agr.uftp.connections import tls_context

LARGEST_BYTES = 64 << 20
"""Of an answer: many times what a day of a large portfolio's forecasts takes."""
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


class _TryAgainError(FeedError):
    """The source failed in a way that may be temporary."""


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """A web address that provides prices or forecasts; see agr.connectors.ports.Source."""

    feed: HttpFeed
    authorities: Path | None = None  # trusted beside the system's
    transport: httpx.BaseTransport | None = None  # None: the network

    def fetch(self, period: Period) -> Series:
        """Fetch the prices and forecasts of a Period. Raises FeedError."""
        try:
            trusted = tls_context(self.authorities, beside_system=True)
        except SettingsError as error:
            raise FeedError(f"feed {self.feed.name}: {error}") from error
        with httpx.Client(transport=self.transport, verify=trusted) as client:
            text = _get(self.feed, period, client)
        return read_records(self.feed, text, period)


def open_source(feed: HttpFeed, authorities: Path | None = None) -> HttpSource:
    """Return the source of a feed; sends no request."""
    return HttpSource(feed=feed, authorities=authorities)


def _get(feed: HttpFeed, period: Period, client: httpx.Client) -> str:
    """Return the response's text; temporary failures are retried."""
    url = feed.url.format(period=period, start=_iso(period.start), end=_iso(period.end))
    headers = {header: _secret(feed, variable) for header, variable in feed.header_env.items()}
    retrying = Retrying(
        stop=stop_after_attempt(feed.attempts),
        wait=wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.2),
        retry=retry_if_exception_type(_TryAgainError),
        retry_error_callback=_give_up,
    )
    text: str = retrying(_get_once, feed, url, headers, client)
    return text


def _give_up(state: RetryCallState) -> str:
    assert state.outcome is not None
    error = state.outcome.exception()
    raise FeedError(f"{error}; gave up after {state.attempt_number} attempts") from error


def _get_once(feed: HttpFeed, url: str, headers: Mapping[str, str], client: httpx.Client) -> str:
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


def _refuse(feed: HttpFeed, place: str, response: httpx.Response) -> None:
    """Raise FeedError for everything but 2xx."""
    words = f"feed {feed.name}: {place} answered {response.status_code} {response.reason_phrase}"
    if response.status_code in _WORTH_RETRYING:
        raise _TryAgainError(words)
    if not response.is_success:
        raise FeedError(f"{words}; check url and headers (redirects are not followed)")


def _whole(feed: HttpFeed, place: str, response: httpx.Response, until: float) -> str:
    """Return the answer's text, as long as it comes in time and is not out of all proportion."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BYTES:
            words = f"answered more than {LARGEST_BYTES >> 20} MiB; ask for one day only"
            raise FeedError(f"feed {feed.name}: {place} {words}")
        if time.monotonic() > until:
            raise _TryAgainError(f"feed {feed.name}: {place} did not answer in full within {feed.timeout_s:g} s")
    return b"".join(parts).decode(response.encoding or "utf-8", "replace")


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _secret(feed: HttpFeed, variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise FeedError(f"feed {feed.name}: the environment variable {variable} is not set; it holds a header's value")
    return value
