"""Posts sealed messages and says what became of them: delivered, to be retried, or failed for good.

Source: message transport mechanism (transmission, error handling); docs/reference/protocol.md, "Sending".
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import httpx

from agr.domain.errors import DeliveryError
from agr.domain.foreign_text import one_line


class DeliveryOutcome(Enum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"


@dataclass(frozen=True)
class DeliveryAttempt:
    """One attempt's result. `status` is None when no answer came; `detail` is for the operator, never parsed."""

    outcome: DeliveryOutcome
    status: int | None
    detail: str
    retry_after_s: float | None


USELESS_4XX = frozenset({400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431})
"""Statuses after which the same bytes would be refused again. Any other 4xx may end once the peer corrects something on
its side: a key, a permission, an address, a proxy."""
REFUSED = frozenset({401, 403, 407})
"""Statuses that need somebody's action: the peer does not know our key, or does not let us in."""
FOLLOWED = frozenset({307, 308})
DEAD_REDIRECTS = frozenset({301, 302, 303})
MAX_REDIRECTS = 3
MAX_RETRY_AFTER_S = 24 * 3600.0
_READ_BYTES = 4096
_READ_SECONDS = 10.0
_SHOWN = 200

RETRIED: tuple[type[Exception], ...] = (
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.WriteTimeout,
    httpx.PoolTimeout,
    httpx.ConnectError,
    httpx.ReadError,
    httpx.WriteError,
    httpx.CloseError,
    httpx.ProxyError,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
    httpx.TooManyRedirects,
    httpx.HTTPStatusError,
    httpx.StreamConsumed,
    httpx.StreamClosed,
    httpx.ResponseNotRead,
)
"""Errors that come from temporary trouble of the network or the peer."""

FINAL: tuple[type[Exception], ...] = (
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.CookieConflict,
    httpx.RequestNotRead,
)
"""Errors on our side, for which no retry helps."""


def outcome_of(error: Exception) -> DeliveryOutcome:
    """Return what an exception of httpx means for the message."""
    return DeliveryOutcome.FAILED if isinstance(error, FINAL) else DeliveryOutcome.RETRY


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sender:
    """Posts to endpoints with one shared client; safe to use from many threads. The client's time-outs apply."""

    def __init__(self, client: httpx.Client, now: Callable[[], datetime] = _utc_now) -> None:
        self._client, self._now = client, now

    def post(self, endpoint: str, sealed: bytes, *, attempt: int = 1) -> DeliveryAttempt:
        """POST a SignedMessage once; `attempt` counts from 1. The network and the peer never make it raise."""
        try:
            return self._post(endpoint, sealed, attempt)
        except DeliveryError as error:
            return DeliveryAttempt(DeliveryOutcome.RETRY, None, str(error), None)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            return DeliveryAttempt(outcome_of(error), None, f"{type(error).__name__}: {_shown(str(error))}", None)

    def _post(self, endpoint: str, sealed: bytes, attempt: int) -> DeliveryAttempt:
        url = first = httpx.URL(endpoint)
        for _ in range(MAX_REDIRECTS + 1):
            with self._client.stream(
                "POST",
                url,
                content=sealed,
                headers={"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "identity"},
                follow_redirects=False,
                auth=httpx.USE_CLIENT_DEFAULT if url.host == first.host else None,  # a token is for one host only
            ) as response:
                target = _redirect(response)
                if target is None:
                    return self._judge(response, attempt)
                url = target
        return DeliveryAttempt(DeliveryOutcome.RETRY, None, f"redirected more than {MAX_REDIRECTS} times", None)

    def _judge(self, response: httpx.Response, attempt: int) -> DeliveryAttempt:
        status = response.status_code
        text = beginning(response)
        outcome = _outcome(status, text, attempt)
        wait = (
            _retry_after(response.headers.get("Retry-After"), self._now()) if outcome is DeliveryOutcome.RETRY else None
        )
        return DeliveryAttempt(outcome, status, f"HTTP {status} {_shown(text)}".strip(), wait)


def _outcome(status: int, text: str, attempt: int) -> DeliveryOutcome:
    """Return what a status means; a peer that has our message already says so with 400 on a retry."""
    if 200 <= status < 300:
        return DeliveryOutcome.DELIVERED
    if status in DEAD_REDIRECTS:
        return DeliveryOutcome.FAILED
    if status == 400 and attempt > 1 and "duplicate" in text.lower():
        return DeliveryOutcome.DELIVERED
    if status in USELESS_4XX:
        return DeliveryOutcome.FAILED
    return DeliveryOutcome.RETRY


def _redirect(response: httpx.Response) -> httpx.URL | None:
    """Return where a 307 or 308 sends us; never from https to http, never to another scheme."""
    place = response.headers.get("Location")
    if response.status_code not in FOLLOWED or not place:
        return None
    target = response.url.join(place)
    if target.scheme not in ("http", "https") or (response.url.scheme == "https" and target.scheme != "https"):
        raise httpx.UnsupportedProtocol("redirected to an address that is not https")
    return target


def beginning(response: httpx.Response, *, patience_s: float = _READ_SECONDS) -> str:
    """Return the first bytes of the answer's body, without waiting long; the status counts even if the body fails."""
    read = b""
    until = time.monotonic() + patience_s
    try:
        for chunk in response.iter_raw():  # as it comes: whole pieces of a size would be waited for
            read += chunk
            if len(read) >= _READ_BYTES or time.monotonic() > until:
                break
    except httpx.HTTPError as error:
        read += f" ({type(error).__name__})".encode()
    return read[:_READ_BYTES].decode("utf-8", "replace")


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After asks for, given in seconds or as a date; None when it cannot be read."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value.strip()[:12]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _shown(text: str) -> str:
    """Return a peer's text on one short printable line."""
    return one_line(text)[:_SHOWN]


def next_delay(attempt: int, rng: random.Random, *, first_s: float = 5.0, max_s: float = 600.0) -> float:
    """Return the seconds to wait after failed attempt `attempt` (from 1).

    min(first · 2^(attempt−1), max), times a jitter uniform in [0.5, 1], so that retries do not come at the same moment.
    """
    full = min(first_s * 2.0 ** min(max(attempt, 1) - 1, 64), max_s)
    return full * rng.uniform(0.5, 1.0)
