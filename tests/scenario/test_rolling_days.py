"""A scenario's day that goes otherwise than planned: planned again while it runs, and what that saves, by hand."""

from dataclasses import replace

import pytest

from agr.domain.errors import InputError
from agr.domain.kinds.battery import Battery
from agr.domain.plan import ReasonKind
from agr.scenario.day import play
from agr.scenario.description import Measurement
from agr.scenario.running import run
from tests.builders.remembered import Remembering, by_method
from tests.builders.small_scenarios import CONNECTION, at, hourly, small_scenario

BATTERY = Battery(
    resource="battery", connection=CONNECTION, charge_kw=100, discharge_kw=100, capacity_kwh=200, initial_kwh=0,
    end_kwh=0, charge_efficiency=1.0, discharge_efficiency=1.0, wear_eur_per_mwh=1,
)  # fmt: skip
PRICES = hourly(50.0, (2, 4, 20.0), (18, 20, 120.0))
"""The battery is filled from 2 to 4 and emptied from 18 to 20: 200 kWh · (120 − 20 − 2) EUR/MWh = 19.60 EUR."""
MARKETS = {
    "intraday": {"depth_kw": 1000, "spread_eur_per_mwh": 4.0, "closes_before_s": 3600},
    "imbalance": {"penalty_eur_per_mwh": 400},
}
LOST = [{"at": at(10, 5).isoformat(), "resource": "battery", "off_kwh": -60}]


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    """Plan by the reference: the days have many plans, of one battery each."""
    return by_method("reference")


def day(**rolling):
    return small_scenario(
        BATTERY, prices=PRICES, markets=MARKETS, measurements=LOST, planning={"rolling": rolling}
    )  # fmt: skip


@pytest.mark.parametrize("rolling", [{"every_minutes": 60}, {"deviation_kwh": 50}], ids=["regular", "deviation"])
def test_energy_that_was_lost_is_bought_again_before_it_is_missing(rolling, remembering):
    """60 kWh are missing: bought intraday at 52 EUR/MWh, with wear 3.18 EUR; else 60 kWh short at 120 + 400: 31.20.

    Not planned again, the 60 kWh are not discharged either: 0.06 EUR of wear less, which leaving the announced program
    costs.
    """
    made = run(day(**rolling), solver=remembering)
    assert all(step["audit"] == [] for step in made.steps)
    assert made.outcome["cash"]["findings"] == []
    told = made.outcome["rolling"]
    assert told["planned_again_eur"] == pytest.approx(19.60 - 3.18, abs=0.01)
    assert told["not_planned_again_eur"] == pytest.approx(19.60 - 31.20, abs=0.01)
    assert told["saved_eur"] == pytest.approx(31.20 - 3.18, abs=0.02)


@pytest.mark.parametrize("method", ["auto", "reference", "decomposition"])
def test_depth_that_no_plan_needs_is_left_for_what_is_lost(method):
    """Without spread, 60 kWh are bought at 50 EUR/MWh: with wear 3.06 EUR, half of what 20 kW give from noon to 18:00.

    What is sold day-ahead and bought back for the same price would take these 20 kW, and the 60 kWh would be short.
    """
    markets = MARKETS | {"intraday": {"depth_kw": 20, "spread_eur_per_mwh": 0.0, "closes_before_s": 3600}}
    scenario = small_scenario(
        BATTERY, prices=PRICES, markets=markets, measurements=LOST, planning={"rolling": {"deviation_kwh": 50}}
    )  # fmt: skip
    made = run(scenario, solver=by_method(method))
    assert made.outcome["rolling"]["planned_again_eur"] == pytest.approx(19.60 - 3.06, abs=0.01)


def test_a_day_that_is_not_planned_again_still_tells_what_became_of_it(remembering):
    made = run(day(), solver=remembering)
    assert "rolling" not in made.outcome
    assert made.outcome["totals"]["objective_eur"] == pytest.approx(19.60 - 31.20, abs=0.01)


def test_regular_plans_are_made_in_every_slot_of_the_running_day(remembering):
    scenario = day(every_minutes=240)
    steps = list(play(scenario, scenario.description.periods(), remembering))
    rolled = [step.at for step in steps if step.reasons[0].kind is ReasonKind.ROLLING]
    assert rolled == [at(hour) for hour in (0, 4, 8, 12, 16, 20, 23)]  # the last tells what the day has come to


def test_prices_that_turn_out_otherwise_are_used_from_then_on(solver):
    names = ("day_ahead_forecast", "day_ahead", "buy", "sell", "buy_later", "sell_later")
    intraday = {"depth_kw": 1000, "buy_series": "buy", "sell_series": "sell"}
    told = [{"at": at(12).isoformat(), "series": s, "becomes": f"{s}_later"} for s in ("buy", "sell")]
    scenario = small_scenario(
        BATTERY, prices=PRICES, names=names, markets={"intraday": intraday}, revelations=told,
        planning={"rolling": {"every_minutes": 720}},
    )  # fmt: skip
    later = [
        replace(price, value=300.0) if price.series.endswith("_later") and price.start >= at(18) else price
        for price in scenario.register.prices
    ]
    scenario = replace(scenario, register=replace(scenario.register, prices=tuple(later)))
    steps = list(play(scenario, scenario.description.periods(), solver))
    noon = next(step for step in steps if step.at == at(12))
    assert [str(reason) for reason in noon.reasons][:2] == [
        "new forecast: buy is buy_later", "new forecast: sell is sell_later",
    ]  # fmt: skip
    before, after = (step.solved.named.case.intraday.sell_eur_per_mwh[75] for step in (steps[1], noon))
    assert (before, after) == (120.0, 300.0)
    assert all(step.findings == () for step in steps)


@pytest.mark.parametrize("given", [{}, {"stored_kwh": 1.0, "off_kwh": 1.0}, {"stored_kwh": -1.0}])
def test_a_measurement_says_one_thing(given):
    with pytest.raises(ValueError, match=r"off_kwh|greater than or equal"):
        Measurement.model_validate({"at": at(3), "resource": "battery", **given})


def test_rolling_can_be_set(solver):
    from agr.scenario.changes import changed

    assert changed(day(), ["rolling.every_minutes=30"]).description.planning.rolling.every_minutes == 30
    with pytest.raises(InputError, match="every_minutes"):
        changed(day(), ["rolling.every_minutes=-1"])
