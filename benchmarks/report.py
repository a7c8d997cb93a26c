"""Turns rows into a table and a summary: ratios to the best HiGHS, and the exponent of time over resources."""

from typing import Any

import numpy as np
from rich.table import Table

Row = dict[str, Any]

_COLUMNS = (
    "resources", "kind", "engine", "build s", "solve s", "total s", "peak MiB", "value EUR", "gap of gross",
    "gap of flexibility", "audit", "compile s", "note",
)  # fmt: skip


def table(rows: list[Row]) -> Table:
    """Return the rows as a table."""
    result = Table(title="One process per row, two threads; compiled and imported before the clock starts")
    for name in _COLUMNS:
        result.add_column(name, justify="left" if name in ("kind", "engine", "audit", "note") else "right")
    for row in rows:
        engine = f"{row['engine']} ({row['algorithm']})" if row.get("algorithm") else row["engine"]
        result.add_row(
            f"{row['resources']:,}", row["kind"], engine, _seconds(row["build_s"]), _seconds(row["solve_s"]),
            _seconds(row["total_s"]), _number(row["peak_rss_mib"], ",.0f"), _number(row["objective"], ",.2f"),
            _number(row["gap_of_gross_cost"], ".1e"), _number(row["gap_of_flexibility_value"], ".1e"),
            row["audit"] or "", _seconds(row.get("warm_up_s")), row["note"],
        )  # fmt: skip
    return result


def conclusions(rows: list[Row]) -> list[str]:
    """Return sentences: agr against the best HiGHS on the same instance, and how time grows with size."""
    sentences = []
    solved = {(r["engine"], r["kind"], r["resources"]): r for r in rows if _ended(r)}
    for (engine, kind, resources), row in solved.items():
        peer = solved.get(("highs", kind, resources))
        if engine == "agr" and peer is not None:
            short = peer["objective"] - row["objective"]
            sentences.append(
                f"{resources:,} {kind}: agr takes 1/{peer['total_s'] / row['total_s']:.1f} of the best HiGHS"
                f" ({peer.get('algorithm')}), and 1/{peer['cpu_s'] / row['cpu_s']:.1f} of its processor time;"
                f" its value is {short:.2f} EUR below the relaxation's optimum"
            )
    for kind in sorted({row["kind"] for row in rows}):
        slope = exponent([r for r in solved.values() if r["kind"] == kind])
        if slope is not None:
            sentences.append(f"{kind}: time grows with resources to the power of {slope:.3f} from 10,000 to 1,000,000")
    return sentences


def _ended(row: Row) -> bool:
    """Return whether an engine finished; at a time limit, agr has a program but a wider gap."""
    return bool(row["total_s"]) and row["objective"] is not None and not (row["engine"] == "agr" and row["note"])


def exponent(rows: list[Row]) -> float | None:
    """Return b of total_s ~ resources^b over agr's rows from 10,000 to 1,000,000; None without both sizes."""
    points = {
        r["resources"]: r["total_s"] for r in rows if r["engine"] == "agr" and 10_000 <= r["resources"] <= 1_000_000
    }
    if not {10_000, 1_000_000} <= set(points):
        return None
    x, y = np.log(list(points)), np.log(list(points.values()))
    return float(np.polyfit(x, y, 1)[0])


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 10 else f"{value:.1f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
