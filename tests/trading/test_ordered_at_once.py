"""Before its Period, too, an order needs no solver where no part can be planned alone: a plan of the reference has no
prices."""

from dataclasses import replace

import numpy as np
import pytest

from agr.domain.flexibility import Quote
from agr.domain.plan import PlanState, ReasonKind
from agr.domain.register import ConnectionTariff
from agr.planning.case import build
from agr.planning.inputs import read_inputs
from agr.planning.ordered_at_once import at_once, bought
from agr.planning.plan_loader import load_solved
from agr.planning.pool import SolverPool
from agr.planning.stored_plans import StoredInputs
from agr.settings import Planning
from agr.store import overrides, register
from models.audit import audit
from tests.builders.remembered import Remembering
from tests.builders.worlds import PERIOD, POINT
from tests.planning.test_incremental import stored, update, world
from tests.trading.bound_plans import (
    announced,
    missing_w,
    opened,
    order,
    pricer,
    program_w,
    request,
    told,
)

__all__ = ["world"]
REFERENCE = Planning(threads=1, method="reference", join_triggers_s=0.0)
LATER = range(49, 51)


@pytest.fixture(scope="module")
def solver():
    made = SolverPool(REFERENCE)
    yield Remembering(made)
    made.close()


@pytest.fixture
def exact(world):
    """Return the world with plans of the reference formulation."""
    world.settings = world.settings.model_copy(update={"planning": REFERENCE})
    return world


def sold(world, solver, asked=None, **more):
    """Price and order what is asked for; return the obligation and its price."""
    asked = asked or request()
    quote = pricer(world, solver).price(asked)
    assert isinstance(quote, Quote), quote
    return order(world, opened(world, asked, quote), quote, **more), float(quote.options[0].price)


def test_an_order_of_tomorrow_comes_into_force_without_a_solver_and_stays_proven(exact, solver):
    stage = announced(exact, solver)
    before = stage.made[-1]
    obligation, eur = sold(exact, solver)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert plan.result.solver == "ordered offer"
    assert not plan.part
    assert missing_w(obligation, plan) <= 0
    assert [point.address for point in plan.change.points] == [POINT]
    assert plan.result.bound_eur == pytest.approx(before.result.bound_eur + eur, abs=1e-9)
    assert plan.result.objective_eur >= before.result.objective_eur - 1e-6
    assert plan.positions.balance_eur_per_mwh == before.positions.balance_eur_per_mwh
    whole = stored(exact, plan, load_solved)
    assert audit(whole.named.case, whole.outcome) == ()


def test_nothing_is_proven_where_something_else_is_new(exact, solver):
    """A reservation has gone: the earlier bound may lie below what is possible now."""
    stage = announced(exact, solver, -1_000)
    obligation, _ = sold(exact, solver)
    update(exact, 0)
    assert stage.planner.run_due() == 1
    ordered = stage.made[-1]
    assert ordered.result.solver == "ordered offer"
    assert ordered.result.proven_gap_eur is None
    assert [reason.kind for reason in ordered.reasons] == [ReasonKind.ORDER]
    assert missing_w(obligation, ordered) <= 1
    assert stage.planner.run_due() == 1, "the update is answered after the order"
    plan = stage.made[-1]
    assert [reason.kind for reason in plan.reasons] == [ReasonKind.RESERVATION]
    assert plan.result.solver != "ordered offer"
    assert missing_w(obligation, plan) <= 1
    assert plan.result.objective_eur >= ordered.result.objective_eur - 1e-6
    assert stage.open_triggers() == 0


def test_two_orders_of_a_congestion_point_are_put_in_one_after_the_other(exact, solver):
    """Seen from a plan that has neither of them: the second was priced with the first, and its program has both."""
    stage = announced(exact, solver)
    neither = stored(exact, stage.made[-1], load_solved)
    first, _ = sold(exact, solver, request(-2_000))
    assert stage.planner.run_due() == 1
    told(exact)
    second, _ = sold(exact, solver, request(-2_000, isps=LATER), reference="order 2")
    with exact.store.reading() as tx:
        reader = StoredInputs(tx)
        orders = bought(reader, neither, PERIOD)
        named = build(read_inputs(reader, exact.settings, PERIOD, exact.clock.now()).inputs)
    assert [one.order for one in orders] == ["order 1 of dso.example", "order 2 of dso.example"]
    found = at_once(neither, named, orders)
    assert found is not None
    power_w = 1000 * found.outcome.point_kw[named.case.points.index(POINT)]
    for one in (first, second):
        ordered = np.flatnonzero(one.order.power_w)
        assert (power_w[ordered] <= np.array(one.program_w)[ordered] + 1).all()
    assert stage.planner.run_due() == 1
    assert stage.made[-1].result.solver == "ordered offer"


def test_an_order_whose_program_no_longer_holds_is_planned_with_all_that_waits(exact, solver):
    stage = announced(exact, solver)
    obligation, _ = sold(exact, solver)
    with exact.store.transaction() as tx:
        overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.start, "anna", "it burns")
    stage.ask(ReasonKind.OPERATOR)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.result.solver != "ordered offer"
    assert {reason.kind for reason in plan.reasons} == {ReasonKind.ORDER, ReasonKind.OPERATOR}
    assert missing_w(obligation, plan) > 1
    assert stage.open_triggers() == 0


def test_where_connections_have_tariffs_an_order_needs_no_solver_either(exact, solver):
    """A part has no prices of peaks, so the program is put into the whole; what the customer pays more is paid for."""
    with exact.store.transaction() as tx:
        known = register.load(tx)
        peak = ConnectionTariff(connection="ean.1", first_day=PERIOD.day, import_eur_per_mwh=50, peak_eur_per_kw=0.1)
        register.replace(tx, replace(known, connection_tariffs=(peak,)))
    stage = announced(exact, solver)
    before = stage.made[-1]
    obligation, eur = sold(exact, solver)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert plan.result.solver == "ordered offer"
    assert missing_w(obligation, plan) <= 1
    assert plan.result.objective_eur >= before.result.objective_eur - 1e-6
    assert plan.result.bound_eur == pytest.approx(before.result.bound_eur + eur, abs=1e-9)


def test_a_part_of_an_offer_is_put_in_as_the_blend_of_both_programs(exact, solver):
    stage = announced(exact, solver)
    before = program_w(stage.made[-1])
    obligation, _ = sold(exact, solver, factor="0.50")
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.result.solver == "ordered offer"
    assert missing_w(obligation, plan) <= 1
    (moved,) = plan.change.points
    ordered = np.flatnonzero(obligation.order.power_w)
    deviation = np.array(program_w(plan))[ordered] - np.array(before)[ordered]
    assert np.abs(deviation - np.array(obligation.order.power_w)[ordered]).max() <= 1
    assert moved.address == POINT
