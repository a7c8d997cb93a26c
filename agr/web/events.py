"""Live updates as server-sent events. Asynchronous, like the endpoint only, so that waiting needs no threads."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from agr.operations.accounts.roles import Permission, Principal
from agr.operations.change_feed import ChangeFeed
from agr.web.security import api_for, context_of, narrowed

router = APIRouter(include_in_schema=False)

CHECK_EVERY_S = 0.25
KEEP_ALIVE = 60  # checks
STREAM_ENDS_AFTER = 4 * 600
"""Checks after which the stream ends (ten minutes). The browser then connects again with its session, so that a log-out
reaches open pages."""


async def changes(request: Request, live: ChangeFeed) -> AsyncIterator[str]:
    """Yield an event with the changed topics as soon as they change."""
    live.enter()
    try:
        before = live.snapshot()
        yield "retry: 2000\n\n"
        for turn in range(1, STREAM_ENDS_AFTER):
            if live.closed or await request.is_disconnected():
                return
            now = live.snapshot()
            topics = sorted(t for t, version in now.items() if version != before.get(t, 0))
            if topics:
                before = now
                yield f"event: changed\ndata: {json.dumps(topics)}\n\n"
            elif turn % KEEP_ALIVE == 0:
                yield ": still here\n\n"
            await asyncio.sleep(CHECK_EVERY_S)
    finally:
        live.leave()


@router.get("/events")
@narrowed
def events(request: Request, _principal: Annotated[Principal, Depends(api_for(Permission.READ))]) -> StreamingResponse:
    """Tell the page what changed; the page then reloads itself."""
    return StreamingResponse(changes(request, context_of(request).change_feed), media_type="text/event-stream")
