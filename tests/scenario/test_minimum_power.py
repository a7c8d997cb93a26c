"""A car with a minimum power charges for a part of its last ISP; every right value is worked out by hand."""

from typing import Any

import pytest

from agr.domain.kinds.ev_session import EvSession
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, last_powers, small_scenario

METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])
PRICES = hourly(70.0, (3, 4, 20.0))


def planned(method, *cars, **more):
    made = run(small_scenario(*cars, prices=PRICES, **more), solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == pytest.approx(0, abs=1e-9)
    return made


def car(energy_kwh, name="car", **more):
    values: dict[str, Any] = {"arrival": at(0), "departure": at(7), "charge_kw": 11.0} | more
    return EvSession(resource=name, connection=CONNECTION, energy_kwh=energy_kwh, **values)


@METHODS
def test_a_car_that_charges_at_one_power_only_is_on_for_a_part_of_its_last_isp(method):
    # 10 kWh at exactly 11 kW are 54.5 minutes: 45 and 9.5 of the next 15, all from 03:00 to 04:00: 10 · 0.02 EUR.
    made = planned(method, car(10, charge_min_kw=11.0))
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.20)
    assert sorted(last_powers(made, "car").values()) == pytest.approx([7, 11, 11, 11])


@METHODS
def test_little_energy_is_charged_for_a_few_minutes(method):
    # 0.5 kWh at 4.14 kW are 7.2 minutes; a mean of 2 kW in one ISP at 20 EUR/MWh: 0.01 EUR.
    made = planned(method, car(0.5, charge_min_kw=4.14))
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.01)
    assert list(last_powers(made, "car").values()) == pytest.approx([2.0])


@METHODS
@pytest.mark.parametrize("energy_kwh", [0.01, 0.9, 1.1, 2.7, 2.76, 5.5, 11.0])
def test_every_need_can_be_met_exactly(method, energy_kwh):
    # Up to 11 kWh fit into the cheap hour: energy · 0.02 EUR.
    made = planned(method, car(energy_kwh, charge_min_kw=4.14))
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-energy_kwh * 0.02, abs=1e-6)


@METHODS
def test_a_car_that_stays_over_midnight_charges_exactly_as_well(method):
    # 12 kWh at exactly 11 kW: 11 in the cheap hour after midnight, 1 at 70 EUR/MWh: 0.22 + 0.07 EUR.
    one = car(12, arrival=at(20), departure=at(31), charge_min_kw=11.0)
    made = planned(method, one, days=2)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.29, abs=1e-6)


@METHODS
def test_many_cars_at_one_point_each_charge_partly_once(method):
    cars = [car(0.5 + 0.7 * i, name=f"car{i}", charge_min_kw=4.14) for i in range(12)]
    made = planned(method, *cars)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-sum(c.energy_kwh for c in cars) * 0.02, abs=1e-4)
    for one in cars:
        powers = last_powers(made, one.resource).values()
        assert sum(1e-6 < kw < 4.14 - 1e-6 for kw in powers) <= 1
