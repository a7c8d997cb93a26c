"""Measured loads and generators: readings become what happened, alike days stand in where the user gave nothing."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.kinds.generator import Generator
from agr.domain.reading import IMPORTED, Reading
from agr.domain.register import Connection, Forecast, Register
from agr.forecasting import DayForecast, Observed
from agr.operations.forecast_loads import LoadForecasts
from agr.operations.forecast_rows import FAILED, REFUSED
from agr.operations.forecast_worker import Task, make
from agr.planning.own_forecasts import missing_powers
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.store import actuals, day, forecast_runs, forecast_tables, readings, register
from agr.store.actuals import Actual
from tests.builders.worlds import NOW, PERIOD, World

DAYS = 30


def inline(tasks: list[Task], _budget_s: float) -> Sequence[DayForecast | str]:
    return [make(task) for task in tasks]


def power_kw(hour: int, weekend: bool) -> float:
    """What the load takes: 10 kW, 30 in working hours of working days."""
    return 30.0 if 8 <= hour < 18 and not weekend else 10.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A load, a roof and a load without history; of the first two, what happened until the day before yesterday."""
    made = World(tmp_path)
    made.settings = made.settings.model_copy(update={"forecasts": ForecastSettings(enabled=True)})
    first = Period(PERIOD.day - timedelta(days=DAYS))
    rows = []
    period = first
    while period.day < PERIOD.day - timedelta(days=1):
        for start in period.starts():
            local = start.astimezone(period.tz)
            for name, value in (
                ("load", power_kw(local.hour, local.weekday() >= 5)),
                ("roof", -5.0 if 10 <= local.hour < 16 else 0.02),  # at night it takes a little
            ):
                observed = Observed(start=start, minutes=15, value=value + 0.001 * (start.minute % 7))
                rows.append(Actual(series=f"power_kw {name}", observed=observed, received_at=period.end))
        period = period.next()
    with made.store.transaction() as tx:
        register.replace(
            tx,
            Register(
                connections=(Connection(address="a", first_day=first.day),),
                resources=(
                    FixedLoad(resource="load", connection="a"),
                    FixedLoad(resource="new", connection="a"),
                    Generator(resource="roof", connection="a"),
                ),
            ),
        )
        actuals.put(tx, rows)
    yield made
    made.store.close()


def loads_of(world: World) -> LoadForecasts:
    return LoadForecasts(world.store, world.settings, world.clock, inline)


def stand_ins(world: World, notes: list[str], known: dict[tuple[str, str], np.ndarray] | None = None):  # type: ignore[no-untyped-def, type-arg]
    with world.store.transaction() as tx:
        runs = forecast_runs.powers(tx, PERIOD.day, world.clock.now())
    return missing_powers(runs, known or {}, PERIOD, notes)


def test_alike_days_stand_in_for_a_load_and_a_roof_that_nobody_forecast(world: World) -> None:
    assert loads_of(world).run(PERIOD) == 2
    notes: list[str] = []
    found = stand_ins(world, notes)
    assert set(found) == {("load", "power_kw"), ("roof", "power_kw")}
    sunday = [start.astimezone(PERIOD.tz).hour for start in PERIOD.starts()]
    assert found["load", "power_kw"] == pytest.approx([power_kw(hour, True) for hour in sunday], abs=0.01)
    assert found["roof", "power_kw"].max() == 0.0  # a roof does not consume, whatever its meter says at night
    assert found["roof", "power_kw"].min() == pytest.approx(-5.0, abs=0.01)
    assert len(found["load", "power_kw"]) == 92
    words = "the power of 2 resources is not given; our forecasts by alike days stand in"
    assert notes == [f"{words}, made 2026-03-28 07:00"]


def test_what_the_user_forecast_is_neither_forecast_nor_replaced(world: World) -> None:
    with world.store.transaction() as tx:
        mine = Forecast(resource="load", quantity="power_kw", period=PERIOD, values=(7.0,) * 92)
        register.put_forecasts(tx, [mine])
    assert loads_of(world).run(PERIOD) == 1
    notes: list[str] = []
    assert stand_ins(world, notes, {("roof", "power_kw"): np.zeros(92)}) == {}
    assert notes == []


def test_too_short_a_history_is_one_alarm_for_all_and_stops_nothing(world: World) -> None:
    with world.store.transaction() as tx:
        start = PERIOD.start - timedelta(days=3)
        observed = Observed(start=start, minutes=15, value=3.0)
        actuals.put(tx, [Actual(series="power_kw new", observed=observed, received_at=NOW - timedelta(days=2))])
    assert loads_of(world).run(PERIOD) == 2
    with world.store.transaction() as tx:
        opened = {(a.kind, a.subject): a.text for a in day.open_alarms(tx)}
    assert "1 measured resource is not forecast" in opened[FAILED, "loads"]
    assert "power_kw new: only 0 days are known" in opened[FAILED, "loads"]


def test_energy_that_registers_counted_becomes_what_happened_once(world: World) -> None:
    yesterday = Period(PERIOD.day - timedelta(days=2))
    counted = [
        Reading(resource="new", at=yesterday.start + n * timedelta(minutes=15), quantity=IMPORTED, value=n * 0.5)
        for n in range(97)
    ]
    with world.store.transaction() as tx:
        readings.put(tx, counted, NOW, "meter")
    loads = loads_of(world)
    assert loads.take_readings() == 96
    assert loads.take_readings() == 0
    with world.store.transaction() as tx:
        found = actuals.known(tx, "power_kw new", world.clock.now(), yesterday.start, yesterday.end)
        assert actuals.known(tx, "power_kw new", NOW - timedelta(hours=1)) == []
    assert {round(one.value, 9) for one in found} == {2.0}
    assert len(found) == 96


def test_readings_in_another_unit_are_refused_with_one_alarm_until_a_day_is_right(world: World) -> None:
    def refused() -> list[str]:
        with world.store.transaction() as tx:
            return [a.text for a in day.open_alarms(tx) if (a.kind, a.subject) == (REFUSED, "power_kw load")]

    learned = forecast_tables.actuals
    with world.store.transaction() as tx:
        tx.execute(learned.delete().where(learned.c.start >= PERIOD.start - timedelta(days=3)))
        first = Reading(resource="load", at=PERIOD.start - timedelta(days=3), quantity=IMPORTED, value=0.0)
        readings.put(tx, [first], NOW, "meter")
    counted = count_registers(world, 3, 5000.0, 0.0)  # W for kW
    loads = loads_of(world)
    assert loads.take_readings() == 0
    (told,) = refused()
    assert told.startswith("96 of 96 values of power_kw load are not learned from")
    assert "another unit" in told
    assert loads.take_readings() == 0
    assert refused() == [told]
    counted = count_registers(world, 2, 2.5, counted)
    assert loads.take_readings() == 96
    assert refused() == [told]  # of the day before, which is still wrong
    assert loads.take_readings() == 0
    count_registers(world, 1, 2.5, counted)
    world.clock.jump_to(PERIOD.start + timedelta(hours=7))
    assert loads.take_readings() == 96
    assert refused() == []


def count_registers(world: World, back: int, factor: float, begins: float) -> float:
    """Store what the load's register counts on a day so many days before the Period; return where it ends."""
    of = Period(PERIOD.day - timedelta(days=back))
    counts = begins + factor * np.cumsum([1 + np.sin(k) for k in range(96)])
    rows = [
        Reading(resource="load", at=of.start + (n + 1) * timedelta(minutes=15), quantity=IMPORTED, value=float(count))
        for n, count in enumerate(counts)
    ]
    with world.store.transaction() as tx:
        readings.put(tx, rows, NOW, "meter")
    return float(counts[-1])


def test_larger_portfolios_get_the_mean_without_bands() -> None:
    from tests.forecasting.synthetic import wave

    known = wave(40, drift=1)
    task = Task(series="s", days=known, row=41, model="alike days", bands=False)
    made = make(task)
    assert isinstance(made, DayForecast)
    assert made.quantiles is None
    banded = make(Task(series="s", days=known, row=41, model="alike days"))
    assert isinstance(banded, DayForecast)
    assert banded.mean.tobytes() == made.mean.tobytes()


def test_a_roof_is_forecast_by_the_sun_where_that_is_known(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"forecasts": ForecastSettings(enabled=True)})
    random, rows, runs = np.random.default_rng(2), [], []
    day_of = Period(PERIOD.day - timedelta(days=90), PERIOD.zone_name, 60)
    while day_of.day <= PERIOD.day:
        local = np.array([start.astimezone(day_of.tz).hour for start in day_of.starts()])
        share = 0.5 if day_of.day == PERIOD.day else random.uniform(0.1, 1.0)
        sun = share * 800 * np.maximum(0, 1 - np.abs(local - 13) / 6)
        made_at = day_of.start - timedelta(hours=17)
        runs.append(
            forecast_runs.ForecastRun(series="weather sun_w_m2 here", model="given", made_at=made_at, period=day_of.day,
                              minutes=60, mean=sun)
        )  # fmt: skip
        if day_of.day < PERIOD.day - timedelta(days=1):
            rows += [
                Actual(series="power_kw roof", received_at=day_of.end,
                       observed=Observed(start=start, minutes=60, value=-0.005 * w + 0.001 * (start.hour % 7)))
                for start, w in zip(day_of.starts(), sun, strict=True)
            ]  # fmt: skip
        day_of = day_of.next()
    with world.store.transaction() as tx:
        connection = Connection(address="a", first_day=PERIOD.day - timedelta(days=90))
        register.replace(
            tx, Register(connections=(connection,), resources=(Generator(resource="roof", connection="a"),))
        )
        actuals.put(tx, rows)
        for run in runs:
            forecast_runs.put(tx, run, PERIOD.start)
    world.clock.jump_to(NOW)
    assert loads_of(world).run(PERIOD) == 1
    notes: list[str] = []
    found = stand_ins(world, notes)["roof", "power_kw"]
    assert found.min() == pytest.approx(-0.005 * 0.5 * 800, abs=0.1)
    assert "alike days by weather" in notes[0]
    world.store.close()
