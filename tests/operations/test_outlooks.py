"""Forecasts of weather: judged row by row, kept with the moment they were known, one alarm per series."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from agr.connectors.ports import Outlook
from agr.domain.isp import Period
from agr.forecasting.days import Observed
from agr.forecasting.inputs import on_period
from agr.forecasting.models.registry import GIVEN
from agr.operations.forecast_inputs import with_inputs
from agr.operations.forecast_scores import training_days
from agr.operations.outlooks import Outlooks
from agr.settings import WeatherFeed
from agr.store import actuals, day, forecast_runs
from agr.store.actuals import Actual
from agr.store.forecast_runs import ForecastRun
from tests.builders.http_server import Told, serving
from tests.builders.worlds import NOW, PERIOD, World
from tests.connectors.test_weather import open_meteo
from tests.forecasting.synthetic import wave

SERIES = "weather temperature_c Essen"
HOURS = Period(PERIOD.day, PERIOD.zone_name, 60)  # 23 of them


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


def outlook(values=None, **changes):
    given = [10 + n % 7 for n in range(HOURS.isp_count)] if values is None else values
    rows = tuple(
        Observed(start=start, minutes=60, value=float(value))
        for start, value in zip(HOURS.starts(), given, strict=False)
        if value is not None
    )
    usual: dict[str, Any] = {"series": SERIES, "rows": rows, "low": -60, "high": 60}
    return Outlook(**(usual | changes))


def kept(world, as_of=None):
    with world.store.transaction() as tx:
        return forecast_runs.of_period(tx, SERIES, PERIOD.day, as_of or world.clock.now())


def test_a_forecast_is_kept_once_with_the_first_moment_and_a_new_one_beside_it(world):
    outlooks, before = Outlooks(world.store, world.settings, world.clock), world.clock.now()
    assert outlooks.take(outlook(), "dwd") == (1, [])
    later = world.clock.now() + timedelta(hours=1)
    world.clock.jump_to(later)
    assert outlooks.take(outlook(), "dwd") == (0, [])
    assert outlooks.take(outlook([20 - n % 7 for n in range(23)]), "dwd") == (1, [])
    one, other = kept(world)
    assert before < one.made_at < later <= other.made_at
    assert (one.given, one.minutes, len(one.mean)) == (True, 60, 23)
    assert kept(world, before) == []


def test_wrong_rows_are_refused_and_small_gaps_drawn_over(world):
    values = [10.0 + n % 7 for n in range(23)]
    values[3], values[9], values[10] = None, 283.15, 283.15
    new, wrong = Outlooks(world.store, world.settings, world.clock).take(outlook(values), "dwd")
    assert new == 1
    assert len(wrong) == 2
    assert "283.15 lies outside -60 to 60; another unit?" in wrong[0]
    (run,) = kept(world)
    assert "3 of 23 values are missing: a straight line stands in" in run.notes
    assert run.mean[3] == pytest.approx((run.mean[2] + run.mean[4]) / 2)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"issued": NOW + timedelta(days=1)}, "which is to come; check its clock"),
        ({"issued": NOW - timedelta(hours=49)}, "the source has stopped"),
    ],
)
def test_what_was_made_in_the_future_or_long_ago_is_refused(world, changed, words):
    world.clock.jump_to(NOW)
    new, (why,) = Outlooks(world.store, world.settings, world.clock).take(outlook(**changed), "dwd")
    assert new == 0
    assert words in why


def test_of_a_day_that_is_over_nobody_can_say_what_was_known(world):
    world.clock.jump_to(PERIOD.end)
    assert Outlooks(world.store, world.settings, world.clock).take(outlook(), "dwd") == (0, [])
    published = PERIOD.start - timedelta(hours=14)
    world.clock.jump_to(PERIOD.end + timedelta(days=2))
    assert Outlooks(world.store, world.settings, world.clock).take(outlook(published=published), "tso") == (1, [])
    assert kept(world)[0].made_at == published


@pytest.mark.parametrize("hours", [-23, 3])
def test_what_has_just_come_or_comes_early_counts_from_when_it_came(world, hours):
    before = world.clock.now()
    published = before + timedelta(hours=hours)
    assert Outlooks(world.store, world.settings, world.clock).take(outlook(published=published), "tso") == (1, [])
    assert before <= kept(world)[0].made_at <= world.clock.now()


def test_days_with_large_gaps_are_left_out():
    assert on_period(outlook().rows[:17], HOURS) is None
    covered = on_period(outlook().rows[:18], HOURS)
    assert covered is not None
    assert covered.drawn == 5
    assert np.isfinite(covered.values).all()


def test_days_get_what_was_known_of_each_at_the_same_time_of_the_day_before(world):
    """What came later, of earlier days too, changes no bit."""
    days = wave(10, first=PERIOD.day - timedelta(days=10))
    moment = PERIOD.start - timedelta(hours=17)

    def put(period, value, made_at):
        run = ForecastRun(series=SERIES, model=GIVEN, made_at=made_at, period=period.day, minutes=60,
                  mean=np.full(Period(period.day, period.zone_name, 60).isp_count, value))  # fmt: skip
        with world.store.transaction() as tx:
            forecast_runs.put(tx, run, PERIOD.end + timedelta(days=1))

    def found():
        with world.store.transaction() as tx:
            return with_inputs(tx, days, PERIOD, moment)

    assert found() is days
    period = PERIOD
    for back in range(5):
        put(period, 10.0 + back, period.start - timedelta(hours=17, minutes=-back))
        period = period.previous()
    before = found()
    assert before.input_names == (SERIES,)
    assert [float(row[0]) for row in before.inputs[0][-5:]] == [14, 13, 12, 11, 10]
    assert np.isnan(before.inputs[0][:-5]).all()
    put(PERIOD, 99.0, moment + timedelta(minutes=1))
    put(PERIOD.previous(), 99.0, PERIOD.previous().start - timedelta(hours=15))
    assert np.array_equal(found().inputs, before.inputs, equal_nan=True)


def test_a_feed_raises_one_alarm_per_series_and_ends_it(world):
    world.clock.jump_to(NOW)
    hours = [start.strftime("%Y-%m-%dT%H:%M") for start in HOURS.starts()]
    good = [10 + n % 7 for n in range(23)]
    answers = [open_meteo(hours, temperature_2m=[999, 998, *good[2:]]), open_meteo(hours, temperature_2m=good), "{"]

    def answer(_request):
        return Told(status=200, body=answers[0].encode())

    def alarms():
        with world.store.transaction() as tx:
            return {f"{one.kind} [{one.subject}]": one.text for one in day.open_alarms(tx)}

    with serving(answer) as url:
        feed = WeatherFeed(name="w", layout="open-meteo", place="Essen", url=url + "/x", attempts=1)
        settings = world.settings.model_copy(update={"feeds": (feed,)})
        outlooks = Outlooks(world.store, settings, world.clock)
        (first,) = outlooks.fetch([PERIOD])
        assert first.new == 1
        assert list(alarms()) == [f"forecast input refused [{SERIES}]"]
        assert "2 values of feed w were refused, the first because" in alarms()[f"forecast input refused [{SERIES}]"]
        answers.pop(0)
        outlooks.fetch([PERIOD])
        assert alarms() == {}
        answers.pop(0)
        outlooks.fetch([PERIOD])
        assert list(alarms()) == ["feed failed [w]"]


@pytest.mark.parametrize(("told", "words"), [(62, ()), (20, ("known of 20 days, 60 are needed",))])
def test_models_are_tried_with_what_was_known_at_the_first_plan_of_each_day(world, told, words):
    """`agr forecast train` learns from the inputs that plans learn from, and says which it cannot use yet."""
    last, values, runs = PERIOD.previous(), [], []
    for back in range(70):
        period = Period(last.day - timedelta(days=back), PERIOD.zone_name, 60)
        values += [
            Actual(series="day_ahead", observed=Observed(start=start, minutes=60, value=float(n)),
                   received_at=period.start - timedelta(hours=11))
            for n, start in enumerate(period.starts())
        ]  # fmt: skip
        if back < told:
            for hour, value in ((7, 5.0), (9, 99.0)):  # what comes after the first plan is not learned from
                runs.append(ForecastRun(series=SERIES, model=GIVEN, made_at=period.start - timedelta(hours=24 - hour),
                                period=period.day, minutes=60, mean=np.full(period.isp_count, value)))  # fmt: skip
    notes: list[str] = []
    with world.store.transaction() as tx:
        actuals.put(tx, values)
        for run in runs:
            forecast_runs.put(tx, run, PERIOD.end)
        days = training_days(tx, world.settings, "day_ahead", PERIOD.start, notes)
    assert days is not None
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))
    assert days.input_names == (() if words else (SERIES,))
    if not words:
        assert days.inputs is not None
        assert (days.inputs[0, -told:] == 5.0).all()
