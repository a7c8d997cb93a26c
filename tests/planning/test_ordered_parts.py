"""A program that an order has bought comes into force for its point alone only if nothing else is missed by more."""

from dataclasses import replace

import numpy as np
import pytest

from agr.planning.case import NamedCase
from agr.planning.difference import Solved
from agr.planning.ledger import DepthTaken, depth_left
from agr.planning.offered import OfferedPrograms, as_ordered
from agr.planning.plan_loader import named_like
from models.case import Orders
from models.part import subproblem
from tests.models.offers import asked, battery, planned, point_case, room

HERE = np.array([1])
DEPTH_KW = 10.0


@pytest.fixture(scope="module")
def sold():
    """Return two points with a battery each that rest, their plan, and 4 kW that were sold at the second one."""
    case, plan = planned(point_case(battery(0, wear=0.02), battery(1, wear=0.02), points=2, depth_kw=DEPTH_KW))
    allowed = room(plan, 1, requested=[0, 1, 0, 0], least=[0, -4, -20, -20], most=[0, 0, 20, 20])
    (priced,) = asked(case, plan, allowed, 1).priced
    return case, plan, allowed, priced


def ordered_now(sold, taken_kw):
    """Return the answer to the order where open offers of other points may need so much of what can be sold."""
    case, plan, allowed, priced = sold
    names: dict[str, tuple[str, ...]] = {"storage": ("one", "other"), "fixed": ("load", "other load")}
    whole = Solved(named=NamedCase(case=case, names=names, dsos=("dso", "dso"), notes=()), outcome=plan)
    most = np.where(priced.volume_kw < 0, allowed.baseline_kw + priced.volume_kw + 5e-4, np.inf)
    order = Orders(
        name=("order",), point=np.array([0]), least_kw=np.full((1, 4), -np.inf), most_kw=most[None],
        penalty_eur_per_mwh=np.array([5000.0]),
    )  # fmt: skip
    was = subproblem(case, plan, HERE)
    part = replace(was, orders=order)
    part = depth_left(part, plan, DepthTaken(buy_kw=np.zeros(4), sell_kw=np.full(4, taken_kw)))
    stored = OfferedPrograms(options=("a",), outcomes=(priced.outcome,))
    return as_ordered(whole, was, named_like(whole.named, HERE, part), stored, "a", 1.0)


@pytest.mark.parametrize("taken_kw", [0.0, 5.9])
def test_the_program_that_was_sold_comes_into_force(sold, taken_kw):
    answer = ordered_now(sold, taken_kw)
    assert answer is not None
    power = answer.outcome.programs.charge_kw - answer.outcome.programs.discharge_kw
    np.testing.assert_allclose(power, [[0, -4, 4, 0]], atol=2e-3)
    np.testing.assert_allclose(answer.outcome.long_kw, 0.0, atol=1e-3)


@pytest.mark.parametrize("taken_kw", [6.01, 10.0])
def test_it_does_not_where_its_energy_could_not_be_sold_any_more(sold, taken_kw):
    """Of the 4 kW in the second ISP only 3.99, or none, can be sold on the market: the rest would be imbalance."""
    assert ordered_now(sold, taken_kw) is None
