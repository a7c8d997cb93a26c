"""Answers prices on the workers of a Dask cluster. Source: docs/how-to/solve-on-a-cluster.md."""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from models.case import Bools, Case, Ints
from models.decomposition.executors.shard_results import add
from models.decomposition.executors.shards import SHARD_UNITS, Shard, cuts, shard
from models.decomposition.executors.worker_pool import Call, WorkerPool
from models.decomposition.prices.grouping import Grouping
from models.decomposition.prices.pricing import ScenarioPrices, nothing
from models.mixing import CHUNK, MIXES, Mixed, Shares
from models.resources.protocols import Choices
from models.response import Prices, Totals

PATIENCE_S = 30.0
"""How long a cluster may be without a usable worker before the solve fails."""


class DaskPricing:
    """Has workers hold the units and answer; totals are those of LocalPricing to the last bit, on like processors."""

    def __init__(
        self,
        case: Case,
        grouping: Grouping,
        scheduler: str,
        *,
        patience_s: float = PATIENCE_S,
        shard_units: int = SHARD_UNITS,
    ) -> None:
        """Connect to tcp://host:port or tls://host:port. Raises ExecutorError."""
        self._case, self._grouping = case, grouping
        self._cuts = cuts(grouping, shard_units)
        self._crew = WorkerPool(scheduler, self._shard, [len(cut.units) for cut in self._cuts], patience_s=patience_s)
        self._where: dict[int, tuple[Ints, Ints]] = {}

    def __enter__(self) -> "DaskPricing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crew.close()

    def _shard(self, number: int) -> Shard:
        cut = self._cuts[number]
        return shard(self._case, self._grouping.batches[cut.batch], cut)

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None) -> Totals:
        """Return the sums per group (G), of some groups only. Raises ExecutorError when no worker is left."""
        asked = {
            number: (cut.prices(prices), None if groups is None or groups[cut.group].all() else groups[cut.group])
            for number, cut in enumerate(self._cuts)
            if groups is None or groups[cut.group].any()
        }
        found = self._crew.each("respond", asked)
        total = nothing(self._case, len(self._grouping.group_point))
        for number in asked:
            add(total, found[number], self._cuts[number].group, self._cuts[number].reserve_rows)
        return total

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield the best responses of chosen units of a batch that cannot mix. Raises ExecutorError."""
        return self._stream(
            Call(shard=number, method="choices", arguments=(self._cuts[number].seen(prices), place))
            for number, place in self._pieces(batch, chosen)
        )

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield mixtures of the answers of chosen units of a batch, shard by shard. Raises ExecutorError."""
        return self._stream(
            Call(shard=number, method="mixtures", arguments=self._asked(number, rounds, shares, place))
            for number, place in self._pieces(batch, chosen)
        )

    def _stream(self, calls: Iterable[Call]) -> Iterator[tuple[Ints, Any]]:
        """Yield the positions in its batch of what each call asks about, its last argument, and the answer."""
        for call, found in self._crew.stream(calls):
            yield self._cuts[call.shard].units[call.arguments[-1]], found

    def _asked(self, number: int, rounds: Sequence[Prices], shares: Shares, place: Ints) -> tuple[Any, ...]:
        """Return the rounds that count for a shard as its units see them, their shares, and who is asked."""
        cut = self._cuts[number]
        weight, only = shares.weight[:, cut.group], shares.only[cut.units]
        counts = np.asarray((weight > 0).any(axis=1))
        counts[only[only != MIXES]] = True
        only = np.where(only == MIXES, MIXES, (np.cumsum(counts) - 1)[only])
        seen = [cut.seen(rounds[k]) for k in np.flatnonzero(counts).tolist()]
        return seen, Shares(weight=weight[counts], only=only), place

    def _pieces(self, batch: int, chosen: Ints) -> list[tuple[int, Ints]]:
        """Return (shard, positions in the shard) that cover the chosen units, a CHUNK at most at a time."""
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
        """Return for each unit of a batch its shard and its position there."""
        if batch not in self._where:
            number = np.zeros(len(self._grouping.batches[batch].units), dtype=np.int64)
            place = number.copy()
            for k, cut in enumerate(self._cuts):
                if cut.batch == batch:
                    number[cut.units], place[cut.units] = k, np.arange(len(cut.units))
            self._where[batch] = number, place
        return self._where[batch]
