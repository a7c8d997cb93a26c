"""Runs the mathematics in spawned worker processes: never in threads, where concurrent solves hang."""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import numpy as np

from agr.errors import PlanError
from agr.parcel import Parcel, pack, unpack
from agr.settings import Planning
from models.case import Case, Reservations
from models.errors import ModelError
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a worker sends back."""

    outcome: Outcome
    findings: tuple[str, ...]  # of the audit; empty: passed
    no_flexibility_eur: float


def unmanaged(case: Case) -> Case:
    """Return the case of an AGR without flexibility: it has sold no reserve, made no contract, fixed no position."""
    none = np.zeros(0)
    return replace(
        case,
        reserves=(),
        anchor=None,
        day_ahead=replace(case.day_ahead, committed_kw=np.full(case.isps, np.nan)),
        intraday=replace(case.intraday, committed_kw=np.full(case.isps, np.nan)),
        reservations=Reservations(
            name=(),
            point=none.astype(np.int64),
            reserved_kw=np.zeros((0, case.isps)),
            penalty_eur_per_mwh=none,
            availability_eur_per_mw_h=none,
        ),
    )


def answer(case: Case, relative_gap: float, time_limit_s: float, threads: int) -> Answer:
    """Solve and audit a case in this process."""
    # Imported here, in the worker: Pyomo takes seconds that `agr status` and the endpoint should not wait for.
    from models.audit import audit
    from models.noflex import no_flexibility
    from models.problems.plan import solve

    outcome = solve(case, relative_gap=relative_gap, time_limit_s=time_limit_s, threads=threads)
    return Answer(
        outcome=outcome, findings=audit(case, outcome), no_flexibility_eur=no_flexibility(unmanaged(case)).objective_eur
    )


def _answer(parcel: Parcel, *arguments: Any) -> Parcel:
    """Solve and audit in a worker; the answer goes where the case came from."""
    return pack(answer(unpack(parcel), *arguments), parcel.file.parent)


def _ready() -> str:
    """Import the mathematics."""
    from models.problems import plan

    return plan.__name__


_NICE = 10
"""Workers give way: while they plan on every core, the endpoint still answers at once."""


def _settle_in() -> None:
    """Give way to the daemon, and leave Ctrl-C to it: it reaches the whole process group."""
    os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Solver:
    """A pool of worker processes, one solve at a time in each."""

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._lock = Lock()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._planning.workers, mp_context=context, initializer=_settle_in)

    def warm_up(self) -> None:
        """Start a worker and import the mathematics, so that the first plan does not wait for it."""
        self._pool.submit(_ready).result(timeout=120)

    def solve(self, case: Case) -> Answer:
        """Return the audited outcome; raises PlanError when the worker fails, dies or exceeds its budget."""
        settings = self._planning
        arguments = (settings.relative_gap, settings.time_limit_s, settings.threads)
        with TemporaryDirectory(prefix="agr-solve-", ignore_cleanup_errors=True) as folder:
            return self._result(self._submit(pack(case, Path(folder)), *arguments))

    def _result(self, running: Future[Parcel]) -> Answer:
        settings = self._planning
        try:
            result: Answer = unpack(running.result(timeout=settings.budget_s))
        except TimeoutError as error:
            self._replace()
            raise PlanError(
                f"the solve took longer than planning.budget_s = {settings.budget_s:g} s and was ended; "
                "raise the budget or lower planning.time_limit_s"
            ) from error
        except BrokenProcessPool as error:
            self._replace()
            raise PlanError("the solving process died (out of memory?); the last good plan stays in force") from error
        except ModelError as error:
            raise PlanError(f"the mathematics failed: {error}") from error
        return result

    def _submit(self, *arguments: Any) -> Future[Parcel]:
        """Hand the case to a worker; one that died while it had nothing to do is replaced first."""
        try:
            return self._pool.submit(_answer, *arguments)
        except BrokenProcessPool:
            self._replace()
            return self._pool.submit(_answer, *arguments)

    def _replace(self) -> None:
        """Kill the workers and start anew: a hung solve cannot be cancelled in any other way."""
        with self._lock:
            for process in list((self._pool._processes or {}).values()):  # public only from Python 3.14 on
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._start()

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)
