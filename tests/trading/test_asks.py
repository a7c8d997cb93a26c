"""What an offer asks for, and why there is none."""

from dataclasses import replace
from decimal import Decimal

import pytest

from agr.domain.flexibility import Quote
from agr.planning.offered import offered_programs
from tests.builders.worlds import PERIOD
from tests.planning.test_incremental import first_plan, solver, world
from tests.trading.bound_plans import NOON, announced, pricer, request

__all__ = ["solver", "world"]


def test_what_cannot_be_priced_says_why(world, solver):
    maker = pricer(world, solver)
    assert maker.price(request()).reason == f"there is no plan for {PERIOD}"
    first_plan(world, solver)
    assert "is accepted yet" in maker.price(request()).reason


def test_a_volume_without_end_is_offered_as_far_as_it_goes(world, solver):
    announced(world, solver)
    maker = pricer(world, solver)
    unable = maker.price(request(least_w=-(10**9), most_w=-(10**8)))
    assert "nothing can be delivered" in unable.reason
    everything = maker.price(request(least_w=-(10**9)))
    assert isinstance(everything, Quote)
    assert everything.limits


def test_margin_floor_and_risk_are_part_of_the_ask(world, solver):
    announced(world, solver)
    plain = pricer(world, solver).price(request())
    trading = world.settings.trading.model_copy(
        update={
            "margin_eur": 3.0, "risk_eur_per_mwh": 60.0, "not_delivered_share": 0.1, "penalty_eur_per_mwh": 400.0,
        }
    )  # fmt: skip
    world.settings = world.settings.model_copy(update={"trading": trading})
    dear = pricer(world, solver).price(request())
    sold_mwh = -sum(dear.options[0].power_w[t - 1] for t in NOON) * PERIOD.isp_hours / 1e6
    assert float(dear.options[0].price - plain.options[0].price) == pytest.approx(3 + 100 * sold_mwh, abs=0.0101)
    world.settings = world.settings.model_copy(update={"trading": replace_floor(world.settings.trading)})
    assert pricer(world, solver).price(request()).options[0].price == Decimal("50.00")


def replace_floor(trading):
    return trading.model_copy(update={"floor_eur": 50.0, "margin_eur": 0.0})


def test_the_programs_behind_an_offer_survive_their_archive(world, solver):
    announced(world, solver)
    quote = pricer(world, solver).price(request())
    kept = offered_programs(quote.outcome)
    assert kept is not None
    assert kept.options == (quote.options[0].reference,)
    assert kept.units["storage"] == ("battery",)
    assert offered_programs(b"") is None
    assert offered_programs(b"no archive") is None
    assert replace(kept, options=("x",)).options == ("x",)
