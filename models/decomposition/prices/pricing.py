"""Answers prices with sums of best responses; only here does the decomposition deal with single units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.case import Bools, Case, Floats, Ints
from models.decomposition.joint.responder import JointMixed, JointResponder
from models.decomposition.prices.grouping import Grouping, JointBatch
from models.decomposition.tuning import DEFAULT
from models.mixing import Mixed, Shares, chunks
from models.resources.protocols import Choices, ChoosingResponder, MixingResponder, ResourceClass, Responder
from models.response import NOWHERE, Prices, Rows, Totals


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenarioPrices:
    """Prices of the planned and of the called programs."""

    planned: Prices  # power (N+1,T): priced points, then unpriced; held (2,R,T): elsewhere, at reserved points
    called: Prices  # power (N,T), held (1,R,T)


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownBounds:
    """Groups whose bounds at some prices are known well enough that they need not answer."""

    groups: Bools  # (G,)
    bound_eur: Floats  # (G,) zero for all others


class Pricing(Protocol):
    """Answers prices for all groups, in this process or elsewhere."""

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None, *, prove: bool = True) -> Totals:
        """Return the sums of best responses per group (G); with a mask `groups` (G,), zero for all others.

        Without `prove` bounds may be poor, which saves work; the answers are the same.
        """
        ...

    def known(
        self, prices: ScenarioPrices, promised_eur: Floats, enough_eur: Floats | float, groups: Bools | None = None
    ) -> KnownBounds | None:
        """Return those of the groups (G,), by default of all, whose answers can cost at most `enough_eur`, for each or
        the same for all, less than promised (G,), EUR, with bounds that prove it; None where there are none.
        """
        ...

    def keep(self) -> int:
        """Keep the last answers of connections that answer as a whole; return their number for `Prices.near`."""
        ...

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield positions (m,) of a few of the chosen units (n,) of a batch that cannot mix, with their answers."""
        ...

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions (m,) of a few of the chosen units (n,) of a batch that can mix, with mixtures of answers."""
        ...

    def joint_mixtures(self, batch: int, rounds: Sequence[Prices], shares: Shares) -> Iterator[JointMixed]:
        """Yield mixtures of the answers of a few of the connections of a joint batch."""
        ...

    def joint_limits(self, prices: ScenarioPrices, asked: Bools | None = None) -> Floats:
        """Return what a kW more of each limit (2,L,T), import and export, is worth in joint answers, EUR; 0 elsewhere.

        Only the groups asked (G,), by default all, answer again; the last answers of the others count as they are.
        """
        ...

    def joint_responders(self) -> Sequence[JointResponder]:
        """Return what answers for the connections of each joint batch."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedUnits:
    """Units of one class, ready to answer; a class either mixes its answers or chooses among them."""

    responder: Responder
    mixing: MixingResponder | None
    choosing: ChoosingResponder | None

    def choices(self, prices: Prices, rows: Rows, chosen: Ints) -> Choices:
        """Return the best responses of chosen units (n,). Raises TypeError where units mix."""
        if self.choosing is None:
            raise TypeError(f"{type(self.responder).__name__} mixes")
        return self.choosing.choices(prices, rows, chosen)

    def mixtures(
        self, rounds: Sequence[Prices], rows: Rows, shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions (m,) of a few chosen units (n,), with mixtures. Raises TypeError where units do not mix."""
        if self.mixing is None:
            raise TypeError(f"{type(self.responder).__name__} does not mix")
        return self.mixing.mixtures(rounds, rows, shares, chosen)


def prepared(case: Case, resource: ResourceClass, units: Ints, *, called: bool, threads: int = 0) -> PreparedUnits:
    """Return units (U,) of one class, ready to answer. Raises TypeError for a class without choice.

    With 0 threads all available ones are used.
    """
    case = case.when_called() if called else case
    if resource.mixing is not None:
        mixing = resource.mixing.responder(case, units, called, threads)
        return PreparedUnits(responder=mixing, mixing=mixing, choosing=None)
    if resource.choosing is not None:
        choosing = resource.choosing.responder(case, units, called, threads)
        return PreparedUnits(responder=choosing, mixing=None, choosing=choosing)
    raise TypeError(f"{resource.name}: neither mixes nor chooses, so it cannot be priced")


def nothing(case: Case, groups: int) -> Totals:
    """Return totals of zero for some groups."""
    return Totals(
        power_kw=np.zeros((groups, case.isps)),
        held_kw=np.zeros((groups, len(case.reserves), case.isps)),
        cost_eur=np.zeros(groups),
        bound_eur=np.zeros(groups),
    )


class JointPricing:
    """Answers for connections that answer as a whole, in this process, on its threads."""

    def __init__(self, case: Case, grouping: Grouping) -> None:
        self._case, self._batches = case, grouping.joint
        self.responders = [
            JointResponder.of(case, batch.connections, batch.shared, called=batch.called, gap=DEFAULT.joint.gap)
            for batch in grouping.joint
        ]

    def respond(self, prices: ScenarioPrices, groups: Bools | None, total: Totals, *, prove: bool) -> None:
        """Write the sums of joint groups to `total` (G), of all of them or of those asked (G,)."""
        for batch, responder in zip(self._batches, self.responders, strict=True):
            mine, rows = self._rows(batch)
            asked = rows if groups is None else rows.of(groups[mine])
            seen = prices.called if batch.called else prices.planned
            found = responder.respond(seen, asked, mine.stop - mine.start, prove=prove)
            for name in ("power_kw", "held_kw", "cost_eur", "bound_eur"):
                getattr(total, name)[mine] = getattr(found, name)

    def known(
        self, prices: ScenarioPrices, promised_eur: Floats, enough_eur: Floats | float, groups: Bools | None
    ) -> KnownBounds | None:
        """Return the joint groups (G,) whose last answers prove their bounds well enough, see Pricing.known."""
        groups = np.ones(len(promised_eur), dtype=np.bool_) if groups is None else groups
        well, bound_eur = np.zeros(len(promised_eur), dtype=np.bool_), np.zeros(len(promised_eur))
        enough = np.broadcast_to(enough_eur, promised_eur.shape)
        for batch, responder in zip(self._batches, self.responders, strict=True):
            mine, rows = self._rows(batch)
            asked = groups[mine]
            if not asked.any():
                continue
            seen = prices.called if batch.called else prices.planned
            found = responder.bounds(seen, rows if asked.all() else rows.of(asked), len(asked))
            well[mine] = asked & (promised_eur[mine] - found <= enough[mine])
            bound_eur[mine] = np.where(well[mine], found, 0.0)
        return KnownBounds(groups=well, bound_eur=bound_eur) if well.any() else None

    def keep(self) -> int:
        """Keep the last answers of connections that answer as a whole; return their number for `Prices.near`."""
        return max((responder.keep() for responder in self.responders), default=NOWHERE)

    def _rows(self, batch: JointBatch) -> tuple[slice, Rows]:
        """Return which groups are a batch's, and its rows with totals that begin at zero."""
        first = int(batch.rows.total.min())
        mine = slice(first, int(batch.rows.total.max()) + 1)
        return mine, Rows(power=batch.rows.power, held=batch.rows.held, total=batch.rows.total - first)

    def mixtures(self, batch: int, rounds: Sequence[Prices], shares: Shares) -> Iterator[JointMixed]:
        """Yield mixtures of the answers of a few of the connections of a batch."""
        return self.responders[batch].mixtures(rounds, self._batches[batch].rows, shares)

    def limits(self, prices: ScenarioPrices, asked: Bools | None) -> Floats:
        """Return what a kW more of each limit (2,L,T) is worth in the planned answers, EUR; 0 for other limits.

        Only the groups asked (G,) answer again: the prices noted with the last answers of the others count as they are.
        """
        worth = np.zeros((2, len(self._case.connection_limits.name), self._case.isps))
        for batch, responder in zip(self._batches, self.responders, strict=True):
            if not batch.called:
                mine, rows = self._rows(batch)
                found = responder.duals(prices.planned, rows if asked is None else rows.of(asked[mine]))
                worth[:, batch.connections.limits] = found.reshape(2, -1, self._case.isps)
        return worth


class LocalPricing:
    """Answers in this process, on its threads."""

    def __init__(self, case: Case, grouping: Grouping) -> None:
        self._case, self._grouping = case, grouping
        self._units = [prepared(case, b.resource, b.units, called=b.called) for b in grouping.batches]
        # the groups of a batch follow those of the batch before
        self._ends = np.array([0, *(int(b.rows.total.max()) + 1 for b in grouping.batches)])
        self._everybody = [
            Rows(power=b.rows.power, held=b.rows.held, total=b.rows.total - first)
            for b, first in zip(grouping.batches, self._ends[:-1].tolist(), strict=True)
        ]
        self._some: dict[bytes, list[Rows]] = {}
        self._joint = JointPricing(case, grouping)

    def _asked(self, groups: Bools) -> list[Rows]:
        """Return the rows of some groups, kept because the same few selections are asked again and again."""
        groups = groups[: self._ends[-1]]
        if groups.all():
            return self._everybody
        key = groups.tobytes()
        if key not in self._some:
            each = np.split(groups, self._ends[1:])[:-1]
            self._some[key] = [rows.of(mine) for rows, mine in zip(self._everybody, each, strict=True)]
        return self._some[key]

    def respond(self, prices: ScenarioPrices, groups: Bools | None = None, *, prove: bool = True) -> Totals:
        """Return the sums per group (G), zero for groups that are not asked."""
        total = nothing(self._case, len(self._grouping.group_point))
        asked = self._everybody if groups is None else self._asked(groups)
        found = [
            some.responder.respond(prices.called if batch.called else prices.planned, rows, count)
            for batch, some, rows, count in zip(
                self._grouping.batches, self._units, asked, np.diff(self._ends).tolist(), strict=True
            )
        ]
        first = 0
        for sums in found:
            mine = slice(first, first + len(sums.cost_eur))
            first = mine.stop
            for name in ("power_kw", "held_kw", "cost_eur", "bound_eur"):
                getattr(total, name)[mine] = getattr(sums, name)
        self._joint.respond(prices, groups, total, prove=prove)
        return total

    def known(
        self, prices: ScenarioPrices, promised_eur: Floats, enough_eur: Floats | float, groups: Bools | None = None
    ) -> KnownBounds | None:
        """Return the joint groups (G,) whose last answers prove their bounds well enough, see Pricing.known."""
        return self._joint.known(prices, promised_eur, enough_eur, groups)

    def keep(self) -> int:
        """Keep the last answers of connections that answer as a whole; return their number for `Prices.near`."""
        return self._joint.keep()

    def choices(self, batch: int, prices: Prices, chosen: Ints) -> Iterator[tuple[Ints, Choices]]:
        """Yield positions (n,) of chosen units of a batch that cannot mix, with their best responses."""
        for few in chunks(chosen):
            yield few, self._units[batch].choices(prices, self._grouping.batches[batch].rows, few)

    def mixtures(
        self, batch: int, rounds: Sequence[Prices], shares: Shares, chosen: Ints
    ) -> Iterator[tuple[Ints, Mixed]]:
        """Yield positions (m,) of a few of the chosen units (n,) of a batch, with mixtures of their answers."""
        return self._units[batch].mixtures(rounds, self._grouping.batches[batch].rows, shares, chosen)

    def joint_mixtures(self, batch: int, rounds: Sequence[Prices], shares: Shares) -> Iterator[JointMixed]:
        """Yield mixtures of the answers of a few of the connections of a joint batch."""
        return self._joint.mixtures(batch, rounds, shares)

    def joint_limits(self, prices: ScenarioPrices, asked: Bools | None = None) -> Floats:
        """Return what a kW more of limits (2,L,T) is worth in joint answers, EUR, see Pricing.joint_limits."""
        return self._joint.limits(prices, asked)

    def joint_responders(self) -> Sequence[JointResponder]:
        """Return what answers for the connections of each joint batch."""
        return self._joint.responders
