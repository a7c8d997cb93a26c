"""A program in force is evaluated under new facts: its worth by hand, its positions, and who can run it no more."""

from dataclasses import replace

import numpy as np
import pytest

from models.audit import audit
from models.baseline import no_flexibility
from models.case import UNIT_CLASSES, Direction
from models.errors import CaseError
from models.evaluation import Earlier, evaluable, keep
from models.markets.registry import MARKETS
from models.outcome import Termination
from models.part import subproblem
from models.resources.registry import RESOURCES
from tests.models.builders import imbalance, intraday, limit, load, make, run, solar, storage, switched
from tests.models.obligation_builders import reservation, reserve
from tests.models.solved import near, solved


def in_force(case, outcome, **rows):
    """The program in force of a case with the same units, in the same order, unless rows are given."""
    every = {name: np.arange(len(case.units(name).point)) for name in UNIT_CLASSES}
    return Earlier(case=case, outcome=outcome, rows=every | rows)


def battery(**more):
    """10 kW, 20 kWh, without losses, empty at first and last."""
    return storage(2, charge_kw=10.0, discharge_kw=10.0, high=20.0, **more)


def test_the_same_facts_give_the_same_worth_whatever_was_found_instead():
    """Every class and coupling at once; each unit can run its program, so nothing of the other outcome is used."""
    case = make(
        4, load(4, 3.0), storage(4, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=10.0, low=[0, 0, 0, 10.0],
        eta_c=0.9, eta_d=0.9, wear=0.001, reserve_kw=10.0), solar(4, -5.0, cost=1.0), run([2.0, 1.0], 0, 2),
        switched(4, (0, 4, 1, 2), on_kw=2.0), reservation(4, [0, 0, -5.0, -5.0], fee=1.0), limit(4, import_kw=12.0),
        reserves=(reserve(4, 10.0, max_mw=0.005),), price=[10.0, 20.0, 100.0, 30.0],
    )  # fmt: skip
    best = solved(case)
    kept = keep(case, in_force(case, best), no_flexibility(case))
    assert kept.replaced == {}
    assert audit(case, kept.outcome) == ()
    assert near(kept.outcome.objective_eur, best.objective_eur)
    assert {name: round(eur, 6) + 0.0 for name, eur in kept.outcome.terms_eur.items()} == {
        name: round(eur, 6) + 0.0 for name, eur in best.terms_eur.items()
    }
    assert near(kept.outcome.point_kw, best.point_kw)
    assert np.isinf(kept.outcome.bound_eur)
    assert kept.outcome.termination is Termination.TIME_LIMIT


def test_a_program_is_worth_what_the_new_prices_pay_for_it():
    """It buys 10 kWh in hour 1 and sells them in hour 2.

    In force at 20 and 100 EUR/MWh: −0.010·20 + 0.010·100 = 0.80 EUR. Now at 50 and 60: −0.50 + 0.60 = 0.10 EUR.
    """
    case = make(2, battery(), price=[20.0, 100.0])
    now = make(2, battery(), price=[50.0, 60.0])
    before = solved(case)
    assert near(before.objective_eur, 0.80)
    kept = keep(now, in_force(case, before), no_flexibility(now))
    assert near(kept.outcome.objective_eur, 0.10)
    assert near(kept.outcome.day_ahead_kw, [10.0, -10.0])


def test_once_day_ahead_is_fixed_the_same_program_needs_no_other_trade_and_another_one_does():
    """Fixed: buy 10, sell 10. The program in force fits; −0.2 + 1.0 = 0.80 EUR. The battery's rest would have to sell
    10 kW back at 10 and buy 10 kW at 110: 0.80 + 0.10 − 1.10 = −0.20 EUR.
    """
    markets = {"intraday": intraday(2, buy=[30.0, 110.0], sell=[10.0, 90.0], depth_kw=100.0)}
    free = make(2, battery(), price=[20.0, 100.0], **markets)
    fixed = replace(free, day_ahead=replace(free.day_ahead, committed_kw=np.array([10.0, -10.0])))
    rest = no_flexibility(fixed)
    assert near(rest.objective_eur, -0.20)
    kept = keep(fixed, in_force(free, solved(free)), rest)
    assert near(kept.outcome.objective_eur, 0.80)
    assert near(kept.outcome.intraday_buy_kw + kept.outcome.intraday_sell_kw, 0.0)


def test_a_release_costs_the_fee_of_what_was_released_and_nothing_else():
    """A full battery holds 10 kW for a call in hour 2, at 5 EUR/MW/h: 0.05 EUR; half released: 0.025 EUR."""
    case = make(2, battery(start=20.0, end_value=1.0), reservation(2, [0.0, -10.0], fee=5.0), price=10.0)
    before = solved(case)
    now = replace(case, reservations=reservation(2, [0.0, -5.0], fee=5.0))
    kept = keep(now, in_force(case, before), no_flexibility(now))
    assert audit(now, kept.outcome) == ()
    assert near(before.objective_eur, 20.0 + 0.05)
    assert near(kept.outcome.objective_eur, 20.0 + 0.025)
    assert near(kept.outcome.reservation_shortfall_kw, 0.0)


def test_for_a_new_reservation_the_program_in_force_may_be_called_as_the_new_plan_would():
    """The battery rests full in both; called, it discharges 10 kW in hour 2. Nobody had planned that call before."""
    free = make(2, battery(start=20.0, end_value=1.0), price=10.0)
    now = make(2, battery(start=20.0, end_value=1.0), reservation(2, [0.0, -10.0], fee=5.0), price=10.0)
    kept = keep(now, in_force(free, solved(free)), solved(now))
    assert audit(now, kept.outcome) == ()
    assert near(kept.outcome.reservation_shortfall_kw, 0.0)
    unknown = keep(now, in_force(free, solved(free)), no_flexibility(now))  # "as planned" delivers nothing
    assert near(unknown.outcome.reservation_shortfall_kw, [[0.0, 10.0]])
    assert near(kept.outcome.objective_eur - unknown.outcome.objective_eur, 0.010 * 2000)


def test_a_new_limit_costs_its_penalty():
    """10 kW above a limit of 4 kW for an hour, at 1,000 EUR/MWh: 6 EUR."""
    case = make(2, battery(), price=[20.0, 100.0])
    now = make(2, battery(), limit(2, import_kw=4.0), price=[20.0, 100.0])
    kept = keep(now, in_force(case, solved(case)), no_flexibility(now))
    assert near(kept.outcome.objective_eur, 0.80 - 6.0)


def test_a_unit_that_cannot_run_its_program_takes_the_one_found_and_all_others_keep_theirs():
    """Two batteries trade 10 kW each; the first fails in hour 2, so it could not sell what it bought.

    The second keeps its 0.80 EUR; the new plan lets the first one rest: 0 EUR.
    """
    case = make(2, battery(), battery(), price=[20.0, 100.0])
    limits = np.array([[10.0, 0.0], [10.0, 10.0]])
    now = replace(case, storage=replace(case.storage, charge_kw=limits, discharge_kw=limits))
    kept = keep(now, in_force(case, solved(case)), no_flexibility(now))
    assert {name: units.tolist() for name, units in kept.replaced.items()} == {"storage": [0]}
    assert audit(now, kept.outcome) == ()
    assert near(kept.outcome.objective_eur, 0.80)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (storage(2, charge_kw=10.0, high=20.0, start=8.0, low=[0.0, 10.0]), {"energy_start_kwh": np.array([0.0])}),
        (storage(2, charge_kw=10.0, high=20.0, low=[0.0, 5.0]), {"energy_min_kwh": np.array([[0.0, 15.0]])}),
        (storage(2, charge_kw=10.0, high=20.0, low=[0.0, 5.0]), {"pinned_kw": np.array([[7.0, np.nan]])}),
        (storage(2, charge_kw=10.0, high=[3.0, 9.0], low=[3.0, 5.0]), {"charge_min_kw": np.array([6.0])}),
        (storage(2, charge_kw=10.0, high=20.0, low=[0.0, 5.0]), {"demand_kwh": np.array([[0.0, 1.0]])}),
    ],
    ids=["less was stored", "more is needed", "did something else", "a minimum power", "more is drawn"],
)
def test_stores_whose_facts_changed_against_them_cannot_run_their_program(before, now):
    case = make(2, before, price=[20.0, 100.0])
    changed = replace(case, storage=replace(case.storage, **now))
    kept = keep(changed, in_force(case, solved(case)), solved(changed))
    assert kept.replaced["storage"].tolist() == [0]
    assert audit(changed, kept.outcome) == ()


def test_a_store_whose_energy_moves_within_its_band_keeps_its_power():
    """It charges 5 kWh from 0; 2 kWh more at the start leave 7 kWh."""
    case = make(2, storage(2, charge_kw=10.0, high=20.0, low=[0.0, 5.0]), price=[20.0, 100.0])
    now = replace(case, storage=replace(case.storage, energy_start_kwh=np.array([2.0])))
    kept = keep(now, in_force(case, solved(case)), no_flexibility(now))
    assert kept.replaced == {}
    assert near(kept.outcome.programs.energy_kwh, [[7.0, 7.0]])


def test_generation_that_was_not_curtailed_follows_its_new_forecast_and_curtailed_generation_stays():
    """At 50 and −50 EUR/MWh it produces 4 kW and nothing; the new forecast is 6 and 3 kW."""
    case = make(2, solar(2, -4.0), price=[50.0, -50.0])
    now = make(2, solar(2, [-6.0, -3.0]), price=[50.0, -50.0])
    kept = keep(now, in_force(case, solved(case)), no_flexibility(now))
    assert near(kept.outcome.programs.curtailable_kw, [[-6.0, 0.0]])
    assert audit(now, kept.outcome) == ()


def test_runs_and_switched_units_keep_what_they_may_still_do():
    """The cheapest hour is the third; the run's last start is then before it, and the load's window ends before it."""
    case = make(3, run([4.0], 0, 2), switched(3, (0, 3, 1, 1), on_kw=2.0), price=[30.0, 20.0, 10.0])
    before = solved(case)
    same = keep(case, in_force(case, before), no_flexibility(case))
    assert same.outcome.programs.start.tolist() == [2]
    assert same.outcome.programs.switched_on.tolist() == [[False, False, True]]
    now = make(3, run([4.0], 0, 1), switched(3, (0, 2, 1, 1), on_kw=2.0), price=[30.0, 20.0, 10.0])
    kept = keep(now, in_force(case, before), solved(now))
    assert sorted(kept.replaced) == ["shiftable", "switched"]
    assert kept.outcome.programs.start.tolist() == [1]
    assert audit(now, kept.outcome) == ()


def test_new_units_take_the_program_found_and_units_that_are_gone_are_forgotten():
    """Of loads of 1 and 2 kW and a battery, the first load is gone and a second battery is new; it rests."""
    case = make(2, load(2, 1.0), load(2, 2.0), battery(), price=[20.0, 100.0])
    now = make(2, load(2, 2.0), battery(), battery(), price=[20.0, 100.0])
    earlier = in_force(case, solved(case), fixed=np.array([1]), storage=np.array([-1, 0]))
    kept = keep(now, earlier, no_flexibility(now))
    assert kept.replaced == {}  # a unit that had no program lost none
    assert near(kept.outcome.programs.storage_kw, [[0.0, 0.0], [10.0, -10.0]])
    assert near(kept.outcome.objective_eur, 0.80 - 0.002 * (20.0 + 100.0))


def test_a_class_without_rules_of_its_own_and_without_units_is_nothing_to_compare(monkeypatch):
    """Such as a class that was added, in a portfolio that has none of it."""
    plain = tuple(replace(one, resumed=None) if one.name == "curtailable" else one for one in RESOURCES)
    monkeypatch.setattr("models.evaluation.RESOURCES", plain)
    case = make(2, battery(), price=[20.0, 100.0])
    assert keep(case, in_force(case, solved(case)), no_flexibility(case)).replaced == {}


@pytest.mark.parametrize("seed", [16, 17, 18, 19, 21, 24, 26, 28])
def test_reserve_that_other_stores_hold_when_called_is_no_shortfall(seed):
    """Three stores share three awarded products one way as planned, and another way while a reservation is called."""
    isps, draw = 4, np.random.default_rng(seed)

    def store():
        start = float(draw.integers(2, 18))
        return storage(isps, charge_kw=10.0, discharge_kw=10.0, high=20.0, start=start, reserve_kw=10.0)

    def awarded(name, direction, sustain_h):
        mw = float(draw.integers(2, 7)) / 1000
        return reserve(isps, 10.0, name=name, direction=direction, committed_mw=mw, sustain_h=sustain_h)

    stores = store(), store(), store()
    called = np.where(np.arange(isps) == draw.integers(1, isps), -float(draw.integers(3, 12)), 0.0)
    products = (
        awarded("fcr", Direction.SYMMETRIC, 0.25),
        awarded("up", Direction.UP, 1.0),
        awarded("down", Direction.DOWN, 1.0),
    )
    price = list(draw.integers(5, 60, isps).astype(float))
    case = make(isps, load(isps, 3.0), *stores, reservation(isps, called), reserves=products, price=price)
    best = solved(case)
    kept = keep(case, in_force(case, best), no_flexibility(case)).outcome
    assert audit(case, kept) == ()
    assert near(kept.objective_eur, best.objective_eur)


def test_bids_stay_and_are_lowered_where_they_can_be_held_no_more():
    """A full battery of 10 kW earns 0.010 MW at 100 EUR/MW: 1 EUR; it is then prequalified for 6 kW only: 0.6 EUR."""
    held = battery(start=20.0, end_value=1.0, reserve_kw=10.0)
    case = make(2, held, price=10.0, reserves=(reserve(2, 100.0),))
    before = solved(case)
    assert near(before.bids_mw[0], [0.010])
    now = replace(case, storage=replace(case.storage, reserve_kw=np.array([6.0])))
    kept = keep(now, in_force(case, before), no_flexibility(now))
    assert near(kept.outcome.bids_mw[0], [0.006])
    assert audit(now, kept.outcome) == ()
    assert near(kept.outcome.objective_eur, 20.0 + 0.6)


def test_awarded_capacity_that_was_never_planned_is_held_where_there_is_room():
    """A full battery can hold the 10 kW that were awarded, though its program in force held nothing."""
    case = make(2, battery(start=20.0, end_value=1.0, reserve_kw=10.0), price=10.0, reserves=(reserve(2, 0.0),))
    now = replace(case, reserves=(reserve(2, 100.0, committed_mw=0.010),))
    kept = keep(now, in_force(case, solved(case)), no_flexibility(now))
    assert near(kept.outcome.reserve_shortfall_mw, 0.0)
    assert near(kept.outcome.objective_eur, 20.0 + 1.0)


def test_imbalance_is_priced_where_no_market_covers_the_program():
    """Nothing may be traded any more: 10 kWh short, then 10 kWh long, at 500 EUR/MWh: −10 EUR."""
    case = make(2, battery(), price=[20.0, 100.0])
    closed = replace(
        case, day_ahead=replace(case.day_ahead, committed_kw=np.zeros(2)), imbalance=imbalance(2, 500.0, 500.0)
    )
    kept = keep(closed, in_force(case, solved(case)), no_flexibility(closed))
    assert near(kept.outcome.objective_eur, -10.0)


def test_in_a_part_the_rest_of_the_portfolio_counts_as_it_is():
    """Two full batteries of 10 kW at two points hold 10 kW of a bid of 0.020 MW each; the part is the first of them.

    In the part, its program in force is worth what it is in the whole: 2 · 20 EUR stored and 0.020 MW · 100 EUR/MW.
    """
    first, second = (battery(start=20.0, end_value=1.0, reserve_kw=10.0, point=point) for point in (0, 1))
    case = make(2, first, second, points=2, price=10.0, reserves=(reserve(2, 100.0),))
    whole = solved(case)
    assert near(whole.objective_eur, 42.0)
    part = subproblem(case, whole, np.array([0]))
    kept = keep(part, in_force(case, whole, storage=np.array([0]), fixed=np.array([-1])), no_flexibility(part))
    assert near(kept.outcome.objective_eur, 42.0)
    assert near(kept.outcome.bids_mw[0], [0.020])
    assert audit(part, kept.outcome) == ()
    assert evaluable(part)


def test_a_market_that_is_planned_whole_only_is_not_evaluated(monkeypatch):
    case = make(2, battery())
    whole_only = replace(MARKETS[0], whole_only=lambda _case: True)
    monkeypatch.setattr("models.evaluation.MARKETS", (whole_only, *MARKETS[1:]))
    assert not evaluable(case)
    with pytest.raises(CaseError, match="cannot be evaluated"):
        keep(case, in_force(case, no_flexibility(case)), no_flexibility(case))
