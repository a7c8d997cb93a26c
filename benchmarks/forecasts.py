"""make bench ARGS=forecasts: how good day-ahead forecasts are on real Dutch prices, and what they are worth.

Every day from 1 May to 28 December 2024 is forecast from the days before it only; models learn again every two weeks.
Nothing in the models was chosen on these days. Data and origin: benchmarks/data/README.md.
"""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from agr.forecasting import MODELS, Days, Observed, Rolled, days_of, rolling, score
from agr.forecasting.models.registry import NAIVE
from agr.forecasting.storage_value import worth
from benchmarks import capacity_bids, charging, training
from benchmarks.goals import Goal, show

DATA = Path(__file__).parent / "data" / "day_ahead_nl.parquet"
FIRST, LAST = date(2024, 5, 1), date(2024, 12, 28)
CALIBRATION = 60
"""Days before the first one whose errors make its bands; they are not scored."""
SPREAD = 5.0
"""EUR/MWh: when the battery plans again it buys so much dearer and sells so much cheaper than day-ahead."""
BEST = "mean of LightGBM and LEAR"


def prices() -> Days:
    """Return the shipped Dutch day-ahead prices."""
    table = pq.read_table(DATA)
    observed = [
        Observed(start=start, minutes=60, value=value)
        for start, value in zip(table["start"].to_pylist(), table["value"].to_pylist(), strict=True)
    ]
    return days_of(observed, "Europe/Amsterdam", 60, country="NL")


def measured(known: Days, first: date, last: date, refit: int, screen: Console) -> dict[str, dict[str, float]]:
    """Return model → its figures on the days from first to last."""
    begin, end = known.row(first), known.row(last) + 1
    rolled: dict[str, tuple[Rolled, float]] = {}
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        for name, one in MODELS.items():
            if name == BEST:
                continue
            task = bar.add_task(name, total=end - begin + CALIBRATION)
            began = perf_counter()
            rolled[name] = (
                rolling(
                    known, one, begin - CALIBRATION, end, refit_days=refit,
                    progress=lambda done, _of, task=task: bar.update(task, completed=done),  # type: ignore[misc]
                ),
                perf_counter() - began,
            )  # fmt: skip
    (trees, tree_s), (linear, linear_s) = rolled["LightGBM"], rolled["LEAR"]
    mean = replace(trees, model=BEST, forecast=(trees.forecast + linear.forecast) / 2)
    rolled[BEST] = (mean, tree_s + linear_s)  # what the model does, without learning twice
    naive = rolled[NAIVE][0]
    return {name: _figures(one, naive, seconds) for name, (one, seconds) in rolled.items()}


def _figures(rolled: Rolled, naive: Rolled, seconds: float) -> dict[str, float]:
    kept = slice(CALIBRATION, None)
    found = score(
        rolled.forecast[kept], rolled.actual[kept], quantiles=rolled.quantiles()[kept], naive=naive.forecast[kept],
        naive_quantiles=naive.quantiles()[kept],
    )  # fmt: skip
    assert found is not None
    value = worth(rolled.forecast[kept], rolled.actual[kept], spread=SPREAD)
    return {
        "days": found.days, "MAE": found.mae, "relative MAE": found.relative_mae or np.nan,
        "CRPS": found.crps or np.nan,
        "CRPS of naive": 1 - (found.crps_skill or 0.0), "80 % covers": found.coverage or np.nan,
        "Kendall": found.kendall or np.nan, "of foresight": value.share or np.nan,
        "after planning again": value.replanned_share or np.nan, "lost EUR/day": value.lost_eur_per_day,
        "seconds": seconds,
    }  # fmt: skip


def main(
    first: Annotated[str, typer.Option(help="first day, YYYY-MM-DD")] = str(FIRST),
    last: Annotated[str, typer.Option(help="last day, YYYY-MM-DD")] = str(LAST),
    refit: Annotated[int, typer.Option(help="models learn again after so many days")] = 14,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")] = False,
) -> None:
    """Measure the models on the shipped Dutch prices; say which targets are met."""
    figures = measured(prices(), date.fromisoformat(first), date.fromisoformat(last), refit, Console(stderr=True))
    names = list(figures)
    table = Table(title=f"Dutch day-ahead prices, {first} to {last}, each day from the days before it")
    table.add_column("figure")
    for number, name in enumerate(names, start=1):
        table.add_column(str(number), justify="right")
        Console().print(f"{number}: {name}")
    for column in next(iter(figures.values())):
        table.add_row(column, *(_told(column, figures[name][column]) for name in names))
    Console().print(table)
    best = figures[BEST]
    goals = [Goal("day-ahead, MAE of naive", best["relative MAE"], most=0.75),
             Goal("day-ahead, CRPS of naive", best["CRPS of naive"], most=0.72),
             Goal("day-ahead, 80 % bands cover", best["80 % covers"], 0.76, 0.84),
             Goal("battery, of foresight", best["of foresight"], 0.85),
             Goal("battery, after planning again", best["after planning again"], 0.92)]  # fmt: skip
    figures |= _charging(goals)
    figures |= _capacity(goals)
    trained = training.measured()
    figures["training, processor s"] = trained
    goals.append(Goal("training, 100,000 resources, s", trained["all"], most=training.TARGET_S))
    show(goals)
    Console().print("A reservation of 95 %, and 10,000 resources x 10 scenarios in 40 s: make bench ARGS=promises")
    figures["goals"] = {goal.name: goal.reached for goal in goals}
    if as_json:
        print(json.dumps(figures))  # noqa: T201


def _told(column: str, value: float) -> str:
    if column in ("days", "seconds"):
        return f"{value:.0f}"
    return f"{value:.3f}" if value < 2 else f"{value:.2f}"


def _capacity(goals: list[Goal]) -> dict[str, dict[str, float]]:
    """Measure what capacity bids earn of the average price."""
    figures = capacity_bids.measured()
    if figures is None:
        Console().print(f"capacity bids: not measured, {capacity_bids.PRICES} is missing")
        return {}
    for direction, row in figures.items():
        earned, plain = row["of the average price"], row["asking the expected price"]
        Console().print(
            f"aFRR {direction}: bids earn {earned:.1%} of the average price, {row['accepted']:.0%} are accepted; "
            f"asking the expected price earns {plain:.1%}"
        )
        goals.append(Goal(f"aFRR {direction} bids, of the average price", earned, capacity_bids.TARGET))
    return {f"aFRR {direction}": row for direction, row in figures.items()}


def _charging(goals: list[Goal]) -> dict[str, dict[str, float]]:
    """Measure the forecasts of charging sessions."""
    figures = charging.measured()
    if figures is None:
        Console().print(f"charging sessions: not measured, {charging.SESSIONS} is missing")
        return {}
    table = Table(title=f"Charging sessions of a group, {charging.FIRST} to {charging.LAST}, alike days")
    table.add_column("series")
    for column in next(iter(figures.values())):
        table.add_column(column, justify="right")
    for name, row in figures.items():
        table.add_row(name, *(f"{value:.3f}" if value < 2 else f"{value:.4g}" for value in row.values()))
    Console().print(table)
    goals.append(
        Goal("charging, MAE of naive, 28 a day", figures[charging.POWER]["relative MAE"], most=charging.TARGET)
    )
    quarter, day = charging.prognosis_error(charging.CAR_KW)
    Console().print(
        f"a prognosis made of expected sessions is wrong by {quarter:.1%} of the energy per quarter hour, by {day:.1%} "
        "per day; one without them by 100 %"
    )
    figures["prognosis of expected sessions"] = {"MAE/mean": quarter, "MAE/mean, days": day}
    return {f"charging: {name}": row for name, row in figures.items()}


if __name__ == "__main__":
    typer.run(main)
