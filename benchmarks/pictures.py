"""Draws a run's pictures as SVG: scaling, convergence, time per step. Needs matplotlib, from .venv-bench.

As a command: .venv-bench/solvers/bin/python -m benchmarks.pictures RESULT.json FOLDER. `--out` writes RESULT.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

Row = dict[str, Any]

plt.rcParams.update(
    {"svg.fonttype": "none", "svg.hashsalt": "agr", "axes.spines.top": False, "axes.spines.right": False}
)
_MARKS = {"agr": "o", "highs": "s", "pyomo": "^", "linopy": "v", "flexmeasures": "D"}
_COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:olive")
_SIZE = (7.0, 4.2)


def scaling(rows: list[Row]) -> Any:
    """Seconds over resources, one line per engine and kind; both axes logarithmic."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for engine, kind in sorted({(row["engine"], row["kind"]) for row in rows}):
        mine = sorted((r["resources"], r["total_s"]) for r in rows if r["engine"] == engine and r["kind"] == kind)
        style = "-" if kind == "typical" else "--"
        axes.plot(*zip(*mine, strict=True), style, marker=_MARKS[engine], label=f"{engine}, {kind}")
    axes.set(xscale="log", yscale="log", xlabel="resources", ylabel="seconds, build and solve")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return figure


def convergence(rows: list[Row]) -> Any:
    """Over the seconds of each run: the distance of the bound from the final best program, and the proven gap."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for row, colour in zip(rows, _COLOURS, strict=False):
        gross, rounds = row["gross_cost"], row["rounds"]
        seconds = [r["seconds"] for r in rounds]
        axes.plot(
            seconds, [(r["bound_eur"] - row["objective"]) / gross for r in rounds], color=colour,
            label=f"{row['resources']:,} {row['kind']}",
        )  # fmt: skip
        made = [r for r in rounds if r["value_eur"] is not None]
        axes.plot(
            [r["seconds"] for r in made], [(r["bound_eur"] - r["value_eur"]) / gross for r in made], "o",
            color=colour, markersize=4, fillstyle="none",
        )  # fmt: skip
    axes.axhline(1e-3, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="share of gross cost")
    axes.set_title(
        "bound above the best program (line), proven gap with the program so far (circles)", fontsize="small"
    )
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return figure


def time_spent(rows: list[Row]) -> Any:
    """Share of each step in the seconds of agr's runs."""
    figure, axes = plt.subplots(figsize=_SIZE)
    steps = list(dict.fromkeys(step for row in rows for step in row["seconds"]))
    names = [f"{row['resources']:,} {row['kind']}" for row in rows]
    left = [0.0] * len(rows)
    for step in steps:
        shares = [100 * row["seconds"].get(step, 0.0) / sum(row["seconds"].values()) for row in rows]
        axes.barh(names, shares, left=left, label=step)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set(xlabel="per cent of the seconds")
    axes.invert_yaxis()
    axes.legend(frameon=False, ncols=len(steps), loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize="small")
    return figure


def draw(result: dict[str, Any], folder: Path) -> list[Path]:
    """Write the pictures that the result has figures for, and return their paths."""
    solved = [row for row in result["rows"] if row["objective"] is not None]
    ours = [row for row in solved if row["engine"] == "agr"]
    figures: dict[str, Any] = {}
    if solved:
        figures["scaling"] = scaling(solved)
    timed = [row for row in ours if sum(row["seconds"].values()) > 0]
    if timed:
        figures["time-spent"] = time_spent(timed)
    recorded = [row for row in ours if row["rounds"]]
    if recorded:
        figures["convergence"] = convergence(recorded)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        written.append(folder / f"{name}.svg")
        figure.savefig(written[-1], bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m benchmarks.pictures RESULT.json FOLDER")
    for path in draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])):
        print(path)  # noqa: T201
