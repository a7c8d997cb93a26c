"""States the master LP as arrays: weights of columns and levels, free positions, and pieces of coupling costs.

min Σ cost·w + price·z + Σ_i φ_i(s_i), s_i = const_i + Σ a·w − z. Its columns are dense sums of programs, which an
algebraic language would walk through one coefficient at a time. Source: docs/explanation/optimisation.md §3.4.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.decomposition.master import proximal
from models.decomposition.master.column_pool import enter_rows
from models.decomposition.master.restricted_master import RestrictedMaster
from models.headroom import KW_PER_MW
from models.matrix import NEGLIGIBLE, Matrix


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureLp:
    """The program as arrays. Its variables are weights, then free positions, then pieces of costs.

    The level of a peak charge, whose rows lie in a block, is a mixture of its least and its most: a group of two more
    weights after those of columns, with a number beyond those of groups. Its position is fixed at 0.
    """

    cost: Floats  # (V,)
    lower: Floats  # (V,)
    upper: Floats  # (V,)
    moves: sparse.csc_array  # (n,W) of weights in the couplings' rows
    others: sparse.csc_array  # (n,V−W)
    right: Floats  # (n,)
    used: Bools  # (all rows of couplings,) which of them are these n
    group: Ints  # (W,) of each weight, ascending
    column: Ints  # (W,) of the group, or 0 and 1 for a level's least and most

    def matrix(self) -> Matrix:
        """Return the program for HiGHS, with a convexity row per group."""
        group = np.unique(self.group, return_inverse=True)[1]
        shape = (int(group.max(initial=-1)) + 1, len(group))
        convex = sparse.csc_array((np.ones(len(group)), group, np.arange(len(group) + 1)), shape=shape)
        nothing = sparse.csc_array((convex.shape[0], self.others.shape[1]))
        right = np.concatenate([self.right, np.ones(convex.shape[0])])
        return Matrix(
            cost=self.cost, offset=0.0, lower=self.lower, upper=self.upper,
            whole=np.zeros(len(self.cost), dtype=np.bool_),
            rows=sparse.block_array([[self.moves, self.others], [convex, nothing]], format="csc"),
            row_lower=right, row_upper=right.copy(), column_of={}, row_of={},
        )  # fmt: skip


def state_lp(master: RestrictedMaster, chosen: Bools) -> MixtureLp:
    """State the program over the chosen columns (G,K)."""
    free, isps = master.free, master.case.isps
    group, column = np.nonzero(chosen)
    first = np.cumsum([0, *(len(coupling.s) * isps for coupling in master.couplings)])
    entries = _Entries()
    of_group, at = np.nonzero(free.product_of >= 0)
    entries.add(first[0] + of_group * isps + at, free.product_of[of_group, at], np.full(len(at), -1.0))
    product, isp = np.nonzero(free.bid_of >= 0)
    for base in (first[3], first[4]):
        which = free.bid_of[product, isp]
        entries.add(base + product * isps + isp, which, np.full(len(which), -KW_PER_MW))
    levels = np.arange(len(free.price)) >= master.levels
    least_and_most = np.stack([free.low[levels], free.high[levels]], axis=1)
    cost = [
        master.columns.cost[group, column], (free.price[levels, None] * least_and_most).ravel(),
        np.where(levels, 0.0, free.price),
    ]  # fmt: skip
    lower = [np.zeros(len(group) + least_and_most.size), np.where(levels, 0.0, free.low)]
    upper = [np.full(len(group) + least_and_most.size, np.inf), np.where(levels, 0.0, free.high)]
    rhs, used = _pieces(master, first, entries, cost, lower, upper, _reached(master, chosen))
    place = np.where(used, np.cumsum(used) - 1, -1)  # of the rows in use
    mine = np.arange(len(least_and_most))
    return MixtureLp(
        cost=np.concatenate(cost), lower=np.concatenate(lower), upper=np.concatenate(upper),
        moves=_with_levels(master, _moves(master, group, column, place, first), least_and_most, place, first),
        others=entries.matrix(place, int(used.sum()), sum(len(part) for part in cost[2:])),
        right=rhs[used], used=used, group=np.append(group, len(chosen) + np.repeat(mine, 2)),
        column=np.append(column, np.tile([0, 1], len(mine))),
    )  # fmt: skip


def _moves(master: RestrictedMaster, group: Ints, column: Ints, place: Ints, first: Ints) -> sparse.csc_array:
    """Return what columns (W,) of groups (W,) add to the couplings' rows that have a place."""
    asked = master.columns, master.groups, group, column, place, first
    begins = np.zeros(len(group) + 1, dtype=np.int64)
    enter_rows(*asked, begins, begins[:0], np.zeros(0))
    begins = np.cumsum(begins)
    narrow = np.int32 if begins[-1] <= np.iinfo(np.int32).max else np.int64  # both alike, or they are copied
    begins, rows, values = begins.astype(narrow), np.empty(begins[-1], dtype=narrow), np.empty(begins[-1])
    enter_rows(*asked, begins, rows, values)
    return sparse.csc_array((values, rows, begins), shape=(int(place.max(initial=-1)) + 1, len(group)))


def _with_levels(
    master: RestrictedMaster, moves: sparse.csc_array, least_and_most: Floats, place: Ints, first: Ints
) -> sparse.csc_array:
    """Return the moves of columns with those of levels (P,2) after them: a level is taken from its row in all ISPs."""
    if not len(least_and_most):
        return moves
    isps, entries = master.case.isps, _Entries()
    for k, (row, values) in enumerate(zip(master.free.level_row[master.levels :], least_and_most, strict=True)):
        rows = first[5] + row * isps + np.arange(isps)
        for side, kw in enumerate(values.tolist()):
            entries.add(rows, np.full(isps, 2 * k + side), np.full(isps, -kw))
    return sparse.csc_array(sparse.hstack([moves, entries.matrix(place, moves.shape[0], least_and_most.size)]))


def shares_of_levels(master: RestrictedMaster) -> Floats:
    """Return the shares (P,2) of its least and its most that make each level."""
    free, levels = master.free, slice(master.levels, None)
    most = (free.value[levels] - free.low[levels]) / (free.high[levels] - free.low[levels])
    return np.stack([1.0 - most, most], axis=1)


class _Entries:
    """Coefficients of some variables in the couplings' rows."""

    def __init__(self) -> None:
        self.rows: list[Ints] = []
        self.columns: list[Ints] = []
        self.values: list[Floats] = []

    def add(self, rows: Ints, columns: Ints, values: Floats) -> None:
        self.rows.append(rows)
        self.columns.append(columns)
        self.values.append(values)

    def matrix(self, place: Ints, height: int, width: int) -> sparse.csc_array:
        """Return their columns (height, width), with only the rows that have a place."""
        rows, columns = place[np.concatenate(self.rows)], np.concatenate(self.columns)
        values = np.concatenate(self.values)
        there = (rows >= 0) & (np.abs(values) >= NEGLIGIBLE)
        return sparse.coo_array((values[there], (rows[there], columns[there])), shape=(height, width)).tocsc()


def offset_eur(master: RestrictedMaster) -> float:
    """Return the cost of the couplings at their first breakpoints, from which pieces count, EUR."""
    total = 0.0
    for coupling in master.couplings:
        at = np.where(_active(coupling), coupling.breakpoints[..., 0], 0.0)
        total += float(proximal.costs(coupling._replace(s=at)).sum())
    return total


def _reached(master: RestrictedMaster, chosen: Bools) -> Bools:
    """Return where some mixture of the chosen columns (G,K) is beyond a connection's breakpoint (2S,T).

    Elsewhere nothing is to be paid there.
    """
    g, columns, coupling = master.groups, master.columns, master.couplings.connections
    most, least = (part.copy() for part in np.split(master.constants.connections, 2))
    for i in np.flatnonzero(np.diff(g.path_at)).tolist():
        power = columns.power[i, chosen[i]]
        high, low, h = power, power, g.reserve_row[i]
        if h >= 0:
            held = columns.held[h, chosen[i]]
            high, low = power + np.tensordot(held, g.down, (1, 0)), power - np.tensordot(held, g.up, (1, 0))
        path = g.path[g.path_at[i] : g.path_at[i + 1]]
        held_there, alone = path[g.with_reserve[path]], path[~g.with_reserve[path]]
        most[held_there] += high.max(axis=0)
        least[held_there] += low.min(axis=0)
        most[alone] += power.max(axis=0)
        least[alone] += power.min(axis=0)
    levels = master.free.level_row >= 0
    most[master.free.level_row[levels]] -= master.free.low[levels, None]
    bound, half = coupling.breakpoints[..., 0], len(most)
    return np.concatenate([most > bound[:half], least < bound[half:]])


def _active(coupling: proximal.Coupling) -> Bools:
    result: Bools = np.isfinite(coupling.breakpoints[..., 0]) & (coupling.slopes[..., 0] < coupling.slopes[..., -1])
    return result


def _pieces(
    master: RestrictedMaster,
    first: Ints,
    entries: _Entries,
    cost: list[Floats],
    lower: list[Floats],
    upper: list[Floats],
    reached: Bools,
) -> tuple[Floats, Bools]:
    """Add s = b_0 + Σ u_k − v with u_k on the pieces between breakpoints; return right-hand sides and rows in use."""
    start = len(master.free.price)
    rhs, used = np.zeros(int(first[-1])), np.zeros(int(first[-1]), dtype=np.bool_)
    for coupling, const, base in zip(master.couplings, master.constants, first[:-1], strict=True):
        breakpoints, slopes = coupling.breakpoints, coupling.slopes
        line, isp = np.nonzero(_active(coupling) & (reached if coupling is master.couplings.connections else True))
        row = base + line * master.case.isps + isp
        used[row] = True
        rhs[row] = breakpoints[line, isp, 0] - const[line, isp]
        width = breakpoints.shape[2]
        for k in range(width + 1):
            slope = slopes[line, isp, k]
            if k == 0:
                there = slope > -master.tuning.master.hard_eur_per_kw
                length = np.full(len(line), np.inf)
            else:
                begin = breakpoints[line, isp, k - 1]
                end = breakpoints[line, isp, k] if k < width else np.full(len(line), np.inf)
                with np.errstate(invalid="ignore"):
                    length = np.where(np.isfinite(begin), end - begin, 0.0)
                there = (length > 0) & (slope < master.tuning.master.hard_eur_per_kw)
            count = int(there.sum())
            entries.add(row[there], start + np.arange(count), np.full(count, 1.0 if k == 0 else -1.0))
            cost.append(-slope[there] if k == 0 else slope[there])
            lower.append(np.zeros(count))
            upper.append(length[there])
            start += count
    return rhs, used
