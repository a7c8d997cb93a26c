"""While the day runs, requests are priced with closed ISPs frozen, and orders are kept by every later plan."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from agr.domain.flexibility import NoOffer, Quote
from agr.domain.plan import PlanState
from agr.messaging.publish import Publisher
from agr.planning.offered import offered_programs
from agr.planning.plan_loader import load_solved
from agr.store import input_version, overrides, plans, register
from agr.trading.intraday import closed_for_offers
from models.audit import audit
from tests.builders.worlds import OTHER_POINT, PERIOD, POINT, prices
from tests.planning.test_incremental import solver, stored, world
from tests.trading.bound_plans import announced, missing_w, opened, order, pricer, program_w, request

__all__ = ["solver", "world"]
MORNING = 24  # ISPs, from midnight on
AFTERNOON = range(57, 61)


def running(world, solver, isps=MORNING):
    """Return the stage of a plan whose day has begun."""
    stage = announced(world, solver)
    world.clock.jump_to(PERIOD.start + isps * PERIOD.isp_length + timedelta(minutes=2))
    return stage


def test_an_intraday_request_is_priced_ordered_and_kept_by_every_later_plan(world, solver):
    stage = running(world, solver)
    before = stage.made[-1]
    asked = request(isps=AFTERNOON)
    quote = pricer(world, solver).price(asked)
    assert isinstance(quote, Quote), quote
    (option,) = quote.options
    assert min(power or 0 for power in option.power_w) < 0
    closed = closed_for_offers(world.settings, PERIOD, world.clock.now())
    assert closed == MORNING + 6  # an hour and a quarter, and the ISP under way
    priced = offered_programs(quote.outcome).outcomes[0]
    np.testing.assert_allclose(priced.point_kw[0][:closed] * 1000, program_w(before)[:closed], atol=0.6)
    obligation = order(world, opened(world, asked, quote), quote)
    assert stage.planner.run_due() == 1
    ordered = stage.made[-1]
    assert ordered.state is PlanState.AUDITED, ordered.result.audit
    assert ordered.result.solver == "ordered offer"  # the stored program is in force at once
    assert ordered.result.proven_gap_eur is None  # and nobody has proven it
    assert missing_w(obligation, ordered) <= 1
    assert program_w(ordered)[:MORNING] == program_w(before)[:MORNING]
    whole = stored(world, ordered, load_solved)
    assert audit(whole.named.case, whole.outcome) == ()
    closed_now = stage.planner.closed_isps(PERIOD)
    assert Publisher(world.store, world.settings, world.clock, world.participants).publish(PERIOD, closed_now) >= 1
    with world.store.reading() as tx:
        last = plans.prognoses_of(tx, PERIOD.day, POINT)[-1]
    assert all(last.power_w[isp - 1] <= obligation.program_w[isp - 1] + 1 for isp in AFTERNOON)
    world.clock.jump_to(world.clock.now() + timedelta(hours=2))
    stage.ask()
    assert stage.planner.run_due() == 1
    assert missing_w(obligation, stage.made[-1]) <= 1
    assert stage.made[-1].result.solver != "ordered offer"


def test_an_intraday_order_is_planned_where_its_program_no_longer_holds(world, solver):
    """The battery that was to deliver it is gone."""
    stage = running(world, solver)
    asked = request(isps=AFTERNOON)
    quote = pricer(world, solver).price(asked)
    offer = opened(world, asked, quote)
    with world.store.transaction() as tx:
        overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.start, "anna", "it burns")
    order(world, offer, quote)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert plan.result.solver != "ordered offer"
    assert plan.result.order_shortfall_kwh > 0.1


def test_what_can_no_longer_be_ordered_in_time_is_not_offered(world, solver):
    """Of an hour that begins an hour from now, only what can still be ordered and traded is offered."""
    running(world, solver)
    soon = range(MORNING + 5, MORNING + 13)
    quote = pricer(world, solver).price(request(isps=soon))
    if isinstance(quote, Quote):
        closed = closed_for_offers(world.settings, PERIOD, world.clock.now())
        assert not any(quote.options[0].power_w[isp - 1] for isp in soon if isp <= closed)
    none = pricer(world, solver).price(request(isps=range(MORNING + 1, MORNING + 5)))
    assert isinstance(none, NoOffer)
    assert "nothing can be delivered" in none.reason


def test_a_point_that_nobody_redispatches_during_the_day_gets_no_intraday_offer(world, solver):
    running(world, solver)
    found = pricer(world, solver).price(replace(request(isps=AFTERNOON), congestion_point=OTHER_POINT))
    assert isinstance(found, NoOffer)
    assert "IntradayRedispatchBy" in found.reason


@pytest.mark.parametrize(("hours", "reason"), [(22, "every ISP"), (24, "every ISP")])
def test_a_day_that_is_nearly_over_gets_no_offer(world, solver, hours, reason):
    running(world, solver, 4 * hours)
    found = pricer(world, solver).price(request(isps=range(85, 93)))
    assert isinstance(found, NoOffer)
    assert reason in found.reason


def test_the_whole_portfolio_is_compared_once_for_requests_of_a_minute_and_anew_when_facts_change(world, solver):
    running(world, solver)
    asking = pricer(world, solver)
    first = asking.price(request(isps=AFTERNOON))
    assert isinstance(first, Quote), first
    world.clock.jump_to(world.clock.now() + timedelta(seconds=30))
    assert asking.price(request(isps=AFTERNOON)).options == first.options
    assert asking.running_day.comparisons == 1
    with world.store.transaction() as tx:
        dearer = prices("day_ahead_forecast", PERIOD)[12:17]
        register.put_prices(tx, [replace(price, value=price.value + 40.0) for price in dearer])
        input_version.changed(tx)
    assert isinstance(asking.price(request(isps=AFTERNOON)), Quote)
    assert asking.running_day.comparisons == 2
    world.clock.jump_to(world.clock.now() + timedelta(minutes=1))
    asking.price(request(isps=AFTERNOON))
    assert asking.running_day.comparisons == 3
