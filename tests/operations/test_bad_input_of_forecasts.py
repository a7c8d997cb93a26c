"""Every kind of bad value in one table: each is refused with its reason, others are kept, and forecasts go on."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agr.connectors.actuals import read_actuals
from agr.domain.isp import Period
from agr.forecasting import Observed, days_of, forecast
from agr.operations.actuals_import import take_actuals
from agr.operations.forecast_rows import REFUSED
from agr.store import actuals, day
from tests.builders.worlds import World

SERIES, ZONE = "power_kw shop", "Europe/Amsterdam"
LAST = Period(date(2026, 3, 20), ZONE, 60)
FIRST = datetime(2026, 2, 17, 23, tzinfo=UTC)  # thirty days before, at midnight in the zone
HOUR = timedelta(hours=1)


def rows() -> list[list[str]]:
    """Return thirty good days, hour by hour."""
    random = np.random.default_rng(3)
    hours = [FIRST + n * HOUR for n in range(30 * 24)]
    return [
        [SERIES, at.isoformat(), "60", f"{40 + 10 * np.sin(n / 24 * 2 * np.pi) + random.normal():.3f}", ""]
        for n, at in enumerate(hours)
    ]


def spoilt() -> tuple[list[list[str]], dict[int, str]]:
    """Return rows, some of them bad, and line → what is said of it."""
    found, why = rows(), dict[int, str]()
    found[100][3], why[102] = "900", "interquartile ranges"
    for n in range(200, 230):
        found[n][3] = "41.5"
    why |= {n + 2: "stands still" for n in range(201, 230)}
    for n in range(20 * 24, 21 * 24):
        found[n][3] = f"{float(found[n][3]) * 1000:g}"
    why |= {n + 2: "another unit" for n in range(20 * 24, 21 * 24)}
    found[600][4], why[602] = "2031-01-01T00:00:00Z", "received_at"
    twice = [SERIES, found[650][1], "60", "77", ""]  # a clock that was set back, and offsets that do not tell
    why |= {652: "has two values", len(found) + 2: "has two values"}
    later = [SERIES, "2031-01-01T00:00:00Z", "60", "40", ""]
    why[len(found) + 3] = "is not over yet"
    return [*found, twice, later], why


def table(folder: Path, told: list[list[str]]) -> Path:
    file = folder / "happened.csv"
    file.write_text("\n".join(["series,start,minutes,value,received_at", *map(",".join, told)]) + "\n")
    return file


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.clock.jump_to(LAST.end + HOUR)
    return made


def test_each_bad_row_is_refused_with_its_reason_and_a_forecast_is_made_of_the_rest(
    world: World, tmp_path: Path
) -> None:
    told, why = spoilt()
    del told[300:320]  # a gap: more than a quarter of a day
    moved = {line - 20 * (line > 301): words for line, words in why.items()}
    taken = take_actuals(world.store, world.settings, world.clock, read_actuals(table(tmp_path, told)))
    assert {line: next((w for w in moved.values() if w in said), said) for line, said in taken.refused} == moved
    assert taken.stored == len(told) - len(moved)
    with world.store.transaction() as tx:
        opened = [(one.kind, one.subject) for one in day.open_alarms(tx)]
        known = actuals.known(tx, SERIES, world.clock.now())
    assert opened == [(REFUSED, SERIES)]
    days = days_of(known, ZONE, 60)
    assert not days.complete[12]
    made = forecast(days, days.row(LAST.day))
    good = [Observed(start=datetime.fromisoformat(one[1]), minutes=60, value=float(one[3])) for one in rows()]
    usual = days_of(good, ZONE, 60).values[-8:-1].mean(axis=0)
    assert made.mean == pytest.approx(usual, abs=3)
    assert made.quantiles is not None
    assert (np.diff(made.quantiles, axis=0) >= 0).all()
    world.store.close()


def test_a_series_that_no_plan_reads_is_stored_and_the_name_that_was_meant_is_said(
    world: World, tmp_path: Path
) -> None:
    names = (SERIES, "day_ahed", "power_kw home-1", "weather temperature_c home", "heat_kw hp-1")
    told = [[name, LAST.start.isoformat(), "60", "5", ""] for name in names]
    taken = take_actuals(world.store, world.settings, world.clock, read_actuals(table(tmp_path, told)))
    assert (taken.stored, taken.refused) == (len(names), ())
    assert taken.unread == ("no plan reads a series called day_ahed; did you mean day_ahead?",)
    world.store.close()
