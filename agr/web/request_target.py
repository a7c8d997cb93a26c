"""Middleware that understands requests whose target is a whole address: POST http://host/path HTTP/1.1.

A server must accept this form, and take the host from the target instead of the Host header.
Source: RFC 9112 §3.2.2.
"""

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE = re.compile(rb"https?://(?P<authority>[A-Za-z0-9.:\[\]_~%-]+)(?P<path>/.*)?", re.IGNORECASE | re.DOTALL)


class AbsoluteTargets:
    """Hands on requests as if their target had been a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        match = _ABSOLUTE.fullmatch(scope["raw_path"]) if scope["type"] == "http" and scope["raw_path"] else None
        await self._app(scope if match is None else _with_path(scope, match), receive, send)


def _with_path(scope: Scope, match: re.Match[bytes]) -> Scope:
    """Return the scope with the path and the host of an absolute target; an empty path is /."""
    raw = match["path"] or b"/"
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {
        **scope,
        "path": unquote(raw.decode("ascii")),
        "raw_path": raw,
        "headers": [(b"host", match["authority"].lower()), *headers],
    }
