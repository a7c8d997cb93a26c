"""The HTTP endpoint for SignedMessages: checks the transport, hands the body over, answers with a status.

Source: message transport mechanism, transmission and error handling. The only asynchronous code: it waits for bytes,
`receive` runs in the thread pool.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

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
"""Status → the text we answer; it never repeats anything the sender wrote."""

RETRY_AFTER_S = 5

NOT_XML = "Bad Request: expected Content-Type text/xml in UTF-8, not encoded"
NO_LENGTH = "Bad Request: Content-Length is not a number of bytes"
SHORT = "Bad Request: the body is shorter than its Content-Length"


class _Refused(Exception):  # noqa: N818 - a verdict, not a fault of ours
    """The transport check that failed."""

    def __init__(self, status: int, text: str | None = None) -> None:
        self.status, self.text = status, text


def uftp_app(
    receive: Callable[[bytes], int], *, max_bytes: int, path: str = PATH, body_timeout_s: float = 60.0
) -> Starlette:
    """Return the ASGI app: POST `path` → `receive(body)` → its HTTP status. `body_timeout_s` bounds the whole body."""

    async def post(request: Request) -> Response:
        try:
            _check_type(request)
            length = _length(request, max_bytes)
            body = await _body(request, length, body_timeout_s)
        except _Refused as refused:
            return _answer(refused.status, refused.text)
        return _answer(await run_in_threadpool(receive, body))

    return Starlette(routes=[Route(path, post, methods=["POST"])])


def _answer(status: int, text: str | None = None) -> Response:
    """Return a short plain text; a refused body may still be on its way, so the connection ends there."""
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
    """Return the announced length, before anything of the body is read."""
    text = request.headers.get("content-length")
    if text is None or "transfer-encoding" in request.headers:
        raise _Refused(411)
    if not (text.isascii() and text.isdigit()):
        raise _Refused(400, NO_LENGTH)
    if len(text) > 12 or int(text) > max_bytes:
        raise _Refused(413)
    return int(text)


async def _body(request: Request, length: int, timeout_s: float) -> bytes:
    """Return the whole body, of exactly the announced length, within the time limit."""
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > length:
                    raise _Refused(413)
    except TimeoutError:
        raise _Refused(408) from None
    except ClientDisconnect:
        raise _Refused(400, SHORT) from None
    if len(body) != length:
        raise _Refused(400, SHORT)
    return bytes(body)
