"""What travels back from a worker: sums without what is zero."""

from dataclasses import dataclass

import numpy as np

from models.case import Floats, Ints
from models.response import Totals


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardResults:
    """Totals of a shard (K); reserve only of those that may hold any."""

    power_kw: Floats  # (K,T)
    held_kw: Floats  # (H,R,T)
    money_eur: Floats  # (K,2) own cost, bound


def sums(totals: Totals, reserve_rows: Ints) -> ShardResults:
    """Return what travels of totals."""
    return ShardResults(
        power_kw=totals.power_kw,
        held_kw=totals.held_kw[reserve_rows],
        money_eur=np.column_stack([totals.cost_eur, totals.bound_eur]),
    )


def add(total: Totals, more: ShardResults, group: Ints, reserve_rows: Ints) -> None:
    """Add sums (K) to the totals of their groups, in order."""
    np.add.at(total.power_kw, group, more.power_kw)
    np.add.at(total.held_kw, group[reserve_rows], more.held_kw)
    np.add.at(total.cost_eur, group, more.money_eur[:, 0])
    np.add.at(total.bound_eur, group, more.money_eur[:, 1])
