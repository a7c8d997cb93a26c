"""The master LP: the best mixture of the columns, as one linear program without a proximal term.

Our own interior-point method, made for its block structure, solves it; HiGHS does where that fails.
Source: docs/explanation/optimisation.md §3.4.
"""

from dataclasses import dataclass

import numpy as np

from models.case import Bools, Floats
from models.decomposition.master.interior_point import BlockLp, block_lp, solve_block_lp
from models.decomposition.master.mixture_lp import MixtureLp, offset_eur, shares_of_levels, state_lp
from models.decomposition.master.restricted_master import RestrictedMaster
from models.errors import SolverError
from models.solver import Relaxation, Status, solve_interior
from models.solver_log import SolverLog
from models.work_clock import now


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """The best mixture: weights (G,K), positions (P,) and its cost, EUR."""

    weight: Floats
    free: Floats
    cost_eur: float


def solve_master_lp(
    master: RestrictedMaster,
    *,
    aim_eur: float,
    time_left_s: float,
    threads: int,
    log: SolverLog,
    wide: Bools | None = None,
) -> Mixture | None:
    """Return the best mixture of the columns in use, None if there was no time.

    With `wide` every column of these groups (G,) takes part, and of others each that has any weight.
    The log gets a line for each run of HiGHS that ends by its time limit.
    Raises SolverError where HiGHS, which steps in for our own method, has no answer either.
    """
    columns = master.columns
    chosen = columns.weight > (master.tuning.master.least_weight if wide is None else 0.0)
    if wide is not None:
        chosen |= wide[:, None] & (np.arange(chosen.shape[1]) < columns.count[:, None])
    found = _solve(master, chosen, aim_eur, time_left_s, threads, log)
    return None if found is None else _read(master, chosen, *found)


def _solve(
    master: RestrictedMaster, chosen: Bools, aim_eur: float, time_left_s: float, threads: int, log: SolverLog
) -> tuple[Floats, float] | None:
    deadline = now() + time_left_s
    lp = state_lp(master, chosen)
    if _largest_block(master, lp) > master.tuning.master.most_block_rows:
        run = solve_interior(lp.matrix(), time_limit_s=time_left_s, threads=threads, log=log)
        return (run.x, run.objective) if run.status is Status.OPTIMAL else None
    blocks, start, prices = block_lp_of(master, lp)
    x, free, offset = lp.lower.copy(), lp.lower < lp.upper, float(lp.cost @ lp.lower)
    del lp  # its columns, now packed, take much of all memory
    try:
        with np.errstate(over="raise", invalid="raise"):
            left = deadline - now()
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
    if now() >= deadline:
        return None
    log.say(f"the master LP's own method {why}; HiGHS takes over")
    del blocks
    matrix = state_lp(master, chosen).matrix()
    try:
        run = solve_interior(matrix, time_limit_s=deadline - now(), threads=threads, log=log)
    except SolverError:  # it may end without a proof of optimality where the simplex method does not
        relaxation = Relaxation(matrix, threads=threads, log=log, quiet=True)
        run = relaxation.solve(deadline - now(), "simplex")
    return (run.x, run.objective) if run.status is Status.OPTIMAL else None


def _largest_block(master: RestrictedMaster, lp: MixtureLp) -> int:
    """Return the most rows of one block; a block's rows are eliminated as one dense matrix."""
    of, isps, shared = master.grouping.blocks, master.case.isps, 2 * len(master.case.reserves)
    balances = np.full(len(master.constants.balance), -1)
    block = np.concatenate([balances, of.of_point, of.of_point, np.full(shared, -1), of.of_sum])
    rows = np.repeat(block, isps)[lp.used]
    return int(np.bincount(rows[rows >= 0], minlength=1).max())


def block_lp_of(master: RestrictedMaster, lp: MixtureLp) -> tuple[BlockLp, Floats, Floats]:
    """Return the program with its blocks, without fixed variables (V of them are left).

    With it the master's present point (V,), and its best prices (n,) of the program's rows, EUR per kW of one ISP.
    """
    groups, isps, used, weights = master.groups, master.case.isps, lp.used, len(lp.group)
    balances = len(master.constants.balance)
    of, held = master.grouping.blocks, isps * (balances + np.arange(len(master.case.reserves)))
    none = np.full(isps, -1)
    block = [
        *([none] * balances),
        np.repeat(of.of_point, isps),
        np.repeat(of.of_point, isps),
        *([none] * (2 * len(held))),
    ]
    block += [np.repeat(of.of_sum, isps)]
    counts = [np.arange(balances * isps), np.repeat(none[:1], 2 * len(of.of_point) * isps)]
    counts += [first + np.arange(isps) for first in (*held, *held)]
    counts += [np.repeat(none[:1], len(of.of_sum) * isps)]
    present, group = np.unique(lp.group, return_inverse=True)
    free = lp.upper > lp.lower
    levels = master.free.level_row[master.levels :]
    plain = np.append(~groups.is_called & ~groups.reserved, np.ones(len(levels), dtype=np.bool_))[present]
    home = np.append(of.of_group, of.of_sum[levels])[present]
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
    columns = weights - 2 * len(levels)
    start[:columns] = master.columns.weight[lp.group[:columns], lp.column[:columns]]
    start[columns:weights] = shares_of_levels(master).ravel()
    positions = slice(weights, weights + len(master.free.price))
    start[positions] = np.clip(master.free.value, lp.lower[positions], lp.upper[positions]) - lp.lower[positions]
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
    weight, columns, levels = np.zeros(chosen.shape), int(chosen.sum()), slice(master.levels, None)
    found = np.clip(x[:columns], 0.0, None)
    weight[chosen] = np.where(found > master.tuning.master.dropped_weight, found, 0.0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    shares = x[columns : columns + 2 * len(master.free.price[levels])].reshape(-1, 2)
    free = x[columns + shares.size : columns + shares.size + len(master.free.price)].copy()
    free[levels] = (shares * np.stack([master.free.low[levels], master.free.high[levels]], axis=1)).sum(axis=1)
    free = np.clip(free, master.free.low, master.free.high)
    return Mixture(weight=weight, free=free, cost_eur=cost_eur + offset_eur(master) + master.at_zero_eur)
