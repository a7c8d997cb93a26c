"""Small plans that schedulers are known to get wrong, one test per case, with its hand calculation.

The other cases of the table stand where their kind is tested: t12_watts in tests/connectors/test_plausibility.py,
t14_min200 and t28_sw60 in tests/models/test_small_copies_of_plans.py, t15_crossed in tests/planning/test_case.py,
t15_spec in tests/planning/test_backing.py, t16_hp2 and t16_ev2 in tests/models/test_activations.py.
"""

import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, last_powers, small_scenario

METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])
NEXT = 24  # hours from the first midnight to the second


def car(arrival, departure, energy_kwh, **more):
    return EvSession(
        resource="car", connection=CONNECTION, arrival=at(arrival), departure=at(departure), energy_kwh=energy_kwh,
        charge_kw=11, **more,
    )  # fmt: skip


def dish(earliest, latest):
    return ShiftableRun(
        resource="dish", connection=CONNECTION, earliest_start=at(earliest), latest_end=at(latest),
        profile_kw=(2.0, 2.0, 2.0, 2.0),
    )  # fmt: skip


def played(*resources, method, **more):
    """Run all days; every plan passes its audits."""
    made = run(small_scenario(*resources, **more), solver=by_method(method))
    assert all(step["audit"] == [] and step["state"] == "audited" for step in made.steps)
    return made


def eur(made, of="objective_eur"):
    return made.outcome["totals"][of]


def quarters(made, resource):
    """Return (hours since the first midnight, kW) of each quarter in which a resource runs, in order."""
    found = sorted(last_powers(made, resource).items())
    return [((when - at(0)).total_seconds() / 3600, pytest.approx(kw, abs=1e-6)) for when, kw in found]


@METHODS
def test_t03_low_a_battery_below_its_minimum_is_loaded_and_recovers_at_once(method):
    # 28 of at least 30 kWh: 2 kWh in the first quarter are 8 kW, at 50 EUR/MWh 0.10 EUR. Then it rests.
    low = Battery(
        resource="b", connection=CONNECTION, minimum_kwh=30, charge_kw=100, discharge_kw=100, capacity_kwh=200,
        initial_kwh=28, end_kwh=30,
    )  # fmt: skip
    made = played(low, method=method)
    assert quarters(made, "b") == [(0.0, 8.0)]
    assert eur(made) == pytest.approx(-0.10)
    assert eur(made, "flexibility_eur") == pytest.approx(0.0, abs=1e-9)


@METHODS
def test_t05_2days_a_car_takes_what_it_needs_and_no_more(method):
    # 10 kWh at 90 % are 11.11 kWh: four quarters of 11 kW from 22:00 at 65 EUR/MWh and 0.11 kWh in a fifth: 0.72 EUR.
    one = car(18, NEXT + 7, 10, initial_kwh=20, capacity_kwh=60, charge_efficiency=0.9)
    made = played(one, prices=hourly(70.0, (22, 24, 65.0)), days=2, method=method)
    taken = last_powers(made, "car")
    assert sum(taken.values()) / 4 == pytest.approx(10 / 0.9)
    assert all(at(22) <= when < at(24) for when in taken)
    assert eur(made) == pytest.approx(-10 / 0.9 * 0.065)


@METHODS
@pytest.mark.parametrize("names", [("day_ahead_forecast", "day_ahead"), ("day_ahead",)], ids=["t05_fc2", "t05_nofc2"])
def test_t05_without_forecasts_the_cheap_hours_of_today_are_used(names, method):
    # 18 kWh at 5 EUR/MWh from 22:00 to 24:00, 22 of which could be had: 0.09 EUR. At 90 it were 1.62.
    made = played(car(18, NEXT + 7, 18), prices=hourly(90.0, (22, 24, 5.0)), names=names, days=2, method=method)
    assert all(at(22) <= when < at(24) for when in last_powers(made, "car"))
    assert eur(made) == pytest.approx(-0.09)
    assert eur(made, "flexibility_eur") == pytest.approx(1.62 - 0.09)


@METHODS
def test_t05_v2g2_nothing_moves_where_losses_cost_more_than_prices_differ(method):
    # Bought at 66 EUR/MWh, a kWh in the car costs 73.3; 90 % of it sell at 70: 63. So nothing moves or counts.
    one = car(18, NEXT + 7, 0, discharge_kw=11, initial_kwh=20, capacity_kwh=60, charge_efficiency=0.9,
              discharge_efficiency=0.9)  # fmt: skip
    made = played(one, prices=hourly(70.0, (20, 24, 66.0)), days=2, method=method)
    assert quarters(made, "car") == []
    assert eur(made) == pytest.approx(0.0, abs=1e-9)


@METHODS
def test_t06_fixed_a_car_of_one_power_is_partly_on_in_its_last_quarter(method):
    # 10 kWh at exactly 11 kW, at 20 EUR/MWh from 03:00 to 04:00: three quarters and 2.5/2.75 of the fourth: 0.20 EUR.
    made = played(car(0, 7, 10, charge_min_kw=11), prices=hourly(70.0, (3, 4, 20.0)), method=method)
    assert sorted(kw for _, kw in last_of(made)) == pytest.approx([7.0, 11.0, 11.0, 11.0])
    assert {hour for hour, _ in last_of(made)} == {3.0, 3.25, 3.5, 3.75}
    assert eur(made) == pytest.approx(-0.20)
    assert eur(made, "comfort_shortfall_kwh") == pytest.approx(0.0, abs=1e-6)


@METHODS
def test_t06_small_half_a_kwh_is_charged_for_seven_minutes(method):
    # 0.5 kWh at 4.14 kW take 7.2 minutes of one quarter, whose mean is 2 kW, at 20 EUR/MWh: 0.01 EUR.
    made = played(car(0, 7, 0.5, charge_min_kw=4.14), prices=hourly(70.0, (3, 4, 20.0)), method=method)
    ((hour, kw),) = last_of(made)
    assert 3.0 <= hour < 4.0
    assert kw == pytest.approx(2.0)
    assert 60 * kw / 4 / 4.14 == pytest.approx(7.2, abs=0.1)
    assert eur(made) == pytest.approx(-0.01)


def last_of(made):
    """Return (hours since the first midnight, kW) of the car."""
    return [((when - at(0)).total_seconds() / 3600, kw) for when, kw in last_powers(made, "car").items()]


@METHODS
def test_t08_evonly_a_portfolio_of_one_car_is_planned_also_on_the_day_without_it(method):
    # 10 kWh at 50 EUR/MWh between 08:00 and 17:00 of the first of two days: 0.50 EUR. Without steering, the same.
    made = played(car(8, 17, 10), days=2, method=method)
    taken = last_powers(made, "car")
    assert sum(taken.values()) / 4 == pytest.approx(10)
    assert all(at(8) <= when < at(17) for when in taken)
    assert eur(made) == pytest.approx(-0.50)
    assert len({step["period"] for step in made.steps}) == 2


@METHODS
def test_t08_late_a_run_over_midnight_does_not_start_before_it_may(method):
    # An hour of 2 kW from 23:30 at the earliest to 07:00 at the latest, at 50 EUR/MWh: 0.10 EUR; 48 kWh of load: 2.40.
    load = FixedLoad(resource="load", connection=CONNECTION)
    made = played(dish(23.5, NEXT + 7), load, days=2, forecasts={("load", "power_kw"): 1.0}, method=method)
    found = quarters(made, "dish")
    begin = found[0][0]
    assert 23.5 <= begin <= NEXT + 6
    assert found == [(begin + k / 4, 2.0) for k in range(4)]
    assert eur(made) == pytest.approx(-2.40 - 0.10)
    assert eur(made, "no_flexibility_eur") == pytest.approx(-2.50)


@METHODS
def test_t08_night_a_run_waits_for_the_cheap_hour_after_midnight(method):
    # From 21:00 to 07:00; 90 EUR/MWh, 5 from 03:00 to 04:00 of both days. 2 kWh at 5: 0.01 EUR; the load: 46 kWh at 90
    # and 2 at 5: 4.15. Unmanaged at 21:00 the run costs 0.18.
    load = FixedLoad(resource="load", connection=CONNECTION)
    made = played(
        dish(21, NEXT + 7), load, days=2, prices=hourly(90.0, (3, 4, 5.0)), forecasts={("load", "power_kw"): 1.0},
        method=method,
    )  # fmt: skip
    assert quarters(made, "dish") == [(NEXT + 3 + k / 4, 2.0) for k in range(4)]
    assert eur(made) == pytest.approx(-4.15 - 0.01)
    assert eur(made, "flexibility_eur") == pytest.approx(0.18 - 0.01)


@METHODS
def test_t14_bat_a_battery_rests_at_a_flat_price(method):
    flat = Battery(
        resource="b", connection=CONNECTION, charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=100,
        end_kwh=100,
    )  # fmt: skip
    made = played(flat, method=method)
    assert quarters(made, "b") == []
    assert eur(made) == pytest.approx(0.0, abs=1e-9)


@METHODS
def test_t27_base_at_a_flat_price_flexibility_is_worth_nothing(method):
    # From 50 to 100 kWh at 95 %: 52.63 kWh at 50 EUR/MWh cost 2.63 EUR, steered or not.
    owing = Battery(
        resource="b", connection=CONNECTION, charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=50,
        end_kwh=100, charge_efficiency=0.95, discharge_efficiency=0.95,
    )  # fmt: skip
    made = played(owing, method=method)
    assert sum(last_powers(made, "b").values()) / 4 == pytest.approx(50 / 0.95)
    assert eur(made) == pytest.approx(-50 / 0.95 * 0.05)
    assert eur(made, "flexibility_eur") == pytest.approx(0.0, abs=1e-6)
    assert eur(made, "comfort_shortfall_kwh") == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("ahead", [1, 2])
@METHODS
def test_worth_at_midnight_can_be_that_of_tomorrow(ahead, method):
    # The row `worth of what is stored at midnight`: 10 kWh are kept for tomorrow's 90 EUR/MWh rather than sold at 50.
    kept = Battery(
        resource="b", connection=CONNECTION, charge_kw=0, discharge_kw=10, capacity_kwh=20, initial_kwh=10, end_kwh=0
    )
    prices = [hourly(50.0), hourly(40.0, (7, 8, 90.0)), hourly(40.0)]
    made = played(kept, prices=prices, planning={"look_ahead_days": ahead}, method=method)
    assert quarters(made, "b") == []
    assert eur(made) == pytest.approx(0.0, abs=1e-9)
    assert {step["period"] for step in made.steps} == {str(DAY)}
