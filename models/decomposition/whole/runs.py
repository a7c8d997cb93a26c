"""Units that choose one of a few programs, in a whole LP: shares of their programs, which add up to one.

Source: docs/explanation/optimisation.md §3.10.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from models.case import Bools, Case, Floats, Ints
from models.decomposition.primal.convex_combination import CombinedPrograms
from models.decomposition.whole.arrow import NO_PART
from models.decomposition.whole.linking import Linking
from models.decomposition.whole.lone import LoneRuns
from models.resources.protocols import Choices


@dataclass(frozen=True, kw_only=True, eq=False)
class RunColumns:
    """C programs of all units that choose, one unit after the other."""

    batches: tuple[LoneRuns, ...]
    start: Ints  # (C,)
    unit: Ints  # (C,) numbered through all batches
    batch: Ints  # (C,)
    family: Ints  # (C,)
    power_kw: Floats  # (C,T)
    cost_eur: Floats  # (C,)

    def taken(self, others: Floats, slack: float) -> tuple[Bools, bool]:
        """Return which program each unit takes (C,), that with its greatest share, and whether shares leave no doubt.

        others: variables outside of chains, the shares last; slack: what a share may lack of all.
        """
        taken = np.zeros(len(self.start), dtype=np.bool_)
        if not len(taken):
            return taken, True
        share = others[len(others) - len(taken) :] / np.bincount(self.unit)[self.unit]
        order = np.lexsort((-share, self.unit))
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = self.unit[order][1:] != self.unit[order][:-1]
        taken[order[first]] = True
        return taken, bool(share[taken].min() >= 1.0 - slack)

    def starts(self, best: Ints, batch: int) -> Choices:
        """Return the starts of a batch's units, given the programs that all units take."""
        return np.asarray(self.start[best[self.batch[best] == batch]])

    def programs(self, case: Case, taken: Bools) -> Iterator[CombinedPrograms]:
        """Yield the programs of the units of each batch, given which are taken (C,)."""
        nobody = np.zeros(0, dtype=np.int64)
        for index, runs in enumerate(self.batches):
            batch, chosen = runs.batch, self.starts(np.flatnonzero(taken), index)
            yield CombinedPrograms(
                resource=batch.resource, called=batch.called, units=batch.units,
                fields=dict.fromkeys(batch.resource.fields, chosen), reserve_units=nobody,
                held_kw=np.zeros((len(case.reserves), 0, case.isps)),
            )  # fmt: skip

    def bound_eur(self, seen: Floats) -> float:
        """Return the least that all units can cost at prices of power by family (F,T), EUR per kW."""
        eur, most = self.cost_eur + (seen[self.family] * self.power_kw).sum(axis=1), int(self.unit.max(initial=-1)) + 1
        least = np.full(most, np.inf)
        np.minimum.at(least, self.unit, eur)
        return float(least.sum())


def run_columns(case: Case, batches: tuple[LoneRuns, ...]) -> RunColumns:
    """Return all programs of the units of some batches."""
    found, number = list[RunColumns](), 0
    for index, runs in enumerate(batches):
        batch = runs.batch
        data = (case.when_called() if batch.called else case).shiftable
        count = data.last_start[batch.units] - data.first_start[batch.units] + 1
        member = np.repeat(np.arange(len(count)), count)
        first = data.first_start[batch.units] - (np.cumsum(count) - count)
        start = first[member] + np.arange(len(member))
        cost = np.zeros(len(member))
        for eur in batch.resource.terms_eur(case, batch.units[member], {"start": start}, batch.called).values():
            cost -= eur
        found.append(
            RunColumns(
                batches=batches,
                start=start,
                unit=number + member,
                batch=np.full(len(member), index),
                family=runs.family[member],
                cost_eur=cost,
                power_kw=batch.resource.power_kw(case, batch.units[member], {"start": start}),
            )
        )
        number += len(count)
    none = np.zeros(0, dtype=np.int64)
    return RunColumns(
        batches=batches,
        start=np.concatenate([none, *(one.start for one in found)]),
        unit=np.concatenate([none, *(one.unit for one in found)]),
        batch=np.concatenate([none, *(one.batch for one in found)]),
        family=np.concatenate([none, *(one.family for one in found)]),
        power_kw=np.concatenate([np.zeros((0, case.isps)), *(one.power_kw for one in found)]),
        cost_eur=np.concatenate([np.zeros(0), *(one.cost_eur for one in found)]),
    )


def with_runs(linking: Linking, runs: RunColumns, taken: Bools | None) -> Linking:
    """Return the linking rows with a share of each program and a row for each unit.

    taken (C,): the programs that are decided, which then are constants.
    """
    if not len(runs.start):
        return linking
    outputs = linking.counts[0].shape[1] // runs.power_kw.shape[1]
    wide = np.zeros((len(runs.start), runs.power_kw.shape[1], outputs))
    wide[:, :, 0] = runs.power_kw
    moves = np.zeros((len(linking.right), len(runs.start)))
    for family in np.unique(runs.family).tolist():
        mine = runs.family == family
        moves[:, mine] = linking.counts[family] @ wide[mine].reshape(int(mine.sum()), -1).T
    if taken is not None:
        return replace(linking, right=linking.right - moves[:, taken].sum(axis=1))
    units, count = int(runs.unit.max()) + 1, len(runs.start)
    scale = 1.0 / np.bincount(runs.unit)[runs.unit]  # so that a method that begins with ones begins with equal shares
    one, moves = sparse.csr_array((scale, (runs.unit, np.arange(count))), shape=(units, count)), moves * scale
    return replace(
        linking, cost=np.append(linking.cost, runs.cost_eur * scale), lower=np.append(linking.lower, np.zeros(count)),
        upper=np.append(linking.upper, np.full(count, np.inf)),
        others=sparse.csr_array(sparse.block_array([[linking.others, sparse.csr_array(moves)], [None, one]])),
        right=np.append(linking.right, np.ones(units)), part=np.append(linking.part, np.full(units, NO_PART)),
        free=np.append(linking.free, np.ones(count, dtype=np.bool_)), known=np.append(linking.known, np.zeros(count)),
        counts=tuple(
            sparse.csr_array(sparse.vstack([of, sparse.csr_array((units, of.shape[1]))])) for of in linking.counts
        ),
    )  # fmt: skip
