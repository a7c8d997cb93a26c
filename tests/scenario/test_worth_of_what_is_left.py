"""What is stored at midnight counts what it can really earn or save later; every right value is worked out by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.heat_pump import HeatPump
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, last_powers, small_scenario, terms

LEFT = ("stored energy", "later runs")


def car(energy_kwh, **more):
    return EvSession(
        resource="car", connection=CONNECTION, arrival=at(18), departure=at(31), energy_kwh=energy_kwh, charge_kw=11,
        **more,
    )  # fmt: skip


def planned(*resources, method="reference", **more):
    """Run two days."""
    made = run(small_scenario(*resources, days=2, **more), solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    return made


def value_eur(made):
    return made.outcome["totals"]["objective_eur"]


def bought_kwh(made, resource="car"):
    return sum(last_powers(made, resource).values()) / 4


METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])


@METHODS
def test_a_car_takes_no_more_than_it_needs(method):
    # 10 kWh at 90 % are 11.11 kWh; 65 EUR/MWh from 22:00, 70 otherwise: 11.11 · 0.065 = 0.72 EUR. At once it were 0.78.
    # Without a solver, a run starts one of its own, as the scenario's settings of planning say.
    one = car(10, initial_kwh=20, capacity_kwh=60, charge_efficiency=0.9)
    made = run(small_scenario(one, prices=hourly(70.0, (22, 24, 65.0)), planning={"method": method}, days=2))
    assert all(step["audit"] == [] for step in made.steps)
    assert bought_kwh(made) == pytest.approx(10 / 0.9)
    assert value_eur(made) == pytest.approx(-10 / 0.9 * 0.065)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(10 / 0.9 * 0.005)


@METHODS
def test_a_night_of_many_prices_is_used_hour_by_hour(method):
    # 55 kWh at 11 kW take five hours. The three below today's 45.2 EUR/MWh are 5, 25 and 44; 46, close by, is not used:
    # 11 kW · (5 + 25 + 44 + 2 · 45.2) = 1.8084 EUR.
    night = [90.0, 5.0, 70.0, 25.0, 46.0, 44.0]
    one = car(55, capacity_kwh=55)
    made = planned(replace(one, departure=at(30)), prices=[[45.2] * 24, [*night, *[80.0] * 18]], method=method)
    assert value_eur(made) == pytest.approx(-1.8084)
    later = [hour for hour in range(24, 30) if at(hour) in last_powers(made, "car")]
    assert later == [25, 27, 29]


@pytest.mark.parametrize(
    "names", [("day_ahead_forecast", "day_ahead"), ("day_ahead",), ("day_ahead_forecast",)], ids=str
)
def test_a_missing_series_changes_nothing(names):
    # 18 kWh, 22:00 to 24:00 at 5 EUR/MWh take 22 kWh, 90 otherwise: 18 · 0.005 = 0.09 EUR.
    made = planned(car(18), prices=hourly(90.0, (22, 24, 5.0)), names=names)
    assert value_eur(made) == pytest.approx(-0.09)


def test_without_a_price_of_tomorrow_todays_at_the_same_hours_stands_in_and_is_noted():
    # Today 90 EUR/MWh, but 30 until 07:00 and 60 from 22:00. Tomorrow is unknown and expected like today: what is
    # charged from midnight on is expected to cost 30, so nothing is charged today.
    prices = [hourly(90.0, (0, 7, 30.0), (22, 24, 60.0))]
    made = run(small_scenario(car(18), prices=prices), solver=by_method("reference"))
    assert bought_kwh(made) == 0
    assert value_eur(made) == pytest.approx(-18 * 0.030)
    assert any("no day-ahead price of 2026-06-11 yet" in note for note in made.steps[-1]["notes"])


@METHODS
def test_stored_energy_counts_what_is_left_of_it_after_its_losses(method):
    # V2G, 90 % each way: bought at 66, 1 kWh in the car costs 73.3 EUR/MWh and earns 70 · 0.9 = 63. So nothing moves.
    one = car(0, discharge_kw=11, initial_kwh=20, capacity_kwh=60, charge_efficiency=0.9, discharge_efficiency=0.9)
    made = planned(one, prices=hourly(70.0, (20, 24, 66.0)), method=method)
    assert last_powers(made, "car") == {}
    assert value_eur(made) == pytest.approx(0, abs=1e-9)


@METHODS
def test_a_car_that_can_earn_later_is_filled_for_it(method):
    # V2G without losses, 20 of 31 kWh in it: 11 kWh bought at 10 from 23:00 and sold at 100 from 00:00: 11 · 0.09 EUR.
    one = car(0, discharge_kw=11, initial_kwh=20, capacity_kwh=31)
    prices = [hourly(100.0, (23, 24, 10.0)), [100.0, *[50.0] * 23], hourly(50.0)]
    made = planned(one, prices=prices, method=method)
    # Today at 100 EUR/MWh from 18:00 to 20:00 it also sells 20 kWh, bought again for 10 and 50: see the sum of cash.
    cash = -sum(kw / 4000 * prices[(when - at(0)) // timedelta(days=1)][int((when - at(0)) / timedelta(hours=1)) % 24]
                for when, kw in last_powers(made, "car").items())  # fmt: skip
    assert value_eur(made) == pytest.approx(cash)
    # 22 kWh could be sold before 20:00 but 20 are there: +2.00. Then empty; 11 at 10: −0.11; sold from 00:00: +1.10;
    # 20 kWh at 50 until 07:00: −1.00.
    assert cash == pytest.approx(2.00 - 0.11 + 1.10 - 1.00)


def test_over_days_what_is_left_is_credited_once_and_debited_once():
    made = planned(car(40), prices=[hourly(60.0), hourly(50.0), hourly(50.0)])
    last = {step["period"]: step["terms_eur"] for step in made.steps}
    today, tomorrow = last[str(Period(DAY))], last[str(Period(DAY).next())]
    assert sum(today.get(name, 0.0) for name in LEFT) == pytest.approx(-tomorrow["brought forward"])
    assert value_eur(made) == pytest.approx(terms(made)["day-ahead"])
    assert value_eur(made) == pytest.approx(-40 * 0.050)  # 7 h · 11 kW after midnight hold all of it


def test_the_unmanaged_program_pays_for_a_car_once():
    # 40 kWh at 11 kW from 18:00 on, all at 60 EUR/MWh: 2.40 EUR on the first day and nothing on the second.
    made = planned(car(40), prices=[hourly(60.0), hourly(50.0), hourly(50.0)])
    assert made.outcome["totals"]["no_flexibility_eur"] == pytest.approx(-2.40)
    assert sum(last_powers(made, "car", "unmanaged_kw").values()) / 4 == pytest.approx(40)


def battery(**more):
    values = {"charge_kw": 10, "discharge_kw": 10, "capacity_kwh": 20, "initial_kwh": 10, "end_kwh": 0} | more
    return Battery(resource="battery", connection=CONNECTION, **values)


@pytest.mark.parametrize(
    ("worth", "end_kwh", "eur"),
    [
        (0.0, 0.0, 10 * 0.050),  # 10 kWh sold at 50 EUR/MWh, worthless at the end
        (0.04, 0.0, 10 * 0.010),  # sold at 50, 10 kWh less at 40
        (0.06, 20.0, 10 * 0.010),  # 10 kWh more, bought at 50, counted at 60
    ],
)
def test_a_batterys_content_counts_its_own_worth_at_the_end(worth, end_kwh, eur):
    made = run(small_scenario(battery(end_worth_eur_per_mwh=1000 * worth)), solver=by_method("reference"))
    assert value_eur(made) == pytest.approx(eur)
    assert made.programs.query("resource == 'battery'")["energy_kwh"].iloc[-1] == pytest.approx(end_kwh)


def test_a_batterys_worth_is_counted_once_over_days():
    made = planned(battery(end_worth_eur_per_mwh=60), prices=hourly(50.0))
    assert value_eur(made) == pytest.approx(10 * 0.010)


def test_a_heat_pumps_buffer_counts_its_own_worth_at_the_end():
    # COP 3: heat costs 50 / 3 = 16.7 EUR/MWh. Counted at 20, the buffer is filled: 6 kWh · (20 − 16.7) EUR/MWh.
    pump = HeatPump(
        resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=4, end_worth_eur_per_mwh=20
    )
    forecasts = {("pump", "heat_kw"): 0.0, ("pump", "cop"): 3.0}
    made = run(small_scenario(pump, forecasts=forecasts), solver=by_method("reference"))
    assert value_eur(made) == pytest.approx(6 * (0.02 - 0.05 / 3))


@pytest.mark.parametrize("end_kwh", [0.0, 10.0, 17.0])
def test_at_a_flat_price_flexibility_is_worth_nothing(end_kwh):
    # The unmanaged program charges what the battery must hold as well: (end − 10) / 0.95 kWh at 50 EUR/MWh.
    one = battery(end_kwh=end_kwh, charge_efficiency=0.95, discharge_kw=0)
    made = run(small_scenario(one), solver=by_method("reference"))
    assert made.outcome["totals"]["no_flexibility_eur"] == pytest.approx(-max(end_kwh - 10, 0) / 0.95 * 0.05)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(0, abs=1e-6)
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == pytest.approx(0, abs=1e-6)


def test_heat_that_must_be_made_ahead_is_made_in_the_unmanaged_program_too():
    # 9 kW of heat at a COP of 3 need all 3 kW; the 4 kWh that must be left at the end are there already.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=0, end_kwh=4)
    forecasts = {("pump", "heat_kw"): 6.0, ("pump", "cop"): 3.0}
    made = run(small_scenario(pump, forecasts=forecasts), solver=by_method("reference"))
    # 24 h · 6 kW + 4 kWh = 148 kWh of heat, 49.33 kWh of power at 50 EUR/MWh, both ways.
    assert value_eur(made) == pytest.approx(-148 / 3 * 0.05)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(0, abs=1e-6)


def test_what_nobody_can_meet_is_charged_to_both_alike():
    # 40 kWh in one hour at 11 kW: 29 kWh are missed, steered or not.
    one = EvSession(resource="car", connection=CONNECTION, arrival=at(8), departure=at(9), energy_kwh=40, charge_kw=11)
    made = run(small_scenario(one), solver=by_method("reference"))
    assert made.outcome["totals"]["comfort_shortfall_kwh"] == pytest.approx(29)
    assert made.outcome["totals"]["flexibility_eur"] == pytest.approx(0, abs=1e-6)
