"""The HTTP endpoint for what back-ends of charge points post: small bodies, to addresses that carry their own proof."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MOST_BYTES = 64 << 10
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 413: "Content Too Large", 503: "Service Unavailable"}

Take = Callable[[str, str, str, str, bytes], int]
"""(kind, road, key, proof, body) → the HTTP status of our answer."""


def dispatch_app(take: Take) -> Starlette:
    """Return the ASGI app: POST /KIND/ROAD/KEY/PROOF, at most 64 KiB."""

    async def post(request: Request) -> Response:
        announced = request.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:12]) > MOST_BYTES:
            return _answer(413)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    return _answer(413)
        except ClientDisconnect:
            return _answer(400)
        given = request.path_params
        return _answer(
            await run_in_threadpool(take, given["kind"], given["road"], given["key"], given["proof"], bytes(body))
        )

    app = Starlette(routes=[Route("/{kind}/{road}/{key}/{proof}", post, methods=["POST"])])
    app.router.redirect_slashes = False
    return app


def _answer(status: int) -> Response:
    headers = {} if status == 200 else {"Connection": "close"}
    return PlainTextResponse(_REASONS.get(status, "Error"), status_code=status, headers=headers)
