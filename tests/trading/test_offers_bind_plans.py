"""A request is priced against the plan in force; its order comes into force without a solver, and stays kept."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from agr.domain.flexibility import FlexOrder, NoOffer, Obligation, Quote
from agr.domain.flexibility_states import OfferState
from agr.domain.plan import PlanState, Reason, ReasonKind
from agr.planning.inputs import read_inputs
from agr.planning.plan_loader import load_solved
from agr.planning.stored_plans import StoredInputs
from agr.store import day, flex_offers, flex_orders, overrides, register
from agr.trading.keeping import Keeping
from agr.trading.keeping import missing_w as missing
from models.audit import audit
from tests.builders.worlds import CONTRACT, PERIOD, POINT, prices
from tests.planning.test_incremental import solver, stored, update, world
from tests.trading.bound_plans import DSO, NOON, announced, missing_w, opened, order, pricer, program_w, request, told

__all__ = ["solver", "world"]


def test_an_order_needs_no_solver_and_stays_kept_whatever_is_planned_again(world, solver):
    stage = announced(world, solver)
    before = stage.made[-1]
    bound_eur = stored(world, before, load_solved).outcome.duals.bound_eur
    asked = request()
    quote = pricer(world, solver).price(asked)
    assert isinstance(quote, Quote), quote
    (option,) = quote.options
    assert quote.baseline_w == program_w(before)
    assert all(option.power_w[t - 1] is not None and option.power_w[t - 1] <= 0 for t in NOON)
    assert min(option.power_w[t - 1] for t in NOON) < 0
    assert float(option.price) == pytest.approx(sum(eur for _, eur in quote.costs), abs=1e-9)
    offer = opened(world, asked, quote)
    again = pricer(world, solver).price(request())
    assert isinstance(again, NoOffer)
    assert "an offer of this congestion point is open" in again.reason

    obligation = order(world, offer, quote)
    assert stage.planner.run_due() == 1
    ordered = stage.made[-1]
    assert ordered.state is PlanState.AUDITED
    assert ordered.part
    assert ordered.result.solver == "ordered offer"
    assert ordered.result.order_shortfall_kwh < 1e-6
    assert missing_w(obligation, ordered) <= 0
    assert ordered.result.objective_eur >= before.result.objective_eur - 1e-6
    assert ordered.result.terms_eur["flexibility sold"] == pytest.approx(float(option.price))
    assert ordered.result.proven_gap_eur == pytest.approx(before.result.proven_gap_eur, abs=float(option.price))
    assert ordered.change.terms_eur["flexibility sold"] == pytest.approx(float(option.price))
    whole = stored(world, ordered, load_solved)
    assert audit(whole.named.case, whole.outcome) == ()
    assert whole.named.case.orders.name == ("order 1 of dso.example",)
    assert [point.address for point in ordered.change.points] == [POINT]
    # Parts are proven with this bound: without the payment, the proof of the next part would be false.
    assert whole.outcome.duals.bound_eur == pytest.approx(bound_eur + float(option.price), abs=1e-6)

    update(world, -1_000)  # its point is planned again, by the solver
    assert stage.planner.run_due() == 1
    assert stage.made[-1].state is PlanState.AUDITED
    assert missing_w(obligation, stage.made[-1]) <= 1
    stage.ask()
    assert stage.planner.run_due() == 1
    everything = stage.made[-1]
    assert not everything.part
    assert everything.state is PlanState.AUDITED, everything.result.audit
    assert missing_w(obligation, everything) <= 1
    assert everything.result.terms_eur["flexibility sold"] == pytest.approx(float(option.price))
    assert everything.result.no_flexibility_eur == pytest.approx(before.result.no_flexibility_eur)


def test_a_dso_may_buy_back_what_it_has_ordered(world, solver):
    """First less, then 2 kW more in the same ISPs: priced, in force without a solver, and no bound against another."""
    stage = announced(world, solver)
    asked = request()
    first_quote = pricer(world, solver).price(asked)
    first = order(world, opened(world, asked, first_quote), first_quote)
    assert stage.planner.run_due() == 1
    assert "does not show order order 1" in pricer(world, solver).price(request(0, 2_000)).reason
    told(world)
    back = request(0, 2_000)
    quote = pricer(world, solver).price(back)
    assert isinstance(quote, Quote), quote
    assert max(quote.options[0].power_w[t - 1] for t in NOON) > 1_000
    order(world, opened(world, back, quote), quote, reference="order 2")
    assert stage.planner.run_due() == 1
    for solved_by in ("ordered offer", None):
        plan = stage.made[-1]
        assert solved_by is None or plan.result.solver == solved_by
        assert plan.state is PlanState.AUDITED, plan.result.audit
        assert plan.result.order_shortfall_kwh < 0.01
        with world.store.reading() as tx:
            bound = flex_orders.obligations(tx, PERIOD)
        for t in NOON:
            due = first_quote.baseline_w[t - 1] + sum(one.order.power_w[t - 1] for one in bound)
            assert abs(program_w(plan)[t - 1] - due) <= 1
        assert [missing(one, program_w(plan)) for one in bound] == [0, 0]
        assert missing(first, program_w(plan)) > 1_000  # judged alone, the first one would be broken
        if solved_by:
            stage.ask()
            assert stage.planner.run_due() == 1


def test_an_order_under_a_contract_uses_up_its_reservation(world, solver):
    """All the power of the battery is reserved for the evening: only the contract's own order can have it."""
    stage = announced(world, solver, -4_000)
    before, evening = stage.made[-1], range(69, 77)
    free = pricer(world, solver).price(request(-10_000, isps=evening))
    asked = request(-4_000, isps=evening, contract_id=CONTRACT)
    quote = pricer(world, solver).price(asked)
    assert isinstance(quote, Quote), quote
    if isinstance(free, Quote):
        assert min(free.options[0].power_w[68:76]) > min(quote.options[0].power_w[68:76]) - 6_000
    obligation = order(world, opened(world, asked, quote), quote, contract=CONTRACT)
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert missing_w(obligation, plan) <= 1
    assert plan.result.reservation_shortfall_kwh < 1e-3
    held = stored(world, plan, load_solved).named.case.reservations
    ordered_kw = np.array(obligation.order.power_w) / 1000
    np.testing.assert_allclose(held.reserved_kw.sum(axis=0)[68:76], (-4.0 - ordered_kw)[68:76])
    np.testing.assert_allclose(held.fee_only_kw.sum(axis=0)[68:76], ordered_kw[68:76])
    # What is ordered was reserved: it goes on earning the fee, also when the whole portfolio is planned again.
    assert plan.result.terms_eur["availability"] == pytest.approx(before.result.terms_eur["availability"])
    stage.ask()
    assert stage.planner.run_due() == 1
    everything = stage.made[-1]
    assert not everything.part
    assert everything.state is PlanState.AUDITED, everything.result.audit
    assert everything.result.terms_eur["availability"] == pytest.approx(before.result.terms_eur["availability"])
    assert before.result.terms_eur["availability"] > 0


def test_an_order_without_an_offer_is_planned_by_the_solver_and_kept(world, solver):
    """Under a contract that reserves 4 kW in the evening: there is no stored program, so its place is planned again."""
    stage = announced(world, solver, -4_000)
    baseline = program_w(stage.made[-1])
    message_id = str(uuid.uuid4())
    made = FlexOrder(
        message_id=message_id, conversation_id=str(uuid.uuid4()), dso=DSO, congestion_point=POINT, period=PERIOD,
        offer_message_id=message_id, order_reference="direct 1", option_reference="", activation_factor=Decimal(1),
        power_w=tuple(-4_000 if 69 <= isp < 77 else 0 for isp in range(1, PERIOD.isp_count + 1)), price=Decimal("2.40"),
        currency="EUR", stamped_at=world.clock.now(), received_at=world.clock.now(), contract_id=CONTRACT,
    )  # fmt: skip
    obligation = Obligation(order=made, baseline_w=baseline)
    with world.store.transaction() as tx:
        flex_orders.put(tx, obligation)
        day.put_trigger(tx, PERIOD.day, Reason(kind=ReasonKind.ORDER, text="ordered"), world.clock.now())
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert missing_w(obligation, plan) <= 1
    assert plan.result.solver != "ordered offer"
    assert plan.result.reservation_shortfall_kwh < 1e-3  # the order has used it up


@pytest.mark.parametrize("factor", ["0.50", "0.01"])
def test_a_part_of_an_offer_can_be_ordered(world, solver, factor):
    stage = announced(world, solver)
    asked = request()
    quote = pricer(world, solver).price(asked)
    if quote.options[0].min_activation_factor == 1:
        return  # a store charges in one program and discharges in the other
    obligation = order(world, opened(world, asked, quote), quote, factor)
    assert stage.planner.run_due() == 1
    assert stage.made[-1].state is PlanState.AUDITED
    assert missing_w(obligation, stage.made[-1]) <= 1


def test_a_point_with_an_open_offer_keeps_its_program(world, solver):
    stage = announced(world, solver, -1_000)
    asked = request()
    quote = pricer(world, solver).price(asked)
    opened(world, asked, quote)
    was = program_w(stage.made[-1])
    with world.store.reading() as tx:
        facts = read_inputs(StoredInputs(tx), world.settings, PERIOD, world.clock.now()).inputs
    assert facts.offered_points == facts.frozen_points == {POINT}
    update(world, 0)  # it could move now
    assert stage.planner.run_due() == 1
    assert stage.made[-1].state is PlanState.AUDITED, stage.made[-1].result.audit
    assert program_w(stage.made[-1]) == was
    assert any("open offers" in note for note in stage.made[-1].result.notes)


def test_a_reservation_at_a_point_with_an_open_offer_stays_covered(world, solver):
    """The program stays, and the battery could still do otherwise when called: before the order, and after it."""
    stage = announced(world, solver, -1_000)
    asked = request()
    quote = pricer(world, solver).price(asked)
    offer = opened(world, asked, quote)
    was = program_w(stage.made[-1])
    stage.ask()
    assert stage.planner.run_due() == 1
    plan = stage.made[-1]
    assert plan.state is PlanState.AUDITED, plan.result.audit
    assert not plan.part
    assert program_w(plan) == was
    assert plan.result.reservation_shortfall_kwh < 1e-3
    obligation = order(world, offer, quote)
    assert stage.planner.run_due() == 1
    ordered = stage.made[-1]
    assert ordered.state is PlanState.AUDITED, ordered.result.audit
    assert missing_w(obligation, ordered) <= 1
    assert ordered.result.reservation_shortfall_kwh < 1e-3


def test_a_point_moves_again_once_nobody_may_order_its_offer_any_more(world, solver):
    """The plan in force was made while the offer was open, and has kept the program there."""
    stage = announced(world, solver)
    asked = request()
    offer = opened(world, asked, pricer(world, solver).price(asked))
    stage.ask()
    assert stage.planner.run_due() == 1
    with world.store.transaction() as tx:
        for before, after in ((OfferState.OPEN, OfferState.REVOKING), (OfferState.REVOKING, OfferState.REVOKED)):
            flex_offers.move(tx, offer.message_id, before, after, world.clock.now())
    again = pricer(world, solver).price(request())
    assert isinstance(again, Quote), again
    assert min(again.options[0].power_w[t - 1] for t in NOON) < 0


def test_other_prices_and_an_outage_while_an_offer_is_open_move_nothing_there_and_are_said(world, solver):
    """What can no longer be delivered is an order that no plan keeps: an alarm, with the euros."""
    stage = announced(world, solver)
    asked = request()
    quote = pricer(world, solver).price(asked)
    offer = opened(world, asked, quote)
    was = program_w(stage.made[-1])
    with world.store.transaction() as tx:
        register.put_prices(tx, [replace(price, value=300.0) for price in prices("day_ahead_forecast", PERIOD)[6:9]])
    stage.ask()
    assert stage.planner.run_due() == 1
    assert program_w(stage.made[-1]) == was
    with world.store.transaction() as tx:
        overrides.mark_unavailable(tx, "battery", PERIOD.day, PERIOD.day, PERIOD.start, "anna", "it burns")
    stage.ask()
    assert stage.planner.run_due() == 1
    obligation = order(world, offer, quote)
    assert stage.planner.run_due() == 1
    left = stage.made[-1]
    assert missing_w(obligation, left) > 1
    assert left.result.order_shortfall_kwh > 0.1
    world.clock.jump_to(world.clock.now() + timedelta(minutes=11))
    Keeping(world.store, world.settings, world.clock).look()
    with world.store.reading() as tx:
        (alarm,) = [one for one in day.open_alarms(tx) if one.kind == "flex order not kept"]
    assert "at stake" in alarm.text
