"""A longer campaign: `python -m tests.scenario.monolith --first 1000 --minutes 10` plays seeds from 1000 on.

Each seed takes its turn: as it is, with each kind of `wider.py`, and with several. `--kinds limits,tariffs` widens all
of them alike. What has faults is kept; no seed begins after so many minutes.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import count
from pathlib import Path

from agr.scenario.running import solver_of
from agr.settings import Planning
from tests.scenario.monolith.comparing import examined
from tests.scenario.monolith.generator import make
from tests.scenario.monolith.wider import KINDS

STATIC = tuple(kind for kind in KINDS if kind != "rolling")  # what is promised in closed ISPs is not modelled
DEVICES = ("limits", "tariffs", "switched", "decomposed", "parties", "awards", "clock")
TURNS = ((), *((kind,) for kind in KINDS), ("limits", "tariffs"), (*DEVICES, "rolling"), STATIC, ("days", "orders"))


def main() -> int:
    """Play seeds; print the faults of each, and sum up by kind of world."""
    asked = argparse.ArgumentParser(prog="python -m tests.scenario.monolith")
    asked.add_argument("--first", type=int, default=1000, help="the first seed")
    asked.add_argument("--minutes", type=float, default=10, help="no seed begins later")
    asked.add_argument("--kinds", default="", help=f"widen every world by these: {','.join(KINDS)}")
    given = asked.parse_args()
    turns = (tuple(given.kinds.split(",")),) if given.kinds else TURNS
    root, sums = Path(tempfile.mkdtemp(prefix="monolith-")), defaultdict[str, Counter[str]](Counter)
    end = time.monotonic() + 60 * given.minutes
    with solver_of(Planning(threads=1)) as solver:
        for seed in count(given.first):
            if time.monotonic() > end:
                break
            kinds, ends = turns[seed % len(turns)], list[str]()
            folder = make(root / str(seed), seed, kinds)
            try:
                found, ends = examined(folder, solver)
            except Exception as error:  # noqa: BLE001 - whatever fails is a fault of the seed, and the campaign goes on
                found = [f"{type(error).__name__}: {error}"]
            name = "+".join(kinds) or "devices"
            sums[name].update([*(f"plans {how}" for how in ends), "worlds", *["worlds with faults"] * bool(found)])
            print(f"{seed} {name}", *found, sep="\n    ", flush=True)  # noqa: T201
            if not found:
                shutil.rmtree(folder)
    for name, counted in sorted(sums.items()):
        print(f"{name}: " + ", ".join(f"{n} {what}" for what, n in sorted(counted.items())))  # noqa: T201
    failed = sum(counted["worlds with faults"] for counted in sums.values())
    print(f"{failed} scenarios with faults" + (f", kept in {root}" if failed else ""))  # noqa: T201
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
