"""What operators see of a day at a glance and in full, on a desktop and on a phone, in a real browser."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from agr.connectors.tables.writing import write_folder
from agr.domain.isp import Period
from agr.domain.register import PointLimit
from agr.messaging.publish import OPEN
from agr.settings import Planning
from agr.store import day
from tests.day import tiny
from tests.day.market import Market
from tests.day.tiny import FO_A, A, B
from tests.web.operators_page import PASSWORD, WAIT_MS, did, enter_by_hand, open_, priced, reasons_of, reserved_w

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 17))
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


def test_a_picture_with_the_same_data_stays_when_the_page_updates_itself(market, page):
    open_(page, market, "/")
    page.get_by_text("● live").wait_for()
    picture = page.locator("section.period figure canvas").first
    picture.wait_for()
    page.evaluate("document.querySelector('section.period figure canvas').stays = true")
    page.evaluate("document.querySelector('#day .next').insertAdjacentHTML('beforeend', '<i id=old></i>')")
    market.jump(market.clock.now() + timedelta(minutes=1))  # so that the countdown reads otherwise
    with market.daemon.store.transaction() as tx:
        day.raise_alarm(tx, "feed failed", str(page.viewport_size["width"]), "no answer", market.clock.now())
    page.get_by_role("region", name="Needs attention").get_by_text(str(page.viewport_size["width"])).wait_for()
    page.locator("#old").wait_for(state="detached")  # the part with the picture was replaced
    assert page.evaluate("document.querySelector('section.period figure canvas').stays")


def test_every_part_of_the_navigation_is_on_the_screen(market, page):
    open_(page, market, "/log")
    assert page.locator("nav[aria-label=Main] a").count() >= 12
    assert outside(page, "nav[aria-label=Main] a") == []


def preview(page: Any, market: Market) -> int:
    """Ask for a preview on the Day page; return its number."""
    open_(page, market, "/")
    act = page.locator("details.act", has=page.get_by_text("Re-optimise: preview…", exact=True)).first
    act.locator("summary").click()
    act.locator("input[name=why]").fill("a look")
    act.get_by_role("button").click()
    page.wait_for_url(re.compile(r"/runs/\d+$"))
    return int(page.url.rsplit("/", 1)[1])


def figure(page: Any, name: str) -> str:
    return page.locator("dl.figures div", has=page.get_by_text(name, exact=True)).first.inner_text()


def test_a_preview_that_changes_nothing_earns_nothing_in_real_euros(market, page):
    number = preview(page, market)
    assert market.plans()[-1].id == number
    assert market.plans()[-1].change.points == ()
    assert "0.00 EUR" in figure(page, "Earned by the change")
    assert "nobody pays them" in figure(page, "Planning prices")


def test_a_preview_is_looked_at_in_full_and_the_plan_in_force_stays_apart(market, page):
    priced(market, 400.0)
    number = preview(page, market)
    page.get_by_role("region", name="Changed congestion points").get_by_role("link", name=A).click()
    page.wait_for_url(f"**/points/{PERIOD}/**plan={number}")
    assert f"Plan {number}" in page.locator(".banner.info").inner_text()
    assert "nothing was sent" in page.locator(".banner.info").inner_text()
    lines = {s["label"]: s["values"] for s in json.loads(page.locator("#program script").inner_text())["series"]}
    planned = next(p.power_w for p in market.plans()[-1].points if p.address == A)
    assert lines[f"plan {number}"] == [w / 1000 for w in planned]
    assert lines[f"plan {market.in_force().id}, in force"] != lines[f"plan {number}"]
    open_(page, market, f"/points?period={PERIOD}&plan={number}")
    assert f"plan {number}" in page.locator(".banner.info").inner_text()
    page.get_by_role("link", name=A).click()
    page.wait_for_url(f"**plan={number}")
    open_(page, market, f"/points/{PERIOD}/{A}")
    assert page.locator(".banner.info").count() == 0
    assert "plan 2" in page.locator("#program figcaption").inner_text()


def test_why_an_isp_changed_is_looked_up_in_any_plan_with_old_prices(market, page):
    priced(market, 400.0)
    number = preview(page, market)
    open_(page, market, f"/points/{PERIOD}/{A}?plan={number}")
    page.get_by_label("Why is ISP").fill("10:15")
    page.get_by_role("button", name="as it is?").click()
    why = page.locator(".why")
    why.wait_for()
    said = why.inner_text()
    assert f"ISP 42, from 10:15, in plan {number}" in said
    assert "day-ahead price (400.00, before 41.00 per MWh)" in said
    assert "energy price in the portfolio (" in said
    assert "in the portfolio: day-ahead prices differ in" in said
    assert "operator: anna: a look" in said
    page.locator("select[name=plan]").select_option("2")
    page.get_by_role("button", name="as it is?").click()
    page.get_by_text("ISP 42, from 10:15, in plan 2").wait_for()
    assert "unchanged" in page.locator(".why").inner_text()
    page.get_by_label("Why is ISP").fill("97")
    page.get_by_role("button", name="as it is?").click()
    page.get_by_text("is not an ISP of").wait_for()


def test_euros_of_a_change_add_up_on_the_page(market, page):
    priced(market, 400.0)
    number = preview(page, market)
    table = page.get_by_role("region", name="Changed congestion points")
    rows = [text.replace("−", "-").replace(",", "") for text in table.locator("tr").all_inner_texts()]
    euros = [float(match.group()) for row in rows if (match := re.search(r"[+-]?\d+\.\d\d\b(?! *\d)", row))]
    assert len(euros) >= 3, rows
    assert sum(euros[:-1]) == pytest.approx(euros[-1], abs=0.02), rows
    plan = next(p for p in market.plans() if p.id == number)
    assert sum(plan.change.earned_eur.values()) > 1


def test_every_column_of_why_an_isp_changed_is_on_the_screen(market, page):
    priced(market, 400.0)
    number = preview(page, market)
    open_(page, market, f"/points/{PERIOD}/{A}?plan={number}")
    cells = page.get_by_role("region", name="Changed ISPs").locator("td.because")
    assert "energy price in the portfolio" in cells.first.inner_text()
    assert outside(page, "td.because, [aria-label='Changed ISPs'] td") == []


def test_why_the_called_line_may_lie_beyond_a_limit_is_said_below_it(market, page):
    open_(page, market, f"/points/{PERIOD}/{A}")
    said = page.locator("#beyond").inner_text()
    assert "would exceed the import limit by up to" in said
    assert "it is never sent" in said


@pytest.fixture(scope="module")
def by_hand(market, pages) -> Any:
    """A page on a desktop, once a DSO has announced that it still holds 50 kW in the evening."""
    market.release(FO_A, -50_000)
    market.until(lambda: min(reserved_w(market)) == -50_000, "the DSO's update")
    return pages["desktop"]


def test_a_reservation_is_entered_by_hand_isp_by_isp_after_a_look(market, by_hand):
    before = reserved_w(market)
    first, last = (str(1 + before.index(-50_000)), str(len(before) - before[::-1].index(-50_000)))
    enter_by_hand(by_hand, market, "-200,000", first=first, last=first)
    assert "'-200,000' is not a power; write whole W" in by_hand.inner_text("[role=alert]")
    assert by_hand.get_by_label("power, W").first.input_value() == "-200,000", "what was entered is still there"
    enter_by_hand(by_hand, market, "20000", first=first, last=last)
    assert "20000 W does not lie between 0 and what FO-A has contracted there" in by_hand.inner_text("[role=alert]")
    enter_by_hand(by_hand, market, "-20000", first=first, last=first)
    rows = by_hand.get_by_role("region", name="Reserved power").locator("tbody tr")
    assert [cell.inner_text() for cell in rows.first.locator("td.num").all()][1:] == ["−50,000", "−20,000", "+30,000"]
    assert reserved_w(market) == before, "a look enters nothing"
    market.release("FO-A", -40_000)  # meanwhile the DSO says something else
    market.until(lambda: min(reserved_w(market)) == -40_000, "the DSO's update")
    by_hand.locator("input[name=why]").fill("the DSO rang")
    by_hand.get_by_role("button", name="Enter and plan again").click()
    assert "the reservation under FO-A has changed meanwhile" in by_hand.inner_text("[role=alert]")
    assert "−40,000" in rows.first.inner_text(), "now both are shown"
    by_hand.get_by_role("button", name="Enter and plan again").click()
    by_hand.get_by_text("the reservation of FO-A is entered; a plan follows").first.wait_for()
    assert [w for w in reserved_w(market) if w] == [-20_000]
    assert ("anna", "reserve", "the DSO rang") in did(market)


def test_a_share_of_the_contract_is_filled_in(market, by_hand):
    open_(by_hand, market, f"/reservations/{PERIOD}/FO-A")
    by_hand.get_by_label("or a share of the contract, %").fill("150")
    by_hand.get_by_role("button", name="Fill in").click()
    assert "the share kept is between 0 and 100 %, not 150%" in by_hand.inner_text("[role=alert]")
    by_hand.get_by_label("or a share of the contract, %").fill("12,5 %")
    by_hand.get_by_role("button", name="Fill in").click()
    assert by_hand.get_by_label("power, W").first.input_value() == "-12500", "the contract has 100 kW"


def test_a_reservation_is_pasted_from_a_spreadsheet(market, by_hand):
    open_(by_hand, market, f"/reservations/{PERIOD}/FO-A")
    by_hand.get_by_text("Paste from a spreadsheet instead").click()
    pasted = by_hand.locator("textarea[name=pasted]")
    pasted.fill("ISP\tW\n1\t0\n97\t-5\n2\tmuch")
    by_hand.get_by_role("button", name="Check", exact=True).click()
    alert = by_hand.inner_text("[role=alert]")
    assert "line 3: ISPs 97 to 97 are not in order within 1 to 96" in alert
    assert "line 4: 'much' is not a power" in alert
    pasted.fill("\n".join("0" for _ in range(96)))
    by_hand.get_by_role("button", name="Check", exact=True).click()
    by_hand.locator("input[name=why]").fill("released by telephone")
    by_hand.get_by_role("button", name="Enter and plan again").click()
    by_hand.get_by_text("nothing: 0 W in every ISP").first.wait_for()
    assert not any(reserved_w(market))
    market.settle()
    assert "anna entered FO-A: at most 0 kW still reserved (released by telephone)" in reasons_of(market)
