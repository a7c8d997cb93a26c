"""Runs a scenario and holds every plan of it against the monolith."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from agr.domain.flexibility import Obligation
from agr.scenario.folder import read_scenario
from agr.scenario.record import Run
from agr.scenario.running import plans_of, run
from tests.scenario.monolith.leaving import leave
from tests.scenario.monolith.monolith import FIRST_PLAN, Decided, optimum
from tests.scenario.monolith.ordering import Ordered
from tests.scenario.monolith.reading import instant, read
from tests.scenario.monolith.units import NOTHING, Left, Store, units

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
    made, orders = run(read_scenario(folder), solver=solver), _orders(folder, solver)
    left: dict[str, Left] = {}
    wrong = [fault for one in compared(folder, made, orders, left) if (fault := one.wrong())]
    wrong += [f"{step['step']}: {finding}" for step in made.steps for finding in step["audit"]]
    wrong += [f"cash: {finding}" for finding in made.outcome["cash"]["findings"]]
    total, money = made.outcome["totals"]["objective_eur"], _money_eur(made, left)
    if abs(total - money) > TOLERANCE * max(sum(step["gross_cost_eur"] for step in made.last), 1.0):
        wrong.append(f"the days are said to be worth {total:.6f} EUR, but cash and what is left are {money:.6f}")
    return wrong, [step["termination"] for step in made.steps]


LEFT = ("stored energy", "later runs")  # the terms of what a day leaves


Orders = dict[tuple[str, int], tuple[Obligation, ...]]
"""What was ordered when a plan was made, by its Period and number."""


def _orders(folder: Path, solver: Any) -> Orders:
    """Play a scenario with requests once more for the orders, which tables of a run do not tell."""
    scenario = read_scenario(folder)
    if all(event["kind"] != "flex_request" for event in _described(folder)["events"]):
        return {}
    steps = plans_of(scenario, scenario.description.periods(), solver)
    return {(str(step.period), step.number): step.orders for step in steps}


def compared(folder: Path, made: Run, orders: Orders, left: dict[str, Left]) -> Iterator[Compared]:
    """Compare every plan of a run with what the monolith finds for the same facts.

    `left` gets what each Period leaves, by the day after it.
    """
    for i, step in enumerate(made.steps):
        day, fixed = read(folder, date.fromisoformat(step["period"])), _decided(folder, made, i, orders)
        begun = left.get(step["period"], NOTHING)
        series = "day_ahead_forecast" if fixed.day_ahead_kw is None else "day_ahead"
        # Of many worths of energy the closest are joined, which never raises them: then only too much can be told.
        joined = any(isinstance(unit, Store) and unit.joined for _, unit in units(day, series, begun))
        loose = optimum(day, fixed, begun)
        tight = optimum(day, fixed, begun, cautious=True) if len(made.bids) or fixed.orders else loose
        yield Compared(
            step=f"{step['period']} {step['step']}", worth=step["objective_eur"],
            bound=np.inf if step["bound_eur"] is None else step["bound_eur"], gross=step["gross_cost_eur"],
            most=loose.bound, possible=-np.inf if joined else tight.value,
        )  # fmt: skip
        leaves = leave(day, series, begun, _power_kw(made, step))
        if joined:
            leaves = replace(leaves, credited_eur=sum(step["terms_eur"].get(term, 0.0) for term in LEFT))
        left[str(day.period + timedelta(days=1))] = leaves


def _money_eur(made: Run, left: dict[str, Left]) -> float:
    """Return what all days pay and earn, and what is left at the very end is worth."""
    cash = sum(
        step["objective_eur"] - sum(step["terms_eur"].get(term, 0.0) for term in (*LEFT, "brought forward"))
        for step in made.last
    )
    return float(cash + left[max(left)].credited_eur)


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


def _of(table: pd.DataFrame, step: dict[str, Any]) -> pd.DataFrame:
    return table[(table["step"].astype(str) == step["step"]) & (table["period"].astype(str) == step["period"])]


def _power_kw(made: Run, step: dict[str, Any]) -> dict[str, np.ndarray]:
    programs = _of(made.programs, step)
    named = programs.groupby(programs["resource"].astype(str))
    return {str(name): group["power_kw"].to_numpy() for name, group in named}


def _described(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    return described


def _ordered(made: Run, before: list[dict[str, Any]], orders: Orders, period: str, number: int) -> list[Ordered]:
    """Return what was ordered until a plan, each from the program of the plan in force when it came, in whole W."""
    known, found = 0, []
    for k in range(1, number + 1):
        for obligation in orders.get((period, k), ())[known:]:
            order = obligation.order
            points = _of(made.points, before[k - 2])
            kw = points[points["congestion_point"].astype(str) == order.congestion_point]["power_kw"]
            baseline = np.rint(kw.to_numpy() * 1000) / 1000
            found.append(
                Ordered(
                    point=order.congestion_point,
                    baseline_kw=baseline,
                    deviation_kw=np.array(order.power_w) / 1000,
                    eur=float(order.price),
                )
            )
            known += 1
    return found


def _decided(folder: Path, made: Run, i: int, orders: Orders) -> Decided:
    """Return what was fixed before plan i: by the plans of its Period before it, and by the scenario's events."""
    step = made.steps[i]
    before = [each for each in made.steps[:i] if each["period"] == step["period"]]
    if not before:
        return FIRST_PLAN
    first, last = before[0], before[-1]
    points, events = made.points.iloc[:0], []
    if len(before) > 1:  # announced once results are planned
        points = _of(made.points, last)
        events = [event for event in _described(folder)["events"] if event["kind"] == "release"]
    rows = _of(made.bids, first)
    bids = zip(rows["product"], rows["block"], rows["bid_mw"], strict=True)
    return Decided(
        day_ahead_kw=_day_ahead_kw(_of(made.positions, first), _of(made.balancing_groups, first)),
        bids_mw={(str(product), int(block)): float(mw) for product, block, mw in bids},
        keep_share={
            e["contract"]: e["keep_share"]
            for e in events
            if str(e["period"]) == step["period"] and instant(str(e["at"])) <= instant(step["at"])
        },
        announced_kw={
            str(name): np.asarray(group["power_kw"])
            for name, group in points.groupby(points["congestion_point"].astype(str))
        },
        at=datetime.fromisoformat(step["at"]),
        power_kw=_power_kw(made, last),
        intraday_kw=_intraday_kw(_of(made.positions, last), _of(made.balancing_groups, last)),
        orders=tuple(_ordered(made, before, orders, step["period"], len(before) + 1)),
    )
