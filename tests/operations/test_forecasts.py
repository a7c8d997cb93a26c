"""Forecasts in the market day: what is known when, what stands in where, and that nothing stops a plan."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.connectors.actuals import read_actuals
from agr.domain.errors import TableError
from agr.domain.isp import Period
from agr.domain.register import Price
from agr.forecasting import DayForecast, Observed
from agr.operations.actuals_import import take_actuals
from agr.operations.forecast_rows import FAILED, REFUSED
from agr.operations.forecast_scores import scoreboard
from agr.operations.forecast_views import view
from agr.operations.forecast_worker import Task, make, make_all
from agr.operations.forecasts import ForecastService
from agr.planning.own_forecasts import fill_in
from agr.planning.stored_plans import StoredInputs
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.store import actuals, day, forecast_runs, register, tables
from tests.builders.worlds import NOW, PERIOD, World

DAYS = 40
RESULTS = PERIOD.start - timedelta(hours=11, minutes=5)  # 12:55 local, the day before


def inline(tasks: list[Task], _budget_s: float) -> Sequence[DayForecast | str]:
    """Forecast in this process: a worker takes a second to begin."""
    return [make(task) for task in tasks]


def price(start: datetime, series: str = "day_ahead") -> Price:
    hours = (start - NOW) / timedelta(hours=1)
    value = 60 + 25 * np.sin(hours / 24 * 2 * np.pi) + 5 * np.sin(hours * 1.7)
    return Price(series=series, start=start, minutes=60, value=float(value))


def prices(first: Period, last: Period, series: str = "day_ahead") -> list[Price]:
    count = int((last.end - first.start) / timedelta(hours=1))
    return [price(first.start + timedelta(hours=n), series) for n in range(count)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Prices of forty days up to today, published; forecasts are on."""
    made = World(tmp_path)
    made.settings = made.settings.model_copy(
        update={"forecasts": ForecastSettings(enabled=True, model="half yesterday, half last week")}
    )
    first = Period(PERIOD.day - timedelta(days=DAYS))
    with made.store.transaction() as tx:
        register.put_prices(tx, prices(first, PERIOD.previous()))
    yield made
    made.store.close()


def forecasts_of(world: World) -> ForecastService:
    return ForecastService(world.store, world.settings, world.clock, inline)


def alarms(world: World) -> dict[str, str]:
    with world.store.transaction() as tx:
        return {f"{a.kind} [{a.subject}]": a.text for a in day.open_alarms(tx)}


def filled(world: World, notes: list[str]) -> tuple[Price, ...]:
    with world.store.transaction() as tx:
        reader = StoredInputs(tx)
        rows = reader.prices(PERIOD.start - timedelta(days=1), PERIOD.end)
        return fill_in(reader, world.settings.markets, PERIOD, rows, world.clock.now(), notes)


def test_a_price_that_nobody_gave_is_forecast_before_the_first_plan_and_the_plan_says_so(world: World) -> None:
    forecasts_of(world).before_plan(PERIOD)
    notes: list[str] = []
    found = filled(world, notes)
    assert len(found) == 92
    assert {one.series for one in found} == {"day_ahead_forecast"}
    expected = (price(PERIOD.start - timedelta(days=1)).value + price(PERIOD.start - timedelta(days=7)).value) / 2
    assert found[0].value == pytest.approx(expected)
    assert found[0].value == found[3].value != found[4].value
    assert notes[0].startswith("day_ahead_forecast: 92 of 92 ISPs are not given; forecast 1 by half yesterday")
    assert alarms(world) == {}


def test_whoever_gives_everything_notices_no_change_and_is_scored_beside_ours(world: World) -> None:
    with world.store.transaction() as tx:
        register.put_prices(tx, prices(PERIOD, PERIOD, "day_ahead_forecast"))
    forecasts = forecasts_of(world)
    forecasts.before_plan(PERIOD)
    forecasts.before_plan(PERIOD)
    notes: list[str] = []
    assert filled(world, notes) == ()
    assert notes == []
    world.clock.jump_to(RESULTS + timedelta(minutes=10))
    with world.store.transaction() as tx:
        register.put_prices(tx, prices(PERIOD, PERIOD))
    forecasts.take_prices()
    with world.store.transaction() as tx:
        given = [run for run in forecast_runs.of_period(tx, "day_ahead", PERIOD.day, world.clock.now()) if run.given]
        board = scoreboard(tx, world.settings, "day_ahead", PERIOD.day, PERIOD.day, world.clock.now())
    assert len(given) == 1  # the second time nothing was new
    assert board[0].model == "given"
    assert board[0].score.mae == pytest.approx(0.0, abs=1e-9)
    assert {row.model for row in board} == {"given", "ours", "naive"}


def test_forecasts_that_are_switched_off_are_not_made(world: World) -> None:
    world.settings = world.settings.model_copy(update={"forecasts": ForecastSettings()})
    forecasts_of(world).before_plan(PERIOD)
    assert filled(world, []) == ()


def test_alarms_of_forecasts_end_when_they_are_switched_off_or_their_series_is_not_traded_any_more(
    world: World,
) -> None:
    with world.store.transaction() as tx:
        day.raise_alarm(tx, FAILED, "afrr_up", "not forecast", NOW)  # no product of the settings is called so
        day.raise_alarm(tx, FAILED, "loads", "not forecast", NOW)
        day.raise_alarm(tx, REFUSED, "day_ahead", "another unit", NOW)
    forecasts_of(world).before_plan(PERIOD)
    assert "afrr_up" not in " ".join(alarms(world))
    with world.store.transaction() as tx:
        day.raise_alarm(tx, FAILED, "day_ahead", "too few days", NOW)
        day.raise_alarm(tx, REFUSED, "imported", "another unit", NOW)
    world.settings = world.settings.model_copy(update={"forecasts": ForecastSettings()})
    forecasts_of(world).before_plan(PERIOD)
    assert list(alarms(world)) == [f"{REFUSED} [imported]"]  # what was imported is still wrong


def test_a_result_that_was_imported_early_is_not_known_before_its_auction(world: World) -> None:
    with world.store.transaction() as tx:
        register.put_prices(tx, prices(PERIOD, PERIOD))
    forecasts = forecasts_of(world)
    forecasts.take_prices()
    with world.store.transaction() as tx:
        assert max(one.start for one in actuals.known(tx, "day_ahead", NOW)) < PERIOD.start
    world.clock.jump_to(RESULTS + timedelta(minutes=1))
    forecasts.take_prices()
    with world.store.transaction() as tx:
        known = actuals.known(tx, "day_ahead", world.clock.now(), PERIOD.start)
        assert len(known) == 23
        assert actuals.known(tx, "day_ahead", RESULTS, PERIOD.start) == []  # it came a minute later


def test_the_future_permuted_changes_no_bit_of_a_forecast(world: World) -> None:
    forecasts = forecasts_of(world)
    forecasts.take_prices()
    then = PERIOD.start - timedelta(days=8)
    earlier = Period(PERIOD.day - timedelta(days=7))
    forecasts.run(earlier, as_of=then)
    forecasts.run(PERIOD, as_of=NOW)
    with world.store.transaction() as tx:
        honest = forecast_runs.of_period(tx, "day_ahead", earlier.day, NOW)[-1]
        later = [p for p in register.prices(tx) if p.start >= then + timedelta(days=1)]
        values = np.random.default_rng(1).permutation([p.value for p in later])
        changed = [Price(series=p.series, start=p.start, minutes=p.minutes, value=float(v))
                   for p, v in zip(later, values, strict=True)]  # fmt: skip
        register.put_prices(tx, changed)
        seeing = forecast_runs.of_period(tx, "day_ahead", PERIOD.day, NOW)[-1]
    world.clock.jump_to(NOW + timedelta(minutes=1))
    forecasts.take_prices()
    forecasts.run(earlier, as_of=then)
    forecasts.run(PERIOD, as_of=world.clock.now())
    with world.store.transaction() as tx:
        sees_otherwise = forecast_runs.of_period(tx, "day_ahead", PERIOD.day, world.clock.now())[-1]
        assert sees_otherwise.mean.tobytes() != seeing.mean.tobytes()  # the permutation can be seen
        other = forecast_runs.of_period(tx, "day_ahead", earlier.day, NOW)[-1]
    assert other.id != honest.id
    assert other.mean.tobytes() == honest.mean.tobytes()
    assert other.features_hash == honest.features_hash
    assert honest.quantiles is not None
    assert other.quantiles is not None
    assert other.quantiles.tobytes() == honest.quantiles.tobytes()
    assert "made afterwards" in other.notes[-1]


def test_a_model_that_fails_stops_nothing_and_is_one_alarm_that_ends(world: World) -> None:
    def broken(tasks: list[Task], _budget_s: float) -> Sequence[DayForecast | str]:
        raise MemoryError("no memory left")

    ForecastService(world.store, world.settings, world.clock, broken).before_plan(PERIOD)
    assert "no memory left; the plan is made without" in alarms(world)[f"{FAILED} [all series]"]
    ForecastService(
        world.store, world.settings, world.clock, lambda tasks, _s: ["too few days"] * len(tasks)
    ).before_plan(PERIOD)
    assert alarms(world) == {}
    notes: list[str] = []
    assert len(filled(world, notes)) == 92  # alike days stand in
    assert any("half yesterday, half last week: too few days: alike days stand in" in note for note in notes)
    forecasts_of(world).before_plan(PERIOD)
    assert alarms(world) == {}


def test_a_series_that_is_too_short_is_one_alarm_and_the_plan_is_made_without(world: World) -> None:
    with world.store.transaction() as tx:
        tx.execute(tables.prices.delete())
        register.put_prices(tx, prices(Period(PERIOD.day - timedelta(days=5)), PERIOD.previous()))
    forecasts_of(world).before_plan(PERIOD)
    words = "day_ahead is not forecast for 2026-03-29: only 5 days are known; 14 are needed; the plan is made without"
    assert alarms(world) == {f"{FAILED} [day_ahead]": words}
    assert filled(world, []) == ()


def test_a_worker_process_forecasts_and_one_that_is_late_is_given_up(world: World) -> None:
    forecasts = forecasts_of(world)
    forecasts.take_prices()
    days = forecasts.days("day_ahead", PERIOD, NOW)
    assert days is not None
    task = Task(series="day_ahead", days=days, row=days.row(PERIOD.day), model="alike days")
    made = make_all([task], 60)[0]
    assert isinstance(made, DayForecast)
    assert made.mean.tobytes() == make(task).mean.tobytes()  # type: ignore[union-attr]
    assert make_all([task], 0.0) == ["it took longer than 0 s; raise forecasts.budget_s or choose a simpler model"]


def test_prices_in_another_unit_are_refused_with_one_alarm_until_they_are_corrected(world: World) -> None:
    today = PERIOD.previous()
    good = prices(today, today)
    with world.store.transaction() as tx:
        wrong = [Price(series=p.series, start=p.start, minutes=60, value=p.value * 1000) for p in good]
        register.put_prices(tx, wrong)
    forecasts = forecasts_of(world)
    forecasts.take_prices()
    assert "another unit" in alarms(world)[f"{REFUSED} [day_ahead]"]
    with world.store.transaction() as tx:
        register.put_prices(tx, good)
    forecasts.take_prices()
    assert alarms(world) == {}


def test_a_view_shows_what_was_forecast_then_and_what_happened(world: World) -> None:
    forecasts = forecasts_of(world)
    forecasts.before_plan(PERIOD)
    with world.store.transaction() as tx:
        early = view(tx, world.settings, "day_ahead", PERIOD, NOW - timedelta(hours=1))
        found = view(tx, world.settings, "day_ahead", PERIOD, world.clock.now())
    assert early.run is None
    assert found.run is not None
    assert len(found.rows()) == 92
    assert set(found.fan) == {0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975}
    assert found.naive[0] == pytest.approx(price(PERIOD.start - timedelta(days=7)).value)  # a Sunday
    assert found.actual == (None,) * 92


def table(folder: Path, *rows: str, header: str = "series,start,minutes,value") -> Path:
    file = folder / "happened.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_a_table_of_what_happened_is_stored_but_for_rows_that_are_refused(world: World, tmp_path: Path) -> None:
    file = table(
        tmp_path, "load,2026-03-01T00:00:00Z,60,5,", "load,2026-03-01T01:00:00Z,60,6,2026-03-05T00:00:00Z",
        "load,2026-04-01T00:00:00Z,60,7,", "load,2026-03-02T00:00:00Z,60,8,2027-01-01T00:00:00Z",
        header="series,start,minutes,value,received_at",
    )  # fmt: skip
    taken = take_actuals(world.store, world.settings, world.clock, read_actuals(file))
    assert taken.text == "2 values stored, 0 known before, 2 refused"
    assert [line for line, _ in taken.refused] == [4, 5]
    assert f"{REFUSED} [load]" in alarms(world)
    with world.store.transaction() as tx:
        then = datetime(2026, 3, 4, tzinfo=UTC)
        assert actuals.known(tx, "load", then) == [
            Observed(start=datetime(2026, 3, 1, tzinfo=UTC), minutes=60, value=5.0)
        ]
    again = take_actuals(world.store, world.settings, world.clock, read_actuals(file)[:2])
    assert again.text == "0 values stored, 2 known before, 0 refused"
    assert alarms(world) == {}


def test_a_table_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is not one of 5, 10"):
        read_actuals(table(tmp_path, "load,2026-03-01T00:00:00Z,7,5"))
    with pytest.raises(TableError, match="no UTC offset"):
        read_actuals(table(tmp_path, "load,2026-03-01T00:00:00,15,5"))
    with pytest.raises(TableError, match="has no column value"):
        read_actuals(table(tmp_path, "load,2026-03-01T00:00:00Z,15", header="series,start,minutes"))
