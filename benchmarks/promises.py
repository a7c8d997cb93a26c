"""make bench ARGS=promises: reservations promised with a probability, at the size and in the time that are asked for.

A day of cars, batteries, PV and loads at congestion points, some of which have reserved that evening consumption can be
lowered. In each scenario the number of cars, their arrivals and needs, sun and load are drawn anew, with one draw for
what they have in common. Everything is generated; nothing in the method was chosen on these draws.
"""

import json
from time import perf_counter, process_time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal, show
from models.case import (
    Case,
    Curtailable,
    DayAhead,
    Fixed,
    Imbalance,
    Intraday,
    Limits,
    Reservations,
    Shiftable,
    Storage,
    no_balancing_groups,
)
from models.promises import Effort, Terms, calibrated, count_on, promise, scenarios

ISPS, HOURS = 96, 0.25
EVENING = slice(68, 80)  # 17:00 to 20:00
PENALTY, DEVIATION = 500.0, 100.0
PLANNED_S, KEPT = 40.0, 0.92
"""Figures to reach: processor seconds to plan, and how often a promise of 95 % is kept on fresh days."""
COMMON = 0.15
"""Spread of what all cars of a day have in common; measured on public charging sessions."""


def day(rng: np.random.Generator, points: int, each: int, promised: int, reserved_kw: float) -> Case:
    """Return a day of `points` congestion points with about `each` resources, 6 of 10 of them cars."""
    busy = float(np.clip(rng.normal(1.0, COMMON), 0.4, 1.6))
    sunny, warm = rng.uniform(0.2, 1.0), rng.normal(1.0, 0.08)
    cars = rng.poisson(0.6 * each * busy, points)
    point = np.repeat(np.arange(points), cars)
    stores, roofs, loads = points * each // 10, points * each // 10, points * each // 5
    car = _cars(rng, point)
    battery = _batteries(rng, np.arange(stores) % points)
    hours = np.arange(ISPS) / 4
    sun = np.maximum(np.sin((hours - 6) / 12 * np.pi), 0) * sunny
    use = (0.3 + 0.5 * np.exp(-(((hours - 19) / 2.5) ** 2))) * warm
    return Case(
        isps=ISPS, isp_hours=HOURS, points=tuple(f"point {c}" for c in range(points)),
        fixed=Fixed(
            point=np.arange(loads) % points, program_kw=use * rng.lognormal(0, 0.1, (loads, 1)) * rng.uniform(0.5, 1.5)
        ),
        curtailable=Curtailable(
            point=np.arange(roofs) % points, forecast_kw=-6.0 * sun * rng.uniform(0.9, 1.1, (roofs, 1)),
            cost_eur_per_mwh=np.zeros(roofs), reserve_kw=np.zeros(roofs), pinned_kw=np.full((roofs, 1), np.nan),
        ),
        storage=_joined(car, battery),
        shiftable=Shiftable(
            point=np.zeros(0, dtype=np.int64), profile_kw=np.zeros((0, 1)), length=np.zeros(0, dtype=np.int64),
            first_start=np.zeros(0, dtype=np.int64), last_start=np.zeros(0, dtype=np.int64), later_eur=np.zeros((0, 1)),
        ),
        limits=Limits(
            point=np.zeros(0, dtype=np.int64), import_kw=np.zeros((0, ISPS)), export_kw=np.zeros((0, ISPS)),
            penalty_eur_per_mwh=np.zeros(0),
        ),
        reservations=Reservations(
            name=tuple(f"option {c}" for c in range(promised)), point=np.arange(promised),
            reserved_kw=np.where((np.arange(ISPS) >= EVENING.start) & (np.arange(ISPS) < EVENING.stop), -reserved_kw, 0)
            * np.ones((promised, 1)),
            penalty_eur_per_mwh=np.full(promised, PENALTY), availability_eur_per_mw_h=np.zeros(promised),
        ),
        day_ahead=DayAhead(
            price_eur_per_mwh=np.zeros(ISPS), max_buy_kw=np.full(ISPS, 1e6), max_sell_kw=np.full(ISPS, 1e6),
            product=np.arange(ISPS), committed_kw=np.full(ISPS, np.nan),
        ),
        intraday=Intraday(
            buy_eur_per_mwh=np.zeros(ISPS), sell_eur_per_mwh=np.zeros(ISPS), buy_depth_kw=np.zeros(ISPS),
            sell_depth_kw=np.zeros(ISPS), committed_kw=np.full(ISPS, np.nan), traded_kw=np.zeros(0), traded_eur=0.0,
        ),
        imbalance=Imbalance(short_eur_per_mwh=np.full(ISPS, 500.0), long_eur_per_mwh=np.full(ISPS, 500.0)),
        balancing_groups=no_balancing_groups(),
    )  # fmt: skip


def _cars(rng: np.random.Generator, point: np.ndarray) -> Storage:
    count = len(point)
    arrive = np.clip(rng.normal(70, 6, count), 36, 88).astype(int)[:, None]
    leave = np.minimum(arrive + np.clip(rng.normal(30, 14, count), 6, 60).astype(int)[:, None], ISPS - 1)
    isp = np.arange(ISPS)
    there = (isp >= arrive) & (isp <= leave)
    need = np.minimum(rng.lognormal(2.3, 0.6, count), 0.9 * 11 * HOURS * there.sum(axis=1))[:, None]
    return _stores(
        point, charge_kw=11.0 * there, discharge_kw=np.zeros((count, 1)), low=need * (isp >= leave),
        high=need * np.ones((1, ISPS)), start=np.zeros(count), wear=0.0, efficiency=1.0,
    )  # fmt: skip


def _batteries(rng: np.random.Generator, point: np.ndarray) -> Storage:
    count = len(point)
    size = rng.uniform(8, 14, count)
    low = np.zeros((count, ISPS))
    low[:, -1] = size / 2
    return _stores(
        point, charge_kw=np.full((count, ISPS), 5.0), discharge_kw=np.full((count, 1), 5.0), low=low,
        high=size[:, None] * np.ones(ISPS), start=size / 2, wear=0.02, efficiency=0.95,
    )  # fmt: skip


def _stores(point: np.ndarray, *, charge_kw: np.ndarray, discharge_kw: np.ndarray, low: np.ndarray, high: np.ndarray,
            start: np.ndarray, wear: float, efficiency: float) -> Storage:  # fmt: skip
    count, one = len(point), np.ones(len(point))
    return Storage(
        point=point, charge_kw=charge_kw, charge_min_kw=0 * one, discharge_kw=discharge_kw * np.ones((1, ISPS)),
        charge_efficiency=efficiency * one[:, None], discharge_efficiency=efficiency * one, retention=one,
        energy_min_kwh=low, energy_max_kwh=high, energy_start_kwh=start, demand_kwh=np.zeros((count, 1)),
        wear_eur_per_kwh=wear * one, end_value_eur_per_kwh=0 * one, shortfall_eur_per_kwh=10 * one, reserve_kw=0 * one,
        unmanaged_kw=np.zeros((count, ISPS)), pinned_kw=np.full((count, 1), np.nan),
        worth_from_kwh=np.zeros((count, 0)), worth_step_eur_per_kwh=np.zeros((count, 0)), worth_zero_kwh=0 * one,
    )  # fmt: skip


def _joined(first: Storage, second: Storage) -> Storage:
    pairs = {name: (getattr(first, name), getattr(second, name)) for name in first.__dataclass_fields__}
    return Storage(**{name: np.concatenate(pair) for name, pair in pairs.items()})


def main(
    resources: Annotated[int, typer.Option(help="resources, 100 at each congestion point")] = 10_000,
    drawn: Annotated[int, typer.Option(help="scenarios planned for")] = 10,
    promised: Annotated[int, typer.Option(help="congestion points with a reservation")] = 20,
    reserved_kw: Annotated[float, typer.Option(help="reserved at each of them")] = 60.0,
    fresh: Annotated[int, typer.Option(help="scenarios for the margin, and as many again to count on")] = 39,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")] = False,
) -> None:
    """Plan, calibrate and count; print a table."""
    points = resources // 100
    rng = np.random.default_rng(19)
    make = [day(rng, points, 100, min(promised, points), reserved_kw) for _ in range(drawn + 2 * fresh)]
    hours = np.arange(ISPS) / 4
    price = 80 + 60 * np.exp(-(((hours - 19) / 2) ** 2)) - 40 * np.exp(-(((hours - 13) / 3) ** 2))
    terms, effort = Terms(deviation_eur_per_mwh=DEVIATION, tolerance_kw=10.0), Effort()
    promise(scenarios(make[:2], price), terms, effort=Effort(rounds=1))  # compile
    begun, used = perf_counter(), process_time()
    world = scenarios(make[:drawn], price)
    found = promise(world, terms, effort=effort)
    planned_s, planned_cpu_s = perf_counter() - begun, process_time() - used
    begun, used = perf_counter(), process_time()
    kept = calibrated(world, found, make[drawn : drawn + fresh], terms, effort=effort)
    calibrated_s, calibrated_cpu_s = perf_counter() - begun, process_time() - used
    last = make[drawn + fresh :]
    before = count_on(last, price, found.announced_kw(points, ISPS), terms, effort=effort)
    after = count_on(last, price, kept.announced_kw, terms, effort=effort)
    gross = sum(abs(one.value_eur) for one in found.points)
    result: dict[str, object] = {
        "resources": resources, "scenarios": drawn, "promised points": len(found.points),
        "seconds to plan": round(planned_s, 2), "seconds for the margin": round(calibrated_s, 2),
        "processor s to plan": round(planned_cpu_s, 2), "processor s for the margin": round(calibrated_cpu_s, 2),
        "rounds": found.rounds, "gap of value": round(sum(one.gap_eur for one in found.points) / gross, 5),
        "kept in the scenarios": round(float(np.mean([found.probability_of(one) for one in found.points])), 4),
        "kept on fresh ones, without margin": round(float(before.delivered.mean()), 4),
        "kept on fresh ones, with margin": round(float(after.delivered.mean()), 4),
        "margin, mean kW": round(float(kept.margin_kw.mean()), 2),
        "hedge, EUR a point": round(float(kept.hedge_eur.mean()), 3),
    }  # fmt: skip
    table = Table("figure", "value")
    for name, value in result.items():
        table.add_row(name, f"{value:,}")
    screen = Console(stderr=True)
    screen.print(table)
    size = f"{resources:,} resources x {drawn} scenarios, {len(found.points)} promised points"
    goals = [
        Goal(f"{size}, processor s", planned_cpu_s, most=PLANNED_S),
        Goal("a promise of 95 % is kept on fresh days", float(after.delivered.mean()), KEPT),
    ]
    show(goals, screen)
    result["goals"] = {goal.name: goal.met for goal in goals}
    if as_json:
        print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
