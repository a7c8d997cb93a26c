"""Needs of customers hold as they were entered, whatever day they lie in; every right value is worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.ev_session import EvSession
from agr.domain.kinds.shiftable_run import ShiftableRun
from agr.domain.kinds.switched_load import SwitchedLoad
from agr.scenario.running import run
from tests.builders.remembered import by_method
from tests.builders.small_scenarios import CONNECTION, DAY, at, hourly, last_powers, small_scenario, terms

QUARTER = timedelta(minutes=15)
METHODS = pytest.mark.parametrize("method", ["reference", "decomposition"])


def dish(earliest, latest, profile=(2.0, 2.0, 2.0, 2.0)):
    return ShiftableRun(
        resource="dish", connection=CONNECTION, earliest_start=earliest, latest_end=latest, profile_kw=profile
    )


def planned(scenario, method="reference"):
    made = run(scenario, solver=by_method(method))
    assert all(step["audit"] == [] for step in made.steps)
    return made


@METHODS
def test_a_run_that_may_begin_late_in_the_evening_never_begins_before(method):
    # 23:30 to 07:00, one hour of 2 kW. 5 EUR/MWh until 01:00, 90 then: 2 kWh at 5 = 0.01 EUR from 23:30 or 00:00 on.
    scenario = small_scenario(
        dish(at(23, 30), at(31)), prices=[hourly(90.0, (20, 24, 5.0)), hourly(90.0, (0, 1, 5.0)), hourly(90.0)], days=2
    )
    made = planned(scenario, method)
    powers = last_powers(made, "dish")
    assert min(powers) >= at(23, 30)
    assert (len(powers), sum(powers.values())) == (4, 8.0)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.01, abs=1e-6)


@METHODS
def test_a_run_waits_for_the_cheap_hour_after_midnight(method):
    # 21:00 to 07:00; 90 EUR/MWh but for 5 from 03:00 to 04:00 on both days: 2 kWh · 5 = 0.01 EUR; at once it were 0.18.
    prices = hourly(90.0, (3, 4, 5.0))
    made = planned(small_scenario(dish(at(21), at(31)), prices=prices, days=2), method)
    assert sorted(last_powers(made, "dish")) == [at(27) + i * QUARTER for i in range(4)]
    assert sorted(last_powers(made, "dish", "unmanaged_kw")) == [at(21) + i * QUARTER for i in range(4)]
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.01, abs=1e-6)
    assert made.outcome["totals"]["no_flexibility_eur"] == pytest.approx(-0.18, abs=1e-6)


def test_a_run_goes_on_after_midnight_and_is_paid_for_on_both_days():
    # Cheapest is 23:30 to 00:30 at 5 EUR/MWh: quarters of 1, 2, 3, 4 kW; (1 + 2 + 3 + 4) / 4 kWh · 5 = 0.0125 EUR.
    prices = [hourly(90.0, (23, 24, 5.0)), [5.0, *hourly(90.0)[1:]], hourly(90.0)]
    run_ = dish(at(20), at(31), profile=(1.0, 2.0, 3.0, 4.0, 0.0, 0.0))
    made = planned(small_scenario(run_, prices=prices, days=2))
    powers = last_powers(made, "dish")
    assert [powers[when] for when in sorted(powers)] == [1.0, 2.0, 3.0, 4.0]
    assert at(23) <= min(powers) <= at(24)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.0125, abs=1e-6)


def test_what_a_run_costs_later_is_credited_on_the_first_day_and_debited_on_the_next():
    # Starts at 23:45, its only start: 0.5 kWh today and 1.5 kWh tomorrow. Forecast 50, result of tomorrow 80 EUR/MWh.
    scenario = small_scenario(dish(at(23, 45), at(24, 45)), prices=hourly(50.0), days=2, names=["day_ahead_forecast"])
    dear = small_scenario(prices=hourly(80.0), first_day=DAY + timedelta(days=1), names=["day_ahead"]).register.prices
    register = scenario.register
    prices = register.prices + tuple(p for p in dear if p.start < at(48))
    made = planned(replace(scenario, register=replace(register, prices=prices)))
    today, tomorrow = ({s["period"]: s for s in made.steps}[str(DAY + timedelta(days=i))]["terms_eur"] for i in (0, 1))
    assert today["later runs"] == pytest.approx(-1.5 * 0.05)
    assert tomorrow["brought forward"] == pytest.approx(1.5 * 0.05)
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-(0.5 * 0.05 + 1.5 * 0.08))


@pytest.mark.parametrize("cheap", [22, 30, 40, 52, 60])
def test_a_window_over_two_midnights_holds_exactly_one_run(cheap):
    # 21:00 on the first day to 15:00 on the third; one hour at 5 EUR/MWh, 90 otherwise: 2 kWh · 5 = 0.01 EUR.
    days = [hourly(90.0) for _ in range(4)]
    days[cheap // 24][cheap % 24] = 5.0
    made = planned(small_scenario(dish(at(21), at(63)), prices=days, days=3))
    powers = last_powers(made, "dish")
    assert len(powers) == 4
    known = cheap < 48  # on the first day, what the third will cost is not known yet; on the second it is
    assert min(powers) == at(cheap) or not known
    assert at(21) <= min(powers)
    assert max(powers) < at(63)


def test_a_run_whose_window_began_before_the_first_planned_day_does_not_vanish():
    # Planned are only the hours from midnight on, the cheapest of which is 03:00: 2 kWh · 5 = 0.01 EUR.
    scenario = small_scenario(dish(at(-3), at(7)), prices=hourly(90.0, (3, 4, 5.0)))
    made = planned(scenario)
    assert sorted(last_powers(made, "dish")) == [at(3) + i * QUARTER for i in range(4)]


@pytest.mark.parametrize(("first", "cheap"), [(date(2026, 3, 28), 25), (date(2026, 10, 24), 27)])
def test_days_of_23_and_25_hours_keep_the_customers_hours(first, cheap):
    # The clock changes in the second night. One elapsed hour is cheap, 2 kWh · 5 = 0.01 EUR.
    days = [hourly(90.0), hourly(90.0, (cheap - 24, cheap - 23, 5.0)), hourly(90.0)]
    made = planned(small_scenario(dish(at(22, day=first), at(30, day=first)), prices=days, days=2, first_day=first))
    assert sorted(last_powers(made, "dish")) == [at(cheap, day=first) + i * QUARTER for i in range(4)]
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.01, abs=1e-6)


@METHODS
def test_the_least_run_of_a_switched_load_ends_within_its_window(method):
    # On for at least 2 h at a time, in 20:00-24:00 only. The cheapest hour begins at 23:00, but a run from there would
    # last until 01:00: 22:00 to 24:00 is right, 2 kW · (90 + 5) EUR/MWh = 0.19 EUR.
    boiler = SwitchedLoad(
        resource="boiler", connection=CONNECTION, power_kw=2, needs="20:00-24:00 1", min_run_minutes=120
    )
    made = planned(small_scenario(boiler, prices=hourly(90.0, (23, 24, 5.0))), method)
    assert sorted(last_powers(made, "boiler")) == [at(22) + i * QUARTER for i in range(8)]
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-0.19, abs=1e-6)


@METHODS
def test_it_may_run_over_midnight_where_the_next_days_window_follows(method):
    # The same with a window from 00:00 to 01:00 that needs nothing: 23:00 to 01:00, 2 kW · (5 + 5) = 0.02 EUR.
    boiler = SwitchedLoad(
        resource="boiler", connection=CONNECTION, power_kw=2, needs="00:00-01:00 0; 20:00-24:00 1", min_run_minutes=120
    )
    prices = [hourly(90.0, (23, 24, 5.0)), hourly(90.0, (0, 1, 5.0), (23, 24, 5.0)), hourly(90.0)]
    made = planned(small_scenario(boiler, prices=prices, days=2), method)
    assert sorted(last_powers(made, "boiler"))[:8] == [at(23) + i * QUARTER for i in range(8)]


def test_a_car_over_midnight_gets_what_it_needs_once_within_its_hours():
    # 18:00 to 07:00, 18 kWh at up to 11 kW: 22:00 to 24:00 at 5 EUR/MWh suffices, 18 kWh · 5 = 0.09 EUR.
    car = EvSession(
        resource="car", connection=CONNECTION, arrival=at(18), departure=at(31), energy_kwh=18, charge_kw=11
    )
    made = planned(small_scenario(car, prices=hourly(90.0, (22, 24, 5.0)), days=2))
    powers = last_powers(made, "car")
    assert sum(powers.values()) / 4 == pytest.approx(18)
    assert at(22) <= min(powers) <= max(powers) < at(24)


@pytest.mark.parametrize("seed", range(8))
def test_random_runs_run_once_within_their_bounds_and_the_days_add_up(seed):
    rng = np.random.default_rng(seed)
    prices = [rng.integers(0, 100, 24).astype(float).tolist() for _ in range(4)]
    runs = []
    for i in range(6):
        begin, length = int(rng.integers(0, 200)), int(rng.integers(1, 12))
        end = begin + length + int(rng.integers(0, 80))
        profile = tuple(rng.integers(1, 5, length).astype(float).tolist())
        runs.append(
            ShiftableRun(
                resource=f"r{i}", connection=CONNECTION, earliest_start=at(0) + begin * QUARTER,
                latest_end=at(0) + end * QUARTER, profile_kw=profile,
            )
        )  # fmt: skip
    made = planned(small_scenario(*runs, prices=prices, days=3))
    value = [price for day in prices for price in day]
    cash = 0.0
    for one in runs:
        powers = last_powers(made, one.resource)
        inside = [when for when in sorted(powers) if when < at(72)]
        if one.latest_end <= at(72):
            assert [powers[when] for when in inside] == list(one.profile_kw)
            assert inside == [inside[0] + k * QUARTER for k in range(len(inside))]
        assert all(one.earliest_start <= when < one.latest_end for when in inside)
        cash -= sum(powers[when] / 4000 * value[int((when - at(0)) / timedelta(hours=1))] for when in inside)
    found = terms(made)
    assert found["day-ahead"] == pytest.approx(cash, abs=1e-6)
    last = {s["period"]: s for s in made.steps}[str(Period(DAY).next().next())]["terms_eur"]
    left = last.get("later runs", 0.0)
    assert found.get("later runs", 0.0) + found.get("brought forward", 0.0) == pytest.approx(left, abs=1e-9)


@METHODS
@pytest.mark.parametrize(
    ("isp_minutes", "earliest", "latest", "quarters", "energies_kwh", "cost_eur"),
    [
        # 75 minutes of 2 kW from 02:00 to 03:35: from 02:20 on, 40 minutes at 90 and 35 at 10 EUR/MWh. The last ISP has
        # 15 minutes of it, and its 5 minutes after 03:35 stay free: 2 · (2/3 · 90 + 7/12 · 10) / 1000 EUR.
        (20, at(2), at(3, 35), 5, {(2, 20): 2 / 3, (2, 40): 2 / 3, (3, 0): 2 / 3, (3, 20): 0.5}, 0.131667),
        # An hour from 02:15 to 03:30 fits no ISP of an hour: it begins at 02:15, 45 minutes at 90 and 15 at 10 EUR/MWh.
        (60, at(2, 15), at(3, 30), 4, {(2, 0): 1.5, (3, 0): 0.5}, 0.14),
        # The same over midnight, where the day ends within the run; 45 minutes at 50, 15 at 50 EUR/MWh of the next day.
        (60, at(23, 15), at(24, 30), 4, {(23, 0): 1.5, (24, 0): 0.5}, 0.1),
    ],
    ids=["20 minutes", "an hour", "an hour over midnight"],
)
def test_a_run_keeps_its_bounds_to_the_minute_in_isps_of_any_length(
    isp_minutes, earliest, latest, quarters, energies_kwh, cost_eur, method
):
    one = dish(earliest, latest, (2.0,) * quarters)
    markets = {"intraday": {"depth_kw": 0}, "day_ahead": {"product_minutes": isp_minutes}}
    made = run(
        small_scenario(
            one, days=2, isp_minutes=isp_minutes, prices=hourly(50.0, (2, 3, 90.0), (3, 4, 10.0)), markets=markets
        ),
        solver=by_method(method),
    )
    assert all(step["audit"] == [] and step["notes"] == [] for step in made.steps)
    taken = {when: kw * isp_minutes / 60 for when, kw in last_powers(made, "dish").items()}
    assert taken == {at(*clock): pytest.approx(kwh) for clock, kwh in energies_kwh.items()}
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(-cost_eur, abs=1e-6)
