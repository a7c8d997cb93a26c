"""Orders of flexibility bind a congestion point's program, in both optimisers, in parts and in the audit."""

from dataclasses import replace

import numpy as np
import pytest

from agr.planning.serialisation import digest, pack, unpack
from models.audit import audit
from models.case import Case, Orders
from models.decomposition.solve import solve as decompose
from models.errors import CaseError
from models.method import Method, solve
from models.part import subproblem, whole_case, whole_outcome
from models.reference.problem import solve as reference
from tests.models.builders import intraday, limit, load, make, storage
from tests.models.solved import near, solved
from tests.models.test_formulation_oracle import world


def order(isps, *, name="order", point=0, least=-np.inf, most=np.inf, penalty=5000.0):
    rows = (np.broadcast_to(np.asarray(value, dtype=float), (1, isps)).copy() for value in (least, most))
    least_kw, most_kw = rows
    return Orders(name=(name,), point=np.array([point]), least_kw=least_kw, most_kw=most_kw,
                  penalty_eur_per_mwh=np.array([penalty]))  # fmt: skip


CASE = make(4, storage(4, charge_kw=10, high=8, low=[0, 0, 0, 8]), load(4, 1.0), price=[40, 40, 20, 30])


def test_an_order_moves_the_program():
    free = solved(CASE)
    assert near(free.point_kw, [[1, 1, 9, 1]])
    bound = replace(CASE, orders=order(4, most=[np.inf, np.inf, 3.0, np.inf]))
    assert near(solved(bound).point_kw, [[1, 1, 3, 7]])


def test_more_consumption_can_be_ordered():
    bound = replace(CASE, orders=order(4, least=[-np.inf, 4.0, -np.inf, -np.inf]))
    assert near(solved(bound).point_kw, [[1, 4, 6, 1]])


def test_what_cannot_be_delivered_is_stated_and_priced():
    bound = replace(CASE, orders=order(4, most=[np.inf, np.inf, 0.4, np.inf]))
    outcome = solved(bound)
    assert near(outcome.order_shortfall_kw, [[0, 0, 0.6, 0]])  # the load of 1 kW cannot be less
    assert near(outcome.terms_eur["order shortfall"], -0.6 * 5)


@pytest.mark.parametrize("optimise", [reference, decompose])
def test_what_orders_are_paid_is_earned_at_their_points_and_moves_nothing(optimise):
    case = make(4, storage(4, charge_kw=10, high=8, low=[0, 0, 0, 8]), load(4, 1.0, point=1), points=2,
                price=[40, 40, 20, 30])  # fmt: skip
    bound = replace(case, orders=order(4, most=[np.inf, np.inf, 3.0, np.inf]))
    paid = replace(bound, orders=replace(bound.orders, price_eur=np.array([7.25])))
    unpaid, found = optimise(bound, time_limit_s=600.0), optimise(paid, time_limit_s=600.0)
    np.testing.assert_allclose(found.point_kw, unpaid.point_kw, atol=1e-3)
    assert "flexibility sold" not in unpaid.terms_eur
    assert near(found.point_terms_eur["flexibility sold"], [7.25, 0, 0])
    assert found.objective_eur - unpaid.objective_eur == pytest.approx(7.25, abs=1e-3)
    assert found.bound_eur - unpaid.bound_eur == pytest.approx(7.25, abs=1e-3)
    assert audit(paid, found) == ()
    hidden = replace(found, terms_eur=found.terms_eur | {"flexibility sold": 7.0})
    assert any("flexibility sold" in finding for finding in audit(paid, hidden))


def test_an_order_is_not_broken_to_save_balance():
    """No market is left: 3 kWh less now and more later are out of balance twice, at 3,000 EUR/MWh each."""
    loads = make(2, storage(2, charge_kw=4, high=9, low=[0, 4]), price=50.0, intraday=intraday(2))
    fixed = replace(loads, day_ahead=replace(loads.day_ahead, committed_kw=np.array([4.0, 0.0])))
    assert near(solved(fixed).point_kw, [[4, 0]])
    outcome = solved(replace(fixed, orders=order(2, most=[1.0, np.inf], penalty=10_000.0)))
    assert near(outcome.order_shortfall_kw, 0)
    assert outcome.long_kw.max() > 2.9


def test_the_audit_sees_what_is_not_stated():
    bound = replace(CASE, orders=order(4, most=[np.inf, np.inf, 0.4, np.inf]))
    outcome = solved(bound)
    hidden = replace(outcome, order_shortfall_kw=np.zeros((1, 4)))
    assert any("order_shortfall_kw" in finding for finding in audit(bound, hidden))
    assert any(
        "order_shortfall_kw" in finding
        for finding in audit(bound, replace(outcome, order_shortfall_kw=np.zeros((0, 0))))
    )
    unpaid = replace(outcome, terms_eur=outcome.terms_eur | {"order shortfall": 0.0})
    assert any("order shortfall" in finding for finding in audit(bound, unpaid))


@pytest.mark.parametrize(
    ("values", "field"),
    [({"least": 2.0, "most": 1.0}, "least_kw"), ({"penalty": -1.0}, "penalty"), ({"point": 3}, "point")],
)
def test_an_order_that_contradicts_itself_is_refused(values, field):
    with pytest.raises(CaseError, match=rf"orders\.{field}"):
        replace(CASE, orders=order(4, **values))


def with_orders(case, plan, share=0.5):
    """Return the case with an order at its first point, which asks for half of its highest power less."""
    most = np.where(plan.point_kw[0] >= np.sort(plan.point_kw[0])[-3], share * plan.point_kw[0], np.inf)
    return replace(case, orders=order(case.isps, most=most[None]))


@pytest.mark.parametrize("seed", range(3))
def test_both_optimisers_agree_about_orders(seed):
    case = world(seed)
    bound = with_orders(case, reference(case, time_limit_s=600.0))
    exact = reference(bound, time_limit_s=600.0)
    found = decompose(bound, relative_gap=1e-4, time_limit_s=600.0)
    assert audit(bound, exact) == ()
    assert audit(bound, found) == ()
    rounding = 1e-6 * max(1.0, exact.gross_cost_eur)
    assert found.bound_eur >= exact.objective_eur - rounding
    assert found.objective_eur <= exact.bound_eur + rounding


def test_a_part_keeps_its_orders_and_gives_them_back():
    case = make(4, storage(4, charge_kw=10, high=8, low=[0, 0, 0, 8]), load(4, 1.0), load(4, 2.0, point=1),
                limit(4, import_kw=9.0), points=2, price=[40, 40, 20, 30])  # fmt: skip
    case = replace(case, orders=order(4, point=1, most=3.0))
    plan = solve(case, method=Method.DECOMPOSITION)
    at = np.array([0])
    part = replace(subproblem(case, plan, at), orders=order(4, name="new", most=[np.inf, np.inf, 4.0, np.inf]))
    found = reference(part)
    whole, outcome = whole_case(case, plan, at, part), whole_outcome(case, plan, at, part, found)
    assert whole.orders.name == ("order", "new")
    np.testing.assert_array_equal(whole.orders.point, [1, 0])
    assert audit(part, found) == ()
    assert [finding for finding in audit(whole, outcome) if "bound" not in finding] == []
    assert subproblem(whole, outcome, np.array([1])).orders.name == ("order",)


def test_a_case_without_orders_has_the_digest_it_had():
    assert "orders" not in unpack(Case, pack(CASE)).orders.name
    assert digest(CASE) != digest(replace(CASE, orders=order(4, most=3.0)))
