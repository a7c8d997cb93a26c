"""Measures one engine on one instance, in this process: python -m benchmarks.measure ENGINE KIND RESOURCES LIMIT_S.

A tiny case is solved first, so that imports and compilation are reported separately (warm_up_s). The memory is the
highest resident set of the process, including the case but not the audit. Prints one JSON object as its last line.
"""

import json
import resource
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.engines import RUN
from benchmarks.instances import make_case

TINY = 50


def peak_rss_mib() -> float:
    """Return the highest resident set of this process; with /proc, without that of the process it was forked from."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(engine: str, kind: str, resources: int, limit_s: float) -> dict[str, Any]:
    """Return the row; `engine` is a name in RUN, followed by a colon and the algorithm if it has several."""
    name, _, algorithm = engine.partition(":")
    more = (algorithm,) if algorithm else ()
    started = perf_counter()
    RUN[name](make_case(TINY, kind), limit_s, *more)  # type: ignore[arg-type]
    warm = perf_counter()
    case = make_case(resources, kind)  # type: ignore[arg-type]
    made, cpu = perf_counter(), process_time()
    figures = RUN[name](case, limit_s, *more)
    peak, cpu = peak_rss_mib(), process_time() - cpu
    row: dict[str, Any] = {
        "resources": resources,
        "kind": kind,
        "engine": name,
        "build_s": round(figures.build_s, 4),
        "solve_s": round(figures.solve_s, 4),
        "total_s": round(figures.build_s + figures.solve_s, 4),
        # much less than total_s: the machine was busy with other work
        "cpu_s": round(cpu if figures.cpu_s is None else figures.cpu_s, 4),
        "peak_rss_mib": round(peak, 1),
        "objective": figures.objective,
        "bound": figures.bound,
        "gap_of_gross_cost": figures.gap_of_gross_cost,
        "gap_of_flexibility_value": figures.gap_of_gross_cost,  # a proven optimum has no gap
        "audit": None,
        "note": figures.note,
        "algorithm": algorithm or None,
        "warm_up_s": round(warm - started, 3),
        "case_s": round(made - warm, 3),
        "seconds": figures.seconds,
        "rounds": figures.rounds,
    }
    return row | (figures.finished() if figures.finished else {})


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))  # noqa: T201
