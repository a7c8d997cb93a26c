"""With planning.look_ahead_days a store's content at midnight counts what the next day makes of it; worked out by hand.

Ten kW and 20 kWh: a battery is filled or emptied in two hours. Each day's plan is made knowing the prices of the next.
"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import block_diag, diags_array, eye_array, hstack

from agr.domain.isp import Period
from agr.domain.kinds.battery import Battery
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.scenario.cash_audit import cash_audit
from agr.scenario.running import plans_of, run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, last_powers, small_scenario

METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])


def battery(**more):
    values = {"charge_kw": 10, "discharge_kw": 10, "capacity_kwh": 20, "initial_kwh": 10, "end_kwh": 0} | more
    return Battery(resource="battery", connection=CONNECTION, **values)


def scenario(*resources, ahead=1, days=1, **more):
    return small_scenario(*resources, planning={"look_ahead_days": ahead}, days=days, **more)


def played(*resources, method="reference", **more):
    made = run(scenario(*resources, **more), solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    return made


def at_midnight_kwh(made, resource="battery"):
    """Return what a store holds at the end of the first day."""
    rows = made.programs.query(f"resource == '{resource}' and period == '{DAY}'")
    return rows["energy_kwh"].iloc[-1]


def value_eur(made):
    return made.outcome["totals"]["objective_eur"]


@METHODS
def test_a_battery_stays_full_over_midnight_for_a_dear_morning(method):
    # Today 50 EUR/MWh, tomorrow 60, but 200 from 06:00 to 09:00, then 10: 20 kWh at midnight sell for 4 EUR.
    prices = [hourly(50.0), hourly(60.0, (6, 9, 200.0)), hourly(10.0)]
    ahead = played(battery(), prices=prices, days=2, method=method)
    assert at_midnight_kwh(ahead) == pytest.approx(20)
    # 10 kWh bought at 50 and 20 sold at 200; what is left, 10 less than at first, counts the 10 of the day after.
    assert value_eur(ahead) == pytest.approx(-0.50 + 4.00 - 10 * 0.010)
    alone = played(battery(), prices=prices, days=2, ahead=0, method=method)
    assert at_midnight_kwh(alone) == pytest.approx(0)
    assert value_eur(alone) == pytest.approx(0.50 - 1.20 + 4.00)  # 10 sold at 50, 20 bought at 60: 0.20 EUR less cash


@METHODS
def test_a_battery_is_empty_at_midnight_before_a_cheap_day(method):
    # 50 EUR/MWh, 80 from 20:00 to 22:00, tomorrow 30: 10 kWh more are bought at 50, 20 sold at 80, and none is left.
    prices = [hourly(50.0, (20, 22, 80.0)), hourly(30.0)]
    made = played(battery(), prices=prices, method=method)
    assert at_midnight_kwh(made) == pytest.approx(0)
    assert value_eur(made) == pytest.approx(-0.50 + 1.60 - 10 * 0.030)


@METHODS
def test_a_battery_beside_a_roof_keeps_room_for_a_noon_that_pays(method):
    # Tomorrow 30 EUR/MWh, −20 from 12:00 to 14:00, 100 from 18:00 to 20:00. What is held at midnight must be sold at 30
    # before noon, so at 40 today it is sold today, although tomorrow evening pays 100. The sun is not taken at −20.
    roof = Generator(resource="roof", connection=CONNECTION)
    prices = [hourly(40.0), hourly(30.0, (12, 14, -20.0), (18, 20, 100.0)), hourly(30.0)]
    made = played(battery(), roof, prices=prices, forecasts={("roof", "power_kw"): -5.0}, method=method)
    assert at_midnight_kwh(made) == pytest.approx(0)
    assert value_eur(made) == pytest.approx(24 * 5 * 0.040 + 10 * (0.040 - 0.030))


@METHODS
def test_a_buffer_is_filled_for_a_dear_morning(method):
    # COP 3, 3 kW of heat. Heat costs 10 EUR/MWh today and 30 until 09:00 tomorrow: the 10 kWh of buffer are filled.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=4)
    forecasts = {("pump", "heat_kw"): 3.0, ("pump", "cop"): 3.0}
    prices = [hourly(30.0), hourly(30.0, (0, 9, 90.0))]
    made = played(pump, prices=prices, forecasts=forecasts, method=method)
    assert at_midnight_kwh(made, "pump") == pytest.approx(10)
    assert value_eur(made) == pytest.approx(-(72 + 6) * 0.010 + 6 * 0.030)


def test_heat_that_tomorrow_cannot_be_made_in_time_is_made_today_whatever_it_costs():
    # Tomorrow 6 kW of heat from 3 kW at a COP of 1: half of it would be missed, so all 10 kWh are made today.
    pump = HeatPump(resource="pump", connection=CONNECTION, power_kw=3, buffer_kwh=10, initial_kwh=0)
    one = scenario(
        pump, prices=[hourly(400.0), hourly(10.0)], forecasts={("pump", "heat_kw"): 0.0, ("pump", "cop"): 1.0}
    )
    tomorrow = one.description.periods()[-1].next()
    cold = {("pump", "heat_kw"): np.full(96, 6.0), ("pump", "cop"): np.ones(96)}
    made = run(replace(one, forecasts={**one.forecasts, tomorrow.day: cold}), solver=by_method("reference"))
    assert at_midnight_kwh(made, "pump") == pytest.approx(10)


def test_cars_look_ahead_whatever_is_set():
    car = EvSession(
        resource="car", connection=CONNECTION, arrival=at(18), departure=at(31), energy_kwh=44, charge_kw=11
    )
    prices = [hourly(60.0, (22, 24, 45.0)), hourly(50.0, (3, 5, 40.0)), hourly(50.0)]
    ahead, alone = (played(car, battery(), ahead=days, days=2, prices=prices) for days in (1, 0))
    assert last_powers(ahead, "car") == last_powers(alone, "car")
    # 22 kWh at 40, and 22 at 45 (22:00 to 24:00).
    moved = last_powers(ahead, "car")
    assert sum(kw for when, kw in moved.items() if when >= at(24)) / 4 == pytest.approx(22)
    assert sum(moved.values()) / 4 == pytest.approx(44)


def test_without_a_price_of_the_next_day_todays_stands_in_and_is_said():
    # Today's 40 until 06:00 and 100 from 06:00 to 08:00 are expected tomorrow as well, so the battery is not emptied.
    prices = [hourly(50.0, (0, 6, 40.0), (6, 8, 100.0))]
    made = played(battery(), prices=prices)
    assert at_midnight_kwh(made) == pytest.approx(0)  # bought again at 40 tomorrow, before it sells at 100
    notes = made.steps[-1]["notes"]
    assert any("no day-ahead price of 2026-06-11 yet" in note for note in notes)
    assert any("up to the end of 2026-06-11 (planning.look_ahead_days): a planning price" in note for note in notes)
    assert not any("look_ahead" in note for note in played(battery(), prices=prices, ahead=0).steps[-1]["notes"])


def test_two_days_ahead_a_battery_that_fills_slowly_begins_in_time():
    # 200 EUR/MWh until 02:00 on the day after tomorrow sell 20 kWh, of which tomorrow's 24 h · 0.5 kW bring 12. Until
    # then 48, today 50: two days ahead, 8 of the 10 kWh are kept; one day ahead, all are sold.
    prices = [hourly(50.0), hourly(48.0), hourly(48.0, (0, 2, 200.0))]
    one, two = (played(battery(charge_kw=0.5), prices=prices, ahead=days) for days in (1, 2))
    assert at_midnight_kwh(one) == pytest.approx(0)
    assert at_midnight_kwh(two) == pytest.approx(8)


def joint_eur(units, prices, isps):
    """Return the least cost, EUR, of some days in one linear program; columns per ISP: kW in, kW out, content."""
    rows, due, cost, low, high, shared = [], [], [], [], [], []
    for unit in units:
        heat = isinstance(unit, HeatPump)
        into, out = (unit.power_kw, 0.0) if heat else (unit.charge_kw, unit.discharge_kw)
        gain, loss = (3.0, 1.0) if heat else (unit.charge_efficiency, unit.discharge_efficiency)
        kept = (1 - unit.loss_per_day) ** (0.25 / 24)
        same = eye_array(len(prices))
        content = same - diags_array(np.full(len(prices) - 1, kept), offsets=-1, shape=(len(prices), len(prices)))
        rows.append(hstack([-0.25 * gain * same, 0.25 / loss * same, content]))
        begin = np.full(len(prices), -0.25 * 2.0 if heat else 0.0)
        begin[0] += kept * unit.initial_kwh
        due.append(begin)
        wear = unit.wear_eur_per_mwh
        cost.append(np.concatenate([prices + wear, wear - prices, np.zeros(len(prices))]) * 0.25 / 1000)
        least = np.zeros(len(prices))
        least[np.cumsum(isps) - 1] = unit.end_kwh
        low.append(np.concatenate([np.zeros(2 * len(prices)), least]))
        most = unit.buffer_kwh if heat else unit.capacity_kwh
        high.append(np.repeat([into, out, most], len(prices)))
        shared.append(hstack([same / max(into, 1e-9), same / max(out, 1e-9) if out else 0 * same, 0 * same]))
    found = linprog(
        np.concatenate(cost), block_diag(shared).tocsr(), np.ones(len(units) * len(prices)), block_diag(rows).tocsr(),
        np.concatenate(due), np.column_stack([np.concatenate(low), np.concatenate(high)]), method="highs",
    )  # fmt: skip
    assert found.success
    return found.fun


@METHODS
@pytest.mark.parametrize(("seed", "first"), [(1, DAY), (2, date(2026, 3, 28)), (3, date(2026, 10, 24)), (4, DAY)])
def test_two_days_planned_one_after_the_other_earn_what_they_would_as_one(seed, first, method):
    """The day after the two has prices of 0, so nothing that is left counts: all is cash."""
    rng = np.random.default_rng(seed)
    days = [first, first + timedelta(days=1)]
    isps = [Period(day).isp_count for day in days]
    hours = [rng.integers(5, 200, count // 4).astype(float) for count in isps]
    units = (
        battery(charge_efficiency=0.95, discharge_efficiency=0.93, wear_eur_per_mwh=4.0, end_kwh=3),
        Battery(
            resource="slow", connection=CONNECTION, charge_kw=3, discharge_kw=4, capacity_kwh=25, initial_kwh=5,
            end_kwh=0, charge_efficiency=0.9, loss_per_day=0.05,
        ),
        HeatPump(resource="pump", connection=CONNECTION, power_kw=2, buffer_kwh=15, initial_kwh=4, loss_per_day=0.2),
    )  # fmt: skip
    forecasts = {("pump", "heat_kw"): 2.0, ("pump", "cop"): 3.0}
    one = scenario(*units, prices=[*(list(some) for some in hours), [0.0] * 24], days=2, first_day=first,
                   forecasts=forecasts)  # fmt: skip
    steps = plans_of(one, one.description.periods(), by_method(method))
    assert all(step.findings == () for step in steps)
    cash = cash_audit(one, steps)
    assert cash.findings == ()
    assert cash.left_eur == pytest.approx(0.0, abs=1e-9)
    due = -joint_eur(units, np.concatenate([np.repeat(some, 4) for some in hours]), isps)
    assert cash.reported_eur == pytest.approx(cash.paid_eur + cash.borne_eur)
    assert cash.reported_eur == pytest.approx(due, abs=1e-3 if method == "decomposition" else 1e-5)
