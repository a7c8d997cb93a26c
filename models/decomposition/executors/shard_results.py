"""The sums that a worker sends back, without those that are always zero."""

from dataclasses import dataclass

import numpy as np

from models.case import Floats, Ints
from models.response import Totals


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardResults:
    """The K totals of a shard; reserve only for the H totals whose units may hold any."""

    power_kw: Floats  # (K,T)
    held_kw: Floats  # (H,R,T)
    money_eur: Floats  # (K,2) own cost, bound


def sums(totals: Totals, reserve_rows: Ints) -> ShardResults:
    """Return the part of totals that is sent; `reserve_rows` (H,) are the totals whose units may hold reserve."""
    return ShardResults(
        power_kw=totals.power_kw,
        held_kw=totals.held_kw[reserve_rows],
        money_eur=np.column_stack([totals.cost_eur, totals.bound_eur]),
    )


def add(total: Totals, more: ShardResults, group: Ints, reserve_rows: Ints) -> None:
    """Add a shard's K sums to the totals of their groups `group` (K,), in order, in place.

    reserve_rows (H,): the positions among the K of groups whose units may hold reserve.
    """
    np.add.at(total.power_kw, group, more.power_kw)
    np.add.at(total.held_kw, group[reserve_rows], more.held_kw)
    np.add.at(total.cost_eur, group, more.money_eur[:, 0])
    np.add.at(total.bound_eur, group, more.money_eur[:, 1])
