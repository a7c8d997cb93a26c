"""Sweeps: every combination, resumable, the same figures as single runs. Backtests: what flexibility is worth."""

import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from distributed import LocalCluster

from agr.domain.errors import InputError, PlanError
from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.register import Connection, Price, Register
from agr.scenario.backtesting import backtest, rule_kw
from agr.scenario.changes import changed
from agr.scenario.cluster import cluster_solver
from agr.scenario.day import foresight, play
from agr.scenario.description import Description
from agr.scenario.losses import earned_eur
from agr.scenario.running import plans_of, resized
from agr.scenario.scenario import Scenario
from agr.scenario.sweeping import read_grid, sweep
from agr.scenario.table_frames import known_of
from agr.settings import Planning
from tests.builders.dask_workers import forked_workers
from tests.builders.solvers import Unasked

DAY = Period(date(2026, 5, 4))


@pytest.fixture(scope="module")
def quiet(small):
    """Six connections of the small scenario without its event: two plans."""
    return changed(small, ["connections=6"], ["event:1"])


class Counting(Unasked):
    """A pool that counts what it is asked, and breaks when told to."""

    def __init__(self, solver, breaks_after: int = 10**9) -> None:
        self._solver, self.asked, self._breaks_after = solver, 0, breaks_after

    def solve(self, case, reached=None):
        self.asked += 1
        if self.asked > self._breaks_after:
            raise KeyboardInterrupt
        return self._solver.solve(case)


def test_a_sweep_runs_every_combination_and_agrees_with_single_runs(quiet, remembering, tmp_path):
    small = quiet
    grid = read_grid(["batteries=2,4", "fcr.price=5,+50%"])
    counting = Counting(remembering)
    found = sweep(small, grid, folder=tmp_path, workers=1, solver=counting)
    assert found.table[["batteries", "fcr.price"]].to_numpy().tolist() == [
        [2, "5"], [2, "+50%"], [4, "5"], [4, "+50%"]
    ]  # fmt: skip
    assert (found.failed, found.reused, counting.asked) == (0, 0, 8)
    alone = plans_of(
        resized(changed(small, ["batteries=4", "fcr.price=+50%"]), 1), small.description.periods(), remembering
    )
    assert found.table["objective_eur"].iloc[3] == alone[-1].solved.outcome.objective_eur
    terms = [c for c in found.table.columns if c.endswith("_eur") and c not in (
        "objective_eur", "no_flexibility_eur", "flexibility_eur", "gap_eur")]  # fmt: skip
    assert found.table[terms].sum(axis=1).to_numpy() == pytest.approx(found.table["objective_eur"].to_numpy())
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "sweep.parquet"), found.table)
    again = sweep(small, grid, folder=tmp_path, workers=1, solver=counting)
    assert (again.reused, counting.asked) == (4, 8)
    pd.testing.assert_frame_equal(again.table, found.table)


def test_an_interrupted_sweep_goes_on_where_it_stopped(quiet, remembering, tmp_path):
    small = quiet
    grid = {"fcr.price": ["5", "6", "7"]}
    with pytest.raises(KeyboardInterrupt):
        sweep(small, grid, folder=tmp_path, workers=1, solver=Counting(remembering, breaks_after=3))
    counting = Counting(remembering)
    assert sweep(small, grid, folder=tmp_path, workers=1, solver=counting).reused == 1
    assert counting.asked == 4


def test_a_combination_that_fails_has_its_reason_and_is_tried_again(small, tmp_path):
    class Broken(Unasked):
        def solve(self, case, reached=None):
            raise PlanError("out of memory")

    for _ in range(2):
        found = sweep(small, {"fcr.price": ["5"]}, folder=tmp_path, workers=1, solver=Broken())
        assert (found.failed, found.reused) == (1, 0)
        assert found.table["error"].tolist() == ["out of memory"]


def test_a_grid_that_cannot_be_is_refused_before_anything_is_computed(small):
    for texts, words in (
        (["batteries"], "is not a grid"),
        (["batteries="], "is not a grid"),
        (["batteries=1", "batteries=2"], "appears twice"),
        ([], "at least one --grid"),
    ):
        with pytest.raises(InputError, match=words):
            read_grid(texts)
    counting = Counting(None)
    with pytest.raises(InputError, match=re.escape("did you mean batteries?")):
        sweep(small, {"bateries": ["1"]}, workers=1, solver=counting)
    assert counting.asked == 0


def test_a_cluster_that_is_not_there_is_said():
    with (
        pytest.raises(InputError, match="does not answer"),
        cluster_solver("tcp://127.0.0.1:1", Planning(), patience_s=0.2),
    ):
        pass


@pytest.fixture(scope="module")
def cluster():
    """A Dask worker of one thread, in a process of its own."""
    with (
        forked_workers(),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as made,
    ):
        yield made


def test_a_sweep_on_a_dask_cluster_gives_the_same_figures(cluster, quiet, remembering):
    planning = quiet.description.planning
    with cluster_solver(cluster.scheduler_address, planning) as on_cluster:
        there = sweep(quiet, {"batteries": ["2"]}, solver=on_cluster)
    here = sweep(quiet, {"batteries": ["2"]}, solver=remembering)
    assert there.failed == 0
    assert there.table["objective_eur"].tolist() == pytest.approx(here.table["objective_eur"].tolist(), abs=1e-6)


def test_workers_that_solve_in_threads_are_refused():
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0") as made,
        pytest.raises(InputError, match="has 2 threads; start the workers with --nthreads 1"),
        cluster_solver(made.scheduler_address, Planning()),
    ):
        pass


def test_foresight_is_worth_at_least_the_plan_and_both_more_than_nothing(small, remembering):
    found = backtest(small, solver=remembering)
    row = found.days.iloc[0]
    assert row["foresight_eur"] >= row["plan_eur"] - 1e-3
    assert row["plan_eur"] > row["no_flexibility_eur"]
    assert row["flexibility_eur"] == row["plan_eur"] - row["no_flexibility_eur"]
    assert found.totals["forecast_eur"] == pytest.approx(row["foresight_eur"] - row["plan_eur"])
    assert row[["price_error_eur", "load_session_error_eur", "gates_eur"]].sum() == pytest.approx(row["forecast_eur"])
    assert (row["load_session_error_eur"], row["gap_eur"] >= 0) == (0, True)
    assert found.warnings == ()
    assert found.days.index[0] == pd.Timestamp("2026-03-29", tz="Europe/Amsterdam")
    last = list(play(small, (small.description.of,), remembering))[-1]
    assert row["plan_eur"] == earned_eur(last.solved.outcome)
    knowing = foresight(small, small.description.of, None, last)
    assert knowing.fixed == {}
    assert min(knowing.reserved_w["FO-north-grid-1"]) == -200_000  # the release is known beforehand


def home(battery: Battery) -> Scenario:
    """A home that gives 4 kW from 10 to 14 and takes 2 kW from 18 to 20; 100 EUR/MWh, from 14 on 300."""
    hours = np.arange(96) // 4
    sun, load = np.where((hours >= 10) & (hours < 14), -4.0, 0.0), np.where((hours >= 18) & (hours < 20), 2.0, 0.0)
    price = tuple(
        Price(series="day_ahead", start=DAY.start + timedelta(hours=h), minutes=60, value=100.0 if h < 14 else 300.0)
        for h in range(24)
    )
    register = Register(
        connections=(Connection(address="ean.1", first_day=DAY.day),),
        resources=(
            FixedLoad(resource="load", connection="ean.1"),
            Generator(resource="sun", connection="ean.1"),
            battery,
        ),
        prices=price,
    )
    return Scenario(
        name="home", description=Description(title="home", question="?", period=DAY.day), register=register, points=(),
        free_connections=("ean.1",),
        forecasts={DAY.day: {("load", "power_kw"): load, ("sun", "power_kw"): sun}},
    )  # fmt: skip


def test_the_simple_rule_worked_out_by_hand(solver):
    """The battery takes 3 of 4 kW of sun until it is full: 6 kWh of room at 75 %: 8 kWh in 8/3 h; it then gives 2 kW
    for 2 h, 4 kWh, at 50 %: 8 kWh, but only 6 kWh are there above the 1 kWh of the end: 3 kWh in 1.5 h.

    Sold: 16 − 8 = 8 kWh at 100; bought: 4 − 3 = 1 kWh at 300. Without a battery: 16 kWh at 100 and 4 kWh at 300.
    """
    battery = Battery(
        resource="b", connection="ean.1", charge_kw=3, discharge_kw=3, capacity_kwh=7, initial_kwh=1, end_kwh=1,
        charge_efficiency=0.75, discharge_efficiency=0.5,
    )  # fmt: skip
    scenario = home(battery)
    found = backtest(scenario, solver=solver).days.iloc[0]
    assert found["simple_rule_eur"] == pytest.approx(8 * 0.1 - 1 * 0.3)
    assert found["no_flexibility_eur"] == pytest.approx(16 * 0.1 - 4 * 0.3)
    step = next(iter(play(scenario, (DAY,), solver)))
    program = rule_kw(step.solved.named, known_of(scenario.register))[0]
    assert program.max() == 3
    assert (program[program > 0].sum() / 4, -program[program < 0].sum() / 4) == pytest.approx((8, 3))


def test_two_batteries_behind_one_connection_do_not_store_the_same_sun(solver):
    one = Battery(
        resource="b", connection="ean.1", charge_kw=3, discharge_kw=3, capacity_kwh=50, initial_kwh=0, end_kwh=0
    )
    scenario = home(one)
    both = scenario.register.with_table("batteries", [one, replace(one, resource="c")])
    scenario = replace(scenario, register=both)
    step = next(iter(play(scenario, (DAY,), solver)))
    first, second = rule_kw(step.solved.named, known_of(both))
    assert first.max() == 3
    assert second.max() == 1  # 4 kW of sun, of which the first takes 3
