"""Prices go out, sums of best responses come back: the only part of the decomposition that sees single units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Bools, Case, Ints
from models.decomposition.prices.grouping import Grouping
from models.mixing import Mixed, Shares, chunks
from models.resources.curtailable import CurtailableResponder
from models.resources.shiftable import ShiftableResponder
from models.resources.storage import StorageResponder
from models.resources.switched import SwitchedResponder
from models.response import Prices, Rows, Totals


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenarioPrices:
    """Prices of the planned and of the called programs."""

    planned: Prices  # power (N+1,T): tied points, then untied; held (2,R,T): elsewhere, at reserved points
    called: Prices  # power (N,T), held (1,R,T)


Choices: TypeAlias = NDArray[Any]
"""Starts (n,) of shiftable runs, states (n,T) of switched units."""
Responder: TypeAlias = StorageResponder | CurtailableResponder | ShiftableResponder | SwitchedResponder
"""The best responses of one class."""


class Pricing(Protocol):
    """Answers prices for all groups, here or elsewhere."""

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None) -> Totals:
        """Return the sums of the best responses per group (G), of some groups (G,) only: zero for all others."""
        ...

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield the best responses of chosen units (positions) of a batch that cannot mix: a few of them, and what."""
        ...

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield mixtures of the answers of chosen units of a batch that can mix: a few of them, and theirs."""
        ...


def responder(case: Case, label: str, units: Ints, *, called: bool, threads: int = 0) -> Responder:
    """Return the prepared best responses of units of one class; 0 threads: all there are."""
    if label == "storage":
        return StorageResponder.of(case, units, called=called, threads=threads)
    if label == "curtailable":
        return CurtailableResponder.of(case, units, called=called, threads=threads)
    if label == "switched":
        return SwitchedResponder.of(case, units, called=called, threads=threads)
    return ShiftableResponder.of(case, units, called=called, threads=threads)


def choices_of(unit: Responder, prices: Prices, rows: Rows, chosen: Ints) -> Choices:
    """Return the best responses of chosen units (n,) of a class that cannot mix. Raises TypeError for others."""
    if isinstance(unit, ShiftableResponder):
        return unit.answers(prices, rows, chosen).start
    if isinstance(unit, SwitchedResponder):
        return unit.answers(prices, rows, chosen).on
    raise TypeError(f"{type(unit).__name__} mixes")


def mixtures_of(
    unit: Responder, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints
) -> Iterator[tuple[Ints, Mixed]]:
    """Yield mixtures of chosen units of a class that can mix. Raises TypeError for others."""
    if isinstance(unit, ShiftableResponder | SwitchedResponder):
        raise TypeError(f"{type(unit).__name__} does not mix")
    return unit.mixtures(rounds, rows, shares, chosen)


def nothing(case: Case, groups: int) -> Totals:
    """Return totals of zero."""
    return Totals(
        power_kw=np.zeros((groups, case.isps)),
        held_kw=np.zeros((groups, len(case.reserves), case.isps)),
        cost_eur=np.zeros(groups),
        bound_eur=np.zeros(groups),
    )


class LocalPricing:
    """Answers in this process, on its threads."""

    def __init__(self, case: Case, parts: Grouping) -> None:
        self._case, self._parts = case, parts
        self._responders = [responder(case, b.label, b.units, called=b.called) for b in parts.batches]
        # a batch's groups come right after those of the one before
        self._ends = np.array([0, *(int(b.rows.total.max()) + 1 for b in parts.batches)])
        self._everybody = [
            Rows(power=b.rows.power, held=b.rows.held, total=b.rows.total - first)
            for b, first in zip(parts.batches, self._ends[:-1].tolist(), strict=True)
        ]
        self._some: dict[bytes, list[Rows]] = {}

    def _asked(self, groups: Bools) -> list[Rows]:
        """Return the rows of some groups; the same few are asked again and again."""
        key = groups.tobytes()
        if key not in self._some:
            each = np.split(groups, self._ends[1:-1])
            self._some[key] = [rows.of(mine) for rows, mine in zip(self._everybody, each, strict=True)]
        return self._some[key]

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None) -> Totals:
        """Return the sums per group (G), zero for groups that are not asked."""
        if not self._responders:
            return nothing(self._case, 0)
        asked = self._everybody if groups is None else self._asked(groups)
        found = [
            unit.respond(prices.called if batch.called else prices.planned, rows, count)
            for batch, unit, rows, count in zip(
                self._parts.batches, self._responders, asked, np.diff(self._ends).tolist(), strict=True
            )
        ]
        return Totals(
            power_kw=np.concatenate([sums.power_kw for sums in found]),
            held_kw=np.concatenate([sums.held_kw for sums in found]),
            cost_eur=np.concatenate([sums.cost_eur for sums in found]),
            bound_eur=np.concatenate([sums.bound_eur for sums in found]),
        )

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield the best responses of chosen units of a batch that cannot mix."""
        for few in chunks(chosen):
            yield few, choices_of(self._responders[batch], prices, self._parts.batches[batch].rows, few)

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield mixtures of the answers of chosen units of a batch."""
        return mixtures_of(self._responders[batch], rounds, self._parts.batches[batch].rows, shares, chosen)
