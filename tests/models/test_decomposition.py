"""The decomposition against the reference formulation, within the proven gaps, and its own guarantees."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmarks.instances import make_case
from models import response
from models.audit import audit
from models.case import Reservations
from models.decomposition import steps
from models.decomposition.precompile import tiny
from models.decomposition.solve import solve
from models.errors import SolverError
from models.outcome import Termination
from models.reference.problem import solve as reference
from models.solver_log import hurried
from tests.models.builders import day_ahead, imbalance, intraday, limit, load, make, run, solar, storage
from tests.models.test_formulation_oracle import world
from tests.models.worlds import portfolio

LIMIT_S = 240.0  # generous: the first solve of a fresh clone compiles


def agree(case, relative_gap=1e-4):
    """Solve both ways; each value lies below the other's bound, and the audit passes."""
    mine = solve(case, relative_gap=relative_gap, time_limit_s=LIMIT_S)
    theirs = reference(case, time_limit_s=LIMIT_S)
    rounding = 1e-6 * max(1.0, theirs.gross_cost_eur)
    assert audit(case, mine) == ()
    assert mine.bound_eur >= theirs.objective_eur - rounding
    assert mine.objective_eur <= theirs.bound_eur + rounding
    assert mine.gap_eur == pytest.approx(mine.bound_eur - mine.objective_eur)
    return mine, theirs


def without(case, *features):
    """Return the case without some of its features."""
    empty = np.zeros(0)
    nothing = {
        "reservations": Reservations(
            name=(), point=np.zeros(0, dtype=np.int64), reserved_kw=np.zeros((0, case.isps)),
            penalty_eur_per_mwh=empty, availability_eur_per_mw_h=empty,
        ),
        "reserves": (),
    }  # fmt: skip
    return replace(case, **{feature: nothing[feature] for feature in features})


@pytest.mark.parametrize("seed", range(8))
def test_everything_together_agrees_within_the_proven_gap(seed):
    agree(world(seed))


@pytest.mark.parametrize("seed", range(8, 14))
def test_without_contradicting_contracts_the_gap_closes(seed):
    mine, theirs = agree(without(world(seed, runs=0), "reservations", "reserves"))
    assert mine.gap_eur <= 2e-3 * mine.gross_cost_eur + 1e-6
    assert mine.objective_eur == pytest.approx(theirs.objective_eur, abs=2e-3 * mine.gross_cost_eur + 1e-6)


@pytest.mark.parametrize("isps", [92, 96, 100])
def test_a_portfolio_of_any_day_agrees_within_the_proven_gap(isps):
    case = portfolio(36, isps, seed=isps, points=4)
    mine, _ = agree(without(case, "reserves"), relative_gap=1e-3)
    assert mine.gap_eur <= 2e-2 * mine.gross_cost_eur


def test_one_resource_alone_is_planned_exactly():
    """Charge 10 kWh in the cheaper of two hours: 0.010 MWh x 20 EUR/MWh."""
    case = make(
        2, storage(2, charge_kw=10.0, low=[0.0, 10.0], high=10.0), day_ahead=day_ahead(2, np.array([50.0, 20.0]))
    )
    outcome = solve(case, relative_gap=1e-6, time_limit_s=LIMIT_S)
    assert outcome.objective_eur == pytest.approx(-0.2, abs=1e-6)
    assert outcome.termination is Termination.OPTIMAL
    assert audit(case, outcome) == ()


def test_resources_that_are_all_equal_share_what_a_limit_allows():
    """Ten cars need 5 kWh each in two hours at 20 and 40 EUR/MWh; 30 kW are allowed: 30 kWh in the cheap one."""
    cars = [storage(2, charge_kw=5.0, low=[0.0, 5.0], high=5.0) for _ in range(10)]
    case = make(2, *cars, limit(2, import_kw=30.0), day_ahead=day_ahead(2, np.array([20.0, 40.0])))
    outcome = solve(case, relative_gap=1e-6, time_limit_s=LIMIT_S)
    assert outcome.objective_eur == pytest.approx(-(30 * 20 + 20 * 40) / 1000, abs=1e-5)
    assert outcome.point_kw[0] == pytest.approx([30.0, 20.0], abs=1e-3)
    assert audit(case, outcome) == ()


def test_cars_with_a_minimum_power_take_it_or_nothing_but_once_where_a_limit_makes_them_share():
    """Ten cars of 4 to 5 kW need 5 kWh each in three hours; 24 kW are allowed, so two groups of five take turns."""
    cars = [storage(3, charge_kw=5.0, charge_min_kw=4.0, low=[0.0, 0.0, 5.0], high=9.0) for _ in range(10)]
    case = make(3, *cars, limit(3, import_kw=25.0), day_ahead=day_ahead(3, np.array([20.0, 40.0, 90.0])))
    mine, theirs = agree(case)
    charge = mine.programs.charge_kw
    assert (((charge > 1e-6) & (charge < 4.0 - 1e-6)).sum(axis=1) <= 1).all()
    assert mine.programs.unmet_kwh.max() == 0
    assert theirs.breach_import_kw.max() <= 1e-6


def test_a_case_without_choices_and_a_congestion_point_without_units_are_planned():
    case = make(3, load(3, [4.0, 5.0, 6.0], point=1), points=3, day_ahead=day_ahead(3, np.full(3, 10.0)))
    outcome = solve(case, time_limit_s=LIMIT_S)
    assert outcome.objective_eur == pytest.approx(-0.15)
    assert outcome.gap_eur == pytest.approx(0.0, abs=1e-9)
    assert audit(case, outcome) == ()


def test_a_need_that_cannot_be_met_is_a_reported_shortfall():
    """4 kW for two hours give 8 of 10 kWh."""
    case = make(2, storage(2, charge_kw=4.0, low=[0.0, 10.0], high=10.0), day_ahead=day_ahead(2, np.full(2, 10.0)))
    outcome = solve(case, time_limit_s=LIMIT_S)
    assert outcome.programs.unmet_kwh.sum() == pytest.approx(2.0)
    assert audit(case, outcome) == ()


@pytest.mark.parametrize("price", [-5.0, -200.0])
def test_negative_prices_never_yield_charging_and_discharging_at_once(price):
    batteries = [
        storage(4, charge_kw=8.0 + i, discharge_kw=9.0, eta_c=0.9, eta_d=0.9, high=12.0, start=3.0 + i, wear=0.0)
        for i in range(5)
    ]
    case = make(
        4, *batteries, solar(4, np.full(4, -6.0)), limit(4, import_kw=20.0), day_ahead=day_ahead(4, np.full(4, price)),
    )  # fmt: skip
    outcome = solve(case, time_limit_s=LIMIT_S)
    assert np.minimum(outcome.programs.charge_kw, outcome.programs.discharge_kw).max() == 0.0
    assert audit(case, outcome) == ()


def test_runs_that_compete_for_room_start_at_different_times():
    """Four runs of one hour at 10 kW in four hours, 10 kW allowed: one in each, though the first hour is cheapest."""
    runs = [run([10.0], 0, 3) for _ in range(4)]
    case = make(4, *runs, limit(4, import_kw=10.0), day_ahead=day_ahead(4, np.array([10.0, 11.0, 12.0, 13.0])))
    outcome = solve(case, relative_gap=1e-6, time_limit_s=LIMIT_S)
    assert sorted(outcome.programs.start.tolist()) == [0, 1, 2, 3]
    assert audit(case, outcome) == ()


def test_the_same_case_has_the_same_outcome_to_the_last_bit():
    first, second = (solve(tiny(), relative_gap=1e-3, time_limit_s=LIMIT_S) for _ in range(2))
    assert first.objective_eur == second.objective_eur
    assert first.bound_eur == second.bound_eur
    assert np.array_equal(first.point_kw, second.point_kw)
    assert np.array_equal(first.programs.energy_kwh, second.programs.energy_kwh)


def test_rounds_are_reported_and_the_bound_only_gets_tighter():
    seen = []
    outcome = solve(portfolio(24, 24, points=3), relative_gap=1e-5, time_limit_s=LIMIT_S, report=seen.append)
    assert [r.number for r in seen] == sorted({r.number for r in seen})
    bounds = [r.bound_eur for r in seen]
    assert all(later <= earlier for earlier, later in pairwise(bounds))
    assert bounds[-1] == pytest.approx(outcome.bound_eur)


@pytest.mark.parametrize("how", ["no time", "cancelled"])
def test_a_search_that_is_stopped_gives_a_program_with_its_gap(how):
    case = portfolio(24, 24, points=3)
    ways: dict[str, dict[str, Any]] = {"no time": {"time_limit_s": 0.0}, "cancelled": {"cancelled": lambda: True}}
    outcome = solve(case, **ways[how])
    assert outcome.termination is Termination.TIME_LIMIT
    assert hurried(outcome.log) == (how == "no time")
    assert outcome.bound_eur >= reference(case, time_limit_s=LIMIT_S).objective_eur - 1e-6
    assert audit(case, outcome) == ()


def missed_kwh(case, outcome):
    missed = (outcome.reservation_shortfall_kw, 1000 * outcome.reserve_shortfall_mw, outcome.breach_import_kw,
              outcome.breach_export_kw, outcome.short_kw, outcome.long_kw)  # fmt: skip
    return case.isp_hours * sum(float(kw.sum()) for kw in missed)


def test_a_search_out_of_time_goes_on_while_it_breaks_promises():
    case = portfolio(120, 24, points=3)
    stopped, later, full = (
        solve(case, time_limit_s=limit, overtime_s=more, threads=1)
        for limit, more in ((0.0, 0.0), (0.0, LIMIT_S), (LIMIT_S, 0.0))
    )
    assert stopped.termination is Termination.TIME_LIMIT
    assert missed_kwh(case, stopped) > 1000
    assert missed_kwh(case, later) <= missed_kwh(case, full) + 0.01 < 1  # some of it cannot be kept
    assert later.objective_eur == full.objective_eur


def test_a_solve_uses_as_many_threads_as_it_may(monkeypatch):
    """Not as many as there are: others may be at work on the machine, a sweep's other solves first of all."""
    case, asked, pool = make_case(2000), [], response._pool
    monkeypatch.setattr(response, "_pool", lambda threads: asked.append(threads) or pool(threads))
    alone = solve(case, threads=1, cancelled=lambda: True)
    assert asked == []
    together = solve(case, threads=3, cancelled=lambda: True)
    assert set(asked) == {3}
    assert (together.bound_eur, together.objective_eur) == (alone.bound_eur, alone.objective_eur)


def test_where_the_mixture_has_no_solution_programs_are_made_of_the_weights_there_are(monkeypatch):
    def refuse(*_args, **_more):
        raise SolverError("HiGHS says nothing")

    monkeypatch.setattr(steps, "solve_master_lp", refuse)
    case = portfolio(24, 24, points=3)
    outcome = solve(case, time_limit_s=LIMIT_S)
    assert audit(case, outcome) == ()
    assert outcome.termination is Termination.GAP_OPEN
    assert any("HiGHS says nothing" in line for line in outcome.log)


def test_a_search_that_gets_no_further_says_that_its_gap_is_open():
    outcome = solve(portfolio(24, 24, points=3), relative_gap=1e-12, time_limit_s=LIMIT_S)
    assert outcome.termination is Termination.GAP_OPEN
    assert outcome.gap_eur > 1e-12 * outcome.gross_cost_eur


def test_the_prices_of_an_outcome_prove_its_bound_again_at_once():
    case = without(portfolio(36, 24, points=4), "reserves")
    before = solve(case, relative_gap=1e-4, time_limit_s=LIMIT_S)
    warm, cold = [], []
    solve(replace(case, start=before.duals), relative_gap=1e-4, time_limit_s=LIMIT_S, report=warm.append)
    solve(case, relative_gap=1e-4, time_limit_s=LIMIT_S, report=cold.append)
    assert warm[0].bound_eur - before.bound_eur <= 1e-3 * (cold[0].bound_eur - before.bound_eur)


def test_intraday_that_is_closed_and_imbalance_are_counted():
    """2 kW too much bought in a closed ISP: 2 kWh long at 30 EUR/MWh; the position itself was bought at 50."""
    case = make(
        1, load(1, [3.0]), day_ahead=day_ahead(1, np.array([40.0]), committed_kw=np.array([4.0])),
        intraday=intraday(1, 50.0, 45.0, committed_kw=np.array([1.0])), imbalance=imbalance(1, short=300.0, long=30.0),
    )  # fmt: skip
    mine, theirs = agree(case)
    assert mine.objective_eur == pytest.approx(theirs.objective_eur)
    assert mine.objective_eur == pytest.approx(-(4 * 40 + 1 * 50 + 2 * 30) / 1000)
