"""The operators' page in a real browser, against a running daemon with real counterparties."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from agr.domain.plan import PlanState
from agr.messaging.publish import OPEN
from agr.settings import Planning
from agr.store import day
from tests.builders.tools import lacking
from tests.day.market import Market
from tests.day.tiny import A, C
from tests.web.operators_page import (
    LOOKS,
    PAGES,
    PASSWORD,
    PERIOD,
    WAIT_MS,
    confirm,
    did,
    open_,
    priced,
)  # fmt: skip

pytestmark = pytest.mark.day


@pytest.fixture(scope="module")
def market(parties, tmp_path_factory) -> Iterator[Market]:
    """One market for the story below: its tests build on one another, in order."""
    folder = tmp_path_factory.mktemp("page")
    with Market(parties, folder, PERIOD, planning=Planning(join_triggers_s=0, threads=1, method="reference")) as opened:
        yield opened


@pytest.fixture(scope="module")
def operator(browser, market) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    expected = ("status of 4", "ERR_CONNECTION_REFUSED")  # refusals, and a daemon stopped under an open page

    def heard(message: Any) -> None:
        if message.type == "error" and not any(words in message.text for words in expected):
            faults.append(message.text)

    page.on("console", heard)
    yield page
    context.close()
    assert faults == [], "the page's scripts or its content security policy complained"


def test_nothing_is_shown_without_a_log_in(market, operator):
    open_(operator, market, f"/points?period={PERIOD}")
    assert operator.url.startswith(market.daemon.page + "/login")
    assert A not in operator.content()


def test_the_first_start_s_link_makes_an_admin_once(market, operator):
    link = market.daemon.set_up_link()
    operator.goto(link)
    operator.fill("input[name=name]", "anna")
    for field in ("password", "again"):
        operator.fill(f"input[name={field}]", PASSWORD)
    operator.get_by_role("button", name="Set up and log in").click()
    operator.wait_for_url(market.daemon.page + "/")
    assert operator.get_by_role("heading", name="Tomorrow", exact=False).first.is_visible()
    again = operator.context.browser.new_page()
    again.goto(link)
    assert "has been used" in again.inner_text("main")
    again.close()
    assert market.daemon.set_up_link() is None


def test_logging_in_goes_where_one_wanted_to_go(market, operator):
    operator.get_by_role("button", name="Log out").click()
    open_(operator, market, f"/runs?period={PERIOD}")
    operator.fill("input[name=name]", "anna")
    operator.fill("input[name=password]", "not the password")
    operator.get_by_role("button", name="Log in").click()
    assert "name or password is wrong" in operator.inner_text("[role=alert]")
    operator.fill("input[name=password]", PASSWORD)
    operator.get_by_role("button", name="Log in").click()
    operator.wait_for_url(f"**/runs?period={PERIOD}")


def test_a_plan_arrives_on_an_open_page(market, operator):
    operator.get_by_text("No plan yet.").wait_for()
    operator.get_by_text("● live").wait_for()
    operator.evaluate("window.here = true")
    market.reach("first_plan")
    operator.get_by_role("link", name="plan 1", exact=True).first.wait_for()
    assert operator.evaluate("window.here"), "the page was loaded anew instead of updated"


def test_accepted_prognoses_appear_on_the_day(market, operator):
    open_(operator, market, "/")
    operator.get_by_text("● live").wait_for()
    market.reach(OPEN)
    operator.locator(".kept", has_text="D-Prognoses accepted").filter(has_text="3 of 3").first.wait_for()


def test_a_preview_shows_what_would_change_and_sends_nothing(market, operator):
    priced(market, 400.0)
    sent = len(market.prognoses())
    open_(operator, market, "/")
    confirm(operator, "Re-optimise: preview…", "noon has become dear")
    operator.wait_for_url(re.compile(r"/runs/\d+$"))
    assert "nothing was sent" in operator.inner_text("main")
    rows = operator.get_by_role("region", name="Changed congestion points")
    assert A in rows.inner_text()
    assert market.plans()[-1].state is PlanState.PREVIEW
    assert market.in_force().id != market.plans()[-1].id
    market.settle()
    assert len(market.prognoses()) == sent


def test_a_sent_preview_comes_back_accepted_as_the_next_revision(market, operator):
    confirm(operator, "Send…", "agreed with the traders")
    operator.get_by_text("is in force", exact=False).first.wait_for()
    market.settle()
    assert market.in_force().id == market.plans()[-1].id
    newest = {p.point: p for p in market.prognoses()}
    assert {point: p.revision for point, p in newest.items()}[A] == 2
    assert newest[A].power_w == next(p.power_w for p in market.in_force().points if p.address == A)
    open_(operator, market, f"/points?period={PERIOD}&q=north-grid:a")
    row = operator.get_by_role("row").filter(has_text=A)
    row.filter(has_text="accepted").wait_for()
    assert [c.inner_text() for c in row.locator("td.num").all()[:2]] == ["2", "2"]
    assert ("anna", "send", "agreed with the traders") in did(market)


def test_a_plan_for_one_congestion_point_leaves_the_others_alone(market, operator):
    priced(market, 50.0, 50.0)
    open_(operator, market, f"/points?period={PERIOD}")
    operator.get_by_label(f"choose {C}").check()
    operator.locator("input[name=why]").fill("only C")
    operator.get_by_role("button", name="Preview a plan").click()
    operator.wait_for_url(re.compile(r"/runs/\d+$"))
    plan = market.plans()[-1]
    assert {p.address for p in plan.change.points} == {C}
    confirm(operator, "Discard…", "no need")
    operator.get_by_text("is discarded").first.wait_for()
    assert market.plans()[-1].state is PlanState.DISCARDED


def test_held_prognoses_wait_until_they_are_released(market, operator):
    open_(operator, market, "/")
    confirm(operator, "Hold sending…", "the DSO asked us to")
    operator.get_by_text("Sending is on hold", exact=True).wait_for()
    before = len(market.prognoses())
    market.release("FO-A", -50_000)
    plans = len(market.plans())
    market.until(lambda: len(market.plans()) > plans, "a plan")
    market.settle()
    assert len(market.prognoses()) == before
    operator.get_by_text("rejected or not sent").first.wait_for()
    confirm(operator, "Release…", "the DSO is back")
    operator.get_by_text("sending is released").first.wait_for()
    market.settle()
    assert len(market.prognoses()) > before


def test_what_was_done_is_not_told_to_an_open_page_that_only_follows(market, operator):
    open_(operator, market, "/account")
    form = {"csrf": operator.locator("input[name=csrf]").first.input_value(), "why": "a test"}
    ask, page = operator.context.request, market.daemon.page
    for action in ("hold", "release"):
        ask.post(f"{page}/do/{action}", form=form, max_redirects=0)
        assert "sending is" not in ask.get(page + "/alarms", headers={"X-Live": "1"}).text()
        assert "sending is" in ask.get(page + "/alarms").text()
    market.settle()


def test_an_alarm_appears_by_itself_and_is_acknowledged(market, operator):
    open_(operator, market, "/alarms")
    operator.get_by_text("● live").wait_for()
    with market.daemon.store.transaction() as tx:
        day.raise_alarm(tx, "feed failed", "weather", "no <b>answer</b>", market.clock.now())
    operator.get_by_text("no <b>answer</b>").first.wait_for()
    confirm(operator, "Acknowledge…", "calling them")
    operator.get_by_text("anna is on it", exact=False).first.wait_for()
    assert ("anna", "acknowledge", "calling them") in did(market)


def test_a_viewer_sees_everything_and_can_do_nothing(browser, market):
    link = market.daemon.authentication.add_account("test", "vera", "viewer")
    market.daemon.authentication.set_up(link, "vera", PASSWORD)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    open_(page, market, "/login")
    page.fill("input[name=name]", "vera")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(market.daemon.page + "/")
    own = f"/reservations/{PERIOD}/FO-A"
    dated = f"/points?period={PERIOD}", f"/reservations?period={PERIOD}"
    for path in ("/", *dated, "/alarms", "/outbox", own, "/runs/2"):
        open_(page, market, path)
        assert page.locator("details.act, [data-choose], form[action^='/do/'], #by-hand").count() == 0, path
    open_(page, market, "/account")
    csrf = page.locator("input[name=csrf]").first.input_value()
    for path in ("/do/hold", "/do/plans", "/do/participants/bar", own):
        form = {"csrf": csrf, "why": "let me", "period": str(PERIOD)}
        answer = context.request.post(market.daemon.page + path, form=form)
        assert answer.status == 403, path
        assert "a viewer may not do this" in answer.text()
    assert "vera" not in {who for who, action, _ in did(market) if action in ("hold", "preview")}
    context.close()


def test_a_form_without_the_session_s_token_does_nothing(market, operator):
    answer = operator.context.request.post(market.daemon.page + "/do/hold", form={"why": "stolen", "csrf": "x"})
    assert answer.status == 403
    assert ("anna", "hold", "stolen") not in did(market)


def test_what_was_entered_survives_a_refusal(market, operator):
    open_(operator, market, f"/reservations?period={PERIOD}")
    operator.get_by_text("Mark a resource or connection unavailable…").click()
    form = operator.locator("form[action='/do/unavailable']")
    form.locator("input[name=name]").fill("no battery")
    form.locator("input[name=why]").fill("inverter broken")
    form.get_by_role("button").click()
    assert "there is no resource or connection 'no battery'" in operator.inner_text("[role=alert]")
    assert operator.locator("input[name=why]").input_value() == "inverter broken"
    operator.locator("input[name=name]").fill("battery a")
    operator.get_by_role("button", name="Try again").click()
    operator.get_by_text("battery a is unavailable").first.wait_for()
    market.settle()
    plan = market.in_force()
    assert {p.power_w for p in plan.points if p.address == A} == {(20_000,) * 96}, "only the load of 20 kW is left"


def test_every_page_is_drawn_without_faults_and_barriers(browser, operator, market, axe, picture):
    context = browser.new_context(
        storage_state=operator.context.storage_state(), bypass_csp=True, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    barriers = []
    looks = list(LOOKS)
    for name, path in PAGES.items():
        looks[0].take(page)
        open_(page, market, path)
        if axe is not None:
            page.evaluate(axe)
        for look in looks:
            look.take(page)
            assert look.fits(page), f"{name} scrolls sideways, {look.name}"
            picture(page, f"{name}-{look.name}")
            barriers += [f"{name}, {found}" for found in (look.barriers(page) if axe is not None else [])]
        looks.reverse()  # the next page begins as this one ends: nothing is drawn once more to be left
    context.close()
    assert errors == []
    assert barriers == []
    if axe is None:
        lacking("drawn, but axe-core, which checks accessibility,", "npm install --prefix .ci axe-core")


def test_a_page_works_by_keyboard(market, operator):
    open_(operator, market, f"/points?period={PERIOD}")
    operator.keyboard.press("Tab")
    assert operator.evaluate("document.activeElement.textContent") == "Skip to content"
    operator.keyboard.press("/")
    operator.keyboard.type("south")
    operator.keyboard.press("Enter")
    operator.wait_for_url("**q=south*")
    assert C in operator.inner_text("tbody")
    assert A not in operator.inner_text("tbody")


def test_the_countdown_follows_the_daemon_s_clock(market, operator):
    market.jump(market.clock.now() + timedelta(minutes=1))
    open_(operator, market, "/")
    shown = operator.locator("[data-clock]").inner_text()
    assert shown.startswith(f"{market.clock.now().astimezone(PERIOD.tz):%a}"), shown


def test_the_page_survives_a_daemon_that_ends(market, operator):
    """Last of the story: an open page says that it is cut off, and the daemon does not wait for it."""
    open_(operator, market, "/")
    operator.get_by_text("● live").wait_for()
    port = int(market.daemon.page.rsplit(":", 1)[1])
    market.stop()
    operator.get_by_text("○ not connected").wait_for()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
