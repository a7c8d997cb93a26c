"""The page about balance responsible parties in a real browser: what was told, and an answer that came by telephone."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.barriers import barriers
from tests.builders.brp_parties import ONE, TWO, Parties
from tests.builders.worlds import PERIOD

PASSWORD = "four random words here"


@pytest.fixture
def page(browser: Any, parties: Parties) -> Iterator[Any]:
    """A page of an admin who has logged in."""
    opened = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB", bypass_csp=True).new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(f"{parties.desk.url}/setup/{parties.desk.daemon.authentication.first_link()}")
    opened.fill("input[name=name]", "anna")
    for field in ("password", "again"):
        opened.fill(f"input[name={field}]", PASSWORD)
    opened.get_by_role("button", name="Set up and log in").click()
    opened.wait_for_url(f"{parties.desk.url}/")
    yield opened
    opened.context.close()
    assert faults == []


def act(page: Any, title: str, why: str) -> None:
    """Open the first action with this title, give the reason, confirm."""
    form = page.locator("details.act", has=page.get_by_text(title, exact=True)).first
    form.locator("summary").click()
    form.locator("input[name=why]").fill(why)
    form.get_by_role("button").click()


def test_a_day_without_e_programs_says_so(parties: Parties, page: Any) -> None:
    page.goto(f"{parties.desk.url}/brps?period={PERIOD}")
    assert page.inner_text("#brps").count(f"No e-program of {PERIOD} yet; gate Sat 14:00.") == 2


def test_the_page_shows_what_brps_were_told_and_takes_their_answers(parties: Parties, page: Any) -> None:
    parties.nominate()
    parties.deliverer.run_due()
    page.goto(f"{parties.desk.url}/brps?period={PERIOD}")
    page.locator("#e-programs canvas").wait_for()
    shown = page.inner_text("#brps")
    for words in (
        f"{ONE} balanced together with others",
        f"{TWO} balanced by itself",
        "HTTP 204",
        "day-ahead prices stand in",
    ):
        assert words in " ".join(shown.split())
    assert barriers(page) == []
    # Two's revision is the first row of the list: the newest BRP comes first.
    act(page, "Rejected…", "unknown portfolio")
    page.get_by_text(f"revision 1 of the e-program of {TWO} for {PERIOD} is rejected").wait_for()
    assert "unknown portfolio" in page.inner_text("#brps")
    act(page, "Accepted…", "")
    page.get_by_text(f"revision 1 of the e-program of {TWO} for {PERIOD} is accepted").wait_for()
    assert [n.shown_state for n in parties.history()] == ["sent", "accepted"]
    page.goto(f"{parties.desk.url}/")
    assert f"E-programs accepted 1 of 2 {ONE} sent" in " ".join(page.inner_text("main").split())
