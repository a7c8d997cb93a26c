"""Runs a scenario and holds every plan of it against the monolith."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from agr.scenario.folder import read_scenario
from agr.scenario.record import Run
from agr.scenario.running import run
from tests.scenario.monolith.monolith import FIRST_PLAN, Decided, optimum

TOLERANCE = 1e-5  # of gross cost, and at least of 1 EUR: rounding, and the gaps of the monolith's own many small solves


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One plan: what it is worth and what it proves to be the most, and the monolith's limits of both, EUR."""

    step: str
    worth: float
    bound: float
    most: float
    possible: float
    gross: float

    def wrong(self) -> str | None:
        """Return what is impossible if both models state the same problem."""
        slack = TOLERANCE * max(self.gross, 1.0)
        if self.worth > self.most + slack:
            return f"{self.step}: worth {self.worth:.6f} EUR, but no more than {self.most:.6f} is possible"
        if self.bound < self.possible - slack:
            return f"{self.step}: proven to be at most {self.bound:.6f} EUR, but {self.possible:.6f} is possible"
        return None


def faults(folder: Path, solver: Any) -> list[str]:
    """Run the scenario of a folder; return where its plans and the monolith disagree, and findings of audits."""
    return examined(folder, solver)[0]


def examined(folder: Path, solver: Any) -> tuple[list[str], list[str]]:
    """Return the faults of a folder's scenario, and how each of its plans ended."""
    made = run(read_scenario(folder), solver=solver)
    wrong = [fault for one in compared(folder, made) if (fault := one.wrong())]
    wrong += [f"{step['step']}: {finding}" for step in made.steps for finding in step["audit"]]
    wrong += [f"cash: {finding}" for finding in made.outcome["cash"]["findings"]]
    return wrong, [step["termination"] for step in made.steps]


def compared(folder: Path, made: Run) -> Iterator[Compared]:
    """Compare every plan of a run with what the monolith finds for the same facts."""
    for i, step in enumerate(made.steps):
        fixed = _decided(folder, made, i)
        loose = optimum(folder, fixed)
        tight = optimum(folder, fixed, cautious=True) if len(made.bids) else loose
        yield Compared(
            step=step["step"], worth=step["objective_eur"],
            bound=np.inf if step["bound_eur"] is None else step["bound_eur"], gross=step["gross_cost_eur"],
            most=loose.bound, possible=tight.value,
        )  # fmt: skip


def _day_ahead_kw(positions: pd.DataFrame, groups: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the position of each party that is balanced by itself, and under "" that of all others together."""
    if groups.empty:
        return {"": positions["day_ahead_kw"].to_numpy()}
    named = groups.groupby(groups["group"].astype(str))["day_ahead_kw"]
    return {name.replace("balanced together", ""): kw.to_numpy() for name, kw in named}


def _intraday_kw(positions: pd.DataFrame, groups: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what each party has bought intraday, net, as above."""
    if groups.empty:
        return {"": (positions["intraday_buy_kw"] - positions["intraday_sell_kw"]).to_numpy()}
    named = groups.groupby(groups["group"].astype(str))["intraday_kw"]
    return {name.replace("balanced together", ""): kw.to_numpy() for name, kw in named}


def _decided(folder: Path, made: Run, i: int) -> Decided:
    """Return what was fixed before plan i: by the plans before it, and by the scenario's events."""
    if i == 0:
        return FIRST_PLAN

    def of(table: pd.DataFrame, step: int) -> pd.DataFrame:
        return table[table["step"].astype(str) == made.steps[step]["step"]]

    points = of(made.points, i - 1) if i > 1 else made.points.iloc[:0]  # announced once results are planned
    events = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))["events"] if i > 1 else []
    rows, at = of(made.bids, 0), datetime.fromisoformat(made.steps[i]["at"])
    programs = of(made.programs, i - 1)
    bids = zip(rows["product"], rows["block"], rows["bid_mw"], strict=True)
    return Decided(
        day_ahead_kw=_day_ahead_kw(of(made.positions, 0), of(made.balancing_groups, 0)),
        bids_mw={(str(product), int(block)): float(mw) for product, block, mw in bids},
        keep_share={event["contract"]: event["keep_share"] for event in events},
        announced_kw={
            str(name): np.asarray(group["power_kw"])
            for name, group in points.groupby(points["congestion_point"].astype(str))
        },
        at=at,
        power_kw={
            str(name): group["power_kw"].to_numpy()
            for name, group in programs.groupby(programs["resource"].astype(str))
        },
        intraday_kw=_intraday_kw(of(made.positions, i - 1), of(made.balancing_groups, i - 1)),
    )
