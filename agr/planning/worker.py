"""What runs in a worker process, and the files through which it and the daemon speak while it solves."""

import json
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable
from functools import partial
from math import isfinite
from multiprocessing import connection
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from agr.planning.kernels import compile_kernels
from agr.planning.progress import RoundProgress
from agr.planning.shared_arrays import SharedArrays, pack, unpack
from agr.planning.solving import How, answer, answer_part
from models.case import Case
from models.outcome import Outcome

if TYPE_CHECKING:
    from models.evaluation import Earlier

ROUNDS, STOP, BEGUN, BEST = "rounds.jsonl", "stop", "begun", "best"
"""Files beside the arrays: the rounds that a worker reports, a mark that asks it to stop with its best program, a mark
that it has begun to solve, and its best program so far, in case it is ended.

Files, not a queue: a worker that is killed while it writes leaves no lock behind.
"""
_NICE = 5
"""Niceness of workers: low enough in priority that the endpoint answers at once while they solve on every core. Beside
six busy processes on two cores a worker still gets a tenth of a core; with a niceness of 10 it got a thirtieth, and
plans came too late."""


def settle_in() -> None:
    """Prepare a worker: lower its priority, and end it when the daemon is gone.

    Ctrl-C reaches the whole process group, so workers ignore it: the daemon ends them. A daemon that was killed cannot
    end its workers, so each worker watches its parent instead of waiting for work for ever.
    """
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def answer_case(shared: SharedArrays, how: How) -> SharedArrays:
    """Solve and audit a case in a worker; write the answer to the folder that the case came from."""
    return _answered(shared, None, unpack(shared), how)


def go_on_with_case(shared: SharedArrays, how: How) -> SharedArrays:
    """Answer a case in a worker from the program in force, where that is good enough, or else as any other."""
    earlier, case = unpack(shared)
    return _answered(shared, earlier, case, how)


def _answered(shared: SharedArrays, earlier: "Earlier | None", case: Case, how: How) -> SharedArrays:
    folder = shared.file.parent
    with (folder / ROUNDS).open("a", encoding="utf-8", buffering=1) as rounds:

        def report(step: Any) -> None:
            value = step.value_eur if isfinite(step.value_eur) else None
            rounds.write(json.dumps([step.number, step.bound_eur, value, step.seconds]) + "\n")

        stop, begun, better = (folder / STOP).exists, (folder / BEGUN).touch, partial(keep_best, folder)
        return pack(answer(case, how, report, stop, begun, earlier, better), folder)


def keep_best(folder: Path, found: Outcome) -> None:
    """Keep a program as the best so far, whole or not at all."""
    new = folder / f"{BEST}.new"
    new.write_bytes(pickle.dumps(pack(found, folder)))
    new.replace(folder / BEST)


def best_of(folder: Path) -> Outcome | None:
    """Return the best program that a worker has kept so far; None without one."""
    file = folder / BEST
    if not file.exists():
        return None
    found: Outcome = unpack(pickle.loads(file.read_bytes()))  # noqa: S301 - our own worker's
    return found


def answer_part_of_case(shared: SharedArrays, how: How) -> SharedArrays:
    """Solve and audit a part in a worker."""
    (before, case), folder = unpack(shared), shared.file.parent
    return pack(answer_part(before, case, how, (folder / BEGUN).touch), folder)


def find_called(shared: SharedArrays, how: How) -> SharedArrays:
    """Find called programs for a program that is kept, in a worker."""
    from models.called_again import called_again

    (shared.file.parent / BEGUN).touch()
    return pack(called_again(*unpack(shared), threads=how.threads), shared.file.parent)


def price_offer(shared: SharedArrays, how: How) -> SharedArrays:
    """Price an offer of flexibility in a worker."""
    from models.flexibility.pricing import compile_used, price

    del how  # the question says how long it may take
    compile_used()
    (shared.file.parent / BEGUN).touch()
    return pack(price(unpack(shared)), shared.file.parent)


def propose_announcements(shared: SharedArrays, how: How) -> SharedArrays:
    """Find what to announce at congestion points with reservations in a worker."""
    from agr.planning.probability.question import propose

    compile_kernels()
    (shared.file.parent / BEGUN).touch()
    return pack(propose(unpack(shared), how.threads), shared.file.parent)


def count_kept(shared: SharedArrays, how: How) -> SharedArrays:
    """In a worker, count how often what is announced is kept."""
    from agr.planning.probability.question import count

    compile_kernels()
    (shared.file.parent / BEGUN).touch()
    return pack(count(unpack(shared), how.threads), shared.file.parent)


class RoundReader:
    """Reads the rounds that a worker has written so far."""

    def __init__(self, path: Path, reached: Callable[[RoundProgress], None] | None) -> None:
        self._path, self._reached, self._at = path, reached, 0

    def forward(self) -> None:
        """Pass on new rounds; an incomplete line is left for the next call."""
        if self._reached is None or not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            number, bound, value, seconds = json.loads(line)
            gap = None if value is None else bound - value
            self._reached(RoundProgress(round=number, bound=bound, value=value, gap=gap, seconds=seconds))
