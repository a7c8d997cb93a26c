"""The master LP: the best mixture of the columns, as one linear program without a proximal term.

min Σ cost·w + price·z + Σ_i φ_i(s_i), s_i = const_i + Σ a·w − z, stated as arrays: its columns are dense sums of
programs, which an algebraic language would walk through one coefficient at a time. Our own interior-point method, made
for its block structure, solves it; HiGHS does where that fails.
Source: docs/explanation/optimisation.md §3.4.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.decomposition.master import proximal
from models.decomposition.master.column_pool import enter_rows
from models.decomposition.master.interior_point import BlockLp, block_lp, solve_block_lp
from models.decomposition.master.restricted_master import RestrictedMaster
from models.errors import SolverError
from models.headroom import KW_PER_MW
from models.solver import NEGLIGIBLE, Matrix, Relaxation, Status, solve_interior
from models.solver_log import SolverLog


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureLp:
    """The program as arrays. Its variables are weights, then free positions, then pieces of costs."""

    cost: Floats  # (V,)
    lower: Floats
    upper: Floats
    moves: sparse.csc_array  # (n,W) of weights in the couplings' rows
    others: sparse.csc_array  # (n,V−W)
    right: Floats  # (n,)
    used: Bools  # whether each row of all couplings is one of the n
    group: Ints  # (W,) of each weight, ascending
    column: Ints  # (W,)

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """The best mixture: weights (G,K), positions (P,) and its cost, EUR."""

    weight: Floats
    free: Floats
    cost_eur: float


def solve_master_lp(
    master: RestrictedMaster, *, aim_eur: float, time_left_s: float, threads: int, log: SolverLog
) -> Mixture | None:
    """Return the best mixture of the columns in use, None if there was no time.

    The log gets a line for each run of HiGHS that ends by its time limit.
    Raises SolverError where HiGHS, which steps in for our own method, has no answer either.
    """
    chosen = master.columns.weight > master.tuning.master.least_weight
    found = _solve(master, chosen, aim_eur, time_left_s, threads, log)
    return None if found is None else _read(master, chosen, *found)


def _solve(
    master: RestrictedMaster, chosen: Bools, aim_eur: float, time_left_s: float, threads: int, log: SolverLog
) -> tuple[Floats, float] | None:
    deadline = perf_counter() + time_left_s
    lp = state_lp(master, chosen)
    levels = bool((master.free.level_row >= 0).any())  # they meet many rows of a block, which our method does not know
    if levels or _largest_block(master, lp) > master.tuning.master.most_block_rows:
        run = solve_interior(lp.matrix(), time_limit_s=time_left_s, threads=threads, log=log)
        return (run.x, run.objective) if run.status is Status.OPTIMAL else None
    blocks, start, prices = block_lp_of(master, lp)
    x, free, offset = lp.lower.copy(), lp.lower < lp.upper, float(lp.cost @ lp.lower)
    del lp  # its columns, now packed, take much of all memory
    try:
        with np.errstate(over="raise", invalid="raise"):
            left = deadline - perf_counter()
            end = solve_block_lp(
                blocks, start, prices, gap=master.tuning.master.gap * aim_eur, time_left_s=left, threads=threads,
                tuning=master.tuning.interior,
            )  # fmt: skip
        if end.solved:
            x[free] += end.x
            return x, end.objective + offset
        why = "came to no end"
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        why = f"broke off by rounding ({error})"
    if perf_counter() >= deadline:
        return None
    log.say(f"the master LP's own method {why}; HiGHS takes over")
    del blocks
    matrix = state_lp(master, chosen).matrix()
    try:
        run = solve_interior(matrix, time_limit_s=deadline - perf_counter(), threads=threads, log=log)
    except SolverError:  # it may end without a proof of optimality where the simplex method does not
        relaxation = Relaxation(matrix, threads=threads, log=log, quiet=True)
        run = relaxation.solve(deadline - perf_counter(), "simplex")
    return (run.x, run.objective) if run.status is Status.OPTIMAL else None


def _largest_block(master: RestrictedMaster, lp: MixtureLp) -> int:
    """Return the most rows of one block; a block's rows are eliminated as one dense matrix."""
    of, isps, shared = master.grouping.blocks, master.case.isps, 2 * len(master.case.reserves)
    block = np.concatenate([[-1], of.of_point, of.of_point, np.full(shared, -1), of.of_sum])
    rows = np.repeat(block, isps)[lp.used]
    return int(np.bincount(rows[rows >= 0], minlength=1).max())


def block_lp_of(master: RestrictedMaster, lp: MixtureLp) -> tuple[BlockLp, Floats, Floats]:
    """Return the program with its blocks, without fixed variables; the master's present point, and its best prices."""
    groups, isps, used, weights = master.groups, master.case.isps, lp.used, len(lp.group)
    of, held = master.grouping.blocks, isps * (1 + np.arange(len(master.case.reserves)))
    none = np.full(isps, -1)
    block = [none, np.repeat(of.of_point, isps), np.repeat(of.of_point, isps), *([none] * (2 * len(held)))]
    block += [np.repeat(of.of_sum, isps)]
    counts = [np.arange(isps), np.repeat(none[:1], 2 * len(of.of_point) * isps)]
    counts += [first + np.arange(isps) for first in (*held, *held)]
    counts += [np.repeat(none[:1], len(of.of_sum) * isps)]
    present, group = np.unique(lp.group, return_inverse=True)
    free = lp.upper > lp.lower
    plain, home = ~groups.is_called[present] & ~groups.reserved[present], of.of_group[present]
    plain &= ~np.isin(home, home[~plain & (home >= 0)])  # alike within a block
    blocks = block_lp(
        cost=lp.cost[free], upper=(lp.upper - lp.lower)[free], moves=lp.moves,
        others=lp.others[:, np.flatnonzero(free[weights:])],
        right=lp.right - lp.others @ lp.lower[weights:],
        block=np.concatenate(block)[used], twin=np.concatenate(counts)[used],
        group=group, group_block=home, plain=plain,
        tuning=master.tuning.interior,
    )  # fmt: skip
    start = np.zeros(len(lp.cost))
    start[:weights] = master.columns.weight[lp.group, lp.column]
    positions = slice(weights, weights + len(master.free.price))
    start[positions] = master.free.value - lp.lower[positions]
    start = start[free]
    left = blocks.right - lp.moves @ start[:weights] - blocks.others @ start[weights:]
    _fill_pieces(blocks, start, weights + int(free[positions].sum()), left)
    return blocks, start, -np.concatenate([coupling.centre.ravel() for coupling in master.couplings])[used]


def _fill_pieces(blocks: BlockLp, start: Floats, first: int, left: Floats) -> None:
    """Set the pieces from `first` on, the cheapest first, so that rows have as little left (n,) as possible."""
    pieces = blocks.others[:, first - len(blocks.group) :]
    for k in np.argsort(blocks.cost[first:], kind="stable").tolist():
        row, sign = pieces.indices[k], pieces.data[k]
        start[first + k] = min(max(sign * left[row], 0.0), blocks.upper[first + k])
        left[row] -= sign * start[first + k]


def _read(master: RestrictedMaster, chosen: Bools, x: Floats, cost_eur: float) -> Mixture:
    weight, columns = np.zeros(chosen.shape), int(chosen.sum())
    found = np.clip(x[:columns], 0.0, None)
    weight[chosen] = np.where(found > master.tuning.master.dropped_weight, found, 0.0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    free = np.clip(x[columns : columns + len(master.free.price)], master.free.low, master.free.high)
    return Mixture(weight=weight, free=free, cost_eur=cost_eur + _offset(master) + master.at_zero_eur)


def state_lp(master: RestrictedMaster, chosen: Bools) -> MixtureLp:
    """State the program over the chosen columns (G,K)."""
    free, isps = master.free, master.case.isps
    group, column = np.nonzero(chosen)
    first = np.cumsum([0, *(len(coupling.s) * isps for coupling in master.couplings)])
    entries = _Entries()
    at = np.flatnonzero(free.da_of >= 0)
    entries.add(first[0] + at, free.da_of[at], np.full(len(at), -1.0))
    product, isp = np.nonzero(free.bid_of >= 0)
    for base in (first[3], first[4]):
        which = free.bid_of[product, isp]
        entries.add(base + product * isps + isp, which, np.full(len(which), -KW_PER_MW))
    for position in np.flatnonzero(free.level_row >= 0).tolist():
        rows = first[5] + free.level_row[position] * isps + np.arange(isps)
        entries.add(rows, np.full(isps, position), np.full(isps, -1.0))
    cost = [master.columns.cost[group, column], free.price]
    lower = [np.zeros(len(group)), free.low]
    upper = [np.full(len(group), np.inf), free.high]
    rhs, used = _pieces(master, first, entries, cost, lower, upper, _reached(master, chosen))
    place = np.where(used, np.cumsum(used) - 1, -1)  # of the rows in use
    return MixtureLp(
        cost=np.concatenate(cost), lower=np.concatenate(lower), upper=np.concatenate(upper),
        moves=_moves(master, group, column, place, first),
        others=entries.matrix(place, int(used.sum()), sum(len(part) for part in cost[1:])),
        right=rhs[used], used=used, group=group, column=column,
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


def _offset(master: RestrictedMaster) -> float:
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
    most, least = (part.copy() for part in np.split(master.const_connections, 2))
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
