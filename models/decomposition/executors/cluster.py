"""Answers prices on the workers of a Dask cluster. Source: docs/how-to/solve-on-a-cluster.md."""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.decomposition.executors.shard_results import add
from models.decomposition.executors.shards import SHARD_UNITS, Shard, cuts, shard
from models.decomposition.executors.worker_pool import Call, WorkerPool
from models.decomposition.joint.responder import JointMixed, JointResponder
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import JointPricing, KnownBounds, ScenarioPrices, nothing
from models.mixing import CHUNK, MIXES, Mixed, Shares
from models.resources.protocols import Choices
from models.response import Prices, Totals

PATIENCE_S = 30.0
"""Seconds for which a cluster may lack a usable worker before the solve fails."""


class DaskPricing:
    """Lets workers hold the units and answer prices; on like processors totals equal LocalPricing's to the last bit."""

    def __init__(
        self,
        case: Case,
        grouping: Grouping,
        scheduler: str,
        *,
        patience_s: float = PATIENCE_S,
        connect_s: float = PATIENCE_S,
        shard_units: int = SHARD_UNITS,
    ) -> None:
        """Connect to the scheduler at tcp://host:port or tls://host:port. Raises ExecutorError if that fails."""
        self._case, self._grouping = case, grouping
        self._cuts = cuts(grouping, shard_units)
        sizes = [len(cut.units) for cut in self._cuts]
        self._pool = WorkerPool(scheduler, self._shard, sizes, patience_s=patience_s, connect_s=connect_s)
        self._where: dict[int, tuple[Ints, Ints]] = {}
        self._joint = JointPricing(case, grouping)

    def __enter__(self) -> "DaskPricing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def _shard(self, number: int) -> Shard:
        cut = self._cuts[number]
        return shard(self._case, self._grouping.batches[cut.batch], cut)

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None, *, prove: bool = True) -> Totals:
        """Return the sums per group (G), zero for groups not asked. Raises ExecutorError when no worker is left."""
        asked = {
            number: (cut.prices(prices), None if groups is None or groups[cut.group].all() else groups[cut.group])
            for number, cut in enumerate(self._cuts)
            if groups is None or groups[cut.group].any()
        }
        found = self._pool.each("respond", asked)
        total = nothing(self._case, len(self._grouping.group_point))
        for number in asked:
            add(total, found[number], self._cuts[number].group, self._cuts[number].reserve_rows)
        self._joint.respond(prices, groups, total, prove=prove)
        return total

    def known(
        self, prices: ScenarioPrices, promised_eur: Floats, enough_eur: Floats | float, groups: Bools | None = None
    ) -> KnownBounds | None:
        """Return the joint groups (G,) whose last answers prove their bounds well enough, see Pricing.known."""
        return self._joint.known(prices, promised_eur, enough_eur, groups)

    def joint_responders(self) -> Sequence[JointResponder]:
        """Return what answers for the connections of each joint batch, which is in this process."""
        return self._joint.responders

    def keep(self) -> int:
        """Keep what connections that answer as a whole did last; return its number for `Prices.near`."""
        return self._joint.keep()

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield positions (m,) among chosen units (n,) that cannot mix, with their answers, shard by shard.

        Raises ExecutorError without a worker.
        """
        return self._stream(
            Call(shard=number, method="choices", arguments=(self._cuts[number].seen(prices), place))
            for number, place in self._pieces(batch, chosen)
        )

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions (m,) among chosen units (n,) of a batch, with mixtures of their answers, shard by shard.

        Raises ExecutorError without a worker.
        """
        return self._stream(
            Call(shard=number, method="mixtures", arguments=self._asked(number, rounds, shares, place))
            for number, place in self._pieces(batch, chosen)
        )

    def joint_mixtures(self, batch: int, rounds: Sequence[Prices], shares: Shares) -> Iterator[JointMixed]:
        """Yield mixtures of the answers of a few of the connections of a joint batch, which answer in this process."""
        return self._joint.mixtures(batch, rounds, shares)

    def joint_limits(self, prices: ScenarioPrices, asked: Bools | None = None) -> Floats:
        """Return what a kW more of limits (2,L,T) is worth in joint answers, EUR, see Pricing.joint_limits."""
        return self._joint.limits(prices, asked)

    def _stream(self, calls: Iterable[Call]) -> Iterator[tuple[Ints, Any]]:
        """Yield the answer of each call with the positions, in the batch, of the units in its last argument."""
        for call, found in self._pool.stream(calls):
            yield self._cuts[call.shard].units[call.arguments[-1]], found

    def _asked(self, number: int, rounds: Sequence[Prices], shares: Shares, place: Ints) -> tuple[Any, ...]:
        """Return the rounds with weight in a shard as its units see them, their shares, and the units asked."""
        cut = self._cuts[number]
        weight, only = shares.weight[:, cut.group], shares.only[cut.units]
        counts = np.asarray((weight > 0).any(axis=1))
        counts[only[only != MIXES]] = True
        only = np.where(only == MIXES, MIXES, (np.cumsum(counts) - 1)[only])
        seen = [cut.seen(rounds[k]) for k in np.flatnonzero(counts).tolist()]
        return seen, Shares(weight=weight[counts], only=only), place

    def _pieces(self, batch: int, chosen: Ints) -> list[tuple[int, Ints]]:
        """Return (shard, positions in the shard) pairs that cover the chosen units, each with at most CHUNK of them."""
        number, place = self._places(batch)
        ordered = chosen[np.argsort(number[chosen], kind="stable")]
        ends = np.flatnonzero(np.diff(number[ordered])) + 1
        pieces = [
            (int(number[some[0]]), place[some[i : i + CHUNK]])
            for some in np.split(ordered, ends)
            for i in range(0, len(some), CHUNK)
        ]
        return pieces if len(chosen) else []

    def _places(self, batch: int) -> tuple[Ints, Ints]:
        """Return the shard of each unit of a batch, and its position in the shard."""
        if batch not in self._where:
            number = np.zeros(len(self._grouping.batches[batch].units), dtype=np.int64)
            place = number.copy()
            for k, cut in enumerate(self._cuts):
                if cut.batch == batch:
                    number[cut.units], place[cut.units] = k, np.arange(len(cut.units))
            self._where[batch] = number, place
        return self._where[batch]
