"""Lives of the daemon, each a process of its own, forked from one that has imported what they need.

Importing takes each of them longer than what it does until it is killed. The nursery runs nothing else, so a life
begins as any new process does; its server of workers is forked likewise, in place of a program that imports the models.

python -m tests.torture.nursery SOCKET
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import util
from pathlib import Path
from threading import Lock
from typing import IO, Any

PROJECT = Path(__file__).parents[2]
SERVES = "multiprocessing.forkserver import main"
"""What a command says that begins a server of workers."""
LONGEST = 2**17


class Born:
    """A life: what `subprocess.Popen` tells of a process, told by the nursery that it is a child of."""

    def __init__(self, *words: str, log: IO[bytes], environment: Mapping[str, str]) -> None:
        told, tells = os.pipe()
        hears, says = os.pipe()
        self._ended, ends = os.pipe()
        self._code: int | None = None
        self._reading = Lock()
        nursery = _nursery()
        try:
            given = {"words": words, "environment": dict(environment)}
            socket.send_fds(nursery, [json.dumps(given).encode()], [hears, tells, log.fileno(), ends])
            self.pid = int(nursery.recv(LONGEST))
        finally:
            for descriptor in (hears, tells, ends):
                os.close(descriptor)
        self.stdin: IO[str] = os.fdopen(says, "w", encoding="utf-8")
        self.stdout: IO[str] = os.fdopen(told, encoding="utf-8")

    def poll(self, timeout_s: float = 0) -> int | None:
        """Return the exit code, negative: the signal; None while it lives."""
        if self._code is None:
            with suppress(OSError, ValueError):  # another thread has just read and closed it
                select.select([self._ended], [], [], timeout_s)
            with self._reading:
                if self._code is None and select.select([self._ended], [], [], 0)[0]:
                    self._code = int(os.read(self._ended, LONGEST))
                    os.close(self._ended)
        return self._code

    def wait(self, timeout_s: float) -> int:
        """Wait for the end; return the exit code. Raises TimeoutExpired."""
        code = self.poll(timeout_s)
        if code is None:
            raise subprocess.TimeoutExpired("life", timeout_s)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


@cache
def _nursery() -> socket.socket:
    """Return the socket of this process's nursery, which ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.torture.nursery", str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=PROJECT, pass_fds=[theirs.fileno()], start_new_session=True)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def main() -> None:
    """Bear lives as asked for, and tell their ends, until nobody can ask any more."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    _import()
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lives: dict[int, int] = {}
    while True:
        readable = select.select([asked.fileno(), wakes], [], [])[0]
        if wakes in readable:
            os.read(wakes, LONGEST)
            _tell_ends(lives)
        if asked.fileno() in readable:
            text, given, _, _ = socket.recv_fds(asked, LONGEST, 4)
            if not text:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (asked.detach(), wakes, wake, given[3], *lives.values()):
                    os.close(descriptor)
                _live(json.loads(text), given[:3])
                return
            lives[pid] = given[3]
            for descriptor in given[:3]:
                os.close(descriptor)
            asked.send(str(pid).encode())


def _import() -> None:
    """Import what lives and their servers of workers import; nothing that runs threads."""
    import gc
    from importlib import import_module

    from agr.planning import fork_server

    for name in ("tests.torture.life", *fork_server.IMPORTED_ONCE):
        if name != "agr.planning.worker_image":  # whoever runs compiled functions loads them
            import_module(name)
    gc.collect()
    gc.freeze()


def _tell_ends(lives: dict[int, int]) -> None:
    """Tell the exit codes of lives that have ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            told = lives.pop(ended[0])
            with suppress(BrokenPipeError):
                os.write(told, str(os.waitstatus_to_exitcode(ended[1])).encode())
            os.close(told)


def _live(given: dict[str, Any], standard: Sequence[int]) -> None:
    """Be a life, to the end."""
    os.setsid()
    for place, descriptor in enumerate(standard):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv[1:] = given["words"]
    util.spawnv_passfds = _server_of_workers(util.spawnv_passfds)  # type: ignore[attr-defined]
    from tests.torture import life

    life.main()


def _server_of_workers(plain: Callable[..., int]) -> Callable[..., int]:
    """Fork what becomes the server of workers, before there are threads; return what begins it when it is wanted."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(theirs)
    theirs.close()
    left = [pid]

    def begin(path: bytes, words: Sequence[Any], passed: Sequence[int]) -> int:
        if SERVES not in str(words[-1]) or not left:
            return plain(path, words, passed)
        socket.send_fds(ours, [json.dumps([str(words[-1]), list(passed)]).encode()], list(passed))
        ours.close()
        return left.pop()

    return begin


def _serve(wanted: socket.socket) -> None:
    """Wait to be wanted, with the descriptors at the numbers that the command names; then be the server."""
    code = 0
    try:
        text, given, _, _ = socket.recv_fds(wanted, LONGEST, 16)
        wanted.close()
        if text:
            command, numbers = json.loads(text)
            above = max([*numbers, *given]) + 1
            for place, descriptor in enumerate(given):
                os.dup2(descriptor, above + place)
                os.close(descriptor)
            for place, number in enumerate(numbers):
                os.dup2(above + place, number)
                os.close(above + place)
            exec(command, {})  # what the interpreter would have been started with
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does with what nobody has caught
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        code = 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
