"""Trading with DSOs on the page and in the API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agr.domain.flexibility_states import OfferState
from agr.store import outbox
from agr.trading.metering import profile_of
from agr.uftp import messages as m
from agr.uftp.codec import encode
from agr.web.security import COOKIE
from tests.builders.accounts import PASSWORD, account
from tests.builders.barriers import barriers
from tests.builders.operators_side import Desk
from tests.builders.pages import found
from tests.builders.trading_day import POINT, PROGNOSIS, TradingWorld
from tests.builders.worlds import PERIOD


def logged_in(desk: Desk, name: str, role: str) -> httpx.Client:
    account(desk.accounts, name, role)
    client = desk.anybody()
    client.post("/login", data={"name": name, "password": PASSWORD})
    return client


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, TradingWorld, httpx.Client]]:
    world = TradingWorld(Path(tmp_path_factory.mktemp("desk")), automatic=False)
    opened = Desk(world)
    world.tell(world.request())
    world.replies()
    world.trade()
    yield opened, world, opened.as_("operator")
    opened.close()


def test_what_dsos_were_told_of_measurements_is_shown(desk: tuple[Desk, TradingWorld, httpx.Client]) -> None:
    opened, world, _ = desk
    yesterday, page = PERIOD.previous(), logged_in(opened, "dora", "viewer")
    message = m.Metering(
        version="3.1.0", sender_domain="agr.example", recipient_domain="dso.example", time_stamp=world.clock.now(),
        message_id=PROGNOSIS, conversation_id=PROGNOSIS, time_zone=PERIOD.zone_name, period=yesterday.day,
        isp_duration=PERIOD.isp_length, revision=3, ean="E871685900012636543",
        profiles=(profile_of({1: 6000, 2: 4000}),),
    )  # fmt: skip
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id=PROGNOSIS, conversation_id=PROGNOSIS, kind="Metering", recipient_domain="dso.example",
            recipient_role="DSO", xml=encode(message), at=world.clock.now(), period=yesterday.day, subject="ean.1",
        )  # fmt: skip
        outbox.answered(tx, PROGNOSIS, world.clock.now(), "Rejected", "Unknown EAN")
    (row,) = found(page.get(f"/trading?period={yesterday}").text, "//section[@id='metering']//tbody/tr")
    assert [cell.text_content() for cell in row][:5] == ["ean.1", "dso.example", "3", "2", "2.5"]
    assert row[-1].text_content() == "Rejected: Unknown EAN"
    (told,) = page.get(f"/api/v1/days/{yesterday}/metering").json()
    assert told | {"dso": "dso.example", "connection": "ean.1", "revision": 3, "isps": 2, "kwh": 2.5} == told
    assert (told["answer"], told["answer_reason"]) == ("Rejected", "Unknown EAN")
    assert "Metering" not in page.get(f"/trading?period={PERIOD}").text


def test_requests_offers_and_orders_are_shown_and_decided(desk: tuple[Desk, TradingWorld, httpx.Client]) -> None:
    opened, world, anna = desk
    number, page = world.offers()[0].offer.message_id, f"/trading?period={PERIOD}"
    bert, carl = logged_in(opened, "bert", "operator"), logged_in(opened, "carl", "viewer")
    shown = bert.get(page)
    assert shown.status_code == 200
    for part in (POINT, "12.35 EUR", "day-ahead", "battery: power", "Send…", "free market", "−30,000"):
        assert part in shown.text
    assert "Propose an offer" not in shown.text  # the DSO takes none that it has not asked for
    assert "Send…" not in carl.get(page).text
    rows = found(shown.text, "//section[@id='ledger']//tbody/tr")
    assert [row.xpath("string(th)") for row in rows] == ["40–51 10:45–13:45"]  # all of them with the same figures
    assert "Without the orders" not in shown.text
    ledger = anna.get(f"/api/v1/days/{PERIOD}/trading").json()["ledger"]
    assert [row["isp"] for row in ledger] == [*range(40, 52)]
    assert {row["reserved_kw"] for row in ledger} == {100.0}  # contracted, and no update has changed it
    sent = anna.post(f"/api/v1/offers/{number}/send", json={"why": "a good price"})
    assert sent.status_code == 200, sent.text
    (offer,) = world.replies()
    world.answer(offer)
    assert "Revoke…" in bert.get(page).text
    world.tell(world.order(offer))
    told = anna.get(f"/api/v1/days/{PERIOD}/trading").json()
    assert told["ledger"] == []
    assert [told["orders"][0][what][39] for what in ("baseline_w", "program_w")] == [20_000, -10_000]
    assert told["orders"][0]["planned_w"] is None
    assert [one["state"] for kind in ("requests", "offers", "orders") for one in told[kind]] == [
        "accepted", OfferState.ORDERED.value, "accepted",
    ]  # fmt: skip
    assert told["offers"][0]["costs"] == {"day-ahead": 10.0, "margin": 2.3456}
    assert told["orders"][0]["power_w"][39] == -30_000
    assert anna.post(f"/api/v1/offers/{number}/revoke", json={"why": "outage"}).status_code == 409
    ordered = bert.get(page).text
    assert "o-1" in ordered
    assert "No offer is open." in ordered  # what is ordered binds the plan, no offer any more
    (picture,) = found(ordered, "//section[@id='without']//script/text()")
    series = {one["label"]: one["values"] for one in json.loads(picture)["series"]}
    assert [line[39] for line in series.values()] == [20.0, -10.0]


def test_an_offer_is_proposed_in_a_form_and_one_of_many_powers_is_told_by_its_sums(tmp_path: Path) -> None:
    world = TradingWorld(tmp_path, automatic=False)
    cro, dso = world.settings.participants
    takes = dso.model_copy(update={"unsolicited_offers": True})
    world.settings = world.settings.model_copy(update={"participants": (cro, takes)})
    opened = Desk(world)
    try:
        bert, carl = logged_in(opened, "bert", "operator"), logged_in(opened, "carl", "viewer")
        assert "Propose an offer" not in carl.get(f"/trading?period={PERIOD}").text
        (form,) = found(bert.get(f"/trading?period={PERIOD}").text, "//details[@id='propose']/form")
        assert form.xpath("string(.//datalist/option[1]/@value)") == POINT
        fields = dict(form.form_values()) | {
            "congestion_point": POINT,
            "first": "40",
            "count": "9",
            "power_kw": "-30",
            "why": "the DSO called",
        }
        done = bert.post(form.get("action"), data=fields, follow_redirects=True)
        assert "is being priced; then it waits until somebody sends it" in done.text
        world.pricer.step_w = 1000
        world.trade()
        (cell,) = found(bert.get(f"/trading?period={PERIOD}").text, "//td[@data-label='offered, W']")
        assert (
            cell.text == "−58.5 kWh in 9 ISPs of 40–48, up to −30,000 W; +311.2 kWh in 83 ISPs of 1–92, up to +15,000 W"
        )
        assert "40: −30,000 W, 41: −29,000 W" in cell.xpath("string(details)")
        # All 92 ISPs of the short day draw on nothing of the market: one row, not 92.
        (row,) = found(bert.get(f"/trading?period={PERIOD}").text, "//section[@id='ledger']//tbody/tr")
        assert row.xpath("string(th)") == "1–92 00:00–00:00"
    finally:
        opened.close()


def test_who_may_only_look_decides_nothing(desk: tuple[Desk, TradingWorld, httpx.Client]) -> None:
    opened, world, anna = desk
    number = world.offers()[0].offer.message_id
    for action in ("send", "discard", "revoke"):
        assert opened.as_("viewer").post(f"/api/v1/offers/{number}/{action}", json={"why": "abc"}).status_code == 403
        assert anna.post(f"/api/v1/offers/nothing/{action}", json={"why": "abc"}).status_code == 404


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_is_drawn_in_a_browser_and_on_a_phone(
    desk: tuple[Desk, TradingWorld, httpx.Client], browser: Any, width: int
) -> None:
    opened, _, _ = desk
    session = account(opened.daemon.authentication, f"dora{width}", "viewer")
    context = browser.new_context(viewport={"width": width, "height": 850}, locale="en-GB", bypass_csp=True)
    context.add_cookies([{"name": COOKIE, "value": session, "url": opened.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{opened.url}/trading?period={PERIOD}")
    page.locator("#without-1 canvas").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "No offer is open." in page.locator("#ledger").inner_text()
    assert barriers(page) == []
    context.close()
    assert faults == []
