"""Portfolios in which many cars with a minimum power share limits: they are planned as exactly as others."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import Switched
from models.decomposition.solve import solve as decompose
from models.hard_to_mix import hard_to_mix
from models.method import HARD, SMALL, Method, choices, chosen, solve
from models.outcome import Termination
from models.reference.problem import solve as reference
from tests.models.builders import behind, joined, switched
from tests.models.streets import streets
from tests.models.test_needless_breaches import GAP, LIMIT_S, breached_kwh

SIX_AMPERES_KW = 4.14


def test_cars_with_a_minimum_power_keep_the_limit_of_their_street():
    case = streets(1, points=4, batteries=20, cars=20, reserved=False, least_kw=SIX_AMPERES_KW)
    found = solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert found.termination is Termination.OPTIMAL
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-3)
    assert audit(case, found) == ()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_decomposed_street_keeps_its_limit_because_others_make_up_for_such_cars(seed):
    case = streets(seed, points=4, batteries=12, cars=8, reserved=seed == 0, least_kw=SIX_AMPERES_KW)
    found = decompose(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert found.termination is Termination.OPTIMAL
    assert breached_kwh(case, found) == pytest.approx(0.0, abs=1e-2)
    assert audit(case, found) == ()
    exact = reference(case, relative_gap=1e-4, time_limit_s=LIMIT_S)
    slack = 1e-6 * exact.gross_cost_eur
    assert found.objective_eur <= exact.bound_eur + slack
    assert found.bound_eur >= exact.objective_eur - slack


def test_cars_and_boilers_are_settled_together():
    case = streets(3, points=2, batteries=8, cars=6, reserved=True, least_kw=SIX_AMPERES_KW)
    boilers = [switched(96, (8, 96, 8, 88), point=i % 2, on_kw=2.0, min_run=4) for i in range(6)]
    case = replace(case, switched=joined(Switched, boilers, 96))
    found = decompose(case, relative_gap=GAP, time_limit_s=LIMIT_S)
    assert audit(case, found) == ()
    exact = reference(case, relative_gap=1e-4, time_limit_s=LIMIT_S)
    assert found.bound_eur >= exact.objective_eur - 1e-6 * exact.gross_cost_eur
    assert breached_kwh(case, found) <= breached_kwh(case, exact) + 2.0


def with_least_power(case, cars):
    """Return the case in which only the first of its cars have a minimum power."""
    least_kw = case.storage.charge_min_kw.copy()
    least_kw[np.flatnonzero(least_kw > 0)[cars:]] = 0.0
    return replace(case, storage=replace(case.storage, charge_min_kw=least_kw))


def unlimited(case):
    limits = case.limits
    return replace(case, limits=replace(limits, import_kw=np.full_like(limits.import_kw, np.inf)))


def test_what_is_hard_to_mix_are_many_whole_answers_at_limits():
    case = streets(1, points=2, batteries=10, cars=10, reserved=False, least_kw=SIX_AMPERES_KW)
    assert hard_to_mix(case)
    assert hard_to_mix(with_least_power(case, 4))  # of 40 stores
    assert not hard_to_mix(with_least_power(case, 3))
    assert not hard_to_mix(unlimited(case))
    fuses = np.where(case.storage.charge_min_kw > 0, 0, -1)
    assert hard_to_mix(behind(unlimited(case), {"import_kw": 60.0}, storage=fuses))
    assert not hard_to_mix(behind(with_least_power(unlimited(case), 0), {"import_kw": 60.0}, storage=fuses))


def test_they_are_planned_as_one_model_in_larger_portfolios_than_others():
    case = streets(1, points=4, batteries=160, cars=120, reserved=False, least_kw=SIX_AMPERES_KW)
    assert SMALL < choices(case) <= HARD
    assert chosen(case, Method.AUTO) is Method.LADDER
    assert chosen(with_least_power(case, 0), Method.AUTO) is Method.DECOMPOSITION
