"""What is proven of a program that an order has bought holds for every program that keeps the order."""

from dataclasses import replace

import numpy as np
import pytest

from models.case import Orders, no_orders
from models.earlier_plan import Duals
from models.errors import ProofError
from models.flexibility.excerpt import excerpt
from models.flexibility.ordering import bounded, ordered
from models.flexibility.restricting import only_orders_are_new, raised_eur
from models.markets.announced import Anchor
from models.part import subproblem
from models.reference.problem import solve
from tests.models.offers import asked, battery, market, planned, point_case, room

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
    was = subproblem(case, plan, HERE)
    part = replace(was, orders=order, anchor=rest, start=prices)
    found = ordered(part, excerpt(case, plan, HERE), bought.outcome, 1.0, was)
    assert found.objective_eur == pytest.approx(plan.objective_eur, abs=1e-4)
    assert found.bound_eur >= best.objective_eur - 1e-9
    assert found.duals is not None
    assert found.duals.bound_eur >= best.objective_eur - 1e-9


def test_a_plan_that_was_bound_by_more_than_orders_bounds_no_program_that_is_not():
    """What an offer held back, of the market's depth or of programs, is free once it is ordered: that is no fault."""
    case, _ = planned(point_case(battery(0), depth_kw=100.0))
    assert only_orders_are_new(case, replace(case, orders=no_orders(), start=None))
    for wider in (
        replace(case, intraday=market(200.0, 30.0)),
        replace(case, storage=replace(case.storage, charge_kw=2 * case.storage.charge_kw)),
        replace(case, called_from=np.zeros(1, dtype=np.int64)),
    ):
        assert not only_orders_are_new(case, wider)
        assert raised_eur(case, wider, 5.0) == np.inf
    assert raised_eur(case, case, 5.0) == pytest.approx(5.0)


def test_where_leaving_what_was_announced_got_cheaper_nothing_is_carried_over():
    announced = Anchor(point_kw=np.array([[9.0, 5.0, 1.0, 5.0]]), eur_per_mwh=STAY_EUR_PER_MWH)
    case = replace(point_case(battery(0)), anchor=announced)
    assert raised_eur(case, case, 0.0) == 0.0
    for now in (
        None, replace(announced, eur_per_mwh=1.0), replace(announced, point_kw=np.array([[np.nan, 5.0, 1.0, 5.0]])),
    ):  # fmt: skip
        assert raised_eur(case, replace(case, anchor=now), 0.0) == np.inf


def test_an_order_that_was_taken_back_frees_what_it_bound():
    case, _ = planned(point_case(battery(0)))
    rows = Orders(
        name=("first", "second"), point=np.array([0, 0]), least_kw=np.full((2, 4), -np.inf),
        most_kw=np.full((2, 4), 3.0), penalty_eur_per_mwh=np.array([5000.0, 5000.0]),
    )  # fmt: skip
    one = replace(
        rows, name=("first",), point=rows.point[:1], least_kw=rows.least_kw[:1], most_kw=rows.most_kw[:1],
        penalty_eur_per_mwh=rows.penalty_eur_per_mwh[:1], price_eur=rows.price_eur[:1],
    )  # fmt: skip
    before, after = replace(case, orders=one), replace(case, orders=rows)
    assert only_orders_are_new(before, after)
    assert not only_orders_are_new(after, before)
    assert not only_orders_are_new(before, replace(case, orders=replace(one, most_kw=np.full((1, 4), 4.0))))


def test_a_bound_below_the_program_is_an_error_and_never_lifted():
    _, plan = planned(point_case(battery(0)))
    assert bounded(plan, plan.objective_eur + 0.01).gap_eur == pytest.approx(0.01)
    with pytest.raises(ProofError):
        bounded(plan, plan.objective_eur - 0.01)
