"""Small portfolios whose bids have many steps, planned at once by the interior-point method, against HiGHS."""

from dataclasses import replace

import numpy as np
import pytest

from models import ladder
from models.audit import audit
from models.decomposition.bids.lone_search import is_fine_lone, plan_lone_bids
from models.decomposition.executors import local
from models.decomposition.tuning import DEFAULT
from models.ladder import climb
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import day_ahead, limit, make, solar, storage
from tests.models.obligation_builders import reservation
from tests.models.test_lone_bids import fleet

GAP = 1e-3
TINY = 1e-6


def fine(seed, *, awarded=0.0, **more):
    """A fleet whose bids have many steps; of each product's depth, the share `awarded` was awarded."""
    case = fleet(seed, **more)
    return replace(case, reserves=tuple(
        replace(
            one, step_mw=1e-4, minimum_mw=1e-4,
            committed_mw=np.round(awarded * one.max_mw, 4) if awarded else one.committed_mw,
        )
        for one in case.reserves
    ))  # fmt: skip


def planned(case, monkeypatch, *, exact, relative_gap=GAP):
    monkeypatch.setattr(ladder, "MOST_CELLS", 0)  # what is calmed afterwards is too small for this method
    monkeypatch.setattr(ladder, "awarded_to_few", lambda case: False)  # as if more than 24 held what was awarded
    return climb(
        case, relative_gap=relative_gap, enough_gap=max(GAP, relative_gap), exact=exact, time_limit_s=600, threads=1,
        report=None, cancelled=lambda: False, executor=local,
    )  # fmt: skip


def missed_kw(outcome):
    """What is missed of awards, reservations and limits."""
    return (
        1000 * outcome.reserve_shortfall_mw.sum() + outcome.reservation_shortfall_kw.sum()
        + outcome.breach_import_kw.sum() + outcome.breach_export_kw.sum()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "exact", "more"),
    [
        (0, True, {"reserved": True}),
        (8, True, {"reserved": True, "awarded": 0.5}),
        (10, False, {"reserved": True, "awarded": 0.5}),
        (3, True, {"runs": 1, "points": 5}),
    ],
)
def test_all_units_are_planned_at_once_as_well_as_by_highs(monkeypatch, seed, exact, more):
    case = fine(seed, **more)
    assert is_fine_lone(case)
    best, found = reference(case, relative_gap=1e-9, time_limit_s=600), planned(case, monkeypatch, exact=exact)
    slack = TINY * best.gross_cost_eur
    assert found.solver.startswith("whole bids, whole LP")
    assert found.termination is Termination.OPTIMAL
    assert best.objective_eur - GAP * best.gross_cost_eur <= found.objective_eur <= best.bound_eur + slack
    assert found.bound_eur >= best.objective_eur - slack
    assert missed_kw(found) <= missed_kw(best) + 1e-2
    assert found.duals is not None, "parts are planned again at these prices"
    assert not audit(case, found)


def reserved_beside_a_limit(stores=6):
    """Like batteries whose energy is worth the flat price; half of them are at a limit and may be asked for less."""
    isps = 8
    return make(
        isps,
        *[
            storage(
                isps, point=n % 2, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=10.0, eta_c=0.95,
                end_value=0.05,
            )
            for n in range(stores)
        ],
        limit(isps, point=0, import_kw=5.0, penalty=500.0),
        reservation(isps, np.where(np.arange(isps) == 4, -12.0, 0.0), point=0, penalty=400.0),
        solar(isps, np.full(isps, -3.0), point=0),
        hours=0.25, points=2, day_ahead=day_ahead(isps, 50.0),
    )  # fmt: skip


def test_called_programs_that_move_for_nothing_are_moved_to_where_units_rest():
    """Without these steps called stores charge and discharge at once, which no program can do: the call is missed."""
    case = fine(7, reserved=True, awarded=0.5)
    restless = replace(DEFAULT, lone=replace(DEFAULT.lone, rest_steps=0))
    with_rest, without = (
        plan_lone_bids(case, relative_gap=GAP, time_limit_s=600, threads=1, tuning=tuning)
        for tuning in (DEFAULT, restless)
    )
    best = reference(case, relative_gap=1e-9, time_limit_s=600)
    assert with_rest.objective_eur >= best.objective_eur - GAP * best.gross_cost_eur
    assert without.objective_eur < with_rest.objective_eur - GAP * best.gross_cost_eur
    assert with_rest.bound_eur >= best.objective_eur - TINY * best.gross_cost_eur


def test_the_bound_is_that_of_true_costs():
    """A thousand times the cost of moving makes other programs, and no bound below what can be earned."""
    case = fine(6, reserved=True, awarded=0.2)
    dear = replace(DEFAULT, lone=replace(DEFAULT.lone, rest_eur_per_kwh=0.03))
    best = reference(case, relative_gap=1e-9, time_limit_s=600)
    found = plan_lone_bids(case, relative_gap=GAP, time_limit_s=600, threads=1, tuning=dear)
    near = plan_lone_bids(case, relative_gap=GAP, time_limit_s=600, threads=1)
    assert found.bound_eur >= best.objective_eur - TINY * best.gross_cost_eur
    assert found.bound_eur == pytest.approx(near.bound_eur, abs=GAP * best.gross_cost_eur)
    assert found.objective_eur < near.objective_eur


def test_stores_rest_where_moving_earns_nothing_also_beside_a_limit():
    case = reserved_beside_a_limit()
    found = plan_lone_bids(case, relative_gap=1e-4, time_limit_s=600, threads=1)
    best = reference(case, relative_gap=1e-9, time_limit_s=600)
    moved_kw = found.programs.charge_kw + found.programs.discharge_kw
    assert found.objective_eur == pytest.approx(best.objective_eur, abs=1e-4 * best.gross_cost_eur)
    assert moved_kw.max() <= DEFAULT.lone.still_kw
    assert found.programs.curtailable_kw == pytest.approx(case.curtailable.forecast_kw, abs=DEFAULT.lone.still_kw)
    assert not audit(case, found)


def test_a_smaller_gap_is_proven_and_earns_no_less():
    case = fine(7, reserved=True)
    found = [plan_lone_bids(case, relative_gap=gap, time_limit_s=600, threads=1) for gap in (1e-2, 1e-3, 1e-4)]
    earned = [one.objective_eur for one in found]
    assert earned == sorted(earned)
    assert [one.bound_eur for one in found] == sorted((one.bound_eur for one in found), reverse=True)


@pytest.mark.parametrize("exact", [True, False])
def test_where_more_was_awarded_than_can_be_held_other_methods_plan(monkeypatch, exact):
    case = fine(8, awarded=1.0)
    best, found = reference(case, relative_gap=1e-9, time_limit_s=600), planned(case, monkeypatch, exact=exact)
    assert 1000 * best.reserve_shortfall_mw.max() > 1.0
    assert found.solver != "whole bids, whole LP"
    assert found.objective_eur == pytest.approx(best.objective_eur, abs=GAP * best.gross_cost_eur)


def test_units_with_a_program_announced_or_few_steps_are_not_planned_at_once():
    assert not is_fine_lone(fleet(0))
    assert is_fine_lone(replace(fleet(0), reserves=()))
