"""What operators see of a day at a glance and in full, on a desktop and on a phone, in a real browser."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from agr.connectors.tables.writing import write_folder
from agr.domain.isp import Period
from agr.domain.register import PointLimit
from agr.messaging.publish import OPEN
from agr.settings import Planning
from tests.day import tiny
from tests.day.market import Market
from tests.day.tiny import A, B

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 17))
PASSWORD = "four random words here"
WAIT_MS = 120_000
SCREENS = {"desktop": (1400, 900), "phone": (390, 850)}


def limit(point: str, import_kw: float) -> PointLimit:
    return PointLimit(
        congestion_point=point, first_day=PERIOD.day, last_day=PERIOD.day, window_start=time(0), window_end=time(0),
        import_kw=import_kw, export_kw=None, penalty_eur_per_mwh=500,
    )  # fmt: skip


@pytest.fixture(scope="module")
def market(parties, tmp_path_factory) -> Iterator[Market]:
    """The tiny world with two limits: the load of 30 kW at B cannot keep one of 25 kW, the battery at A keeps 60 kW."""
    folder = tmp_path_factory.mktemp("page-of-the-day")
    limited = replace(tiny.register(PERIOD), limits=(limit(A, 60.0), limit(B, 25.0)))
    write_folder(limited, folder / "tables")
    planning = Planning(join_triggers_s=0, threads=1, method="reference")
    with Market(parties, folder, PERIOD, tables=folder / "tables", planning=planning) as opened:
        opened.reach(OPEN)
        yield opened


@pytest.fixture(scope="module")
def pages(browser, market) -> Iterator[dict[str, Any]]:
    """A page of an operator who has logged in, for each screen."""
    made: dict[str, Any] = {}
    state = None
    for screen, (width, height) in SCREENS.items():
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", storage_state=state)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        if state is None:
            page.goto(market.daemon.set_up_link())
            page.fill("input[name=name]", "anna")
            for field in ("password", "again"):
                page.fill(f"input[name={field}]", PASSWORD)
            page.get_by_role("button", name="Set up and log in").click()
            page.wait_for_url(market.daemon.page + "/")
            state = context.storage_state()
        made[screen] = page
    yield made
    for page in made.values():
        page.context.close()


@pytest.fixture(params=SCREENS)
def page(request, pages) -> Any:
    return pages[request.param]


def open_(page: Any, market: Market, path: str) -> None:
    page.goto(market.daemon.page + path)


def outside(page: Any, selector: str) -> list[str]:
    """Return the texts of elements that lie, even partly, beside the screen."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
        .filter(e => { const r = e.getBoundingClientRect();
                       return r.width > 0 && (r.left < 0 || r.right > document.documentElement.clientWidth + 1); })
        .map(e => e.innerText.slice(0, 60))""",
        selector,
    )


def test_what_is_at_risk_is_at_the_top_of_the_day_with_its_euros(market, page):
    open_(page, market, "/")
    risk = page.get_by_role("region", name="Promises at risk")
    first = risk.locator("li").first.inner_text()
    assert "60.00 EUR" in first
    assert "limit breached tomorrow" in first
    assert f"{B} (120.0 kWh)" in first
    assert page.locator("main section").first.get_attribute("id") == "risk", "before everything else"
    assert risk.bounding_box()["y"] < 400
    assert ("limit breached", str(PERIOD)) in market.alarms()
    assert "limit breached" not in page.get_by_role("region", name="Needs attention").inner_text(), "said once"


def test_the_day_is_pictured_with_what_each_dso_is_promised(market, page):
    open_(page, market, "/")
    tomorrow = page.locator("section.period").first
    tomorrow.locator("figure canvas").first.wait_for()
    assert tomorrow.locator("figure [role=img]").get_attribute("aria-label").startswith("Program per ISP")
    promised = tomorrow.get_by_role("region", name="Promised to each DSO tomorrow").inner_text()
    assert "north-grid.example" in promised
    assert "south-grid.example" in promised
    assert "5.0 kW beyond" in promised, "the limit of 25 kW below the load of 30 kW"
    figures = tomorrow.locator("dl.figures").inner_text()
    for words in ("Energy", "MWh", "Peak", "at ", "Promises at risk"):
        assert words in figures
    next_gate = tomorrow.locator(".next").inner_text()
    assert "Next: prognosis gate closes" in next_gate
    assert " in " in next_gate


def test_every_part_of_the_navigation_is_on_the_screen(market, page):
    open_(page, market, "/log")
    assert page.locator("nav[aria-label=Main] a").count() == 8
    assert outside(page, "nav[aria-label=Main] a") == []
