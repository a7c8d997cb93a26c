"""Chooses whole bids by what is known of the cost of the best program with given bids.

That cost is convex in the bids. The whole with any bids gives its least value, where that is, and how it bends there;
every whole set of bids that was tried gives a plane below it. Next is the set at which the greatest of these is least.
Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.case import Bools, Floats, Ints
from models.outcome import Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class Tried:
    """The best program with given bids, and what is known of others from it."""

    outcome: Outcome  # bids that cannot be held are lowered
    bound_eur: float  # of the cost with these bids, and what they lack at its price
    slope_eur: Floats  # (N,) per step of each bid
    missed_eur: Floats  # (groups,) what bids of overlapping hours lack
    lost: int  # bids that were lowered
    held: Floats  # (N,) whole steps that are held where what is lacking is lowered

    def follows(self, within_eur: float) -> bool:
        """Return whether the program is about as good as its bids promise: otherwise other bids will not mend it."""
        return self.lost > 0 or -self.bound_eur - self.outcome.objective_eur <= within_eur


@dataclass(kw_only=True, eq=False)
class Surrogate:
    """What is known of N bids, in steps. Costs are in EUR."""

    least_eur: float
    best: Floats  # (N,) where the least cost is, not whole
    bend: Floats  # (N,N) EUR per step², positive semidefinite
    most: Floats  # (N,) steps, 0 or at least the minimum
    minimum: Floats  # (N,) steps of a bid that is not zero
    group: Ints  # (N,) bids of overlapping hours
    planes: list[tuple[float, Floats]] = field(default_factory=list)  # value at zero and slope (N,)
    missed: list[tuple[Floats, Floats, Floats]] = field(default_factory=list)  # bids (N,), slope (N,), EUR (groups,)
    held: tuple[Floats, float] | None = None  # the best bids (N,) that were held, and their cost
    bent: list[tuple[float, float]] = field(
        default_factory=list
    )  # of held bids: EUR beyond the least, expected and found

    def tell(self, bids: Floats, made: Tried) -> None:
        """Note what the best program with some bids (N,) costs, and what these lack in each group.

        All other bids cost at least as much as its prices say. Beside bids that were held, what others lack is due to
        those that differ.
        """
        cost, missed = made.bound_eur, made.missed_eur
        self.planes.append((cost - float(made.slope_eur @ bids), made.slope_eur))
        if made.lost:
            if self.held is not None:
                differ = np.isin(np.arange(len(missed)), self.group[bids != self.held[0]])
                missed = np.where(differ, missed.sum() / differ.sum(), 0.0)
            self.missed.append((bids, made.slope_eur, missed))
            return
        self.bent.append((float(self._beyond(bids[None])[0]), cost - self.least_eur))
        if self.held is None or cost < self.held[1]:
            self.held = bids, cost

    def below(self, bids: Floats) -> Floats:
        """Return what whole bids (M,N) are expected to cost (M,)."""
        value = self.least_eur + self._share() * self._beyond(bids)
        lacking = np.zeros((len(bids), int(self.group.max(initial=-1)) + 1))
        for at, slope, missed in self.missed:
            for g in np.flatnonzero(missed).tolist():
                mine = self.group == g
                lacking[:, g] = np.maximum(lacking[:, g], missed[g] + (bids - at)[:, mine] @ slope[mine])
        value += lacking.sum(axis=1)
        for at_zero, slope in self.planes:
            value = np.maximum(value, at_zero + bids @ slope)
        return np.asarray(value)

    def _beyond(self, bids: Floats) -> Floats:
        """Return what bids (M,N) cost beyond the least (M,), if costs bent everywhere as where that was seen."""
        off = bids - self.best
        return np.asarray(0.5 * np.einsum("mi,ij,mj->m", off, self.bend, off))

    def _share(self) -> float:
        """Return the share of that which bids that were held did cost: mostly, costs bend less farther away."""
        expected, found = np.array(self.bent).reshape(-1, 2).T
        return min(float(expected @ found) / float(expected @ expected), 1.0) if expected.any() else 1.0

    def next(self, starts: list[Floats], tried: list[Floats]) -> tuple[Floats, float] | None:
        """Return whole bids (N,) not tried yet that are expected to cost least, and that cost."""
        found: list[tuple[float, Floats]] = []
        for start in starts:
            bids = self._allowed(start)
            value = float(self.below(bids[None])[0])
            while len(near := self._near(bids)):
                values = self.below(near)
                found.extend((float(values[k]), near[k]) for k in np.argsort(values)[:8])
                k = int(np.argmin(values))
                if values[k] >= value - 1e-9:
                    break
                bids, value = near[k], float(values[k])
            found.append((value, bids))
        for value, bids in sorted(found, key=lambda one: one[0]):
            if not any(np.array_equal(bids, one) for one in tried):
                return bids, value
        return None

    def beside(self, tried: list[Floats]) -> Floats | None:
        """Return the bids (N,) that look best of those a step or two from the best ones that were held.

        None where none of them looks better, or all were tried.
        """
        if self.held is None:
            return None
        near = self._near(self.held[0])
        near = near[[not any(np.array_equal(one, other) for other in tried) for one in near]]
        values = self.below(near)
        return near[np.argmin(values)] if values.min(initial=np.inf) < self.held[1] else None

    def nearest(self) -> Floats:
        """Return the whole bids (N,) that are nearest to the best ones."""
        return self._allowed(self.best)

    def _allowed(self, bids: Floats) -> Floats:
        whole = np.clip(np.round(bids), 0.0, self.most)
        return np.where(whole >= self.minimum, whole, 0.0)

    def _near(self, bids: Floats) -> Floats:
        """Return whole bids (M,N) that differ in one or two bids by a step each."""
        ones = np.concatenate([np.eye(len(bids)), -np.eye(len(bids))])
        first, second = np.triu_indices(len(ones), 1)
        apart = first % len(bids) != second % len(bids)
        near = bids + np.concatenate([ones, (ones[first] + ones[second])[apart]])
        near = near[((near >= 0.0) & (near <= self.most)).all(axis=1)]
        return np.where(near >= self.minimum, near, np.where(near > bids, self.minimum, 0.0))


def groups_of(hours: Sequence[Bools]) -> Ints:
    """Return the group (N,) of each of N bids, given its ISPs (T,): bids whose hours overlap are in one group."""
    if not len(hours):
        return np.zeros(0, dtype=np.int64)
    inside = sparse.csr_array(np.array(hours, dtype=np.float64))
    return np.asarray(csgraph.connected_components(inside @ inside.T, directed=False)[1], dtype=np.int64)
