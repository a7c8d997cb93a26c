"""The fork server of workers: a process that has imported the models once and runs nothing. Workers are forked from it.

There is one for the whole process, whatever the number of pools.
"""

import multiprocessing
import os
import signal
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from threading import Event

IMPORTED_ONCE = [
    "agr.planning.worker",
    "models.audit",
    "models.baseline",
    "models.method",
    "models.part",
    "pyomo.environ",
    "agr.planning.worker_image",
]
"""Modules that the fork server imports, so that workers start with them. It may not call anything in them: solvers
begin threads, and threads do not survive a fork."""
_SERVING = Event()
"""Set once a worker has begun, so the fork server has loaded what workers need."""


def context() -> ForkServerContext:
    """Return how workers begin: from a server that has imported what they need."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(IMPORTED_ONCE)
    return found


def begin() -> None:
    """Start the fork server, where it does not run yet; it loads in the background.

    Ctrl-C reaches the whole process group. While the server loads, it would end with a traceback on the terminal, so it
    is started with that signal blocked: whoever started it hears the signal, and ends it.
    """
    context()
    resource_tracker.ensure_running()  # the server's start would do this first, and unblock the signal
    blocked_before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)


def has_served() -> None:
    """Note that a worker has begun."""
    _SERVING.set()


def end_loading() -> None:
    """Kill the fork server where it still loads: it hears of our end only after that, seconds later.

    A worker that begins meanwhile fails with an EOFError.
    """
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # there is no public way to end it
    if pid is not None and not _SERVING.is_set():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
