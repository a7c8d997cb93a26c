"""Requests of different congestion points are priced side by side, and sell no depth twice."""

from threading import Lock

import numpy as np
import pytest

from agr.domain.errors import StoppedError
from agr.domain.flexibility import Quote
from agr.domain.plan import PlanState
from agr.planning.ledger import draws_of
from agr.store import flex_requests
from agr.trading.offering import Offering
from models.flexibility.pricing import price
from tests.builders.worlds import PERIOD
from tests.planning.test_incremental import solver, world
from tests.trading.bound_plans import announced, opened, order, pricer, request

__all__ = ["solver", "world"]
SECOND = "ea1.2024-01.example.dso:p2"


class HereAndNow:
    """Prices in this process, one question after another."""

    def __init__(self):
        self.asked = []
        self._alone = Lock()  # solves in threads of one process can hang

    def price(self, question):
        with self._alone:
            self.asked.append(question)
            return price(question)


def both():
    return [request(), request(congestion_point=SECOND)]


def test_two_points_priced_side_by_side_cost_what_each_costs_alone(world, solver):
    stage = announced(world, solver)
    made = pricer(world, HereAndNow())
    first, second = made.price_together(both())
    assert isinstance(first, Quote), first
    assert isinstance(second, Quote), second
    alone = [made.price(one) for one in both()]
    assert [one.options for one in (first, second)] == [one.options for one in alone]

    # An order makes a plan of its point alone. Only that is read then, and priced as if all had been read.
    asked = request()
    obligation = order(world, opened(world, asked, first), first)
    assert stage.planner.run_due() == 1
    assert stage.made[-1].state is PlanState.AUDITED
    assert obligation is not None
    again, anew = made.price(both()[1]), pricer(world, HereAndNow()).price(both()[1])
    assert again.plan == stage.made[-1].id
    assert (again.options, again.costs) == (anew.options, anew.costs)


def test_depth_for_one_of_two_is_sold_once(world, solver):
    markets = world.settings.markets
    thin = markets.intraday.model_copy(update={"depth_kw": 8.0})  # and each point offers more than half of that
    world.settings = world.settings.model_copy(update={"markets": markets.model_copy(update={"intraday": thin})})
    announced(world, solver)
    here = HereAndNow()
    made = pricer(world, here)
    first, second = made.price_together(both())
    assert isinstance(first, Quote), first
    alone = made.price(both()[1])
    assert isinstance(alone, Quote), alone
    assert len(here.asked) == 4  # both, the second again beside the first, and alone
    drawn = draws_of(first.draws_kwh, PERIOD)
    wanted = drawn.plus(draws_of(alone.draws_kwh, PERIOD))
    assert (wanted.buy_kw > 8.1).any() or (wanted.sell_kw > 8.1).any()
    if isinstance(second, Quote):
        drawn = drawn.plus(draws_of(second.draws_kwh, PERIOD))
    question = here.asked[0]
    net = question.planned.intraday_buy_kw - question.planned.intraday_sell_kw
    assert (np.maximum(net, 0) + drawn.buy_kw <= 8 + 2e-3).all()
    assert (np.maximum(-net, 0) + drawn.sell_kw <= 8 + 2e-3).all()


def test_a_service_that_stops_while_it_prices_leaves_the_request_for_its_next_start(world, solver):
    announced(world, solver)

    class Stopping(HereAndNow):
        def price(self, question):
            raise StoppedError("the service stops")

    with world.store.transaction() as tx:
        flex_requests.put(tx, request())
    for solving, waiting in ((Stopping(), 1), (HereAndNow(), 0)):
        offering = Offering(world.store, world.settings, world.clock, world.participants, pricer(world, solving))
        if waiting:
            with pytest.raises(StoppedError):
                offering.price_next()
        else:
            assert offering.price_next()
        with world.store.reading() as tx:
            assert flex_requests.waiting(tx) == waiting
