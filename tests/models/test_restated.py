"""A problem that is stated once answers several cases as one that is stated for each."""

from dataclasses import replace

import numpy as np
import pytest

from models.case import Orders
from models.markets.protocols import Restated
from models.matrix import translate
from models.reference.problem import solve, state
from models.reference.restated import SameProblem
from tests.models.builders import run
from tests.models.obligation_builders import reservation, reserve
from tests.models.offers import ISPS, asked, battery, planned, point_case, room


def world(*, reserved=(0, -6, -3, 0), most=(np.inf, 3.0, np.inf, 9.0), trades=(0.0, 1.0, 0.0, -2.0)):
    case = point_case(
        battery(eta_c=0.9, eta_d=0.9), run([3.0, 1.0], 0, 2), reservation(ISPS, list(reserved)),
    )  # fmt: skip
    ordered = Orders(
        name=("order",), point=np.array([0]), least_kw=np.full((1, ISPS), -np.inf), most_kw=np.array([most]),
        penalty_eur_per_mwh=np.array([3000.0]),
    )  # fmt: skip
    return replace(
        case,
        orders=ordered,
        day_ahead=replace(case.day_ahead, committed_kw=case.fixed.program_kw.sum(axis=0)),
        intraday=replace(case.intraday, traded_kw=np.array(trades)),
    )


def test_rows_are_told_to_allow_what_they_were_stated_with():
    case = world()
    problem = state(case)
    matrix = translate(problem.model)
    told = [block.allowed(case) for block in problem.markets.values() if isinstance(block, Restated)]
    assert [len(one.rows) for one in told] == [ISPS, 2, 2]  # balance, reservations, orders
    for one in told:
        rows = matrix.rows_at(one.rows)
        np.testing.assert_allclose(matrix.row_lower[rows], one.lower, atol=1e-12)
        np.testing.assert_allclose(matrix.row_upper[rows], one.upper, atol=1e-12)
        np.testing.assert_allclose(matrix.upper[matrix.columns(one.variables)], one.most)


def test_other_orders_trades_and_reservations_need_no_other_statement():
    same = SameProblem(threads=1)
    base = world()
    for change in (
        {}, {"most": (np.inf, 1.0, np.inf, 2.0)}, {"most": (np.inf, np.inf, np.inf, 7.0)}, {"reserved": (0, -2, -5, 0)},
        {"trades": (3.0, 0.0, 0.0, 0.0)}, {},
    ):  # fmt: skip
        other = world(**change)
        case = replace(base, orders=other.orders, reservations=other.reservations, intraday=other.intraday)
        found = same.solve(case, relative_gap=1e-9, time_limit_s=600)
        alone = solve(case, relative_gap=1e-9, threads=1)
        assert found.objective_eur == pytest.approx(alone.objective_eur, abs=1e-7)
        assert found.bound_eur == pytest.approx(alone.bound_eur, abs=1e-6)
    assert same.statements == 1


@pytest.mark.parametrize("change", ["nothing reserved", "a row more", "another price"])
def test_a_case_with_other_rows_or_prices_is_stated_anew(change):
    same = SameProblem(threads=1)
    same.solve(world(), relative_gap=1e-9, time_limit_s=600)
    case = {
        "nothing reserved": world(reserved=(0, 0, -3, 0)),
        "a row more": world(most=(1.0, 3.0, np.inf, 9.0)),
        "another price": replace(
            world(), intraday=replace(world().intraday, buy_eur_per_mwh=world().intraday.buy_eur_per_mwh + 1)
        ),
    }[change]
    found = same.solve(case, relative_gap=1e-9, time_limit_s=600)
    assert same.statements == 2
    assert found.objective_eur == pytest.approx(solve(case, relative_gap=1e-9, threads=1).objective_eur, abs=1e-7)


def test_reserve_held_for_no_bid_keeps_nobody_from_an_offer():
    case, plan = planned(point_case(battery(reserve_kw=10.0), reserves=(reserve(ISPS, 0.0, committed_mw=0.0),)))
    plan = replace(plan, headroom=replace(plan.headroom, storage_up_kw=np.full_like(plan.headroom.storage_up_kw, 8.0)))
    evening = room(plan, 0, requested=[0, 1, 0, 0], least=[0, -4, -20, -20], most=[0, 0, 20, 20])
    answer = asked(case, plan, evening)
    assert answer.why_not == ""
    np.testing.assert_allclose(answer.priced[0].volume_kw, [0, -4, 0, 0])
