"""The record of long campaigns: a line of JSON in build/ for each run, with the code's revision."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


def revision() -> str:
    """Return the commit that is checked out, with a mark when files differ from it; "unknown" outside a clone."""
    said = subprocess.run(
        ["git", "describe", "--always", "--abbrev=10", "--dirty=+changes", "--exclude=*"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


class Ledger:
    """Runs of a campaign that add up over days and machine restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, **figures: Any) -> None:
        """Write one run down."""
        row = {"at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "revision": revision()} | figures
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rows(self, **alike: Any) -> Iterator[dict[str, Any]]:
        """Give the runs with these values."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for row in map(json.loads, lines):
            if all(row.get(key) == value for key, value in alike.items()):
                yield row

    def total(self, figure: str, **alike: Any) -> int:
        """Return the sum of a figure."""
        return sum(row[figure] for row in self.rows(**alike))

    def revisions(self) -> str:
        """Return the revisions that were run, oldest first."""
        return ", ".join(dict.fromkeys(row["revision"] for row in self.rows()))
