"""A part of a portfolio with connection limits, planned again: it fits into the whole, and its bound holds for it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.instances import make_case
from models.audit import audit
from models.decomposition.reoptimise.subproblem import divisible, subproblem
from models.decomposition.solve import solve
from models.errors import CaseError
from models.reference.problem import solve as reference
from tests.models.builders import behind
from tests.models.test_replan import GAP, LIMIT_S, again, scaled


def limited(case, *, across):
    """Return the case with a limit on every other unit of each point; `across`: both points lie in one more limit."""
    limits = [
        {"import_kw": 40.0, "export_kw": -60.0, "point": point, "parent": 2 if across else -1, "penalty": 500.0}
        for point in (0, 1)
    ]
    limits += [{"import_kw": 400.0, "penalty": 500.0}] if across else []
    leaf = {}
    for name in ("storage", "curtailable"):
        point = case.units(name).point
        leaf[name] = np.where(np.arange(len(point)) % 2 == 0, point, -1)
    return behind(case, *limits, **leaf)


@pytest.fixture(scope="module")
def planned():
    case = limited(make_case(60), across=False)
    return case, solve(case, relative_gap=GAP, time_limit_s=LIMIT_S)


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_part_with_limits_fits_into_the_whole_and_its_bound_holds(planned, share):
    case, before = planned
    new, found, whole, outcome = again(case, before, case.reservations.point[:1], scaled(share))
    assert new.connection_limits.name == ("connection 0",)
    assert audit(new, found) == ()
    assert audit(whole, outcome) == ()
    assert outcome.objective_eur == pytest.approx(found.objective_eur)
    theirs = reference(whole, relative_gap=1e-5, time_limit_s=LIMIT_S)
    rounding = 1e-6 * theirs.gross_cost_eur
    assert found.bound_eur >= theirs.objective_eur - rounding
    assert found.objective_eur <= theirs.bound_eur + rounding


def test_points_that_share_a_limit_are_not_planned_apart(planned):
    case, before = planned
    assert divisible(case, np.array([0]))
    shared = limited(replace(case), across=True)
    assert not divisible(shared, np.array([0]))
    assert divisible(shared, np.array([0, 1])) is False  # their common limit is at no single point
    with pytest.raises(CaseError, match="counts units of the part together with others"):
        subproblem(shared, before, np.array([0]))
