"""The workers of a Dask cluster: finds them, has each hold shards in an actor, and carries on when one is lost.

Calls go from here to the worker directly and bring answers back; the scheduler only knows who there is.
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

_LOOK_S = 2.0  # how often a worker that has not answered yet is looked for
_STRIKES = 3  # times a worker may be lost before it is not used any more
_DEATHS = 12  # workers lost in one solve that are too many to be accidents
_AHEAD = 2  # calls a worker is given at once: one to work on, one to have ready


class _LostError(Exception):
    """A worker cannot be reached any more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Hand:
    """A worker's holder."""

    future: Future  # keeps it alive
    actor: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """A question about one shard."""

    shard: int
    method: str
    arguments: tuple[Any, ...]


class WorkerPool:
    """Workers that hold shards 0..n−1 of certain sizes; `shard_of` makes a shard whenever it has to be sent."""

    def __init__(
        self, scheduler: str, shard_of: Callable[[int], Shard], sizes: list[int], *, patience_s: float
    ) -> None:
        """Connect; raises ExecutorError if nobody answers within `patience_s`."""
        self._scheduler, self._shard_of, self._sizes, self._patience_s = scheduler, shard_of, sizes, patience_s
        try:
            if scheduler.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
                raise TypeError("no certificates")  # a client that fails half-made may hang whoever collects it
            self._client = Client(scheduler, timeout=patience_s, direct_to_workers=True, name="agr-pricing")
        except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
            raise ExecutorError(
                f"no Dask scheduler answers at {scheduler} ({error}); is it running, reachable from here, and where it "
                "is encrypted, are its certificates known here?"
            ) from error
        self._hands: dict[str, _Hand] = {}
        self._home: dict[int, str] = {}
        self._strikes: defaultdict[str, int] = defaultdict(int)
        self._code: dict[str, str] = {}  # what each worker runs

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the workers, which forget their shards."""
        self._hands.clear()
        self._client.close()

    def each(self, method: str, questions: dict[int, Any]) -> dict[int, Any]:
        """Ask every worker one question for all its shards together; return the answer of each shard."""
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
        """Make calls, a few ahead of what is taken, and yield each with its answer."""
        self._settle()
        waiting = iter(calls)
        again: list[Call] = []
        under_way: list[tuple[Call, str, Any]] = []
        while True:
            room = max(_AHEAD * max(len(self._hands), 1) - len(under_way), 0)
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
        """Begin a call; None if the worker was lost before."""
        hand = self._hands.get(address)
        if hand is None:
            return None
        try:
            return getattr(hand.actor, method)(*arguments)
        except RuntimeError:  # Dask's word for an actor whose worker is gone
            return None

    def _wait(self, address: str, pending: Any) -> Any:
        """Return the answer; raises _LostError once the worker is gone, and what the call itself raised."""
        if pending is None:
            raise _LostError("it left the cluster")
        while True:
            try:
                return pending.result(timeout=_LOOK_S)
            except TimeoutError:
                hand = self._hands.get(address)
                if hand is not None and hand.future.status not in ("finished", "pending"):
                    raise _LostError("it left the cluster") from None
                if address not in self._present():
                    raise _LostError("it left the cluster") from None
            except (OSError, KilledWorker, FutureCancelledError) as error:
                raise _LostError(str(error)) from error

    def _lose(self, address: str, why: Exception) -> None:
        """Forget a worker; its shards are homeless."""
        if self._hands.pop(address, None) is None:
            return
        self._strikes[address] += 1
        self._home = {number: home for number, home in self._home.items() if home != address}
        if sum(self._strikes.values()) > _DEATHS:
            raise ExecutorError(
                f"{_DEATHS} workers were lost during one solve, the last one at {address} ({why}); look at the "
                "workers' logs: are they killed for using too much memory?"
            )

    def _settle(self) -> None:
        """Place every shard that has no home with the worker that has least to do for its threads."""
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
                if address in self._hands:
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
        """Return the workers that can hold shards, with their threads; waits for one. Raises ExecutorError."""
        until = perf_counter() + self._patience_s
        while True:
            present = {address: n for address, n in self._present().items() if self._strikes[address] < _STRIKES}
            self._check([address for address in present if address not in self._code])
            self._hire([a for a in present if self._code.get(a) == code() and a not in self._hands])
            able = {address: n for address, n in present.items() if address in self._hands}
            if able:
                return able
            if perf_counter() > until:
                raise ExecutorError(self._nobody())
            sleep(0.2)

    def _present(self) -> dict[str, int]:
        """Return all workers with their threads."""
        try:
            return dict(self._client.nthreads())
        except (OSError, RuntimeError, CancelledError) as error:
            raise ExecutorError(f"the Dask scheduler at {self._scheduler} does not answer any more: {error}") from error

    def _check(self, addresses: list[str]) -> None:
        """Learn which code workers run; those with other code are left out, for they may answer differently."""
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

    def _hire(self, addresses: list[str]) -> None:
        """Start a holder on each of these workers; they compile, or load, their code meanwhile."""
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
                self._hands[address] = _Hand(future=future, actor=actor)

    def _nobody(self) -> str:
        unfit = [address for address, found in self._code.items() if found != code()]
        if unfit:
            return f"no worker of {self._scheduler} runs the same code as this process: {self._difference(unfit[0])}"
        return (
            f"{self._scheduler} has had no worker for {self._patience_s:g} s; start one with "
            f"`dask worker {self._scheduler}` where this release of agr-optimizer is installed, or see its log"
        )
