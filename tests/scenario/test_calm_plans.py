"""Of equally good plans the calmest is made: what earns nothing is left alone, by every method."""

from dataclasses import replace
from datetime import time

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.register import Contract
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, POINT, at, hourly, last_powers, small_scenario

METHODS = pytest.mark.parametrize("method", ["auto", "reference", "decomposition"])


def battery(name="battery", **more):
    values = {"charge_kw": 100, "discharge_kw": 100, "capacity_kwh": 200, "initial_kwh": 100, "end_kwh": 100} | more
    return Battery(resource=name, connection=CONNECTION, **values)


def planned(solver, *resources, **more):
    made = run(small_scenario(*resources, **more), solver=solver)
    assert all(step["audit"] == [] for step in made.steps)
    return made


@METHODS
def test_a_battery_rests_at_a_flat_price(method):
    made = planned(by_method(method), battery())
    assert last_powers(made, "battery") == {}
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(0, abs=1e-9)


@METHODS
def test_a_generator_runs_at_price_zero(method):
    sun = Generator(resource="sun", connection=CONNECTION)
    made = planned(by_method(method), sun, prices=hourly(0.0), forecasts={("sun", "power_kw"): -8.0})
    assert list(last_powers(made, "sun").values()) == pytest.approx([-8.0] * 96)


@METHODS
def test_a_battery_moves_no_more_than_its_gain_needs(method):
    # One hour at 30, all others at 50 EUR/MWh: 100 kWh are bought once and sold once, 100 · 0.02 = 2 EUR.
    made = planned(by_method(method), battery(), prices=hourly(50.0, (3, 4, 30.0)))
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(2.0)
    assert np.abs(list(last_powers(made, "battery").values())).sum() / 4 == pytest.approx(200)


@METHODS
def test_of_several_devices_each_is_left_alone(method):
    # The car needs 10 kWh, at 50 EUR/MWh whenever: no battery moves for it.
    car = EvSession(resource="car", connection=CONNECTION, arrival=at(8), departure=at(17), energy_kwh=10, charge_kw=11)
    made = planned(by_method(method), battery("one"), battery("two"), car)
    assert last_powers(made, "one") == last_powers(made, "two") == {}
    assert sum(last_powers(made, "car").values()) / 4 == pytest.approx(10)


@METHODS
@pytest.mark.parametrize("product_minutes", [15, 60])
def test_nothing_is_sold_day_ahead_and_bought_back_intraday_for_the_same_price(method, product_minutes):
    # 5 kW at 50 EUR/MWh for 24 hours are bought day-ahead for 6 EUR. Intraday costs the same both ways and would do as
    # well, but whatever is traded there without need cannot be traded later.
    load = FixedLoad(resource="load", connection=CONNECTION)
    markets = {
        "intraday": {"spread_eur_per_mwh": 0.0, "depth_kw": 1000}, "day_ahead": {"product_minutes": product_minutes},
    }  # fmt: skip
    made = planned(by_method(method), battery(), load, markets=markets, forecasts={("load", "power_kw"): 5.0})
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-6)
    assert made.positions["day_ahead_kw"].tolist() == pytest.approx([5.0] * len(made.positions))
    assert made.positions[["intraday_buy_kw", "intraday_sell_kw"]].abs().to_numpy().sum() <= 1e-6


@METHODS
def test_a_heat_pump_runs_steadily_at_a_flat_price(method):
    # 3 kW of heat at a COP of 3 are 1 kW. 5 kWh are in the buffer: (72 − 5) / 3 kWh at 50 EUR/MWh, whenever they are
    # taken. Full power every other quarter would do as well, but starts and stops for nothing: Σ |change| was 138 kW.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=5)
    made = planned(by_method(method), pump, forecasts={("pump", "heat_kw"): 3.0, ("pump", "cop"): 3.0})
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-67 / 3 * 0.05)
    taken = made.programs[made.programs["step"].astype(str) == made.steps[-1]["step"]]["power_kw"]
    assert np.abs(np.diff(taken)).sum() <= 6.0 + 1e-6  # at most once up and once down


@pytest.mark.parametrize("method", ["auto", "reference"])
def test_heat_pumps_change_no_more_than_prices_ask_for(method):
    # As above, but at 30 EUR/MWh from 03:00 to 04:00: 3 kW make 9 kWh of heat in that hour, 3 of which are used. With 5
    # of 10 kWh in the buffer at first, it must be empty enough then and is used up after: 3 kWh at 30, the rest at 50.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=5)
    forecasts = {("pump", "heat_kw"): 3.0, ("pump", "cop"): 3.0}
    made = planned(by_method(method), pump, prices=hourly(50.0, (3, 4, 30.0)), forecasts=forecasts)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-(67 / 3 - 3) * 0.05 - 3 * 0.03)
    taken = made.programs[made.programs["step"].astype(str) == made.steps[-1]["step"]]["power_kw"]
    assert np.abs(np.diff(taken)).sum() <= 6.0 + 1e-3  # up to 3 kW for that hour, and down again


@pytest.mark.parametrize("method", ["auto", "reference"])
def test_a_battery_rests_beside_a_reservation_that_a_car_can_deliver(method):
    # As in t12_watts: a car of 11 MW needs 22.5 MWh in five hours, and 0.4 kW stay reserved from 17:00 to 20:00.
    # Called, the battery gives them until the car is there, and may then charge and discharge at once for nothing. In
    # the plan it earns nothing. 22.5 MWh at 50 EUR/MWh are 1,125 EUR; 8 EUR/MW/h for 3 h of 0.4 kW 0.0096 EUR.
    car = EvSession(
        resource="car", connection=CONNECTION, arrival=at(18), departure=at(23), energy_kwh=22_500, charge_kw=11_000
    )
    own = battery(charge_kw=5000, discharge_kw=5000, capacity_kwh=10, initial_kwh=5, end_kwh=5)
    option = Contract(
        contract="FO-1", dso="dso.example", congestion_point=POINT, first_day=DAY, last_day=DAY,
        window_start=time(17), window_end=time(20), power_w=-400, availability_eur_per_mw_h=8, penalty_eur_per_mwh=2000,
    )  # fmt: skip
    scenario = small_scenario(own, car)
    scenario = replace(scenario, register=replace(scenario.register, contracts=(option,)))
    made = run(scenario, solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    assert last_powers(made, "battery") == {}
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-1125 + 0.0096)


@pytest.mark.parametrize("method", ["auto", "decomposition"])
@pytest.mark.parametrize(
    ("prices", "worth_eur", "moved_kwh"),
    [(hourly(50.0), 0, 0), (hourly(50.0, (3, 4, 30.0)), 2, 200)],
    ids=["flat", "valley"],
)
def test_many_like_batteries_are_as_calm_as_one(prices, worth_eur, moved_kwh, method):
    # As above: at a flat price all rest; else each buys 100 kWh once and sells them once, for 2 EUR. 200 are too many
    # for a second program: each rests by itself.
    many = 200
    made = planned(by_method(method), *[battery(f"battery-{i:03}") for i in range(many)], prices=prices)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(worth_eur * many)
    last = made.programs[made.programs["step"].astype(str) == made.steps[-1]["step"]]
    assert last["power_kw"].abs().sum() / 4 == pytest.approx(moved_kwh * many)


def test_the_same_plan_is_made_again(solver):
    made = [planned(solver, battery(), prices=hourly(50.0, (3, 4, 30.0))) for _ in range(2)]
    assert made[0].programs.equals(made[1].programs)


def test_an_amount_that_rounds_to_nothing_has_no_sign():
    # A resting battery is worth 0.00 EUR, whatever rounding leaves of it.
    made = planned(by_method("auto"), battery())
    nothing = {"objective_eur": -1e-9, "flexibility_eur": -1e-9}
    made = replace(made, outcome=made.outcome | {"totals": made.outcome["totals"] | nothing})
    assert ", 0.00 EUR, flexibility 0.00 EUR;" in repr(made)
