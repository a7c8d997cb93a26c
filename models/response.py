"""Best responses: the programs of units at given prices, in the types that classes and decomposition share.

A price of power p[t], EUR/kW, is the cost of one kW more program during ISP t; a reward of reserve, EUR/kW, is earned
by one kW held during ISP t. A unit answers with its possible program that minimises
own cost + Σ p·power − Σ reward·held. Own cost, EUR, is the negative of the terms of the unit's block: wear, curtailment
and comfort shortfall, less the value of the energy left. Source: docs/explanation/optimisation.md §2.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np
from numba import config

from models.case import Bools, Case, Direction, Floats, Ints
from models.errors import CaseError

BLOCK = 256
"""Units that are summed one after the other. Blocks are added in order, so sums do not depend on threads."""

NOWHERE = -1
"""For `Prices.near`: answers are the best there are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """Prices of one scenario, planned or called."""

    power_eur_per_kw: Floats  # (G,T) of one kW more program during the ISP
    held_eur_per_kw: Floats  # (H,R,T) >= 0, reward of one kW of reserve held during the ISP
    near: int = NOWHERE  # the programs near which connections that answer as a whole stay


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The rows of the prices that each unit of a responder sees, and the total of its answer."""

    power: Ints  # (U,) into Prices.power_eur_per_kw
    held: Ints  # (U,) into Prices.held_eur_per_kw
    total: Ints  # (U,)
    asked: "Tasks | None" = None  # the units asked, if not all

    @cached_property
    def reach(self) -> tuple[tuple[int, int], ...]:
        """The least row, at most 0, and the greatest of power, of held and of total; computed once."""
        return tuple((int(of.min(initial=0)), int(of.max(initial=-1))) for of in (self.power, self.held, self.total))

    @cached_property
    def tasks(self) -> "Tasks":
        """The units in blocks that share a total; computed once."""
        return _tasks(self.total) if self.asked is None else self.asked

    def of(self, totals: Bools) -> "Rows":
        """Return the same rows with only the units of some totals (N,) asked; all other sums are zero."""
        tasks = self.tasks
        kept = totals[tasks.total]
        sizes, is_extra = np.diff(tasks.first), np.zeros(len(kept), dtype=np.bool_)
        is_extra[tasks.extra] = True
        asked = Tasks(
            order=tasks.order[np.repeat(kept, sizes)],
            first=np.append(0, np.cumsum(sizes[kept])).astype(np.int64),
            total=tasks.total[kept],
            extra=np.flatnonzero(is_extra[kept]),
        )
        return Rows(power=self.power, held=self.held, total=self.total, asked=asked)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tasks:
    """Blocks of at most BLOCK units that share a total. Block k holds order[first[k]:first[k + 1]]."""

    order: Ints  # (U,) positions, sorted by total
    first: Ints  # (K+1,)
    total: Ints  # (K,)
    extra: Ints  # (E,) blocks that are not the first of their total


@dataclass(frozen=True, kw_only=True, eq=False)
class Totals:
    """Sums of answers, one row per total."""

    power_kw: Floats  # (N,T)
    held_kw: Floats  # (N,R,T)
    cost_eur: Floats  # (N,) own cost, without the prices of power and reserve
    bound_eur: Floats  # (N,) proven lower bound of own cost + Σ price·power − Σ reward·held


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers of single units."""

    power_kw: Floats  # (n,T)
    held_kw: Floats  # (R,n,T)
    cost_eur: Floats  # (n,) as in Totals
    bound_eur: Floats  # (n,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """The most that a kW of room earns: up, down, and the extra of a kW of both in a symmetric product."""

    eur_per_kw: Floats  # (H,3,T) up, down, both beyond up + down
    product: Ints  # (H,3,T) the product that earns it; −1: none is traded


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """The arrays in which compiled code adds up: a row per total, then a row per further block of a total."""

    slot: Ints  # (K,) row of each block
    power_kw: Floats  # (N+E,T)
    held_kw: Floats  # (N+E,R,T)
    money_eur: Floats  # (N+E,2) own cost, bound


def _tasks(total: Ints) -> Tasks:
    order = np.arange(len(total)) if bool((np.diff(total) >= 0).all()) else np.argsort(total, kind="stable")
    ordered = total[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    sizes = np.diff(begins, append=len(total))
    blocks = -(-sizes // BLOCK)
    of = np.repeat(np.arange(len(begins)), blocks)
    within = np.arange(len(of)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    return Tasks(
        order=order.astype(np.int64),
        first=np.append(begins[of] + within * BLOCK, len(total)).astype(np.int64),
        total=ordered[begins[of]].astype(np.int64),
        extra=np.flatnonzero(within > 0),
    )


def check_prices(case: Case, prices: Prices, rows: Rows, units: int) -> None:
    """Raise CaseError where prices or rows do not fit the case and the responder's number of units."""
    products = len(case.reserves)
    if prices.power_eur_per_kw.ndim != 2 or prices.power_eur_per_kw.shape[1] != case.isps:
        raise CaseError(f"power_eur_per_kw has shape {prices.power_eur_per_kw.shape}, expected {case.isps} ISPs")
    if prices.held_eur_per_kw.ndim != 3 or prices.held_eur_per_kw.shape[1:] != (products, case.isps):
        expected = f"(any, {products}, {case.isps})"
        raise CaseError(f"held_eur_per_kw has shape {prices.held_eur_per_kw.shape}, expected {expected}")
    if not (np.isfinite(prices.power_eur_per_kw).all() and np.isfinite(prices.held_eur_per_kw).all()):
        raise CaseError("a price is not a finite number")
    if bool((prices.held_eur_per_kw < 0).any()):
        raise CaseError("held_eur_per_kw must not be negative: nobody needs to hold reserve")
    for name, of, most, (least, greatest) in zip(
        ("power", "held", "total"),
        (rows.power, rows.held, rows.total),
        (len(prices.power_eur_per_kw), len(prices.held_eur_per_kw), None),
        rows.reach,
        strict=True,
    ):
        if of.shape != (units,):
            raise CaseError(f"rows.{name} has shape {of.shape}, expected ({units},)")
        if least < 0 or (most is not None and greatest >= most):
            raise CaseError(f"rows.{name} must be 0..{'' if most is None else most - 1}")


def best_sides(case: Case, held_eur_per_kw: Floats, products: Bools) -> Sides:
    """Return the earnings of room at rewards (H,R,T), sold as any of the chosen products (R,T) that are traded.

    The best mix of products for room u up and v down earns up·u + down·v + max(0, both − up − down)·min(u, v): by
    duality, since λ >= up, μ >= down, λ + μ >= both are the only bounds of λ·u + μ·v. A product without reward is held
    as well: it costs nothing, and shows the room.
    """
    rows, _, isps = held_eur_per_kw.shape
    eur, product = np.zeros((rows, 3, isps)), np.full((rows, 3, isps), -1, dtype=np.int64)
    for side, direction in enumerate((Direction.UP, Direction.DOWN, Direction.SYMMETRIC)):
        best = np.full((rows, isps), -1.0)
        for r, reserve in enumerate(case.reserves):
            if reserve.direction is direction:
                better = products[r] & (held_eur_per_kw[:, r] > best)
                best = np.where(better, held_eur_per_kw[:, r], best)
                product[:, side] = np.where(better, r, product[:, side])
        eur[:, side] = np.maximum(best, 0.0)
    eur[:, 2] = np.maximum(eur[:, 2] - eur[:, 0] - eur[:, 1], 0.0)
    return Sides(eur_per_kw=eur, product=product)


def add_up(
    rows: Rows,
    count: int,
    shape: tuple[int, int],
    run: Callable[[int, int, Tasks, Sums], None],
    *,
    threads: int,
    heavy: int = 1,
) -> Totals:
    """Return totals 0..count−1 for (R,T) = shape, filled by run(from, to, tasks, sums) for ranges of blocks.

    One item takes about as long as `heavy` units. `run` must release the GIL: the threads are Python's, since numba's
    own pool cannot be used from two threads. Raises CaseError where rows name a total that does not exist.
    """
    tasks = rows.tasks
    blocks, extra = len(tasks.total), len(tasks.extra)
    if blocks and int(tasks.total[-1]) >= count:
        raise CaseError(f"rows.total names total {int(tasks.total[-1])}, there are {count}")
    slot = tasks.total.copy()
    slot[tasks.extra] = count + np.arange(extra)
    sums = Sums(
        slot=slot,
        power_kw=np.zeros((count + extra, shape[1])),
        held_kw=np.zeros((count + extra, *shape)),
        money_eur=np.zeros((count + extra, 2)),
    )
    work = heavy * int(tasks.first[-1]) // BLOCK
    for_each_range(blocks, work, lambda a, b: run(a, b, tasks, sums), threads=threads, until=tasks.first)
    if extra:
        for values in (sums.power_kw, sums.held_kw, sums.money_eur):
            np.add.at(values, tasks.total[tasks.extra], values[count:])
    return Totals(
        power_kw=sums.power_kw[:count],
        held_kw=sums.held_kw[:count],
        cost_eur=sums.money_eur[:count, 0],
        bound_eur=sums.money_eur[:count, 1],
    )


def for_each_range(
    count: int, work: int, run: Callable[[int, int], None], *, threads: int, until: Ints | None = None
) -> None:
    """Call run(a, b) for ranges that cover 0..count, in several threads where there is enough work.

    With 0 threads as many are used as `limited` allows, or all available ones. `run` must not call this function: it
    would wait for itself. Ranges have equal numbers of items or, given the work `until` (count+1,) before each item,
    equal work.
    """
    most = threads or _most.get() or config.NUMBA_NUM_THREADS
    workers = min(most, work)
    if workers <= 1:
        if count:
            run(0, count)
        return
    even = np.linspace(0, count if until is None else until[-1], 8 * workers + 1)
    cuts = np.unique(even.astype(np.int64) if until is None else np.searchsorted(until, even)).tolist()
    pool = _pool(most)
    ranges = [pool.submit(run, a, b) for a, b in pairwise(cuts)]
    wait(ranges)
    for done in ranges:
        done.result()


_most: ContextVar[int] = ContextVar("most threads", default=0)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let compiled code use at most `threads` threads in this context; 0: all available ones."""
    before = _most.set(threads)
    try:
        yield
    finally:
        _most.reset(before)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads that is kept, since starting them takes a small share of a round. A fork has none."""
    return ThreadPoolExecutor(threads)
