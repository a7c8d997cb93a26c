"""Measures a plan of what is left of a running day, from the plan in force, against the same plan made cold.

Half of the day is over: programs are pinned up to then, the position is fixed, and 2 % of the stores were measured 5 %
of their band away from the plan, within it. A quarter of an hour later the plan is made once more, from the program in
force and by a search: once with as many stores off again, and once with none.
`python -m benchmarks.rolling 10000,100000 typical`.
"""

import sys
from dataclasses import replace
from math import nan
from time import perf_counter, process_time

import numpy as np

from benchmarks.instances import Kind, make_case
from models.audit import audit
from models.case import Case
from models.evaluation import Earlier, keep
from models.method import Method, solve
from models.outcome import Outcome
from models.resumption import resume

ENDED = 48  # ISPs
_MEASURED, _OFF = 0.02, 0.05  # share of the stores, and of their band
_GAP = 1e-3
_COLD_UPTO = 50_000
"""Resources up to which the plan is made cold as well: beyond, that takes many minutes."""


def rolled(
    case: Case, outcome: Outcome, *, seed: int = 0, ended: int = ENDED, measured_share: float = _MEASURED
) -> Case:  # fmt: skip
    """Return the case of the rest of the day after so many ISPs, without prices to start from."""
    rng = np.random.default_rng(seed)
    data, programs = case.storage, outcome.programs
    units = len(data.point)
    measured = rng.random(units) < measured_share
    low, high = (np.broadcast_to(table, (units, case.isps)) for table in (data.energy_min_kwh, data.energy_max_kwh))
    shift = np.where(measured, _OFF * (high - low)[:, ended] * rng.choice((-1.0, 1.0), units), 0.0)
    path = programs.energy_kwh[:, :ended] + shift[:, None]
    inside = ((path >= low[:, :ended]) & (path <= high[:, :ended])).all(axis=1)  # as if measured within the band
    kept = data.retention**ended
    pinned = np.full((units, case.isps), np.nan)
    pinned[:, :ended] = (programs.charge_kw - programs.discharge_kw)[:, :ended]
    storage = replace(
        data, pinned_kw=pinned, energy_start_kwh=data.energy_start_kwh + np.where(inside, shift / kept, 0.0)
    )  # fmt: skip
    curtailed = np.full((len(case.curtailable.point), case.isps), np.nan)
    curtailed[:, :ended] = programs.curtailable_kw[:, :ended]
    traded = np.full(case.isps, np.nan)
    traded[:ended] = (outcome.intraday_buy_kw - outcome.intraday_sell_kw)[:ended]
    depth = np.where(np.arange(case.isps) < ended, 0.0, case.intraday.buy_depth_kw)
    return replace(
        case, storage=storage, curtailable=replace(case.curtailable, pinned_kw=curtailed), start=None,
        day_ahead=replace(case.day_ahead, committed_kw=outcome.day_ahead_kw),
        intraday=replace(case.intraday, committed_kw=traded, buy_depth_kw=depth, sell_depth_kw=depth),
        reserves=tuple(
            replace(reserve, committed_mw=bid) for reserve, bid in zip(case.reserves, outcome.bids_mw, strict=True)
        ),
    )  # fmt: skip


def _solved(case: Case) -> tuple[Outcome, float, float]:
    wall, processor = perf_counter(), process_time()
    outcome = solve(case, method=Method.DECOMPOSITION, relative_gap=_GAP, time_limit_s=600)
    return outcome, perf_counter() - wall, process_time() - processor


def measure(resources: int, kind: Kind) -> str:
    """Return a row of a table: processor seconds (and those on the clock) of each plan, and their ratio."""
    case = make_case(resources, kind)
    first, _, day_s = _solved(case)
    rest = rolled(case, first)
    cold, cold_wall, cold_s = (None, nan, nan) if resources > _COLD_UPTO else _solved(rest)
    warm, warm_wall, warm_s = _solved(replace(rest, start=first.duals))
    began = process_time()
    keep(rest, _in_force(case, first), warm)
    kept_s = process_time() - began
    gaps = ", ".join(f"{one.gap_eur / one.gross_cost_eur:.1e}" for one in (cold, warm) if one is not None)
    return "\n".join((
        f"| {resources:,} | {kind} | {day_s:.1f} | {cold_s:.1f} ({cold_wall:.1f}) | {warm_s:.1f} ({warm_wall:.1f}) "
        f"| {warm_s / cold_s:.2f} | {kept_s:.1f} | {gaps} |",
        *(_next(resources, kind, rest, warm, share) for share in (0.0, _MEASURED)),
    ))  # fmt: skip


def _next(resources: int, kind: Kind, before: Case, plan: Outcome, share: float) -> str:
    """Return what a plan a quarter of an hour later takes with a share of the stores off, gone on with and searched."""
    now = replace(rolled(before, plan, seed=1, ended=ENDED + 1, measured_share=share), start=plan.duals)
    began = process_time()
    found = resume(now, _in_force(before, plan), relative_gap=_GAP)
    gone_on_s = process_time() - began
    searched, _, search_s = _solved(now)
    assert found is not None
    faults, gap = len(audit(now, found.outcome)), searched.gap_eur / searched.gross_cost_eur
    return (
        f"next quarter, {resources:,} {kind}, {share:.0%} off: gone on with {gone_on_s:.1f} s, gap {found.gap:.1e}, "
        f"{faults} findings; searched {search_s:.1f} s, gap {gap:.1e}"
    )


def _in_force(case: Case, outcome: Outcome) -> Earlier:
    rows = {
        name: np.arange(len(case.units(name).point)) for name in ("storage", "curtailable", "shiftable", "switched")
    }
    return Earlier(case=case, outcome=outcome, rows=rows)


if __name__ == "__main__":
    sizes, kinds = (*sys.argv[1:], "10000", "typical")[:2] if len(sys.argv) < 3 else sys.argv[1:3]
    print("| resources | kind | whole day | rest, cold | rest, warm | ratio | program in force | gaps |")  # noqa: T201
    measure(300, "typical")  # compiles
    for size in sizes.split(","):
        for one in kinds.split(","):
            print(measure(int(size), one), flush=True)  # type: ignore[arg-type] # noqa: T201
