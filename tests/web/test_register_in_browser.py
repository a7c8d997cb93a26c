"""The register in a real browser, on a desktop with JavaScript and on a phone without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agr.domain.kinds.fixed_load import FixedLoad
from agr.domain.register import Connection
from agr.store import register_rows
from tests.builders.accounts import account
from tests.builders.operators_side import Desk
from tests.builders.worlds import PERIOD, World
from tests.web.register_desk import FREE, ONE, TWO, battery

SCREENS = {"desktop": (1400, 900, True), "phone without JavaScript": (390, 850, False)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(World(tmp_path))
    first = PERIOD.day.replace(month=1, day=1)
    opened.world.know_register(
        connections=tuple(Connection(address=a, first_day=first) for a in (ONE, TWO, FREE)),
        resources=(battery(), FixedLoad(resource="load-1", connection=ONE)),
    )
    opened.plan()
    yield opened
    opened.close()


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Any, desk: Desk) -> Iterator[Any]:
    width, height, scripts = SCREENS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=scripts)
    secret = account(desk.accounts, "anna", "operator")
    context.add_cookies([{"name": "agr_session", "value": secret, "url": desk.url}])
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def test_a_battery_is_found_corrected_copied_and_removed(desk: Desk, page: Any) -> None:
    page.goto(desk.url + "/register")
    page.get_by_role("navigation", name="Tables").get_by_role("link", name="batteries").click()
    page.get_by_role("searchbox").fill("BATT")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="battery", exact=True).click()
    assert "Planned for" in page.inner_text("main")
    page.get_by_role("link", name="Edit…").click()
    assert page.get_by_label("resource").get_attribute("readonly") is not None
    page.get_by_label("wear_eur_per_mwh").fill("much")
    page.get_by_role("button", name="Check").click()
    assert "wear_eur_per_mwh: 'much' is not a number" in page.inner_text("[role=alert]")
    assert page.get_by_label("wear_eur_per_mwh").input_value() == "much"
    page.get_by_label("wear_eur_per_mwh").fill("7.5")
    page.get_by_role("button", name="Check").click()
    row = page.get_by_role("region", name="Values").locator("tbody tr")
    assert row.inner_text().split() == ["wear_eur_per_mwh", "0", "7.5"]
    page.get_by_label("Why").fill("the maker says so")
    page.get_by_role("button", name="Enter").click()
    assert "battery was changed in batteries" in page.inner_text("[role=status]")
    assert "wear_eur_per_mwh: 0.0 → 7.5" in page.get_by_role("region", name="Changes").inner_text()
    page.get_by_role("link", name="Add one like this…").click()
    assert page.get_by_label("resource").input_value() == ""
    page.get_by_label("resource").fill("battery two")
    page.get_by_role("button", name="Check").click()
    page.get_by_label("Why").fill("installed today")
    page.get_by_role("button", name="Enter").click()
    assert page.inner_text("h1").startswith("battery two")
    assert "This plan does not know battery two" in page.inner_text("main")
    page.get_by_text("Remove…").click()
    page.locator("details.act input[name=why]").fill("back to the maker")
    page.get_by_role("button", name="Remove").click()
    assert "battery two is removed from batteries" in page.inner_text("[role=status]")
    with desk.world.store.transaction() as tx:
        (left,) = register_rows.page(tx, "batteries").rows
    assert (left.key, left.row.wear_eur_per_mwh) == ("battery", 7.5)


def test_no_page_scrolls_sideways(desk: Desk, page: Any) -> None:
    key = f"key=battery&period={PERIOD}"
    for path in (
        "/register/connections",
        "/register/batteries",
        f"/register/batteries/row?{key}",
        f"/register/batteries/edit?{key}",
        f"/register/connections/row?key={ONE}",
        f"/programs?period={PERIOD}",
    ):
        page.goto(desk.url + path)
        box = page.locator("main").bounding_box()
        assert box["width"] <= page.viewport_size["width"], path
        wide = page.locator("main > *").all()
        assert all((part.bounding_box() or box)["width"] <= page.viewport_size["width"] for part in wide), path
