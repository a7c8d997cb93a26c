"""The workers of a Dask cluster: finds them, places shards in an actor on each, and carries on when one is lost.

Calls go to the workers directly; the scheduler only knows which workers there are.
"""

from asyncio import CancelledError
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter, sleep
from types import TracebackType
from typing import Any
from warnings import warn

from distributed import Client, Future, KilledWorker, Security
from distributed.client import FutureCancelledError

from models.decomposition.executors.shard_worker import ShardWorker, code
from models.decomposition.executors.shards import Shard
from models.errors import ExecutorError

_LOOK_S = 2.0  # seconds after which a worker that has not answered is looked for again
_STRIKES = 3  # a worker that was lost this many times is not used any more
_DEATHS = 12  # losing more workers than this in one solve cannot be accidents
_AHEAD = 2  # calls in flight per worker: one it works on, one it has ready


class _LostError(Exception):
    """A worker cannot be reached any more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Worker:
    """The actor on a worker that holds its shards."""

    future: Future  # keeps the actor alive
    actor: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """A call about one shard."""

    shard: int
    method: str
    arguments: tuple[Any, ...]


class WorkerPool:
    """Workers that hold shards 0..n−1; `sizes` are their numbers of units, `shard_of` makes a shard to be sent."""

    def __init__(
        self, scheduler: str, shard_of: Callable[[int], Shard], sizes: list[int], *, patience_s: float, connect_s: float
    ) -> None:
        """Connect to the scheduler. Raises ExecutorError if it does not answer within `connect_s`."""
        self._scheduler, self._shard_of, self._sizes, self._patience_s = scheduler, shard_of, sizes, patience_s
        try:
            if scheduler.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
                raise TypeError("no certificates")  # a half-made client may hang whoever garbage-collects it
            self._client = Client(scheduler, timeout=connect_s, direct_to_workers=True, name="agr-pricing")
        except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
            raise ExecutorError(
                f"no Dask scheduler answers at {scheduler} ({error}); is it running, reachable from here, and where it "
                "is encrypted, are its certificates known here?"
            ) from error
        self._workers: dict[str, _Worker] = {}
        self._home: dict[int, str] = {}
        self._strikes: defaultdict[str, int] = defaultdict(int)
        self._code: dict[str, str] = {}  # the code that each worker runs

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the workers, which forget their shards."""
        self._workers.clear()
        self._client.close()

    def each(self, method: str, questions: dict[int, Any]) -> dict[int, Any]:
        """Call a method once per worker, for all its shards together; return the answer for each shard.

        `questions` has the argument for each shard. Raises ExecutorError when no worker is left.
        """
        open_, answers = dict(questions), {}
        while open_:
            self._settle()
            groups: defaultdict[str, list[int]] = defaultdict(list)
            for number in open_:
                groups[self._home[number]].append(number)
            asked = [
                (address, numbers, self._ask(address, method, [(n, open_[n]) for n in numbers]))
                for address, numbers in groups.items()
            ]
            for address, numbers, pending in asked:
                try:
                    found = self._wait(address, pending)
                except _LostError as error:
                    self._lose(address, error)
                    continue
                for number, answer in zip(numbers, found, strict=True):
                    answers[number] = answer
                    del open_[number]
        return answers

    def stream(self, calls: Iterable[Call]) -> Iterator[tuple[Call, Any]]:
        """Make calls, a few ahead of the answers taken, and yield each with its answer.

        Raises ExecutorError when no worker is left.
        """
        self._settle()
        waiting = iter(calls)
        again: list[Call] = []
        under_way: list[tuple[Call, str, Any]] = []
        while True:
            room = max(_AHEAD * max(len(self._workers), 1) - len(under_way), 0)
            fresh = [again.pop() for _ in range(min(len(again), room))]
            fresh += list(islice(waiting, room - len(fresh)))
            if fresh:
                self._settle()
            for call in fresh:
                address = self._home[call.shard]
                under_way.append((call, address, self._ask(address, call.method, call.shard, *call.arguments)))
            if not under_way:
                return
            call, address, pending = under_way.pop(0)
            try:
                answer = self._wait(address, pending)
            except _LostError as error:
                self._lose(address, error)
                again.append(call)
                continue
            yield call, answer

    def _ask(self, address: str, method: str, *arguments: Any) -> Any:
        """Begin a call and return its pending answer; None if the worker was lost before."""
        worker = self._workers.get(address)
        if worker is None:
            return None
        try:
            return getattr(worker.actor, method)(*arguments)
        except RuntimeError:  # Dask raises this for an actor whose worker is gone
            return None

    def _wait(self, address: str, pending: Any) -> Any:
        """Return the answer. Raises _LostError once the worker is gone, and any error of the call itself."""
        if pending is None:
            raise _LostError("it left the cluster")
        while True:
            try:
                return pending.result(timeout=_LOOK_S)
            except TimeoutError:
                worker = self._workers.get(address)
                if worker is not None and worker.future.status not in ("finished", "pending"):
                    raise _LostError("it left the cluster") from None
                if address not in self._present():
                    raise _LostError("it left the cluster") from None
            except (OSError, KilledWorker, FutureCancelledError) as error:
                raise _LostError(str(error)) from error

    def _lose(self, address: str, why: Exception) -> None:
        """Forget a worker, so that its shards are placed elsewhere. Raises ExecutorError after too many losses."""
        if self._workers.pop(address, None) is None:
            return
        self._strikes[address] += 1
        self._home = {number: home for number, home in self._home.items() if home != address}
        if sum(self._strikes.values()) > _DEATHS:
            raise ExecutorError(
                f"{_DEATHS} workers were lost during one solve, the last one at {address} ({why}); look at the "
                "workers' logs: are they killed for using too much memory?"
            )

    def _settle(self) -> None:
        """Place every shard that has no worker with the worker that has the fewest units per thread."""
        while len(self._home) < len(self._sizes):
            threads = self._able()
            load = dict.fromkeys(sorted(threads), 0.0)
            for number, address in self._home.items():
                if address in load:
                    load[address] += self._sizes[number] / threads[address]
            given: list[tuple[int, str]] = []
            for number in range(len(self._sizes)):
                if number not in self._home:
                    address = min(load, key=lambda a: load[a] + self._sizes[number] / threads[a])
                    load[address] += self._sizes[number] / threads[address]
                    given.append((number, address))
            self._place(given, _AHEAD * len(threads))

    def _place(self, given: list[tuple[int, str]], ahead: int) -> None:
        waiting = iter(given)
        under_way: list[tuple[int, str, Any]] = []
        while True:
            for number, address in islice(waiting, ahead - len(under_way)):
                if address in self._workers:
                    under_way.append((number, address, self._ask(address, "place", number, self._shard_of(number))))
            if not under_way:
                return
            number, address, pending = under_way.pop(0)
            try:
                self._wait(address, pending)
            except _LostError as error:
                self._lose(address, error)
            else:
                self._home[number] = address

    def _able(self) -> dict[str, int]:
        """Wait for a worker that can hold shards; return all that can, with their threads. Raises ExecutorError."""
        until = perf_counter() + self._patience_s
        while True:
            present = {address: n for address, n in self._present().items() if self._strikes[address] < _STRIKES}
            self._check([address for address in present if address not in self._code])
            self._start([a for a in present if self._code.get(a) == code() and a not in self._workers])
            able = {address: n for address, n in present.items() if address in self._workers}
            if able:
                return able
            if perf_counter() > until:
                raise ExecutorError(self._nobody())
            sleep(0.2)

    def _present(self) -> dict[str, int]:
        """Return all workers with their threads. Raises ExecutorError if the scheduler is gone."""
        try:
            return dict(self._client.nthreads())
        except (OSError, RuntimeError, CancelledError) as error:
            raise ExecutorError(f"the Dask scheduler at {self._scheduler} does not answer any more: {error}") from error

    def _check(self, addresses: list[str]) -> None:
        """Learn which code workers run; those with other code are left out, since they may answer differently."""
        if not addresses:
            return
        found = self._client.run(code, workers=addresses, on_error="return")
        for address, answer in found.items():
            if isinstance(answer, OSError):  # it left meanwhile
                continue
            self._code[address] = answer if isinstance(answer, str) else f"none ({answer})"
            if self._code[address] != code():
                warn(f"a Dask worker is left out: {self._difference(address)}", RuntimeWarning, stacklevel=2)

    def _difference(self, address: str) -> str:
        return (
            f"{address} has the mathematics {self._code[address]}; here they are {code()}: install the same release of "
            "agr-optimizer with the same locked packages there"
        )

    def _start(self, addresses: list[str]) -> None:
        """Start an actor on each of these workers, which compiles or loads its code."""
        started = {
            address: self._client.submit(
                ShardWorker, actor=True, workers=[address], allow_other_workers=False, pure=False, retries=0
            )
            for address in addresses
        }
        for address, future in started.items():
            try:
                actor = self._wait(address, future)
            except _LostError:
                self._strikes[address] += 1
            else:
                self._workers[address] = _Worker(future=future, actor=actor)

    def _nobody(self) -> str:
        unfit = [address for address, found in self._code.items() if found != code()]
        if unfit:
            return f"no worker of {self._scheduler} runs the same code as this process: {self._difference(unfit[0])}"
        return (
            f"{self._scheduler} has had no worker for {self._patience_s:g} s; start one with "
            f"`dask worker {self._scheduler}` where this release of agr-optimizer is installed, or see its log"
        )
