"""Everything that is logged, in every process of a test."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs


class Kept(logging.Handler):
    """Keeps every record of the standard library's loggers, those of libraries included."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(record.getMessage())


@contextmanager
def everything_logged() -> Iterator[Callable[[], list[str]]]:
    """Give what returns all that was logged, by us and by libraries, down to what nobody would switch on."""
    records, root = list[str](), logging.getLogger()
    handler, level = Kept(records), root.level
    named = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    levels = [(one, one.level) for one in named]  # whoever set up a log before has made some quieter
    for one in named:
        one.setLevel(logging.NOTSET)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as events:
            yield lambda: [*records, *map(repr, list(events))]
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        for one, before in levels:
            one.setLevel(before)
