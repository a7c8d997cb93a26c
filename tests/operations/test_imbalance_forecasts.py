"""While a Period runs, each newer imbalance price makes a forecast of the ISPs to come; no plan waits or changes."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.register import Price
from agr.operations.forecast_imbalance import ImbalanceForecasts
from agr.operations.forecast_rows import FAILED, REFUSED
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.store import day, forecast_runs, input_version, register
from tests.builders.worlds import PERIOD, World
from tests.forecasting.test_imbalance_minutes_ahead import prices

SERIES = ("imbalance_shortage", "imbalance_surplus")
ISP = timedelta(minutes=15)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Prices of 20 days, up to ISP 20 of the Period, which is over."""
    made = World(tmp_path)
    made.settings = made.settings.model_copy(update={"forecasts": ForecastSettings(enabled=True)})
    values = prices(20)
    begin = PERIOD.isp_start(21) - len(values) * ISP
    rows = [
        Price(series=series, start=begin + n * ISP, minutes=15, value=float(value))
        for series in SERIES
        for n, value in enumerate(values)
    ]
    with made.store.transaction() as tx:
        register.put_prices(tx, rows)
    made.clock.jump_to(PERIOD.isp_start(21) + timedelta(minutes=1))
    yield made
    made.store.close()


def newest(world: World, series: str = SERIES[0], period: Period = PERIOD) -> forecast_runs.ForecastRun | None:
    with world.store.transaction() as tx:
        return forecast_runs.newest(tx, series, period.day, world.clock.now(), given=False)


def test_each_newer_price_makes_a_forecast_and_plans_stay_what_they_are(world: World) -> None:
    forecasts = ImbalanceForecasts(world.store, world.settings, world.clock)
    assert [one.words for one in forecasts.look(PERIOD)] == ["by regression on the last prices"] * 2
    run = newest(world)
    assert run is not None
    assert (len(run.mean), run.known_until) == (PERIOD.isp_count, PERIOD.isp_start(21))
    assert run.mean[:20] == pytest.approx(prices(20)[-20:])  # what is known stays
    assert [one.words for one in forecasts.look(PERIOD)] == ["no newer price is known"] * 2
    world.clock.jump_to(PERIOD.isp_start(22) + timedelta(minutes=1))
    with world.store.transaction() as tx:
        rows = [Price(series=s, start=PERIOD.isp_start(21), minutes=15, value=200.0) for s in SERIES]
        register.put_prices(tx, rows)
        changed = input_version.number(tx)
    forecasts.look(PERIOD)
    later = newest(world)
    assert later is not None
    assert later.mean[21] > run.mean[21] + 5
    with world.store.transaction() as tx:
        after = input_version.number(tx)
        assert forecast_runs.newest(tx, SERIES[0], PERIOD.day, run.made_at, given=False) is not None
    assert after == changed


def test_after_the_change_to_winter_time_the_usual_price_stays_at_its_hour(tmp_path: Path) -> None:
    autumn = Period(date(2026, 10, 25))
    made = World(tmp_path)
    made.settings = made.settings.model_copy(update={"forecasts": ForecastSettings(enabled=True)})
    begin, until = Period(date(2026, 10, 1)).start, autumn.isp_start(9)  # 2:00, for the first time
    starts = [begin + n * ISP for n in range((until - begin) // ISP)]
    dear = [one.astimezone(autumn.tz).hour >= 17 for one in starts]
    random = np.random.default_rng(1)
    with made.store.transaction() as tx:
        register.put_prices(tx, [
            Price(series=SERIES[0], start=one, minutes=15, value=(200.0 if high else 50.0) + random.normal())
            for one, high in zip(starts, dear, strict=True)
        ])  # fmt: skip
    made.clock.jump_to(until + timedelta(minutes=1))
    ImbalanceForecasts(made.store, made.settings, made.clock).look(autumn)
    run = newest(made, period=autumn)
    made.store.close()
    assert run is not None
    clock = np.array(autumn.wall_clock_minutes())
    assert run.mean[20:] == pytest.approx(np.where(clock[20:] >= 17 * 60, 200.0, 50.0), abs=5)


def test_alarms_end_with_their_cause_also_where_no_newer_price_comes(world: World) -> None:
    forecasts = ImbalanceForecasts(world.store, world.settings, world.clock)
    forecasts.look(PERIOD)
    with world.store.transaction() as tx:
        for kind in (FAILED, REFUSED):
            day.raise_alarm(tx, kind, SERIES[0], "it did", world.clock.now())
    assert [one.words for one in forecasts.look(PERIOD)] == ["no newer price is known"] * 2
    with world.store.transaction() as tx:
        assert not day.open_alarms(tx)


def test_old_or_frozen_prices_and_forecasts_that_are_off_make_none(world: World) -> None:
    world.clock.jump_to(PERIOD.isp_start(40))
    forecasts = ImbalanceForecasts(world.store, world.settings, world.clock)
    assert all("nothing is known since" in one.words for one in forecasts.look(PERIOD))
    stuck = [
        Price(series=SERIES[0], start=PERIOD.isp_start(21) + n * ISP, minutes=15, value=7.0) for n in range(-110, 19)
    ]
    with world.store.transaction() as tx:
        register.put_prices(tx, stuck)
    forecasts.look(PERIOD)
    with world.store.transaction() as tx:
        opened = {(one.kind, one.subject): one.text for one in day.open_alarms(tx)}
    assert "nothing can be learned from what stands still" in opened[REFUSED, SERIES[0]]
    off = world.settings.model_copy(update={"forecasts": ForecastSettings()})
    assert ImbalanceForecasts(world.store, off, world.clock).look(PERIOD) == []
