"""Of equally good plans the calmest is made: what earns nothing is left alone, by every method."""

import numpy as np
import pytest

from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.generator import Generator
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, last_powers, small_scenario

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


def test_the_same_plan_is_made_again(solver):
    made = [planned(solver, battery(), prices=hourly(50.0, (3, 4, 30.0))) for _ in range(2)]
    assert made[0].programs.equals(made[1].programs)
