"""Lists and runs the measurements: each in a fresh process, in its engine's environment, with a time limit."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environment import PROJECT, python_of, reason
from benchmarks.instances import AT_HOMES, RELAXED, Kind

ENGINES = ("agr", "whole", "highs", "pyomo", "linopy", "flexmeasures")
ENVIRONMENT = {"highs": "solvers", "linopy": "solvers", "flexmeasures": "flexmeasures"}
ALGORITHMS = ("hipo", "ipx and crossover", "ipx", "simplex")  # of HiGHS, the one that usually wins first
SIZES = (1_000, 10_000, 100_000)

# Resources up to which an engine is run unless it is asked for by name: beyond, it would only show its time limit.
USUAL = {"whole": 1_000, "highs": 10_000, "pyomo": 1_000, "linopy": 1_000, "flexmeasures": 100}
LIMIT_S = {"agr": 300.0, "whole": 300.0, "highs": 300.0, "pyomo": 300.0, "linopy": 300.0, "flexmeasures": 180.0}
_PROMISING = 2  # of ALGORITHMS
_GRACE_S = 30.0  # for imports, the case, and steps that ignore the time limit

Row = dict[str, Any]
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One measurement to make."""

    engine: str
    kind: Kind
    resources: int
    limit_s: float


def planned(
    sizes: tuple[int, ...], engines: tuple[str, ...], kinds: tuple[Kind, ...], *, named: bool, limit_s: float | None
) -> list[Measurement]:
    """Return the measurements to make; engines chosen by name run at every size.

    Where bids are whole only the product and the whole model can plan; elsewhere the relaxation says as much as it.
    """
    return [
        Measurement(engine=engine, kind=kind, resources=size, limit_s=limit_s or LIMIT_S[engine])
        for size in sizes
        for kind in kinds
        for engine in engines
        if _can(engine, kind) and (named or engine == "agr" or size <= USUAL[engine])
    ]


def _can(engine: str, kind: Kind) -> bool:
    if kind in AT_HOMES:
        return engine in ("agr", "highs", "pyomo")
    return engine == "agr" or (engine == "whole") != (kind in RELAXED)


def left_out(sizes: tuple[int, ...], engines: tuple[str, ...]) -> str:
    """Return which engines are not run at some size unless they are named."""
    return ", ".join(
        f"{engine} beyond {USUAL[engine]:,}" for engine in engines if engine in USUAL and max(sizes) > USUAL[engine]
    )


def default_plan() -> list[Measurement]:
    """Return all measurements up to 100,000 resources; FlexMeasures at the size that it can solve, and homes."""
    extra = planned((100,), ("agr", "highs", "flexmeasures"), ("typical",), named=True, limit_s=None)
    homes = planned((1_000,), ("agr", "highs"), ("peaks",), named=True, limit_s=900.0)
    return extra + planned(SIZES, ENGINES, RELAXED, named=False, limit_s=None) + homes


def rows(measurements: list[Measurement], tell: Tell) -> Iterator[Row]:
    """Yield a row for each measurement; `tell` is called with the one under way."""
    for number, item in enumerate(measurements, start=1):
        what = f"{number}/{len(measurements)} {item.engine}, {item.kind}, {item.resources:,} resources"
        tell(what)
        yield best_of_highs(item, tell, what) if item.engine == "highs" else one(item, item.engine)


def best_of_highs(item: Measurement, tell: Tell, what: str) -> Row:
    """Run every algorithm and return the fastest, with the seconds of all; slower ones are ended early.

    If the two usually fastest algorithms reach the time limit, the others, which are far slower then, are not tried.
    """
    best: Row | None = None
    tried: dict[str, str] = {}
    for algorithm in ALGORITHMS:
        if best is None and len(tried) == _PROMISING:
            break
        tell(f"{what}: {algorithm}")
        limit = item.limit_s if best is None else min(item.limit_s, 1.2 * best["total_s"] + 1.0)
        row = one(
            Measurement(engine="highs", kind=item.kind, resources=item.resources, limit_s=limit), f"highs:{algorithm}"
        )
        good = row["objective"] is not None
        tried[algorithm] = f"{row['total_s']:.2f} s" if good else row["note"]
        if good and (best is None or row["total_s"] < best["total_s"]):
            best = row
    result = best or _empty(item, "; ".join(f"{name}: {note}" for name, note in tried.items()))
    return result | {"tried": tried}


def one(item: Measurement, engine: str) -> Row:
    """Measure in a separate process."""
    environment = None if item.kind in AT_HOMES else ENVIRONMENT.get(item.engine)  # what states homes is the product's
    python = Path(sys.executable) if environment is None else python_of(environment)
    if python is None:
        return _empty(item, f"not installed: {reason(str(environment))}")
    command = [str(python), "-m", "benchmarks.measure", engine, item.kind, str(item.resources), str(item.limit_s)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=PROJECT, stdout=out, stderr=err, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        try:
            process.wait(timeout=item.limit_s * 1.1 + _GRACE_S + item.resources * 2e-4)
        except subprocess.TimeoutExpired:
            return _empty(item, f"more than {item.limit_s:.0f} s")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        out.seek(0)
        lines = out.read().decode(errors="replace").strip().splitlines()
        err.seek(0)
        trouble = err.read().decode(errors="replace").strip().splitlines()
    if process.returncode != 0 or not lines:
        return _empty(item, f"failed: {trouble[-1] if trouble else f'exit status {process.returncode}'}")
    row: Row = json.loads(lines[-1])
    if row["note"] == "time limit":
        row["note"] = f"more than {item.limit_s:.0f} s"
    return row


def _empty(item: Measurement, note: str) -> Row:
    numbers = ("build_s", "solve_s", "total_s", "peak_rss_mib", "objective", "bound", "gap_of_gross_cost",
               "gap_of_flexibility_value", "audit")  # fmt: skip
    return {
        "resources": item.resources,
        "kind": item.kind,
        "engine": item.engine,
        **dict.fromkeys(numbers),
        "note": note,
    }
