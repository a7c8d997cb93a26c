"""A longer campaign: `python -m tests.scenario.monolith 1000 2000` plays these seeds and prints faults."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from agr.scenario.running import solver_of
from agr.settings import Planning
from tests.scenario.monolith.comparing import faults
from tests.scenario.monolith.generator import make


def main() -> int:
    """Play seeds from the first to before the last; keep the folders of those with faults."""
    first, last = int(sys.argv[1]), int(sys.argv[2])
    root, failed = Path(tempfile.mkdtemp(prefix="monolith-")), 0
    with solver_of(Planning(threads=1)) as solver:
        for seed in range(first, last):
            folder, began = make(root / str(seed), seed), time.monotonic()
            try:
                found = faults(folder, solver)
            except Exception as error:  # noqa: BLE001 - whatever fails is a fault of the seed, and the campaign goes on
                found = [f"{type(error).__name__}: {error}"]
            print(seed, f"{time.monotonic() - began:.1f} s", *found, sep="\n    " if found else " ", flush=True)  # noqa: T201
            failed += bool(found)
            if not found:
                shutil.rmtree(folder)
    print(f"{failed} of {last - first} scenarios with faults; kept in {root}")  # noqa: T201
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
