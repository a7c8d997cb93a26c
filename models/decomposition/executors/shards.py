"""Cuts the batches of a case into shards for workers. The cuts depend on the case alone, not on the workers.

A shard answers with one sum per group that lies in it as a whole. A group too large for one shard is cut between blocks
of units, and answers with one sum per block; sums are then added in the order in which one process adds them. So
totals are the same to the last bit for any number of workers, and without any.
Source: docs/how-to/solve-on-a-cluster.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from models.arrays import NO_POINT, UnitArrays, Width, constant_columns, of_rows
from models.case import (
    POINT_TABLES,
    UNIT_CLASSES,
    Case,
    Ints,
    no_balancing_groups,
    no_connection_limits,
    no_connection_tariffs,
)
from models.decomposition.prices.grouping import Batch, Grouping
from models.decomposition.prices.pricing import ScenarioPrices
from models.response import BLOCK, Prices, Rows, Tasks

SHARD_UNITS = 2048
"""Most units of a shard: some 12 MB where every parameter has a value per ISP."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """The place of a shard in the grouping."""

    batch: int
    called: bool
    units: Ints  # (n,) positions in the batch, in the order in which they are added up
    power: Ints  # (P,) rows of the power prices that its units see
    held: Ints  # (H,) rows of the rewards that its units see
    rows: Rows  # (n,) into these rows, and into `group`
    group: Ints  # (K,) the group of each of its sums
    reserve_rows: Ints  # (k,) rows of its sums whose units may hold reserve

    def prices(self, scenario: ScenarioPrices) -> Prices:
        """Return the prices that its units see, given those of both scenarios."""
        return self.seen(scenario.called if self.called else scenario.planned)

    def seen(self, prices: Prices) -> Prices:
        """Return the rows that its units see of its own scenario's prices."""
        return Prices(
            power_eur_per_kw=prices.power_eur_per_kw[self.power], held_eur_per_kw=prices.held_eur_per_kw[self.held]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Shard:
    """The parameters of units that a worker holds. It learns neither the units' names nor their connections."""

    label: str
    called: bool
    frame: Case  # without units, congestion points or contracts
    units: UnitArrays  # 2-D parameters that are constant over the day have one column
    rows: Rows  # (n,), see Cut
    sums: int  # K
    reserve_rows: Ints  # (k,), see Cut

    def case(self) -> Case:
        """Return the case of these units alone."""
        units: Any = self.units
        wide = {
            name: np.broadcast_to(getattr(units, name), (len(units.point), self.frame.isps))
            for name, width in units.widths.items()
            if width is Width.ISPS
        }
        return replace(self.frame, **{self.label: replace(units, **wide)})


def cuts(grouping: Grouping, most: int = SHARD_UNITS) -> list[Cut]:
    """Return the cuts of a grouping into shards of at most `most` units, in the order in which sums are added.

    `most` must be a multiple of BLOCK.
    """
    return [
        _cut(grouping, index, batch, begin, end, whole=whole)
        for index, batch in enumerate(grouping.batches)
        for begin, end, whole in _ranges(batch.rows.tasks, most)
    ]


def _ranges(tasks: Tasks, most: int) -> Iterator[tuple[int, int, bool]]:
    """Yield ranges of blocks, the first and one past the last, and whether they hold whole groups."""
    first, last = tasks.first.tolist(), len(tasks.total)
    ends = [*np.flatnonzero(np.diff(tasks.total)).tolist(), last - 1]
    begin = a = 0  # first block of the shard and of the group
    for b in (end + 1 for end in ends):
        if a > begin and first[b] - first[begin] > most:
            yield begin, a, True
            begin = a
        if first[b] - first[a] > most:
            for cut in range(a, b, most // BLOCK):
                yield cut, min(cut + most // BLOCK, b), False
            begin = b
        a = b
    if begin < last:
        yield begin, last, True


def _cut(grouping: Grouping, index: int, batch: Batch, begin: int, end: int, *, whole: bool) -> Cut:
    tasks = batch.rows.tasks
    first = tasks.first[begin : end + 1]
    units = tasks.order[first[0] : first[-1]]
    group = tasks.total[begin:end]
    row = np.cumsum(np.diff(group, prepend=group[0]) != 0) if whole else np.arange(end - begin)
    if whole:
        group = np.unique(group)
    power, power_row = np.unique(batch.rows.power[units], return_inverse=True)
    held, held_row = np.unique(batch.rows.held[units], return_inverse=True)
    return Cut(
        batch=index,
        called=batch.called,
        units=units,
        power=power,
        held=held,
        rows=Rows(
            power=power_row.astype(np.int64),
            held=held_row.astype(np.int64),
            total=np.repeat(row, np.diff(first)).astype(np.int64),
        ),
        group=group,
        reserve_rows=np.flatnonzero(grouping.group_may_hold[group]),
    )


def shard(case: Case, batch: Batch, cut: Cut) -> Shard:
    """Return the shard of a cut, as it is sent to its worker."""
    part: Any = batch.resource.arrays(case.when_called() if batch.called else case)
    units = batch.units[cut.units]
    values: dict[str, Any] = {
        item.name: np.ascontiguousarray(constant_columns(getattr(part, item.name))[units]) for item in fields(part)
    }
    values["point"] = np.full(len(units), NO_POINT)
    values |= {name: np.zeros((len(units), 1)) for name in batch.resource.unpriced}
    return Shard(
        label=batch.resource.name,
        called=batch.called,
        frame=frame(case),
        units=type(part)(**values),
        rows=cut.rows,
        sums=len(cut.group),
        reserve_rows=cut.reserve_rows,
    )


def frame(case: Case) -> Case:
    """Return the case without units, congestion points, contracts, limits and orders."""
    tables = {name: getattr(case, name) for name in (*UNIT_CLASSES, *POINT_TABLES)}
    nothing: dict[str, Any] = {name: of_rows(table, slice(0)) for name, table in tables.items()}
    return replace(
        case, points=(), anchor=None, start=None, connection_limits=no_connection_limits(),
        connection_tariffs=no_connection_tariffs(), balancing_groups=no_balancing_groups(),
        called_from=case.called_from[:0], **nothing,
    )  # fmt: skip
