"""Solves cases in worker processes: never in threads, where concurrent solves hang.

Workers are forked from a server that has imported the models once (`fork_server`): a new worker begins at once, also
where one has died or was killed, and all share the memory of what was imported. What they run is in `worker`.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numpy.typing import NDArray

from agr.domain.errors import PlanError, StoppedError
from agr.planning import fork_server, worker
from agr.planning.budget import Budget, Sharing
from agr.planning.failed_cases import FailedCases
from agr.planning.kernels import compile_kernels
from agr.planning.progress import RoundProgress
from agr.planning.shared_arrays import SharedArrays, pack, unpack
from agr.planning.solving import OF_BUDGET, How, Solution, unfinished
from agr.settings import Planning
from agr.store.scratch import remove_abandoned, scratch_folder
from models.case import Case
from models.errors import ModelError
from models.outcome import Outcome

if TYPE_CHECKING:
    from agr.planning.probability.question import CountedPoint, Proposed
    from agr.planning.probability.question import PromiseQuestion as Uncertainty
    from models.evaluation import Earlier
    from models.flexibility.question import Answer, Question

log = structlog.get_logger()

_LISTEN_S = 0.25
_UNTIL_BEGUN_S = 3600.0
"""Seconds that a solve may wait for a free worker and for compilation, which takes minutes on a busy machine after an
upgrade. Its budget begins after that, so that no plan is lost while its worker is still compiling."""
TOLD_AFTER_S = 5.0
"""Seconds that a solve may wait to begin before the log says so: a silent minute of compilation looks like a fault."""
_WAITS = (
    "the solve waits for a process: one is busy, loads, or compiles its functions first, which takes a minute or more, "
    "once after an upgrade"
)
RESTS_AFTER_S = 1800.0
"""Seconds without a solve after which workers end: each holds some 200 MB. The next solve starts a new one in 0.05
s."""
_SHORTER, _FEWER_DAYS = "planning.time_limit_s", "planning.promises.scenarios or planning.promises.days"
"""Settings to lower where work took longer than the budget: of plans, and of reservations by probability."""


class _TookLongerError(PlanError):
    """A solve was ended at the end of its budget."""

    def __init__(self, best: Outcome | None, why: str) -> None:
        super().__init__(why)
        self.best = best


_Work = Callable[[SharedArrays, How], SharedArrays]


class SolverPool:
    """A pool of worker processes, one solve at a time in each."""

    def __init__(
        self, planning: Planning, executor: str = "local", failed_cases: FailedCases | None = None
    ) -> None:  # fmt: skip
        self._planning, self._executor, self._failed_cases = planning, executor, failed_cases
        self._lock, self._abandoned = Lock(), False
        self._folders: set[Path] = set()
        self._used_at = monotonic()
        self._pool = self._start()
        for folder in remove_abandoned():
            log.info("scratch.removed", folder=str(folder), why="the process that used it was killed")

    def _start(self) -> ProcessPoolExecutor:
        workers, context = self._planning.workers, fork_server.context()
        return ProcessPoolExecutor(workers, mp_context=context, initializer=worker.settle_in)

    def warm_up(self, *, parts: bool = False) -> None:
        """Let the models be imported in the background, so that neither the start nor the first plan waits for it.

        With `parts`, a worker also compiles what replanning a part needs.
        """
        fork_server.begin()
        if parts:
            self._used_at = monotonic()
            self._submit(compile_kernels)

    def within(self, budget_s: float) -> Sharing:
        """Return what solves, proposes and counts in this pool, all within one budget."""
        return Sharing(self, budget_s)

    def solve(
        self, case: Case, reached: Callable[[RoundProgress], None] | None = None, budget: Budget | None = None
    ) -> Solution:  # fmt: skip
        """Return the audited outcome; `reached` is called after every round of the decomposition.

        A solve that exceeds its own budget is ended and answers with the best program that it had; without one, units
        run unsteered. Raises PlanError when the worker fails, dies or exceeds a `budget` that others share, and
        StoppedError when it is abandoned.
        """
        try:
            with self._kept(case):
                solution: Solution = self._run(worker.answer_case, case, reached, budget=budget)
                return solution
        except _TookLongerError as late:
            if budget is not None:
                raise
            return unfinished(case, late.best, str(late))

    def go_on(self, earlier: "Earlier", case: Case, reached: Callable[[RoundProgress], None] | None = None) -> Solution:
        """Return the audited outcome, from the program in force where that is good enough.

        Raises PlanError like `solve`.
        """
        with self._kept(case):
            solution: Solution = self._run(worker.go_on_with_case, (earlier, case), reached)
            return solution

    def solve_part(self, before: Case, case: Case) -> Solution:
        """Return the audited outcome of a part of a portfolio, with its dual slack; `before` is the part in force.

        Raises PlanError like `solve`.
        """
        with self._kept(case, before):
            solution: Solution = self._run(worker.answer_part_of_case, (before, case), None)
            return solution

    def call_again(self, case: Case, kept: Outcome, bids_mw: list[NDArray[np.float64]]) -> Outcome:
        """Return a kept program with the best called programs for it. Raises PlanError like `solve`."""
        found: Outcome = self._run(worker.find_called, (case, kept, bids_mw), None)
        return found

    def price(self, question: "Question") -> "Answer":
        """Return what an offer of flexibility costs. Raises PlanError like `solve`."""
        answer: Answer = self._run(worker.price_offer, question, None)
        return answer

    def propose(self, question: "Uncertainty", budget: Budget | None = None) -> "tuple[Proposed, ...]":
        """Return what to announce at congestion points with reservations. Raises PlanError like `solve`."""
        work = worker.propose_announcements
        found: tuple[Proposed, ...] = self._run(work, question, None, _FEWER_DAYS, budget)
        return found

    def count(self, question: "Uncertainty", budget: Budget | None = None) -> "tuple[CountedPoint, ...]":
        """Return how often what is announced there is kept. Raises PlanError like `solve`."""
        found: tuple[CountedPoint, ...] = self._run(worker.count_kept, question, None, _FEWER_DAYS, budget)
        return found

    def _kept(self, case: Case, before: Case | None = None) -> AbstractContextManager[None]:
        """Keep the case that a solve fails on, whatever the failure, and say where."""
        return nullcontext() if self._failed_cases is None else self._failed_cases.of_failure(case, before)

    def _run(
        self, work: _Work, value: object, reached: Callable[[RoundProgress], None] | None, instead: str = _SHORTER,
        budget: Budget | None = None,
    ) -> Any:  # fmt: skip
        if budget is not None:
            budget.require(instead)
        with scratch_folder("solve") as folder:
            self._folders.add(folder)
            try:
                running = self._submit(work, pack(value, folder), How.of(self._planning, executor=self._executor))
                return self._result(running, folder, reached, instead, budget)
            finally:
                self._used_at = monotonic()
                self._folders.discard(folder)

    def stop_searching(self) -> None:
        """Ask every solve under way to answer with its best program so far; the reference method ignores this."""
        for folder in tuple(self._folders):
            with suppress(FileNotFoundError):  # the solve has just ended
                (folder / worker.STOP).touch()

    def _result(
        self, running: Future[SharedArrays], folder: Path, reached: Callable[[RoundProgress], None] | None,
        instead: str = _SHORTER, budget: Budget | None = None,
    ) -> Any:  # fmt: skip
        budget = budget or Budget.of(self._planning.budget_s)
        budget_s, began_at = budget.left_s, monotonic()
        submitted_at, told = began_at, False
        begun, deadline = False, submitted_at + _UNTIL_BEGUN_S
        listens_s = min(_LISTEN_S, budget_s)
        rounds = worker.RoundReader(folder / worker.ROUNDS, reached)
        try:
            while not wait([running], timeout=max(0.0, min(listens_s, deadline - monotonic()))).done:
                rounds.forward()
                if not begun and (folder / worker.BEGUN).exists():
                    begun, began_at = True, monotonic()
                    deadline = began_at + budget_s
                if not begun and not told and monotonic() - submitted_at > TOLD_AFTER_S:
                    told = True
                    log.info("solve.waiting", why=_WAITS)
                if begun and deadline - monotonic() < (1 - OF_BUDGET) * budget_s:
                    (folder / worker.STOP).touch()  # in overtime; whatever it has is better than nothing
                if monotonic() > deadline:
                    raise TimeoutError
            rounds.forward()
            result = unpack(running.result())
        except TimeoutError as error:
            best = worker.best_of(folder)
            self._replace()
            raise _TookLongerError(
                best,
                f"the solve took longer than planning.budget_s = {budget.whole_s:g} s and was ended; "
                f"raise the budget or lower {instead}",
            ) from error
        except (BrokenProcessPool, CancelledError) as error:
            self._replace()
            raise PlanError("the solving process died (out of memory?)") from error
        except ModelError as error:
            raise PlanError(f"the solve failed: {error}") from error
        finally:
            budget.spend(monotonic() - began_at if begun else 0.0)
        return result

    def _submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand the case to a worker; a worker that died while idle, or its server, is replaced first."""
        try:
            return self._submit_once(work, *arguments)
        except (BrokenProcessPool, EOFError, ConnectionError):
            self._replace()
            return self._submit_once(work, *arguments)

    def _submit_once(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        with self._lock:  # so that `abandon` kills the worker that begins here, or comes before it
            self._refuse_when_abandoned()
            fork_server.begin()
            running = self._pool.submit(work, *arguments)  # the first one waits until the server has loaded
            fork_server.has_served()
            return running

    def rest(self, after_s: float = RESTS_AFTER_S) -> None:
        """Let workers end that have had nothing to do for so many seconds."""
        with self._lock:
            idle = not self._folders and monotonic() - self._used_at >= after_s
            if idle and self._pool._processes and not self._abandoned:
                self._pool.shutdown(wait=False)
                self._pool = self._start()

    def _refuse_when_abandoned(self) -> None:
        if self._abandoned:
            raise StoppedError("the service stops; the plan is made after its next start")

    def _replace(self) -> None:
        """Kill the workers and start new ones: a hung solve cannot be cancelled in any other way."""
        with self._lock:
            self._refuse_when_abandoned()
            self._kill()
            self._pool = self._start()

    def _kill(self) -> None:
        for process in list((self._pool._processes or {}).values()):  # public only from Python 3.14 on
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def abandon(self) -> None:
        """Drop every solve under way, which raises StoppedError there, and refuse further ones: the service stops."""
        self._abandoned = True
        fork_server.end_loading()  # before the lock, which is held while a worker begins
        with self._lock:
            self._kill()

    def close(self) -> None:
        """End the workers; a solve under way answers with its best program so far."""
        self.stop_searching()
        fork_server.end_loading()
        self._pool.shutdown(wait=True, cancel_futures=True)
