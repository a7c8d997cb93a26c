"""Digests of outcomes, to the last bit on one machine: a restructuring must not change them.

Run python -m benchmarks.digests --out FILE before a step and --check FILE after it; a case's name as argument runs that
case alone. Values are hashed in the order of the fields of their classes; names of fields, seconds and solver logs are
left out, and fields that were added and hold nothing. Digests differ between machines and package versions: keep the
file out of the repository.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from agr.planning.serialisation import left_out
from agr.scenario.folder import read_scenario
from agr.scenario.places import all_folders
from agr.scenario.running import plans_of, solver_of
from benchmarks.instances import make_case
from models.decomposition.reoptimise.merging import whole_case, whole_outcome
from models.decomposition.reoptimise.replan import dual_slack_eur
from models.decomposition.reoptimise.subproblem import renewed, subproblem
from models.method import Method, solve
from models.outcome import Outcome
from tests.models.test_switched import world as switched_world

LIMIT_S = 3600.0  # never reached: with a time limit, digests would depend on the machine's speed
WIDE = {"spring-weekday": 0.05, "winter-evening-peak": 0.05}  # gaps that take seconds to reach: bids are integer there
_TIMED = ("seconds", "log", "solver")


def _feed(value: Any, total: Any) -> None:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        total.update(f"{array.dtype.str}{array.shape}".encode())
        total.update(array.tobytes())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for item in dataclasses.fields(value):
            if item.name not in _TIMED and not left_out(item, value):
                _feed(getattr(value, item.name), total)
    elif isinstance(value, dict):
        for key in sorted(value):
            total.update(str(key).encode())
            _feed(value[key], total)
    elif isinstance(value, (tuple, list)):
        for item in value:
            _feed(item, total)
        total.update(b"]")
    else:
        total.update(repr(value.value if isinstance(value, Enum) else value).encode())


def digest(*values: Any) -> str:
    """Return the digest of dataclasses, arrays and plain values."""
    total = hashlib.sha256()
    for value in values:
        _feed(value, total)
    return total.hexdigest()[:16]


def scenario(folder: Path) -> str:
    """Return the digest of every plan of a shipped scenario's run."""
    made = read_scenario(folder)
    planning = made.description.planning.model_copy(update={"time_limit_s": LIMIT_S})
    if folder.name in WIDE:
        planning = planning.model_copy(update={"relative_gap": WIDE[folder.name]})
    described = made.description.model_copy(update={"planning": planning})
    made = replace(made, description=described)
    with solver_of(planning) as solver:
        steps = plans_of(made, described.periods(), solver)
    return digest(*((s.at.isoformat(), s.why, s.solved.outcome, s.findings, s.change) for s in steps))


def _decomposed(resources: int, kind: Any) -> Outcome:
    return solve(
        make_case(resources, kind), method=Method.DECOMPOSITION, relative_gap=1e-3, time_limit_s=LIMIT_S, threads=2
    )


def part_again() -> str:
    """Return the digest of half a reservation released in a portfolio of 1,000, planned as a part."""
    case, before = make_case(1000), _decomposed(1000, "typical")
    points = case.reservations.point[:1]
    old = subproblem(case, before, points)
    half = replace(old.reservations, reserved_kw=old.reservations.reserved_kw / 2)
    new = renewed(old, half, before.point_kw[points], 0.5)
    assert new.remainder is not None
    new = replace(new, remainder=replace(new.remainder, dual_slack_eur=dual_slack_eur(old)))
    found = solve(new, relative_gap=1e-3, time_limit_s=LIMIT_S)
    return digest(found, whole_case(case, before, points, new), whole_outcome(case, before, points, new, found))


def switched() -> str:
    """Return the digest of switched loads alone, planned by both optimisers."""
    case = switched_world(np.random.default_rng(5), 24, units=40)
    both = (Method.REFERENCE, Method.DECOMPOSITION)
    return digest(*(solve(case, method=m, relative_gap=1e-3, time_limit_s=LIMIT_S) for m in both))


def cases() -> dict[str, Callable[[], str]]:
    """Return the pinned cases, by name."""
    found: dict[str, Callable[[], str]] = {
        "1000-typical": lambda: digest(_decomposed(1000, "typical")),
        "1000-hard": lambda: digest(_decomposed(1000, "hard")),
        "switched": switched,
        "part": part_again,
    }
    return found | {folder.name: partial(scenario, folder) for folder in all_folders()}


def _made(names: list[str]) -> Iterator[tuple[str, str]]:
    for name, make in cases().items():
        if not names or name in names:
            started = perf_counter()
            found = make()
            print(f"{name:28} {found[:16]} {perf_counter() - started:6.1f} s", flush=True)  # noqa: T201
            yield name, found


def main() -> int:
    """Write or check digests; return 1 when one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--check", type=Path)
    arguments = parser.parse_args()
    made = dict(_made(arguments.names))
    if arguments.out:
        arguments.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    if not arguments.check:
        return 0
    known = json.loads(arguments.check.read_text(encoding="utf-8"))
    other = [name for name, found in made.items() if known.get(name) != found]
    print(f"digests differ: {', '.join(other)}" if other else "all digests are equal")  # noqa: T201
    return bool(other)


if __name__ == "__main__":
    sys.exit(main())
