"""The HTTP endpoint for SignedMessages: checks the transport, passes the body on, answers with a status.

Source: message transport mechanism, transmission and error handling. Asynchronous while waiting for bytes;
`receive` runs in the thread pool.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agr.uftp.rate_limit import RateLimit

PATH = "/shapeshifter/api/v3/message"
_MEDIA_TYPES = frozenset({"text/xml", "application/xml"})

REASONS: dict[int, str] = {
    200: "OK",
    400: "Bad Request: not a readable SignedMessage with a UFTP message in it",
    401: "Unauthorized: the signature does not fit the sender's public key",
    408: "Request Timeout: the body did not arrive",
    411: "Length Required: send Content-Length, not chunks",
    413: "Content Too Large",
    419: "Authentication Timeout: no public key found for this sender, try again later",
    429: "Too Many Requests",
    500: "Internal Server Error: try again later",
    503: "Service Unavailable: try again later",
}
"""Status → the text of our answer, which never repeats anything that the sender wrote."""

RETRY_AFTER_S = 5

NOT_XML = "Bad Request: expected Content-Type text/xml in UTF-8, not encoded"
NO_LENGTH = "Bad Request: Content-Length is not a number of bytes"
SHORT = "Bad Request: the body is shorter than its Content-Length"


class _Refused(Exception):  # noqa: N818 - a verdict, not a fault of ours
    """The transport check that failed."""

    def __init__(self, status: int, text: str | None = None) -> None:
        self.status, self.text = status, text


Expects = Callable[[bytes, int], int | None]
"""(first bytes of a body, its length) → the status with which it is refused before the rest is read, or None."""

HEAD = 1024
"""Bytes at the start of a body by which it is judged before the rest is read."""


class Endpoint:
    """Shared by all requests: bytes being received, and addresses whose messages were refused too often."""

    def __init__(self, *, max_bytes: int, max_under_way: int, refused_per_minute: int) -> None:
        self.max_bytes = max_bytes
        self._room = max_under_way
        self._refused = RateLimit(refused_per_minute, 60.0, time.monotonic)

    def welcome(self, address: str) -> None:
        """Raise _Refused for an address that was refused too often."""
        if self._refused.empty(address):
            raise _Refused(429)

    def note(self, address: str, status: int) -> None:
        """Count a refusal that is the sender's fault."""
        if 400 <= status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS:
            self._refused.take(address)

    @contextmanager
    def room(self, length: int) -> Iterator[None]:
        """Reserve memory for a body; raise _Refused while memory is short. Call in the event loop only."""
        if length > self._room:
            raise _Refused(503)
        self._room -= length
        try:
            yield
        finally:
            self._room += length


def uftp_app(
    receive: Callable[[bytes], int],
    *,
    max_bytes: int,
    expects: Expects = lambda _head, _length: None,
    max_under_way: int = 2**40,
    refused_per_minute: int = 10**9,
    path: str = PATH,
    body_timeout_s: float = 60.0,
) -> Starlette:
    """Return the ASGI app: POST `path` → `receive(body)` → its HTTP status. `body_timeout_s` bounds the whole body.

    The path is served with a slash at its end, too. Nothing is redirected: the target would come from the Host header,
    which anybody can write.
    """
    endpoint = Endpoint(max_bytes=max_bytes, max_under_way=max_under_way, refused_per_minute=refused_per_minute)

    async def post(request: Request) -> Response:
        address = request.client.host if request.client else ""
        text = None
        try:
            endpoint.welcome(address)
            _check_type(request)
            length = _length(request, endpoint.max_bytes)
            with endpoint.room(length):
                body = await _body(request, length, body_timeout_s, expects)
                status = await run_in_threadpool(receive, body)
        except _Refused as refused:
            status, text = refused.status, refused.text
        endpoint.note(address, status)
        return _answer(status, text)

    app = Starlette(routes=[Route(place, post, methods=["POST"]) for place in (path, f"{path}/")])
    app.router.redirect_slashes = False
    return app


def _answer(status: int, text: str | None = None) -> Response:
    """Answer with a short plain text; close the connection after a refusal, since its body may still be arriving."""
    headers = {} if status == HTTPStatus.OK else {"Connection": "close"}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return PlainTextResponse(text or REASONS.get(status, "Error"), status_code=status, headers=headers)


def _check_type(request: Request) -> None:
    """Refuse anything but unencoded XML in UTF-8."""
    media, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media not in _MEDIA_TYPES or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise _Refused(400, NOT_XML)
    if encoding != "identity":
        raise _Refused(400, NOT_XML)


def _length(request: Request, max_bytes: int) -> int:
    """Return the announced length, before the body is read."""
    text = request.headers.get("content-length")
    if text is None or "transfer-encoding" in request.headers:
        raise _Refused(411)
    if not (text.isascii() and text.isdigit()):
        raise _Refused(400, NO_LENGTH)
    if len(text) > 12 or int(text) > max_bytes:
        raise _Refused(413)
    return int(text)


async def _body(request: Request, length: int, timeout_s: float, expects: Expects) -> bytes:
    """Return the body, of exactly the announced length, within the time limit; its beginning is judged first."""
    body, judged = bytearray(), False
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > length:
                    raise _Refused(413)
                if not judged and len(body) >= min(HEAD, length):
                    judged = True
                    status = expects(bytes(body[:HEAD]), length)
                    if status is not None:
                        raise _Refused(status)
    except TimeoutError:
        raise _Refused(408) from None
    except ClientDisconnect:
        raise _Refused(400, SHORT) from None
    if len(body) != length:
        raise _Refused(400, SHORT)
    return bytes(body)
