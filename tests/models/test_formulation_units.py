"""Every class of unit alone, on cases small enough to compute by hand. ISPs of one hour: 1 kW is 1 kWh.

Prices are in EUR/MWh, so 10 kWh at 50 cost 10·50/1000 = 0.50 EUR.
"""

import numpy as np
import pytest

from models.baseline import no_flexibility
from models.case import NO_POINT
from tests.models.builders import day_ahead, limit, load, make, run, solar, storage
from tests.models.case_arrays import NAN
from tests.models.obligation_builders import reserve
from tests.models.solved import near, solved


def test_a_fixed_load_pays_what_it_consumes():
    # 2·50 + 4·100 = 500 kW·EUR/MWh
    outcome = solved(make(2, load(2, [2, 4]), price=[50, 100]))
    assert near(outcome.objective_eur, -0.5)
    assert near(outcome.point_kw, [[2, 4]])


def test_generation_is_curtailed_only_where_the_price_is_below_minus_its_cost():
    # at 50: earns 0.50. At −30: producing costs 0.30, curtailing 10·10/1000 = 0.10. At −5: producing costs 0.05 < 0.10.
    outcome = solved(make(3, solar(3, -10, cost=10), price=[50, -30, -5]))
    assert near(outcome.programs.curtailable_kw, [[-10, 0, -10]])
    assert near(outcome.terms_eur["curtailment"], -0.1)
    assert near(outcome.objective_eur, 0.5 - 0.1 - 0.05)


def test_a_battery_earns_the_spread_less_losses_and_wear():
    # 10 kWh in at 20 store 8, which give 4 out at 100: −0.20 + 0.40, wear 0.001·(10 + 4)
    case = make(2, storage(2, charge_kw=10, discharge_kw=10, eta_c=0.8, eta_d=0.5, wear=0.001), price=[20, 100])
    outcome = solved(case)
    assert near(outcome.programs.storage_kw, [[10, -4]])
    assert near(outcome.programs.energy_kwh, [[8, 0]])
    assert near(outcome.terms_eur["wear"], -0.014)
    assert near(outcome.objective_eur, 0.2 - 0.014)


def test_a_battery_rests_where_wear_is_dearer_than_the_spread():
    # per kWh in: 0.02 + 0.02 spent, 0.4·(0.10 − 0.02) = 0.032 earned
    case = make(2, storage(2, charge_kw=10, discharge_kw=10, eta_c=0.8, eta_d=0.5, wear=0.02), price=[20, 100])
    assert near(solved(case).programs.storage_kw, 0)


def test_stored_energy_decays_before_it_can_be_used():
    # 10 in, then half of it is left: 5 out at 100 against 10 in at 20
    case = make(2, storage(2, charge_kw=10, discharge_kw=10, retention=0.5), price=[20, 100])
    outcome = solved(case)
    assert near(outcome.programs.storage_kw, [[10, -5]])
    assert near(outcome.objective_eur, 0.5 - 0.2)


def test_the_start_energy_decays_in_the_first_isp_too():
    # 8 at the start, 4 after one ISP, sold at 100
    outcome = solved(make(1, storage(1, discharge_kw=10, retention=0.5, start=8), price=100))
    assert near(outcome.objective_eur, 0.4)


@pytest.mark.parametrize(("end_value", "sold_kw"), [(0.09, 10.0), (0.11, 0.0)])
def test_energy_is_kept_where_its_end_value_beats_the_market(end_value, sold_kw):
    # selling a kWh earns 0.10 EUR
    outcome = solved(make(1, storage(1, discharge_kw=10, start=10, end_value=end_value), price=100))
    assert near(outcome.programs.discharge_kw, sold_kw)
    assert near(outcome.objective_eur, max(10 * 0.1, 10 * end_value))


def car(need, **changes):
    """Plugged in during the second and third of four ISPs."""
    given = {"charge_kw": [0, 10, 10, 0], "eta_c": 0.8, "low": [0, 0, need, need], "high": 100.0}
    return storage(4, **(given | changes))


def test_a_car_gets_its_energy_in_the_cheapest_isps_of_its_stay():
    # 12 kWh need 15 from the grid: 10 at 40, 5 at 50; the cheaper ISPs before and after do not count
    case = make(4, car(12, unmanaged_kw=[0, 10, 5, 0]), price=[10, 50, 40, 5])
    outcome = solved(case)
    assert near(outcome.programs.charge_kw, [[0, 5, 10, 0]])
    assert near(outcome.objective_eur, -(0.25 + 0.40))
    # unmanaged: 10 at 50, 5 at 40
    assert near(no_flexibility(case).objective_eur, -(0.50 + 0.20))


def test_a_car_that_cannot_get_its_energy_gets_all_there_is_and_the_rest_is_reported():
    # 2·10·0.8 = 16 of 20 kWh; 4 missing at 10 EUR, 20 kWh bought at 50
    outcome = solved(make(4, car(20, shortfall=10.0), price=50))
    assert near(outcome.programs.charge_kw, [[0, 10, 10, 0]])
    assert near(outcome.programs.unmet_kwh.sum(), 4)
    assert near(outcome.terms_eur["comfort shortfall"], -40)
    assert near(outcome.objective_eur, -40 - 1)


def test_comfort_comes_before_any_market():
    # 400 EUR/MWh is far above anything usual, and far below the 10 EUR/kWh of a missed need
    outcome = solved(make(4, car(12), price=400))
    assert near(outcome.programs.unmet_kwh, 0)
    assert near(outcome.objective_eur, -15 * 0.4)


def test_a_car_sells_and_buys_back_before_it_leaves():
    # 10 out at 100, 10 in at 20, full again when it leaves: 1.00 − 0.20
    vehicle = storage(3, charge_kw=10, discharge_kw=10, start=10, high=20, low=[0, 0, 10])
    outcome = solved(make(3, vehicle, price=[100, 20, 60]))
    assert near(outcome.programs.storage_kw, [[-10, 10, 0]])
    assert near(outcome.objective_eur, 0.8)


def heat_pump(high):
    return storage(2, charge_kw=10, eta_c=[4, 2], retention=0.75, high=high, demand=8)


def test_a_heat_pump_heats_ahead_while_its_cop_is_good_and_losses_allow():
    # second ISP's 8 kWh: there 8/2 = 4 kWh; ahead 8/0.75/4 = 2.667 kWh. In all (8 + 8/0.75)/4 = 4.667 kWh at 100
    outcome = solved(make(2, heat_pump(20), price=100))
    assert near(outcome.programs.charge_kw, [[14 / 3, 0]])
    assert near(outcome.objective_eur, -0.14 / 0.3)


def test_a_full_buffer_stops_heating_ahead():
    # 6 kept, 4.5 left of them: (8 + 6)/4 = 3.5 kWh, then (8 − 4.5)/2 = 1.75 kWh
    outcome = solved(make(2, heat_pump(6), price=100))
    assert near(outcome.programs.charge_kw, [[3.5, 1.75]])
    assert near(outcome.objective_eur, -0.525)


def test_heat_demand_above_capacity_is_a_reported_shortfall():
    # 2 kW at COP 3 give 6 of 10 kWh in both ISPs
    outcome = solved(make(2, storage(2, charge_kw=2, eta_c=3, demand=10, high=5), price=100))
    assert near(outcome.programs.unmet_kwh, [[4, 4]])
    assert near(outcome.programs.charge_kw, [[2, 2]])


def test_start_energy_above_the_band_is_a_reported_excess():
    # 12 in a band up to 10, nothing draws on it
    outcome = solved(make(2, storage(2, start=12, high=10, shortfall=3.0)))
    assert near(outcome.programs.excess_kwh, [[2, 0]])
    assert near(outcome.objective_eur, -6)


def test_a_run_starts_where_it_is_cheapest_and_unmanaged_at_its_earliest():
    # starts 0..3: 4·50 + 2·20 = 240, 4·20 + 2·35 = 150, 4·35 + 2·10 = 160, 4·10 + 2·90 = 220
    case = make(5, run([4, 2], 0, 3), price=[50, 20, 35, 10, 90])
    outcome = solved(case)
    assert outcome.programs.start.tolist() == [1]
    assert near(outcome.objective_eur, -0.15)
    assert near(no_flexibility(case).objective_eur, -0.24)


def test_a_run_keeps_its_window():
    # of the starts 2 and 3 the first is cheaper, though 1 would be best
    outcome = solved(make(5, run([4, 2], 2, 3), price=[50, 20, 35, 10, 90]))
    assert outcome.programs.start.tolist() == [2]
    assert near(outcome.objective_eur, -0.16)


def test_negative_prices_do_not_make_a_battery_burn_energy():
    # Full at 10 kWh. Mixing would earn without end; alternating: 4 out (8 kWh) pays 0.40, 10 in (8 kWh) earns 1.00
    battery = storage(2, charge_kw=10, discharge_kw=10, eta_c=0.8, eta_d=0.5, start=10, high=10)
    outcome = solved(make(2, battery, price=-100))
    assert near(outcome.programs.storage_kw, [[-4, 10]])
    assert near(np.minimum(outcome.programs.charge_kw, outcome.programs.discharge_kw), 0)
    assert near(outcome.objective_eur, 0.6)


def test_what_is_pinned_stays_though_another_program_pays():
    # charging 3 at 100 and discharging 3 at 20 loses 0.24; the free ISP at 60 sells the 5 kWh that were there
    battery = storage(3, charge_kw=10, discharge_kw=10, start=5, pinned_kw=[3, NAN, -3])
    outcome = solved(make(3, battery, solar(3, -4, pinned_kw=[-1, NAN, NAN]), price=[100, 60, 20]))
    assert near(outcome.programs.storage_kw, [[3, -5, -3]])
    assert near(outcome.programs.curtailable_kw, [[-1, -4, -4]])
    # battery −0.30 + 0.30 + 0.06, sun 0.10 + 0.24 + 0.08
    assert near(outcome.objective_eur, 0.06 + 0.42)


def test_what_is_pinned_to_zero_is_curtailed_at_its_price_and_can_still_produce():
    # ISP 0: 4 kWh curtailed at 50 cost 0.20, and the 4 kW not produced can be held up; the other ISP sells 4 kWh at 100
    sun = solar(2, -4, cost=50, reserve_kw=9, pinned_kw=[0, NAN])
    outcome = solved(make(2, sun, reserves=(reserve(2, [300, 0], block=[0, 1]),)))
    assert near(outcome.headroom.curtailable_up_kw[0], [[4, 0]])
    assert near(outcome.objective_eur, 0.4 - 0.2 + 300 * 0.004)


def test_a_car_charges_with_its_minimum_power_but_for_one_isp():
    # 5 kWh are needed: 4 kW at 10 and, for a part of the next ISP, 3 kW at 20: a mean of 1 kW, 0.04 + 0.02 EUR
    car = storage(3, charge_kw=4, charge_min_kw=3, high=9, low=[0, 0, 5])
    outcome = solved(make(3, car, price=[10, 20, 90]))
    assert near(outcome.programs.charge_kw, [[4, 1, 0]])
    assert near(outcome.objective_eur, -0.06)


def test_a_second_isp_below_the_minimum_power_is_not_possible():
    # 3 kWh, of which 1.5 fit beneath the limit in each cheap ISP; twice less than 3 kW may not be, so 3 kW at 90
    car = storage(3, charge_kw=4, charge_min_kw=3, high=9, low=[0, 0, 3])
    outcome = solved(make(3, car, limit(3, import_kw=[1.5, 1.5, 99]), price=[10, 20, 90]))
    assert near(outcome.programs.charge_kw, [[0, 0, 3]])
    assert near(outcome.objective_eur, -0.27)


def test_a_minimum_above_the_limit_means_the_limit():
    # half an ISP at most: 2 kW there, and 1 kW on the mean of a shorter time; 3 kWh at 10
    car = storage(2, charge_kw=2, charge_min_kw=4, high=3, low=[0, 3])
    outcome = solved(make(2, car, price=10))
    assert near(sorted(outcome.programs.charge_kw[0]), [1, 2])
    assert near(outcome.objective_eur, -0.03)


def test_a_need_that_the_minimum_overshoots_twice_is_missed():
    # exactly 1 kWh in each ISP: 1 kW once for a part of the time, then 0 or 2 kW: 1 kWh is missed at 10
    car = storage(2, charge_kw=2, charge_min_kw=4, high=[1, 2], low=[1, 2])
    outcome = solved(make(2, car, price=10))
    assert near(outcome.terms_eur["comfort shortfall"], -10)


@pytest.mark.parametrize("isps", [92, 96, 100])
def test_days_of_every_length_count_each_isp_once(isps):
    # 1 kW at 40 over isps·0.25 h, and 2 kWh from the last quarter at 240 (8 kW) instead of any other
    price = np.full(isps, 40.0)
    price[-1] = 240
    outcome = solved(make(isps, load(isps, 1), storage(isps, discharge_kw=8, start=2), hours=0.25, price=price))
    assert near(outcome.programs.discharge_kw[0, -1], 8)
    assert near(outcome.objective_eur, -(isps * 0.25 * 40 + 0.25 * 200) / 1000 + 2 * 0.24)


@pytest.mark.parametrize("points", [0, 1, 3])
def test_no_units_at_all_are_worth_nothing(points):
    outcome = solved(make(4, points=points))
    assert near(outcome.objective_eur, 0)
    assert outcome.point_kw.shape == (points, 4)
    assert near(outcome.point_kw, 0)


def test_congestion_points_without_units_have_a_program_of_zero():
    outcome = solved(make(2, load(2, 3, point=1), load(2, 5, point=NO_POINT), points=3))
    assert near(outcome.point_kw, [[0, 0], [3, 3], [0, 0]])
    assert near(outcome.total_kw, [8, 8])


def test_equal_programs_of_different_units_do_not_depend_on_each_other():
    # with one deep market price units decide alone: values add up
    parts = [
        storage(4, charge_kw=5, discharge_kw=5, eta_c=0.9, eta_d=0.9, high=8, wear=0.002),
        run([2, 1], 0, 2),
        solar(4, [0, -3, -6, 0], cost=4),
        car(9),
    ]
    market = day_ahead(4, [70, -20, 30, 110])
    alone = [solved(make(4, part, day_ahead=market)).objective_eur for part in parts]
    assert near(solved(make(4, *parts, day_ahead=market)).objective_eur, sum(alone))


def test_many_units_are_stated_as_a_few_are():
    # few rows are stated one by one, many by one template; a unit earns alone what it earns among its like
    unit = storage(
        4, charge_kw=10, discharge_kw=10, eta_c=0.8, eta_d=0.5, retention=0.9, start=12, high=20, wear=0.001,
        demand=[0, 1, 0, 1], reserve_kw=5, worth_steps=[(3, -0.01)], end_value=0.02,
    )  # fmt: skip
    held = reserve(4, 500.0, step_mw=1e-7, sustain_h=0.5)
    few, many = (solved(make(4, *[unit] * count, price=[20, 100, 30, 150], reserves=[held])) for count in (1, 12))
    assert near(many.objective_eur, 12 * few.objective_eur)
    assert few.bids_mw[0][0] > 0
    assert few.programs.charge_kw.any()
