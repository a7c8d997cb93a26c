"""What is proven of a program that an order has bought holds for every program that keeps the order."""

from dataclasses import replace

import numpy as np
import pytest

from models.case import Orders
from models.earlier_plan import Duals
from models.errors import ProofError
from models.flexibility.excerpt import excerpt
from models.flexibility.ordering import bounded, ordered
from models.markets.announced import Anchor
from models.part import subproblem
from models.reference.problem import solve
from tests.models.offers import asked, battery, planned, point_case, room

HERE = np.array([0])
STAY_EUR_PER_MWH = 10.0


def test_a_plan_that_left_what_was_announced_bounds_no_program_that_need_not():
    """Announced was that a battery takes 4 kWh in the first hour and gives them in the third, for a loss of 0.20 EUR.

    The plan rests instead and pays for 8 kWh: 0.08 EUR. It is announced: resting costs nothing now. A DSO orders
    2 kW less in the second hour, which costs 2·(25 − 35) EUR/MWh with a rebound in the third, and 4 kWh of distance:
    the best is worth 0.08 − 0.02 − 0.04 EUR more than the plan. Bought was a rebound in the fourth, for 0.02 EUR more.
    """
    announced = Anchor(point_kw=np.array([[9.0, 5.0, 1.0, 5.0]]), eur_per_mwh=STAY_EUR_PER_MWH)
    case, plan = planned(replace(point_case(battery(0)), anchor=announced))
    assert plan.terms_eur["prognosis change"] == pytest.approx(-0.08)
    (bought,) = asked(case, plan, room(plan, 0, requested=[0, 1, 0, 0], least=[0, -2, 0, 0], most=[0, 0, 0, 20])).priced
    np.testing.assert_allclose(bought.volume_kw, [0, -2, 0, 0], atol=1e-3)
    order = Orders(
        name=("order",), point=HERE, least_kw=np.full((1, 4), -np.inf), penalty_eur_per_mwh=np.array([5000.0]),
        most_kw=np.array([[np.inf, 3.0005, np.inf, np.inf]]),
    )  # fmt: skip
    rest = Anchor(point_kw=np.full((1, 4), 5.0), eur_per_mwh=STAY_EUR_PER_MWH)
    best = solve(replace(case, orders=order, anchor=rest), relative_gap=1e-9, time_limit_s=600.0, threads=1)
    assert best.objective_eur == pytest.approx(plan.objective_eur + 0.02, abs=1e-4)
    prices = Duals(
        balance=np.zeros(4), program=np.zeros((1, 4)), call=np.zeros((1, 4)), reserve=np.zeros((0, 4)),
        called=np.zeros((0, 4)), bound_eur=plan.bound_eur,
    )  # fmt: skip
    part = replace(subproblem(case, plan, HERE), orders=order, anchor=rest, start=prices)
    found = ordered(part, excerpt(case, plan, HERE), bought.outcome, 1.0)
    assert found.objective_eur == pytest.approx(plan.objective_eur, abs=1e-4)
    assert found.bound_eur >= best.objective_eur - 1e-9
    assert found.duals is not None
    assert found.duals.bound_eur >= best.objective_eur - 1e-9


def test_a_bound_below_the_program_is_an_error_and_never_lifted():
    _, plan = planned(point_case(battery(0)))
    assert bounded(plan, plan.objective_eur + 0.01).gap_eur == pytest.approx(0.01)
    with pytest.raises(ProofError):
        bounded(plan, plan.objective_eur - 0.01)
