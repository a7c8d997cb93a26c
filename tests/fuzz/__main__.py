"""Runs every target under atheris, one after the other, and prints the figures: make fuzz ARGS="--millions 10"."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

SHARES = {"envelope": 0.35, "message": 0.35, "signature": 0.14, "http": 0.09, "intake": 0.07}


def main() -> int:
    """Run, print, return 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…")
    parser.add_argument("--millions", type=float, default=10.5, help="executions in all, in millions")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="corpora, findings and figures")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    figures = given.folder / "figures.jsonl"
    figures.unlink(missing_ok=True)
    failed = 0
    for name, share in SHARES.items():
        runs = max(int(given.millions * 1e6 * share), 1000)
        with (given.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.fuzz.campaign", name, str(runs), str(given.folder)]
            failed += subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode != 0
    table = Table("target", "executions", "seconds", "MB after a tenth", "MB at the end", title="Fuzzed")
    total = 0
    for line in figures.read_text().splitlines() if figures.exists() else []:
        one = json.loads(line)
        total += one["executions"]
        table.add_row(*(str(one[key]) for key in one))
    console = Console()
    console.print(table)
    findings = sorted(given.folder.glob("finding-*"))
    console.print(f"{total:,} executions, {len(findings)} findings {[str(f) for f in findings]}", highlight=False)
    return 1 if failed or findings else 0


if __name__ == "__main__":
    sys.exit(main())
