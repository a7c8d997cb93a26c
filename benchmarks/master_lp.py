"""Compares our own interior-point method with HiGHS on the master LPs of real searches.

python -m benchmarks.master_lp SIZES KINDS LIMIT_S, for example 1000,10000 typical,hard 300, prints a JSON object per
program. All methods solve every program of a search, in alternating order; the search continues with the own method's
answer. The own method and HiPO stop at the same absolute gap. IPX keeps its default tolerance, as it does when it
replaces the own method: if it stops earlier without crossover, it does not report an optimal answer. HiPO takes part
if highspy-extras is installed. All times start from the program in arrays, so they include packing it or passing it to
HiGHS.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, product
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import highspy
import numpy as np

from benchmarks.highs import ALGORITHMS, HighsError, load, run
from benchmarks.instances import Kind, make_case
from models.case import Floats
from models.decomposition import steps
from models.decomposition.master.interior_point import solve_block_lp
from models.decomposition.master.master_lp import Mixture, block_lp_of, solve_master_lp
from models.decomposition.master.mixture_lp import MixtureLp, state_lp
from models.decomposition.master.restricted_master import RestrictedMaster
from models.decomposition.solve import solve

FEASIBLE = 1e-5  # error of rows, as for the own method; programs are made exact afterwards
IPX_DEFAULT = 1e-8  # relative
REPEATS_S = 3.0  # programs that every method solves faster are solved three times


@dataclass(frozen=True, kw_only=True)
class Try:
    """The result of one method on one program."""

    seconds: float
    cpu_s: float
    objective: float | None  # EUR; None when the method did not finish
    missing_kw: float | None  # the largest error of a row


def timed(solve: Callable[[], Floats | None], lp: MixtureLp) -> Try:
    """Run a method that returns x (V,)."""
    began, cpu = perf_counter(), process_time()
    x = solve()
    seconds, cpu = perf_counter() - began, process_time() - cpu
    if x is None:
        return Try(seconds=seconds, cpu_s=cpu, objective=None, missing_kw=None)
    weights = len(lp.group)
    rows = lp.moves @ x[:weights] + lp.others @ x[weights:] - lp.right
    return Try(
        seconds=seconds, cpu_s=cpu, objective=float(lp.cost @ x), missing_kw=float(np.abs(rows).max(initial=0.0))
    )


def own(master: RestrictedMaster, lp: MixtureLp, gap_eur: float, limit_s: float) -> Floats | None:
    """Solve with our own method, to an absolute gap."""
    shape, start, prices = block_lp_of(master, lp)
    try:
        found = solve_block_lp(shape, start, prices, gap=gap_eur, time_left_s=limit_s, threads=2)
    except np.linalg.LinAlgError as error:
        print(f"own: {error}", file=sys.stderr)  # noqa: T201
        return None
    x, free = lp.lower.copy(), lp.lower < lp.upper
    x[free] += found.x
    return x if found.solved else None


def highs(lp: MixtureLp, algorithm: str, relative_gap: float, limit_s: float) -> Floats | None:
    """Solve with an interior-point method of HiGHS."""
    options = {
        **ALGORITHMS[algorithm], "threads": 2, "time_limit": limit_s, "primal_feasibility_tolerance": FEASIBLE,
        "ipm_optimality_tolerance": relative_gap,
    }  # fmt: skip
    highspy.Highs.resetGlobalScheduler(True)
    try:
        found = run(load(lp.matrix(), options))
    except HighsError as error:
        print(f"{algorithm}: {error}", file=sys.stderr)  # noqa: T201
        return None
    return found.x if len(found.x) else None


def compared(master: RestrictedMaster, gap_eur: float, limit_s: float) -> dict[str, Any]:
    """Solve the master LP of a search by every method in turn; return the figures."""
    lp = state_lp(master, master.columns.weight > master.tuning.master.least_weight)
    x = own(master, lp, gap_eur, limit_s)
    size = 0.0 if x is None else abs(float(lp.cost @ x))
    methods: dict[str, Callable[[], Floats | None]] = {
        "own": lambda: own(master, lp, gap_eur, limit_s),
        "ipx": lambda: highs(lp, "ipx", IPX_DEFAULT, limit_s),
    }
    if highspy.Highs().setOptionValue("solver", "hipo") == highspy.HighsStatus.kOk:
        methods["hipo"] = lambda: highs(lp, "hipo", max(gap_eur / (1.0 + size), 1e-12), limit_s)
    best = highs(lp, "ipx", IPX_DEFAULT, limit_s)
    tight = own(master, lp, 1e-3 * gap_eur, limit_s)
    optimum = min(float(lp.cost @ x) for x in (best, tight) if x is not None)
    tries: dict[str, list[Try]] = {name: [] for name in methods}
    while True:
        names = list(methods)[:: 1 if len(tries["own"]) % 2 == 0 else -1]
        for name in names:
            tries[name].append(timed(methods[name], lp))
        if len(tries["own"]) == 3 or max(each[0].seconds for each in tries.values()) > REPEATS_S:
            break
    entries = lp.moves.nnz + lp.others.nnz + len(lp.group)
    row: dict[str, Any] = {
        "rows": len(lp.right) + len(np.unique(lp.group)), "columns": len(lp.cost), "entries": entries,
        "gap_eur": gap_eur,
    }  # fmt: skip
    for name, each in tries.items():
        ended = [(a.objective, a.missing_kw) for a in each if a.objective is not None and a.missing_kw is not None]
        row[name] = {
            "seconds": round(median(a.seconds for a in each), 4),
            "cpu_s": round(median(a.cpu_s for a in each), 4),
            "ended": len(ended) == len(each),
            "off_of_gap": round(median(eur - optimum for eur, _ in ended) / gap_eur, 3) if ended else None,
            "missing_kw": max((kw for _, kw in ended), default=None),
            "times_own": round(median(a.seconds / b.seconds for a, b in zip(each, tries["own"], strict=True)), 2),
            "cpu_times_own": round(median(a.cpu_s / b.cpu_s for a, b in zip(each, tries["own"], strict=True)), 2),
        }
    return row


def main(sizes: list[int], kinds: list[Kind], limit_s: float) -> None:
    """Search each instance, and print a row per program."""
    for size, kind in product(sizes, kinds):
        numbers = count(1)

        def measured(
            master: RestrictedMaster, *, aim_eur: float, at: Any = (size, kind, numbers), **more: Any
        ) -> Mixture | None:
            row = compared(master, master.tuning.master.gap * aim_eur, limit_s)
            print(json.dumps({"resources": at[0], "kind": at[1], "program": next(at[2]), **row}), flush=True)  # noqa: T201
            return solve_master_lp(master, aim_eur=aim_eur, **more)

        with patch.object(steps, "solve_master_lp", measured):
            solve(make_case(size, kind), relative_gap=1e-3, time_limit_s=36000.0)


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1].split(",")], sys.argv[2].split(","), float(sys.argv[3]))  # type: ignore[arg-type]
