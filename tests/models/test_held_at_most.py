"""A congestion point with an open offer holds no more reserve, product by product, than the program that was sold."""

from dataclasses import replace

import numpy as np
import pytest

from models.arrays import NO_POINT
from models.audit import audit
from models.case import HeldAtMost
from models.errors import CaseError
from models.method import Method, solve
from models.part import subproblem
from tests.models.builders import make, storage
from tests.models.obligation_builders import reservation, reserve

ISPS = 4
PLANNED, CALLED = np.array([4.0, 2.0, 4.0, 1.0]), np.array([3.0, 3.0, 3.0, 0.5])
AWARDED_KW, FREE_KW = 5.0, 1.0


def battery(point, reserve_kw):
    """Rests: what it holds is worth at the end what it could be sold for."""
    return storage(
        ISPS,
        point=point,
        charge_kw=10,
        discharge_kw=10,
        high=20,
        start=10,
        wear=0.05,
        end_value=0.1,
        reserve_kw=reserve_kw,
    )


def world(*more):
    """Two batteries of 3 kW at a congestion point, and one of 1 kW in none; 5 kW are awarded."""
    product = reserve(ISPS, 0.0, committed_mw=AWARDED_KW / 1000)
    case = make(ISPS, battery(0, 3.0), battery(0, 3.0), battery(NO_POINT, FREE_KW), *more, reserves=(product,))
    most = HeldAtMost(
        name=("fcr", "of another day"), point=np.array([0, 0]), planned_kw=np.array([PLANNED, 0 * PLANNED]),
        called_kw=np.array([CALLED, 0 * CALLED]),
    )  # fmt: skip
    return replace(case, held_at_most=most)


@pytest.mark.parametrize("method", [Method.REFERENCE, Method.DECOMPOSITION])
@pytest.mark.parametrize(
    ("more", "held_kw"), [((), PLANNED), ((reservation(ISPS, -1.0),), np.minimum(PLANNED, CALLED))],
    ids=["planned", "called"],
)  # fmt: skip
def test_what_it_may_not_hold_is_missing_where_nobody_else_has_it(method, more, held_kw):
    case = world(*more)
    outcome = solve(case, method=method, relative_gap=1e-6)
    assert audit(case, outcome) == ()
    missing_mw = np.maximum(AWARDED_KW - FREE_KW - held_kw, 0.0) / 1000
    np.testing.assert_allclose(outcome.reserve_shortfall_mw[0], missing_mw, atol=1e-6)
    freely = replace(case, held_at_most=replace(case.held_at_most, name=("other", "of another day")))
    assert solve(freely, method=method, relative_gap=1e-6).reserve_shortfall_mw.max() < 1e-6


def test_the_audit_finds_what_is_held_beyond_it_as_planned_and_when_called():
    case = world(reservation(ISPS, -1.0))
    freely = replace(case, held_at_most=replace(case.held_at_most, name=("other", "of another day")))
    found = " ".join(audit(case, solve(freely, relative_gap=1e-6)))
    assert "headroom of fcr at ean.0 is more than was kept for an open offer" in found
    assert "called headroom of fcr at ean.0" in found


def test_a_part_has_the_rows_of_its_congestion_points():
    case = world()
    plan = solve(case, relative_gap=1e-6)
    assert subproblem(case, plan, np.array([0])).held_at_most.name == case.held_at_most.name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ("fcr", "fcr")}, "two rows"),
        ({"planned_kw": -np.ones((2, ISPS))}, "must not be negative"),
        ({"called_kw": np.ones((2, 3))}, "has 3 ISPs"),
        ({"point": np.array([0, NO_POINT])}, "must name a congestion point"),
    ],
)
def test_rows_that_contradict_the_case_are_refused(change, words):
    case = world()
    with pytest.raises(CaseError, match=words):
        replace(case, held_at_most=replace(case.held_at_most, **change))
