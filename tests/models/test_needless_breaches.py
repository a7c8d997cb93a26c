"""Limits that a mixture of few answers breaks by some watts, though keeping them costs next to nothing."""

from dataclasses import replace

import pytest

from models.audit import audit
from models.decomposition.solve import solve
from models.decomposition.tuning import DEFAULT
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.streets import streets

GAP, LIMIT_S = 1e-3, 240.0


def breached_kwh(case, outcome):
    return case.isp_hours * float((outcome.breach_import_kw + outcome.breach_export_kw).sum())


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_no_limit_is_broken_by_what_a_mixture_leaves_out(seed):
    case = streets(seed, points=4, batteries=12, cars=8, reserved=False)
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert found.termination is Termination.OPTIMAL
    assert breached_kwh(case, reference(case, time_limit_s=LIMIT_S)) == pytest.approx(0.0, abs=1e-6)
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-3)
    assert audit(case, found) == ()


@pytest.mark.parametrize("seed", [1, 2])
def test_where_the_answers_in_use_break_limits_needlessly_all_are_mixed(seed):
    case = streets(seed, points=2, batteries=60, cars=8, reserved=True)
    few = replace(DEFAULT, master=replace(DEFAULT.master, least_weight=0.05))  # leaves out answers that are needed
    once = replace(few, recovery=replace(DEFAULT.recovery, mends=0))
    assert breached_kwh(case, solve(case, relative_gap=GAP, time_limit_s=LIMIT_S, tuning=once)) > 1.0
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S, tuning=few)
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-2)
    assert any(line.startswith("mixed again: ") for line in found.log)
    assert audit(case, found) == ()


def test_a_breach_that_nothing_can_end_is_not_mixed_again():
    case = streets(1, points=1, batteries=0, cars=8, reserved=False)
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert breached_kwh(case, found) > 0.01
    assert not any(line.startswith("mixed again: ") for line in found.log)
