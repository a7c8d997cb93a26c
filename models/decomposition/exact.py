"""The master without its proximal term: the best mixture of the columns there are, as one linear (or mixed) program.

min Σ cost·w + price·z + Σ_i φ_i(s_i), s_i = const_i + Σ a·w − z, stated as arrays: its columns are dense sums of
programs, which an algebraic language would only walk through one coefficient at a time. The method made for its shape
solves it, HiGHS where that fails and where bids are whole.
Source: docs/optimisation.md §8.4.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy import sparse

from models.case import Bools, Floats, Ints
from models.decomposition import bundle
from models.decomposition.channels import HARD_EUR_PER_KW
from models.decomposition.interior import Shaped, solve_shaped
from models.decomposition.master import KW_PER_MW, Master
from models.errors import SolverError
from models.solver import NEGLIGIBLE, Matrix, Relaxation, Status, solve_interior, solve_mixed
from models.transcript import Transcript

_ACTIVE = 3e-3  # weight from which a column takes part
_TRACE = 3e-4  # weight below which a column is dropped from the answer: each means pricing its units again
_AT_ONCE = 4096  # columns that are entered together: what that takes for a moment is several times what comes of it
_SHARE = 0.15  # of the time left that this search may take
_FINE = 0.04  # of what is aimed for: how exactly the mixture is found


@dataclass(frozen=True, kw_only=True, eq=False)
class Stated:
    """The program and where its variables are."""

    matrix: Matrix
    group: Ints  # (W,) of each weight
    column: Ints  # (W,)
    first_free: int
    offset_eur: float  # cost of all channels at their first breakpoints


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """The best mixture: weights (G,K), positions (P,) and what it costs, EUR."""

    weight: Floats
    free: Floats
    cost_eur: float


def best_mixture(
    master: Master, *, aim_eur: float, time_left_s: float, threads: int, whole: bool, transcript: Transcript
) -> Mixture | None:
    """Return the best mixture of the columns in use, None if there was no time; with whole bids where asked for.

    The transcript gets what HiGHS says of branching on bids, and which of its other runs end by their time limit.
    Raises SolverError where HiGHS, which steps in for our own method, has no answer either.
    """
    stated = state(master, master.columns.weight > _ACTIVE)
    found = _solve(master, stated, aim_eur, time_left_s, threads, transcript)
    if found is None:
        return None
    if whole and master.coarse():
        with_steps = state(master, master.columns.weight > _ACTIVE, steps_mw=master.step_mw)
        run = solve_mixed(
            with_steps.matrix, start=np.zeros(0), absolute_gap=0.5 * aim_eur, time_limit_s=_SHARE * time_left_s,
            threads=threads, transcript=transcript,
        )  # fmt: skip
        if len(run.x):
            return _read(master, with_steps, run.x, run.objective, master.step_mw)
    return _read(master, stated, *found, None)


def _solve(
    master: Master, stated: Stated, aim_eur: float, time_left_s: float, threads: int, transcript: Transcript
) -> tuple[Floats, float] | None:
    matrix, deadline = stated.matrix, perf_counter() + time_left_s
    shape, start, prices = shaped(master, stated)
    offset = float(matrix.cost @ matrix.lower)
    try:
        with np.errstate(over="raise", invalid="raise"):
            end = solve_shaped(shape, start, prices, gap=_FINE * aim_eur, time_left_s=time_left_s, threads=threads)
        if end.solved:
            x = matrix.lower.copy()
            x[matrix.upper > matrix.lower] += end.x
            return x, end.objective + offset
        why = "came to no end"
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        why = f"broke off by rounding ({error})"
    if perf_counter() >= deadline:
        return None
    transcript.say(f"the mixture's own method {why}; HiGHS takes over")
    try:
        run = solve_interior(matrix, time_limit_s=deadline - perf_counter(), threads=threads, transcript=transcript)
    except SolverError:  # it may end without a proof of optimality where the simplex method does not
        relaxation = Relaxation(matrix, threads=threads, transcript=transcript, quiet=True)
        run = relaxation.solve(deadline - perf_counter(), "simplex")
    return (run.x, run.objective) if run.status is Status.OPTIMAL else None


def shaped(master: Master, stated: Stated) -> tuple[Shaped, Floats, Floats]:
    """Return the program with its shape, without what is fixed; where the master is, and its best prices."""
    matrix, groups, isps = stated.matrix, master.groups, master.case.isps
    used = np.concatenate([_active(channel).ravel() for channel in master.couplings])
    ties, held = np.arange(len(master.parts.tied)), isps * (1 + np.arange(len(master.case.reserves)))
    none = np.full(isps, -1)
    block = [none, np.repeat(ties, isps), np.repeat(ties, isps), *([none] * (2 * len(held)))]
    counts = [np.arange(isps), np.repeat(none[:1], 2 * len(ties) * isps)]
    counts += [first + np.arange(isps) for first in (*held, *held)]
    present, group = np.unique(stated.group, return_inverse=True)
    free = matrix.upper > matrix.lower
    rows = matrix.rows[: int(used.sum())]
    right = matrix.row_lower[: int(used.sum())] - rows @ matrix.lower
    shape = Shaped(
        cost=matrix.cost[free], upper=(matrix.upper - matrix.lower)[free],
        rows=rows if free.all() else rows[:, np.flatnonzero(free)], right=right,
        block=np.concatenate(block)[used], twin=np.concatenate(counts)[used],
        group=group, group_block=groups.tie[present], plain=~groups.is_called[present] & ~groups.reserved[present],
    )  # fmt: skip
    start = np.zeros(len(matrix.cost))
    start[: len(group)] = master.columns.weight[stated.group, stated.column]
    positions = slice(stated.first_free, stated.first_free + len(master.free.price))
    start[positions] = master.free.value - matrix.lower[positions]
    start = start[free]
    _fill_pieces(shape, start, len(group) + int(free[positions].sum()))
    return shape, start, -np.concatenate([channel.centre.ravel() for channel in master.couplings])[used]


def _fill_pieces(shape: Shaped, start: Floats, first: int) -> None:
    """Set the pieces from `first` on so that the rows hold where that is possible: the cheapest first."""
    pieces = shape.rows[:, first:]
    left = shape.right - shape.rows @ np.where(np.arange(len(start)) < first, start, 0.0)
    for k in np.argsort(shape.cost[first:], kind="stable").tolist():
        row, sign = pieces.indices[k], pieces.data[k]
        start[first + k] = min(max(sign * left[row], 0.0), shape.upper[first + k])
        left[row] -= sign * start[first + k]


def _read(master: Master, stated: Stated, x: Floats, cost_eur: float, steps_mw: Floats | None) -> Mixture:
    weight = np.zeros(master.columns.weight.shape)
    found = np.clip(x[: len(stated.group)], 0.0, None)
    weight[stated.group, stated.column] = np.where(found > _TRACE, found, 0.0)
    weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    free = x[stated.first_free : stated.first_free + len(master.free.price)].copy()
    if steps_mw is not None:
        free = np.where(steps_mw > 0, np.round(free) * steps_mw, free)
    free = np.clip(free, master.free.low, master.free.high)
    return Mixture(weight=weight, free=free, cost_eur=cost_eur + stated.offset_eur + master.at_zero_eur)


def state(master: Master, chosen: Bools, *, steps_mw: Floats | None = None) -> Stated:
    """State the program over the chosen columns (G,K). With steps (P,) per free position, positions count steps."""
    free, isps = master.free, master.case.isps
    group, column = np.nonzero(chosen)
    first = np.cumsum([0, *(len(channel.s) * isps for channel in master.couplings)])
    entries = _Entries()
    at = np.flatnonzero(free.da_of >= 0)
    entries.add(first[0] + at, free.da_of[at], np.full(len(at), -1.0))
    size = np.ones(len(free.price)) if steps_mw is None else np.where(steps_mw > 0, steps_mw, 1.0)
    product, isp = np.nonzero(free.bid_of >= 0)
    for base in (first[3], first[4]):
        which = free.bid_of[product, isp]
        entries.add(base + product * isps + isp, which, -KW_PER_MW * size[which])
    cost = [master.columns.cost[group, column], free.price * size]
    lower = [np.zeros(len(group)), np.where(free.fixed, free.value, free.low) / size]
    upper = [np.full(len(group), np.inf), np.where(free.fixed, free.value, free.high) / size]
    rhs, used = _pieces(master, first, entries, cost, lower, upper)
    place = np.where(used, np.cumsum(used) - 1, -1)  # of the rows in use
    present, convex = np.unique(group, return_inverse=True)
    height, first_free = int(used.sum()) + len(present), len(group)
    columns = [
        _weights(master, group[few], column[few], first).matrix(place, height, convex[few] + int(used.sum()))
        for few in np.split(np.arange(first_free), np.arange(_AT_ONCE, first_free, _AT_ONCE))
    ]
    columns.append(entries.matrix(place, height, np.zeros(0, dtype=np.int64), sum(len(part) for part in cost[1:])))
    total = int(sum(len(part) for part in cost))
    whole = np.zeros(total, dtype=np.bool_)
    if steps_mw is not None:
        whole[first_free : first_free + len(free.price)] = (steps_mw > 0) & ~free.fixed
    right = np.concatenate([rhs[used], np.ones(len(present))])
    return Stated(
        matrix=Matrix(
            cost=np.concatenate(cost), offset=0.0, lower=np.concatenate(lower), upper=np.concatenate(upper),
            whole=whole, rows=sparse.csc_array(sparse.hstack(columns, format="csc")), row_lower=right,
            row_upper=right.copy(), column_of={}, row_of={},
        ),
        group=group, column=column, first_free=first_free, offset_eur=_offset(master),
    )  # fmt: skip


class _Entries:
    """What stands in some variables' columns of the channels' rows."""

    def __init__(self) -> None:
        self.rows: list[Ints] = []
        self.columns: list[Ints] = []
        self.values: list[Floats] = []

    def add(self, rows: Ints, columns: Ints, values: Floats) -> None:
        self.rows.append(rows)
        self.columns.append(columns)
        self.values.append(values)

    def matrix(self, place: Ints, height: int, convex: Ints, width: int | None = None) -> sparse.csc_array:
        """Return their columns (height, width), with only the rows that have a place, and a one in rows convex (n,)."""
        rows = np.append(place[np.concatenate(self.rows)], convex)
        columns = np.append(np.concatenate(self.columns), np.arange(len(convex)))
        values = np.append(np.concatenate(self.values), np.ones(len(convex)))
        there = (rows >= 0) & (np.abs(values) >= NEGLIGIBLE)
        shape = (height, len(convex) if width is None else width)
        return sparse.coo_array((values[there], (rows[there], columns[there])), shape=shape).tocsc()


def _weights(master: Master, group: Ints, column: Ints, first: Ints) -> _Entries:
    """Return what columns (n,) of groups (n,) add to the channels."""
    columns, groups, isps = master.columns, master.groups, master.case.isps
    result = _Entries()

    def enter(which: Bools, row: Ints, values: Floats) -> None:
        """Add values (n,T) of the variables `which` (n,) says to rows from `row` (n,) on."""
        rows = (row[:, None] + np.arange(isps)).ravel()
        result.add(rows, np.repeat(np.flatnonzero(which), isps), values.ravel())

    power, none = columns.power[group, column], np.zeros(len(group), dtype=np.int64)
    called, tie, hold = groups.is_called[group], groups.tie[group], groups.hold[group]
    plan, tied = ~called, ~called & (tie >= 0)
    enter(plan, none[plan] + first[0], power[plan])
    enter(tied, first[1] + tie[tied] * isps, power[tied])
    enter(tied, first[2] + tie[tied] * isps, -power[tied])
    enter(called, first[2] + tie[called] * isps, power[called])
    for base, mine in (
        (first[3], (hold >= 0) & plan), (first[4], (hold >= 0) & (called | ~groups.reserved[group]))
    ):  # fmt: skip
        held = columns.held[hold[mine], column[mine]]
        for r in range(held.shape[1]):
            enter(mine, none[mine] + base + r * isps, held[:, r])
    return result


def _offset(master: Master) -> float:
    total = 0.0
    for channel in master.couplings:
        at = np.where(_active(channel), channel.points[..., 0], 0.0)
        total += float(bundle.costs(channel._replace(s=at)).sum())
    return total


def _active(channel: bundle.Channel) -> Bools:
    result: Bools = np.isfinite(channel.points[..., 0]) & (channel.slopes[..., 0] < channel.slopes[..., -1])
    return result


def _pieces(
    master: Master, first: Ints, entries: _Entries, cost: list[Floats], lower: list[Floats], upper: list[Floats]
) -> tuple[Floats, Bools]:  # fmt: skip
    """Add s = b_0 + Σ u_k − v with u_k on the pieces between breakpoints; return right-hand sides and rows in use."""
    start = len(master.free.price)
    rhs, used = np.zeros(int(first[-1])), np.zeros(int(first[-1]), dtype=np.bool_)
    for channel, const, base in zip(master.couplings, master.constants, first[:-1], strict=True):
        points, slopes = channel.points, channel.slopes
        line, isp = np.nonzero(_active(channel))
        row = base + line * master.case.isps + isp
        used[row] = True
        rhs[row] = points[line, isp, 0] - const[line, isp]
        width = points.shape[2]
        for k in range(width + 1):
            slope = slopes[line, isp, k]
            if k == 0:
                there = slope > -HARD_EUR_PER_KW
                length = np.full(len(line), np.inf)
            else:
                begin = points[line, isp, k - 1]
                end = points[line, isp, k] if k < width else np.full(len(line), np.inf)
                with np.errstate(invalid="ignore"):
                    length = np.where(np.isfinite(begin), end - begin, 0.0)
                there = (length > 0) & (slope < HARD_EUR_PER_KW)
            count = int(there.sum())
            entries.add(row[there], start + np.arange(count), np.full(count, 1.0 if k == 0 else -1.0))
            cost.append(-slope[there] if k == 0 else slope[there])
            lower.append(np.zeros(count))
            upper.append(length[there])
            start += count
    return rhs, used
