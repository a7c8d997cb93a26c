"""An operator asks for a limit on a connection's program: priced, ordered, bound in plans as a plain bound."""

import uuid
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from agr.domain.flexibility import (
    Disposition,
    FlexOffer,
    FlexOrder,
    FlexRequest,
    NoOffer,
    Obligation,
    Quote,
    RequestedIsp,
)
from agr.domain.flexibility_states import OfferState
from agr.domain.plan import PlanState, Reason, ReasonKind
from agr.domain.register import Contract
from agr.planning.plan_loader import load_solved
from agr.store import day, flex_offers, flex_orders, register
from agr.trading.keeping import missing_w
from agr.trading.pricing import PlanPricer
from models.audit import audit
from tests.builders.worlds import PERIOD, POINT
from tests.planning.test_incremental import first_plan, solver, stored, world

__all__ = ["solver", "world"]
CLC = Contract(
    contract="CLC-1", dso="dso.example", congestion_point=POINT, first_day=date(2026, 1, 1),
    last_day=date(2026, 12, 31), window_start=time(0), window_end=time(0), power_w=0, availability_eur_per_mw_h=0,
    penalty_eur_per_mwh=0, price_eur_per_mwh=250.0,
)  # fmt: skip


def limited(least_w, most_w, isps, **more):
    given: dict[str, Any] = {
        "message_id": str(uuid.uuid4()), "conversation_id": str(uuid.uuid4()), "dso": "other.example",
        "congestion_point": POINT, "period": PERIOD, "revision": 1, "expires_at": PERIOD.start,
        "received_at": PERIOD.start - timedelta(hours=9), "limits": True, "contract_id": "CLC-1",
        "isps": tuple(
            RequestedIsp(isp=isp, disposition=Disposition.REQUESTED, min_w=least_w, max_w=most_w) for isp in isps
        ),
    }  # fmt: skip
    return FlexRequest(**(given | more))


@pytest.mark.parametrize(
    ("least_w", "most_w", "offered", "bounds"),
    [
        (0, 4_000, 4_000, (None, 4_000)),
        (-3_000, 0, -3_000, (-3_000, None)),
        (0, 0, 0, (0, 0)),
    ],
)
def test_which_side_a_limit_is_on(least_w, most_w, offered, bounds):
    asked = limited(least_w, most_w, [3])
    powers = [None] * PERIOD.isp_count
    powers[2] = offered
    assert asked.limits_w(powers)[2] == bounds
    assert asked.limits_w(powers)[3] == (None, None)


def planned(world, solver):
    with world.store.transaction() as tx:
        known = register.load(tx)
        register.replace(tx, replace(known, contracts=(*known.contracts, CLC)))
    stage = first_plan(world, solver)
    program = next(point.power_w for point in stage.made[0].points if point.address == POINT)
    return stage, program


def ordered(world, asked, quote):
    """Let the operator order the offer."""
    offer = FlexOffer(
        message_id=str(uuid.uuid4()), conversation_id=asked.conversation_id, dso=asked.dso, congestion_point=POINT,
        period=PERIOD, expires_at=PERIOD.start, options=quote.options, request_message_id=asked.message_id,
        contract_id=asked.contract_id, limits=True,
    )  # fmt: skip
    option = quote.options[0]
    made = FlexOrder(
        message_id=str(uuid.uuid4()), conversation_id=offer.conversation_id, dso=offer.dso, congestion_point=POINT,
        period=PERIOD, offer_message_id=offer.message_id, order_reference="order 1", option_reference=option.reference,
        activation_factor=Decimal(1), power_w=tuple(power or 0 for power in option.power_w), price=option.price,
        currency="EUR", stamped_at=world.clock.now(), received_at=world.clock.now(), contract_id=asked.contract_id,
    )  # fmt: skip
    obligation = Obligation(order=made, baseline_w=quote.baseline_w, limits_w=asked.limits_w(option.power_w))
    with world.store.transaction() as tx:
        flex_offers.put(tx, offer, quote, world.clock.now())
        flex_offers.move(tx, offer.message_id, OfferState.PRICED, OfferState.QUEUED, world.clock.now())
        flex_offers.move(tx, offer.message_id, OfferState.QUEUED, OfferState.ORDERED, world.clock.now())
        flex_orders.put(tx, obligation)
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.ORDER, text="ordered"), world.clock.now())
    return obligation


def test_a_limit_is_offered_at_the_contract_s_price_and_binds_every_later_plan(world, solver):
    stage, program = planned(world, solver)
    busy = [isp for isp, power in enumerate(program, start=1) if power > 60_000]
    assert busy
    quote = PlanPricer(world.store, world.settings, world.clock, solver).price(limited(0, 50_000, busy))
    assert isinstance(quote, Quote), quote
    (option,) = quote.options
    assert [option.power_w[isp - 1] for isp in busy] == [50_000] * len(busy)
    assert sum(power is not None for power in option.power_w) == len(busy)
    beyond_mwh = sum(program[isp - 1] - 50_000 for isp in busy) * PERIOD.isp_hours / 1e6
    assert float(option.price) == pytest.approx(250 * beyond_mwh, abs=0.0101)
    assert sum(eur for _, eur in quote.costs) == pytest.approx(float(option.price), abs=0.011)
    obligation = ordered(world, limited(0, 50_000, busy), quote)
    assert missing_w(obligation, program) > 0
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert plan.result.solver == "ordered offer"
    now = next(point.power_w for point in plan.points if point.address == POINT)
    assert max(now[isp - 1] for isp in busy) <= 50_000
    assert missing_w(obligation, now) == 0
    whole = stored(world, plan, load_solved)
    assert audit(whole.named.case, whole.outcome) == ()
    stage.ask()
    assert stage.planner.run_due() == 1
    again = stage.made[-1]
    assert again.state is PlanState.AUDITED, again.result.audit
    assert not again.part
    assert missing_w(obligation, next(p.power_w for p in again.points if p.address == POINT)) == 0


def test_a_limit_that_the_plan_keeps_already_costs_nothing_and_needs_no_optimiser(world, solver):
    planned(world, solver)
    quote = PlanPricer(world.store, world.settings, world.clock, solver).price(limited(0, 10**6, range(1, 93)))
    assert isinstance(quote, Quote)
    assert (quote.options[0].price, quote.outcome) == (Decimal("0.00"), b"")


def test_a_limit_that_nobody_can_keep_is_not_offered_in_part(world, solver):
    """The load of 20 kW runs whatever happens, and no battery of 200 kWh carries it all day at nothing."""
    planned(world, solver)
    pricer = PlanPricer(world.store, world.settings, world.clock, solver)
    found = pricer.price(limited(-1_000, 0, [40], contract_id=None))
    assert isinstance(found, Quote), found  # a bound on production is kept
    found = pricer.price(limited(0, 0, range(1, 93)))
    assert isinstance(found, NoOffer)
    assert "cannot be kept in ISP" in found.reason or "nothing can be delivered" in found.reason
