"""Where a DSO supports options that exclude each other, it gets several volumes and orders one by its name."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agr.domain.flexibility import Quote
from agr.domain.plan import PlanState
from agr.store import portfolio
from tests.builders.worlds import PERIOD, POINT
from tests.planning.test_incremental import solver, world
from tests.trading.bound_plans import NOON, announced, missing_w, opened, order, pricer, request

__all__ = ["solver", "world"]


def exclusive(world, *, supported=True, options=4):
    """Let the DSO support such options at the point, and offer so many."""
    trading = world.settings.trading.model_copy(update={"options": options})
    world.settings = world.settings.model_copy(update={"trading": trading})
    with world.store.transaction() as tx:
        known = portfolio.load(tx, PERIOD)
        points = tuple(replace(p, mutex_offers=supported and p.address == POINT) for p in known.points)
        portfolio.replace(tx, PERIOD.day, "cro.example", points, ())


def test_several_volumes_are_offered_each_whole_or_not_at_all_and_a_smaller_one_is_ordered_by_name(world, solver):
    exclusive(world)
    stage = announced(world, solver)
    asked = request(-30_000)
    quote = pricer(world, solver).price(asked)
    assert isinstance(quote, Quote), quote
    names = [option.reference for option in quote.options]
    assert names == ["100 %", "75 %", "50 %", "25 %"]
    volumes = [-sum(option.power_w[isp - 1] for isp in NOON) for option in quote.options]
    assert volumes == sorted(volumes, reverse=True)
    assert volumes[2] == pytest.approx(volumes[0] / 2, abs=len(NOON))
    prices = [option.price for option in quote.options]
    assert prices == sorted(prices, reverse=True)
    assert all(option.min_activation_factor == Decimal(1) for option in quote.options)
    half = replace(quote, options=(quote.options[2],))  # what the order names
    obligation = order(world, opened(world, asked, quote), half)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert plan.result.solver == "ordered offer"
    assert missing_w(obligation, plan) <= 1


def test_a_dso_that_does_not_support_them_gets_one_option(world, solver):
    exclusive(world, supported=False)
    announced(world, solver)
    quote = pricer(world, solver).price(request())
    assert [option.reference for option in quote.options] == ["all"]
