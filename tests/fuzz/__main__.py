"""Runs every target under atheris, one after the other, and prints the figures: make fuzz ARGS="--millions 10".

Executions add up over runs in build/fuzz/ledger.jsonl: ARGS="--minutes 4" stops after about four minutes, and the next
call continues. A finding stays in build/fuzz as finding-TARGET-…; once fixed, move it to tests/fuzz/corpus/TARGET,
where the tests replay it. `--afresh` resets the counts; corpora are kept.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.builders.campaign_ledger import Ledger

SHARES = {"envelope": 0.35, "message": 0.35, "signature": 0.14, "http": 0.09, "intake": 0.07}
FIRST_RUNS = 20_000
"""Executions of a target's first part: how many it does a second is not known yet."""
GROWTH_MB = 64.0
"""More resident memory than this between a tenth and the end of one part is a leak."""


def part(ledger: Ledger, name: str, left: int, seconds: float) -> int:
    """Return how many executions of a target fit into the time, by its latest part's rate."""
    before = list(ledger.rows(target=name))
    if not before:
        return min(left, FIRST_RUNS)
    return min(left, max(int(before[-1]["executions"] / max(before[-1]["seconds"], 0.5) * seconds), FIRST_RUNS))


def main() -> int:
    """Run, print, return 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…")
    parser.add_argument("--millions", type=float, default=10.5, help="executions in all, in millions")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="stop after about so long; call it again")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="corpora, findings and figures")
    parser.add_argument("--afresh", action="store_true", help="count from nothing")
    given = parser.parse_args()
    ledger, until = Ledger(given.folder / "ledger.jsonl"), time.monotonic() + given.minutes * 60
    if given.afresh:
        ledger.path.unlink(missing_ok=True)
    failed = 0
    for name, share in SHARES.items():
        goal = int(given.millions * 1e6 * share)
        while not failed and (left := goal - ledger.total("executions", target=name)) > 0:
            seconds = min(until - time.monotonic(), 300.0)
            if seconds < 1:
                break
            with (given.folder / f"{name}.log").open("wb") as log:
                runs = part(ledger, name, left, seconds)
                command = [sys.executable, "-m", "tests.fuzz.campaign", name, str(runs), str(given.folder)]
                ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
            failed += ended != 0 or goal - ledger.total("executions", target=name) >= left  # it did nothing
    heads = ("target", "executions", "seconds", "parts", "most MB", "most growth in a part (MB)", "leaks")
    table = Table(*heads, title=f"Fuzzed, at {ledger.revisions()}")
    leaks = 0
    for name in SHARES:
        rows = list(ledger.rows(target=name))
        growth = [row["resident_mb_end"] - row["resident_mb_early"] for row in rows]
        leaks += (leaked := sum(one > GROWTH_MB for one in growth))
        figures = (
            f"{sum(row['executions'] for row in rows):,}", f"{sum(row['seconds'] for row in rows):,.0f}", len(rows),
            max((row["resident_mb_end"] for row in rows), default=0), f"{max(growth, default=0):.1f}", leaked,
        )  # fmt: skip
        table.add_row(name, *map(str, figures))
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print(table)
    findings = sorted(given.folder.glob("finding-*"))
    total = ledger.total("executions")
    console.print(f"{total:,} executions, {len(findings)} findings {[str(f) for f in findings]}", highlight=False)
    if failed and not findings:
        console.print(f"a campaign failed; see the last lines of {given.folder}/*.log", highlight=False)
    return 1 if failed or findings or leaks else 0


if __name__ == "__main__":
    sys.exit(main())
