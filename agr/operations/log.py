"""Structured log events: to a terminal, as JSON, or to a listener; ids always, keys and personal data never."""

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

Event = MutableMapping[str, Any]

listeners: list[Callable[[Event], None]] = []
"""Functions that get every event (metrics); they must be quick and must not raise."""


class Unbreakable:
    """A stream for events: if it cannot be written (a full disk), the service goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write if possible."""
        with suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        """Flush if possible."""
        with suppress(OSError):
            self._stream.flush()


def in_colour(stream: TextIO) -> bool:
    """Say whether a stream shows colours: a terminal, unless NO_COLOR forbids it; never a file or a pipe."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def configure(*, json: bool = False, listener: Callable[[Event], None] | None = None, quiet: bool = False) -> None:
    """Send events to standard error; `listener` gets each one too; `quiet` keeps them off the terminal."""

    def tell(_logger: object, _method: str, event: Event) -> Event:
        if listener is not None:
            listener(dict(event))
        for other in tuple(listeners):
            other(event)
        if quiet:
            raise structlog.DropEvent
        return event

    # Plain tracebacks: the renderer's own show local variables, which hold keys and personal data.
    console = structlog.dev.ConsoleRenderer(
        pad_event_to=24, exception_formatter=structlog.dev.plain_traceback, colors=in_colour(sys.stderr)
    )
    render: Any = structlog.processors.JSONRenderer() if json else console
    tail = [structlog.processors.format_exc_info, render] if json else [render]
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper("iso", utc=True), tell, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unbreakable(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses, and a query may hold a token
