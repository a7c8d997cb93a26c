"""Resources that were not measured for long: standard profiles, roofs, heat and groups stand in, and plans say so."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.kinds.heat_pump import HeatPump
from agr.domain.register import Connection, Register
from agr.forecasting import Observed
from agr.forecasting.models.registry import GIVEN
from agr.forecasting.sites.heat import cop_of, from_yearly_use
from agr.forecasting.sites.profiles import standard_kw
from agr.forecasting.sites.roofs import BY_PVLIB
from agr.operations.forecast_loads import LoadForecasts
from agr.operations.forecast_rows import FAILED
from agr.operations.forecast_sites import GROUP, SiteForecasts
from agr.planning.own_forecasts import missing_heat, missing_powers
from agr.planning.stored_plans import StoredInputs
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.settings.forecasts import HeatSites, LoadSites, RoofSites
from agr.store import actuals, day, forecast_runs, register
from agr.store.actuals import Actual
from agr.store.forecast_runs import ForecastRun
from tests.builders.worlds import NOW, PERIOD, World
from tests.operations.test_load_forecasts import inline

HOURS = Period(PERIOD.day, PERIOD.zone_name, 60)
SITES = ForecastSettings(
    enabled=True,
    loads=(LoadSites(resources="home-*", profile="H25", kwh_per_year=4000),),
    roofs=(RoofSites(resources="roof", place="U", peak_kw=10, latitude=52, longitude=5, tilt_deg=0),),
    heat=(HeatSites(resources="pump", place="U", kwh_per_year=10_000),),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two shops that were measured for 20 days, one for 7; homes, a roof and a heat pump that were not."""
    made = World(tmp_path)
    made.settings = made.settings.model_copy(update={"forecasts": SITES})
    rows = [
        Actual(series=f"power_kw {name}", received_at=start + timedelta(hours=2),
               observed=Observed(start=start, minutes=60, value=level * (3.0 if 8 <= n % 24 < 18 else 1.0)))
        for name, level, days in (("shop-1", 1.0, 20), ("shop-2", 3.0, 20), ("shop-3", 8.0, 7))
        for n in range(24 * days)
        for start in [Period(PERIOD.day - timedelta(days=days + 1), PERIOD.zone_name).start + n * timedelta(hours=1)]
    ]  # fmt: skip
    loads = ("shop-1", "shop-2", "shop-3", "home-1", "home-2", "stranger")
    pump = HeatPump(resource="pump", connection="a", power_kw=5, buffer_kwh=10, initial_kwh=5)
    with made.store.transaction() as tx:
        register.replace(tx, Register(
            connections=(Connection(address="a", first_day=PERIOD.day),),
            resources=(*(FixedLoad(resource=name, connection="a") for name in loads),
                       Generator(resource="roof", connection="a"), pump),
        ))  # fmt: skip
        actuals.put(tx, rows)
    yield made
    made.store.close()


def tell_weather(world: World, celsius: float = 5.0) -> None:
    with world.store.transaction() as tx:
        for quantity, value in (("sun_w_m2", 400.0), ("temperature_c", celsius)):
            forecast_runs.put(tx, ForecastRun(series=f"weather {quantity} U", model=GIVEN, made_at=NOW,
                                                  period=PERIOD.day,
                                      minutes=60, mean=np.full(HOURS.isp_count, value)), world.clock.now())  # fmt: skip


def forecast(world: World) -> dict[str, ForecastRun]:
    LoadForecasts(world.store, world.settings, world.clock, inline).run(PERIOD)
    with world.store.transaction() as tx:
        return forecast_runs.powers(tx, PERIOD.day, world.clock.now())


def alarms(world: World) -> dict[str, str]:
    with world.store.transaction() as tx:
        return {one.subject: one.text for one in day.open_alarms(tx) if one.kind == FAILED}


def test_homes_follow_their_profile_and_a_roof_the_sun_until_they_are_measured(world: World) -> None:
    tell_weather(world)
    found = forecast(world)
    assert found["home-1"].model == "standard profile H25"
    assert found["home-1"].mean == pytest.approx(standard_kw("H25", 4000, PERIOD))
    assert found["roof"].model == BY_PVLIB
    assert -4.0 < found["roof"].mean.min() < -2.5
    assert "stranger" not in found  # nothing is known of it, and nothing is guessed
    notes: list[str] = []
    assert len(missing_powers(found, {}, PERIOD, notes)) == 6
    assert "our forecasts by PV by pvlib, alike days, others of its kind, standard profile H25 stand in" in notes[0]


def test_what_was_measured_of_a_home_counts_with_its_days(world: World) -> None:
    """Seven days at twice its profile: a third of the way there."""
    rows = []
    for back in range(2, 9):
        period = Period(PERIOD.day - timedelta(days=back), PERIOD.zone_name)
        rows += [
            Actual(series="power_kw home-2", received_at=period.end,
                   observed=Observed(start=start, minutes=15, value=float(kw) * 2))
            for start, kw in zip(period.starts(), standard_kw("H25", 4000, period), strict=True)
        ]  # fmt: skip
    with world.store.transaction() as tx:
        actuals.put(tx, rows)
    found = forecast(world)
    assert found["home-2"].mean == pytest.approx(standard_kw("H25", 4000, PERIOD) * (1 + 7 / 21), rel=0.01)
    assert "7.0 days were measured, which count with 33%" in found["home-2"].notes[0]


def test_a_resource_of_few_days_follows_its_group_at_its_own_level(world: World) -> None:
    """The shops' mean level is 2, this one's 8: with seven days 1 + (8/2 − 1)/3 = 2 times their mean."""
    found = forecast(world)
    assert found["shop-3"].model == GROUP
    mean = np.repeat((found["shop-1"].mean + found["shop-2"].mean) / 2, 60 // 15)
    assert found["shop-3"].mean == pytest.approx(2 * mean, rel=1e-6)
    assert "2 others of its kind at " in found["shop-3"].notes[0]
    assert "power_kw shop-3" not in str(alarms(world))


def test_heat_follows_the_temperature_and_the_plan_says_so(world: World) -> None:
    sites = SiteForecasts(world.store, world.settings, world.clock)
    assert sites.heat(PERIOD) == 0
    assert "the temperature of U" in alarms(world)["heat"]
    tell_weather(world)
    assert sites.heat(PERIOD) == 1
    assert "heat" not in alarms(world)
    notes: list[str] = []
    with world.store.transaction() as tx:
        runs = StoredInputs(tx).heat_forecasts(PERIOD, world.clock.now())
    found = missing_heat(runs, {}, PERIOD, notes)
    demand = from_yearly_use(10_000, hot_water_share=0.2, base_c=15, degree_days=2100)
    assert found["pump", "heat_kw"] == pytest.approx(np.full(92, demand(np.full(23, 5.0))[0]))
    assert found["pump", "cop"] == pytest.approx(np.full(92, cop_of(np.array([5.0]), 40.0)[0]))
    words = "heat demand or COP of 1 heat pump is not given; our forecasts by COP by temperature, degree days stand in"
    assert notes == [f"{words}, made 2026-03-28 07:00"]
    mine = {("pump", "heat_kw"): np.zeros(92), ("pump", "cop"): np.ones(92)}
    assert missing_heat(runs, mine, PERIOD, notes) == {}


def test_a_building_that_was_measured_is_learned_from(world: World) -> None:
    """1 kW and 0.2 kW a kelvin below 15 °C, on 20 days between 0 and 10 °C; at 5 °C it takes 3 kW."""
    rows, runs = [], []
    for back in range(2, 22):
        period = Period(PERIOD.day - timedelta(days=back), PERIOD.zone_name, 60)
        air = 10.0 * ((back * 7) % 20) / 20
        runs.append(ForecastRun(series="weather temperature_c U", model=GIVEN,
                                made_at=period.start - timedelta(hours=17),
                        period=period.day, minutes=60, mean=np.full(period.isp_count, air)))  # fmt: skip
        rows += [
            Actual(series="heat_kw pump", observed=Observed(start=start, minutes=60, value=1 + 0.2 * (15 - air)),
                   received_at=period.end)
            for start in period.starts()
        ]  # fmt: skip
    with world.store.transaction() as tx:
        actuals.put(tx, rows)
        for run in runs:
            forecast_runs.put(tx, run, NOW)
    tell_weather(world)
    SiteForecasts(world.store, world.settings, world.clock).heat(PERIOD)
    with world.store.transaction() as tx:
        run = StoredInputs(tx).heat_forecasts(PERIOD, world.clock.now())["pump", "heat_kw"]
    assert run.mean == pytest.approx(3.0, abs=0.01)
    assert run.notes == ("learned from measured days",)
