"""Reserve of storage is deliverable: after a full activation a unit can still meet all it owes.

Values are computed by hand; docs/reference/formulation.md §3.5 states the rules.
"""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.case import Direction
from models.decomposition.solve import solve as decomposition
from models.reference.problem import solve
from tests.models.builders import day_ahead, load, make, solar, storage
from tests.models.obligation_builders import reservation, reserve
from tests.models.oracle import best_value
from tests.models.solved import near, solved

UP, DOWN, FCR = Direction.UP, Direction.DOWN, Direction.SYMMETRIC
QUARTER = 0.25


def heat_pump(isps, *, buffer_kwh, start_kwh, reserve_kw=2000, **more):
    """COP 4, 2 MW, 1 MWh of heat needed in each quarter of an hour."""
    return storage(
        isps, charge_kw=2000, eta_c=4.0, high=buffer_kwh, start=start_kwh, demand=1000, reserve_kw=reserve_kw, **more
    )


def cars(isps, *, last, count=1, spare_isps=0):
    """Cars of 11 kW that must charge at full power until the end of ISP `last`, or all but some ISPs."""
    present = np.arange(isps) <= last
    need = 11 * QUARTER * (last + 1 - spare_isps)
    return storage(
        isps, charge_kw=11.0 * count * present, low=np.where(np.arange(isps) >= last, need * count, 0.0),
        high=need * count, reserve_kw=11.0 * count,
    )  # fmt: skip


def product(isps, direction, sustain_h, *, price=60.0, step_mw=1.0):
    return reserve(isps, price, direction=direction, minimum_mw=step_mw, step_mw=step_mw, sustain_h=sustain_h)


def sold(case):
    """Return the bids of the reference; the decomposition's lie within its proof, and all pass the audit."""
    outcome = solved(case)
    other = decomposition(case, relative_gap=1e-6, time_limit_s=240)
    assert audit(case, other) == ()
    slight = 1e-5 * max(1.0, outcome.gross_cost_eur)
    assert other.bound_eur >= outcome.objective_eur - slight
    assert other.objective_eur <= outcome.objective_eur + slight
    return [bids[0] for bids in outcome.bids_mw]


@pytest.mark.parametrize(("buffer_kwh", "bid_mw"), [(250, 0), (999, 0), (1001, 1), (2001, 1)])
def test_t16_hp2_what_a_heat_pump_does_not_run_its_buffer_lacks_times_its_cop(buffer_kwh, bid_mw):
    # 1 MW less for a quarter of an hour is 250 kWh of electricity, but 1,000 kWh of heat
    case = make(
        4, heat_pump(4, buffer_kwh=buffer_kwh, start_kwh=buffer_kwh), hours=QUARTER, price=50,
        reserves=[product(4, UP, QUARTER)],
    )  # fmt: skip
    assert near(sold(case), [bid_mw])


@pytest.mark.parametrize(("room_kwh", "bid_mw"), [(999, 0), (1001, 1)])
def test_a_heat_pump_that_runs_more_fills_its_buffer_times_its_cop(room_kwh, bid_mw):
    unit = heat_pump(1, buffer_kwh=1000 + room_kwh, start_kwh=1000, low=1000)
    case = make(1, unit, hours=QUARTER, price=50, reserves=[product(1, DOWN, QUARTER)])
    assert near(sold(case), [bid_mw])


@pytest.mark.parametrize("sustain_h", [QUARTER, 1.0])
def test_t16_ev2_cars_that_must_charge_at_full_power_sell_no_reserve(sustain_h):
    case = make(
        9, cars(9, last=8, count=10), hours=QUARTER, price=50, reserves=[product(9, UP, sustain_h, step_mw=0.01)]
    )
    assert near(sold(case), [0])


def test_a_product_that_need_not_be_sustained_takes_power_only():
    """Called for a moment, cars that charge at 110 kW in all lose no energy worth counting: 0.11 MW, in ten steps."""
    case = make(9, cars(9, last=8, count=10), hours=QUARTER, price=50, reserves=[product(9, UP, 0.0, step_mw=0.01)])
    assert near(sold(case), [0.11])


@pytest.mark.parametrize(("spare_isps", "bid_mw"), [(0, 0.0), (1, 0.1)])
def test_cars_sell_what_they_can_still_make_up_for(spare_isps, bid_mw):
    # Sold in the first of 8 quarters only, for that quarter: with one to spare all 110 kW can be made up for.
    offered = replace(product(8, UP, QUARTER, step_mw=0.1), block=np.where(np.arange(8) == 0, 0, -1))
    case = make(8, cars(8, last=7, count=10, spare_isps=spare_isps), hours=QUARTER, price=50, reserves=[offered])
    assert near(sold(case), [bid_mw])


def test_a_store_that_must_be_emptied_takes_no_more():
    # 4 MWh must leave in four hours at 1 MW, so whatever down reserve brings in would be left over.
    unit = storage(4, charge_kw=1000, discharge_kw=1000, high=[4000, 4000, 4000, 0], start=4000, reserve_kw=1000)
    case = make(4, unit, reserves=[product(4, DOWN, 1.0, step_mw=0.1)])
    assert near(sold(case), [0])


def test_energy_of_an_activation_is_there_although_the_next_isp_holds_nothing():
    # 2 MWh, and 1 MW held in the first hour, which must last two. In the second hour the unit follows its program, so
    # only 1 MWh can be sold then for 100 EUR, although nothing is held any more; the other is sold for 99 EUR.
    unit = storage(3, discharge_kw=2000, high=2000, start=2000, reserve_kw=1000)
    offered = replace(product(3, UP, 2.0), block=np.array([0, -1, -1]), price_eur_per_mw=np.array([10.0]))
    case = make(3, unit, day_ahead=day_ahead(3, [0.0, 100.0, 99.0]), reserves=[offered])
    outcome = solved(case)
    assert near(outcome.bids_mw[0], [1])
    assert near(outcome.objective_eur, 10 + 100 + 99)


def test_generation_holds_reserve_without_energy():
    sun = solar(2, -2000, reserve_kw=2000)
    case = make(2, sun, price=50, reserves=[product(2, DOWN, 1.0, price=5.0)])
    assert near(sold(case), [2])


def oversold(case, side, kw):
    """Return the outcome of a case with its reserve held as an earlier rule allowed, and the bid that it covers."""
    without = solve(replace(case, reserves=()), relative_gap=1e-8, time_limit_s=600)
    shape = (1, len(case.storage.point), case.isps)
    held = np.where(case.reserves[0].block >= 0, kw, 0.0) * np.ones(shape)
    none = np.zeros_like(held)
    found = solve(case, relative_gap=1e-8, time_limit_s=600)
    headroom = replace(
        found.headroom, storage_up_kw=held if side == "up" else none, storage_down_kw=held if side == "down" else none
    )
    return replace(found, programs=without.programs, headroom=headroom)


def assert_found(case, side, kw):
    findings = audit(case, oversold(case, side, kw))
    assert any(f"{side} headroom is beyond its energy: called from here on" in finding for finding in findings), (
        findings
    )


def test_the_audit_finds_the_old_plan_of_t16_hp2():
    unit = heat_pump(4, buffer_kwh=250, start_kwh=250, low=[250, 250, 250, 0])
    assert_found(make(4, unit, hours=QUARTER, price=50, reserves=[product(4, UP, QUARTER)]), "up", 1000.0)


@pytest.mark.parametrize("sustain_h", [QUARTER, 1.0])
def test_the_audit_finds_the_old_plan_of_t16_ev2(sustain_h):
    offered = replace(product(9, UP, sustain_h, step_mw=0.01), block=np.where(np.arange(9) == 4, 0, -1))
    assert_found(make(9, cars(9, last=8, count=10), hours=QUARTER, price=50, reserves=[offered]), "up", 100.0)


def test_the_audit_finds_what_a_full_buffer_cannot_take():
    unit = storage(2, charge_kw=1000, high=900, start=900, low=900, reserve_kw=1000)
    assert_found(make(2, unit, reserves=[product(2, DOWN, 1.0)]), "down", 1000.0)


def random_unit(rng, isps):
    """A heat pump, car or battery that owes something, and holds reserve."""
    kind = rng.integers(4)
    power = float(rng.uniform(5, 20))
    if kind == 0:
        cop = rng.uniform(2, 5, isps)
        return storage(
            isps, charge_kw=power, eta_c=cop, high=rng.uniform(10, 40), start=8.0, demand=rng.uniform(0, 4, isps),
            retention=0.99, reserve_kw=power,
        )  # fmt: skip
    if kind == 1:
        leave = int(rng.integers(2, isps))
        present = np.arange(isps) <= leave
        need = rng.uniform(0.3, 1.0) * power * 0.5 * 0.9 * (leave + 1)
        return storage(
            isps, charge_kw=power * present, discharge_kw=rng.choice([0.0, power]) * present, eta_c=0.9, eta_d=0.9,
            low=np.where(np.arange(isps) >= leave, need, 0.0), high=need + rng.choice([0.0, 5.0]), reserve_kw=power,
        )  # fmt: skip
    emptied = np.where(np.arange(isps) == isps - 1, 2.0 if kind == 2 else 30.0, 30.0)
    return storage(
        isps, charge_kw=power, discharge_kw=power, eta_c=rng.uniform(0.8, 1), eta_d=rng.uniform(0.8, 1),
        high=emptied, start=rng.uniform(0, 12), reserve_kw=power, end_value=0.05,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(16))
def test_reference_oracle_decomposition_and_audit_agree_on_units_that_owe_something(seed):
    rng, isps, hours = np.random.default_rng(seed), 6, 0.5
    parts = [random_unit(rng, isps) for _ in range(3)] + [load(isps, 10.0)]
    if seed % 2:
        parts.append(reservation(isps, np.where(np.arange(isps) == 3, -4.0, 0.0)))
    offered = [
        reserve(
            isps, rng.uniform(2, 15, 2), name=f"product {r}", direction=(UP, DOWN, FCR)[(r + seed) % 3],
            block=np.arange(isps) // 3, step_mw=0.001, minimum_mw=0.001, max_mw=0.05,
            sustain_h=rng.choice([0.0, 0.5, 1.0, 1.5]),
        )
        for r in range(2)
    ]  # fmt: skip
    case = make(isps, *parts, hours=hours, day_ahead=day_ahead(isps, rng.uniform(20, 150, isps)), reserves=offered)
    outcome = solved(case)
    slight = 1e-6 * max(1.0, outcome.gross_cost_eur)
    assert outcome.objective_eur == pytest.approx(best_value(case), abs=slight)
    other = decomposition(case, relative_gap=1e-4, time_limit_s=240)
    assert audit(case, other) == ()
    assert other.bound_eur >= outcome.objective_eur - slight
    assert other.objective_eur <= outcome.objective_eur + slight
