"""The page and API of forecasts: the fan, the moment it was made, the scoreboard; in a real browser, too."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.register import Price
from agr.forecasting import DayForecast
from agr.operations.forecast_worker import Task, make
from agr.operations.forecasts import ForecastService
from agr.settings.forecasts import Forecasts as ForecastSettings
from agr.store import register
from tests.builders.accounts import PASSWORD, account
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, World

PATH = f"/forecasts?period={PERIOD.day}"


def inline(tasks: list[Task], _budget_s: float) -> Sequence[DayForecast | str]:
    return [make(task) for task in tasks]


def prices(first: Period, last: Period, series: str = "day_ahead") -> list[Price]:
    count = int((last.end - first.start) / timedelta(hours=1))
    random = np.random.default_rng(2)
    return [
        Price(series=series, start=first.start + timedelta(hours=n), minutes=60,
              value=round(60 + 25 * float(np.sin(n / 24 * 2 * np.pi)) + float(random.normal()), 2))
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Forty days of prices, two forecasts of PERIOD an hour apart, one that was given, forecasts of earlier days."""
    world = World(Path(tmp_path_factory.mktemp("forecasts")))
    world.settings = world.settings.model_copy(
        update={"forecasts": ForecastSettings(enabled=True, model="half yesterday, half last week")}
    )
    opened = Desk(world)
    first = Period(PERIOD.day - timedelta(days=40))
    with world.store.transaction() as tx:
        register.put_prices(tx, prices(first, PERIOD.previous()))
        register.put_prices(tx, prices(PERIOD, PERIOD, "day_ahead_forecast"))
    forecasts = ForecastService(world.store, world.settings, world.clock, inline)
    forecasts.before_plan(PERIOD)
    for days in range(2, 6):
        period = Period(PERIOD.day - timedelta(days=days))
        forecasts.run(period, as_of=period.start - timedelta(hours=17))
    world.clock.jump_to(world.clock.now() + timedelta(hours=1))
    forecasts.run(PERIOD)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(desk: Desk) -> httpx.Client:
    account(desk.accounts, "vera", "viewer")
    client = desk.anybody()
    client.cookies.set("agr_session", desk.daemon.authentication.log_in("vera", PASSWORD, "here"))
    return client


def test_the_page_shows_the_newest_forecast_and_the_scoreboard(page: httpx.Client) -> None:
    text = page.get(PATH).text
    assert "by half yesterday, half last week" in text
    assert "3 of 3" in text
    assert '"label":"80 %"' in text
    assert '"label":"given"' in text
    assert ">ours</th>" in text
    assert ">naive</th>" in text
    assert "lost EUR/day" not in text
    assert "mean absolute error, EUR/MWh" in text
    assert "lost EUR/day" in page.get(PATH + "&money=1").text


def test_the_slider_goes_back_to_what_was_known_then(page: httpx.Client) -> None:
    first = page.get(PATH + "&made=1").text
    assert "1 of 3" in first
    assert '"label":"80 %"' not in first  # only what was given was made by then
    assert "no forecast was made" in page.get(f"/forecasts?period={PERIOD.next().day}").text
    unknown = page.get("/forecasts?series=nothing")
    assert unknown.status_code == 404
    assert "there is no series &#39;nothing&#39;; there are day_ahead" in unknown.text


def test_the_api_tells_a_forecast_as_of_a_moment_and_the_scores(desk: Desk) -> None:
    client = desk.as_("viewer")
    found = client.get(f"/api/v1/forecasts/day_ahead/{PERIOD.day}").json()
    assert found["model"] == "half yesterday, half last week"
    assert len(found["mean"]) == len(found["starts"]) == len(found["quantiles"]["0.9"]) == 92
    assert all(low <= high for low, high in zip(found["quantiles"]["0.1"], found["quantiles"]["0.9"], strict=True))
    early = client.get(f"/api/v1/forecasts/day_ahead/{PERIOD.day}", params={"as_of": "2026-03-01T00:00:00Z"})
    assert early.status_code == 404
    assert "that was made by 2026-03-01" in early.json()["error"]
    rows = client.get("/api/v1/forecasts/day_ahead/scores", params={"days": 10}).json()
    assert {row["model"] for row in rows} == {"ours", "naive"}  # nobody knows yet how good the given one was
    assert next(row for row in rows if row["model"] == "ours")["days"] == 4
    assert desk.anybody().get("/api/v1/forecasts/day_ahead/scores").status_code == 401


@pytest.mark.parametrize("scripts", [True, False])
def test_in_a_browser_the_fan_is_drawn_and_an_earlier_forecast_chosen(
    browser: Any, desk: Desk, picture: Callable[[Any, str], None], axe: str | None, scripts: bool
) -> None:
    context = browser.new_context(
        viewport={"width": 1300 if scripts else 390, "height": 900}, java_script_enabled=scripts
    )
    secret = account(desk.accounts, f"anna-{scripts}".lower(), "viewer")
    context.add_cookies([{"name": "agr_session", "value": secret, "url": desk.url}])
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(desk.url + "/")
    opened.get_by_role("navigation", name="Main").get_by_role("link", name="Forecasts").click()
    opened.get_by_label("Period").fill(str(PERIOD.day))
    if not scripts:
        opened.get_by_role("button", name="Show").first.click()
    opened.locator("#moments output").get_by_text("3 of 3").wait_for()
    if scripts:
        opened.locator("#fan canvas").first.wait_for()
        picture(opened, "forecasts")
        if axe is not None:
            opened.evaluate(axe)
            found = opened.evaluate("axe.run(document).then(r => r.violations.map(v => v.id + ': ' + v.help))")
            assert found == []
    slider = opened.get_by_role("slider", name="Made")
    slider.focus()
    opened.keyboard.press("Home")
    if not scripts:
        opened.locator("#moments").get_by_role("button", name="Show").click()
    opened.locator("#moments output").get_by_text("1 of 3").wait_for()
    assert "given" in opened.inner_text("#fan figcaption")
    context.close()
    assert faults == []
