"""Prices go out, sums of best responses come back: the only part of the decomposition that sees single units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.case import Case, Floats, Ints
from models.decomposition.split import Batch, Split
from models.mixture import Mixed, Shares, chunks
from models.response import Prices, Rows, Totals
from models.units.curtailable import CurtailableResponder
from models.units.shiftable import ShiftableResponder
from models.units.storage import StorageResponder
from models.units.switched import SwitchedResponder


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """Prices of the planned and of the called programs."""

    planned: Prices  # power (N+1,T): tied points, then untied; held (2,R,T): elsewhere, at reserved points
    called: Prices  # power (N,T), held (1,R,T)


Choices: TypeAlias = NDArray[Any]
"""Starts (n,) of shiftable runs, states (n,T) of switched units."""
Responder: TypeAlias = StorageResponder | CurtailableResponder | ShiftableResponder | SwitchedResponder
"""The best responses of one class."""


class Pricing(Protocol):
    """Answers prices for all groups, here or elsewhere."""

    def respond(self, prices: Scenario, *, tied: bool = False) -> Totals:
        """Return the sums of the best responses per group (G); with `tied`, others than tied ones may be missing."""
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


def chosen_of(batch: Batch, chosen: Ints) -> Batch:
    """Return some units (positions) of a batch alone."""
    rows = batch.rows
    mine = Rows(power=rows.power[chosen], held=rows.held[chosen], total=rows.total[chosen])
    return replace(batch, units=batch.units[chosen], rows=mine)


class LocalPricing:
    """Answers in this process, on its threads."""

    def __init__(self, case: Case, parts: Split) -> None:
        self._case, self._parts = case, parts
        self._responders = [responder(case, b.label, b.units, called=b.called) for b in parts.batches]

    @cached_property
    def _everybody(self) -> list[tuple[Batch, Responder]]:
        return list(zip(self._parts.batches, self._responders, strict=True))

    @cached_property
    def _at_tied_points(self) -> list[tuple[Batch, Responder]]:
        """The units at tied points alone."""
        result = []
        for batch, unit in self._everybody:
            mine = np.flatnonzero(self._parts.group_tie[batch.rows.total] >= 0)
            if len(mine) == len(batch.units):
                result.append((batch, unit))
            elif len(mine):
                some = chosen_of(batch, mine)
                result.append((some, responder(self._case, some.label, some.units, called=some.called)))
        return result

    def respond(self, prices: Scenario, *, tied: bool = False) -> Totals:
        """Return the sums per group (G); with `tied`, zero for all others."""
        groups = len(self._parts.group_tie)
        total = nothing(self._case, groups)
        for batch, unit in self._at_tied_points if tied else self._everybody:
            mine = unit.respond(prices.called if batch.called else prices.planned, batch.rows, groups)
            for sums, more in zip(fields_of(total), fields_of(mine), strict=True):
                sums += more
        return total

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield the best responses of chosen units of a batch that cannot mix."""
        for few in chunks(chosen):
            yield few, choices_of(self._responders[batch], prices, self._parts.batches[batch].rows, few)

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield mixtures of the answers of chosen units of a batch."""
        return mixtures_of(self._responders[batch], rounds, self._parts.batches[batch].rows, shares, chosen)


def fields_of(totals: Totals) -> tuple[Floats, ...]:
    """Return the arrays of totals."""
    return totals.power_kw, totals.held_kw, totals.cost_eur, totals.bound_eur
