"""While the day runs, requests are priced with closed ISPs frozen, and orders are kept by every later plan."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from agr.domain.award import Trade
from agr.domain.flexibility import NoOffer, Quote
from agr.domain.plan import PlanState
from agr.domain.reading import READ_STORED, Reading
from agr.domain.register import Forecast
from agr.messaging.publish import Publisher
from agr.planning.difference import Solved
from agr.planning.inputs import RunInputs
from agr.planning.ledger import nothing_taken
from agr.planning.offered import offered_programs
from agr.planning.plan_loader import load_solved
from agr.planning.stored_plans import StoredInputs
from agr.settings import Brp
from agr.store import input_version, overrides, plans, portfolio, readings, register, trades
from agr.trading.intraday import closed_for_offers, compared
from agr.trading.intraday import running as running_day
from agr.trading.kept_plans import KeptPlans
from agr.trading.point_today import point_today
from agr.trading.quoting import Baseline, question_of
from models.audit import audit
from models.flexibility.pricing import price
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


def measured(world, kwh, resource="battery"):
    """Store what a battery was measured to hold a minute ago."""
    at = world.clock.now() - timedelta(minutes=1)
    with world.store.transaction() as tx:
        readings.put(
            tx, [Reading(resource=resource, at=at, quantity=READ_STORED, value=kwh)], world.clock.now(), "test"
        )


def asked_of(world, solved, held=None):
    """Return what the optimiser is asked about the usual request, given a program under today's facts."""
    with world.store.reading() as tx:
        (sent,) = (one for one in plans.prognoses(tx, PERIOD.day) if one.congestion_point == POINT)
    baseline = Baseline(power_w=sent.power_w, message_id=sent.message_id)
    return question_of(
        solved, request(isps=AFTERNOON), baseline, nothing_taken(PERIOD), trading=world.settings.trading,
        planning=world.settings.planning, held=held,
    )  # fmt: skip


def alone(world):
    """Return the congestion point under today's facts, or why not; None where the whole portfolio is needed."""
    with world.store.reading() as tx:
        _, point = portfolio.head_of(tx, PERIOD.day, POINT)
        number = plans.newest_audited(tx, PERIOD.day)
        return point_today(tx, world.settings, PERIOD, world.clock.now(), point, number, KeptPlans())


def together(world):
    """Return the whole portfolio's program under today's facts."""
    with world.store.reading() as tx:
        run = running_day(StoredInputs(tx), world.settings, PERIOD, world.clock.now())
    assert isinstance(run, RunInputs), run
    return compared(run)


def changed(world, fact):
    """Let something be otherwise than planned."""
    with world.store.transaction() as tx:
        if fact == "dearer":
            dearer = prices("day_ahead_forecast", PERIOD)[12:17]
            register.put_prices(tx, [replace(price, value=price.value + 40.0) for price in dearer])
        elif fact == "traded":
            bought = Trade(trade="1", start=PERIOD.isp_start(60), minutes=15, mw=0.005, price_eur_per_mwh=50.0)
            trades.put(tx, bought, PERIOD.day, world.clock.now(), "test")
        elif fact == "more load":
            values = tuple([23.5] * PERIOD.isp_count)
            register.put_forecasts(tx, [Forecast(resource="load-1", quantity="power_kw", period=PERIOD, values=values)])
    if fact == "measured":
        measured(world, 60.0)


@pytest.mark.parametrize("fact", ["nothing", "measured", "dearer", "traded", "more load"])
def test_a_congestion_point_alone_is_priced_as_it_is_with_the_whole_portfolio(world, solver, fact):
    """The oracle is the comparison of the whole portfolio, which costs seconds where that is large."""
    running(world, solver)
    changed(world, fact)
    point, whole = alone(world), together(world)
    assert isinstance(point, Solved), point
    np.testing.assert_allclose(point.outcome.total_kw, whole.solved.outcome.total_kw, atol=1e-9)
    one, other = price(asked_of(world, point)), price(asked_of(world, whole.solved, whole.held))
    assert (one.why_not, other.why_not) == ("", "")
    np.testing.assert_allclose(one.deliverable_kw, other.deliverable_kw, atol=2e-3)
    np.testing.assert_allclose(one.priced[0].volume_kw, other.priced[0].volume_kw, atol=2e-3)
    assert one.priced[0].cost_eur == pytest.approx(other.priced[0].cost_eur, abs=2e-3)
    assert one.priced[0].costs_eur == pytest.approx(other.priced[0].costs_eur, abs=2e-3)


def test_what_is_measured_counts_at_once_and_no_other_point_is_looked_at(world, solver):
    running(world, solver)
    asking = pricer(world, solver)
    first = asking.price(request(isps=AFTERNOON))
    assert isinstance(first, Quote), first
    measured(world, 60.0)
    assert asking.price(request(isps=AFTERNOON)).options != first.options
    assert asking.running_day.comparisons == 0


def test_all_are_compared_once_a_minute_where_a_point_alone_does_not_suffice(world, solver):
    """Balancing groups share what the markets give by what the resources of each could do."""
    running(world, solver)
    brps = (Brp(name="one", balance="itself"), Brp(name="two"))
    world.settings = world.settings.model_copy(update={"brps": brps})
    asking = pricer(world, solver)
    for seconds, comparisons in ((0, 1), (30, 1), (60, 2)):
        world.clock.jump_to(world.clock.now() + timedelta(seconds=seconds))
        asking.price(request(isps=AFTERNOON))
        assert asking.running_day.comparisons == comparisons
    with world.store.transaction() as tx:
        input_version.changed(tx)
    asking.price(request(isps=AFTERNOON))
    assert asking.running_day.comparisons == 3


def test_a_resource_that_has_come_from_another_point_is_not_counted_twice(world, solver):
    running(world, solver)
    with world.store.transaction() as tx:
        portfolio.move(tx, PERIOD.day, "cro.example", "ean.2", POINT)
    assert alone(world) is None


def test_a_battery_that_is_out_of_order_is_offered_no_more(world, solver):
    running(world, solver)
    with world.store.transaction() as tx:
        overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, world.clock.now(), "anna", "it burns")
    found = pricer(world, solver).price(request(isps=AFTERNOON))
    assert isinstance(found, NoOffer)
    assert found.reason == "nothing is asked for that any of our resources there could do"


def test_a_resource_that_cannot_run_the_plan_keeps_its_point_from_an_offer_and_no_other(world, solver):
    running(world, solver)
    whole = replace(together(world), left={"ean.1": frozenset({"car"})})
    assert whole.at(["ean.2"]) is whole.solved
    refused = whole.at(["ean.1"])
    assert isinstance(refused, NoOffer)
    assert refused.reason == "car cannot run the plan in force any more; wait for the next plan"
