"""Bids and awards on the page and in the API: seen before they count, and refused where they do not fit."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from agr.schedule.bidding import gate_of
from agr.settings import BidFiles, Bids, CapacityProduct, Markets, MarketTime
from agr.store import day, plans, positions
from tests.builders.accounts import PASSWORD, account
from tests.builders.operators_side import Desk
from tests.builders.pages import csrf_token
from tests.builders.plans import planned
from tests.builders.worlds import PERIOD, World

DAY = str(PERIOD.day)
WHY = "the exchange says so"
BID_KW = tuple(1000.0 if isp < 40 else -2000.0 for isp in range(92))


def opened(folder: Path, *, approval: bool = True) -> Desk:
    """A desk with a plan whose bid needs approval, or leaves by itself."""
    world = World(folder)
    bids = Bids(approval=approval, files=(BidFiles(name="trader", folder=folder / "bids"),))
    world.settings = world.settings.model_copy(update={"bids": bids})
    made = Desk(world)
    planned(world, BID_KW)
    with world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, "first_plan", world.clock.now(), "")
    return made


def logged_in(desk: Desk) -> httpx.Client:
    """Somebody who has logged in as an operator."""
    account(desk.accounts, "anna", "operator")
    client = desk.anybody()
    client.post("/login", data={"name": "anna", "password": PASSWORD})
    return client


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.fixture
def anna(desk: Desk) -> httpx.Client:
    return logged_in(desk)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, httpx.Client]]:
    """A desk that refuses everything."""
    made = opened(tmp_path_factory.mktemp("refusing"))
    gate_closes(made)
    yield made, logged_in(made)
    made.close()


def gate_closes(desk: Desk) -> None:
    desk.world.clock.jump_to(gate_of(desk.world.settings, PERIOD, "day-ahead"))


def result(*changes: tuple[int, float], price: str = "") -> str:
    values = [kw / 1000 for kw in BID_KW]
    for isp, mw in changes:
        values[isp - 1] = mw
    starts = [start.astimezone(PERIOD.tz).isoformat() for start in PERIOD.starts()]
    head = "start,mw" + (",price_eur_per_mwh" if price else "")
    rows = (f"{s},{v}" + (f",{price}" if price else "") for s, v in zip(starts, values, strict=True))
    return "\n".join([head, *rows])


def position(desk: Desk) -> tuple[float, ...]:
    with desk.world.store.transaction() as tx:
        return positions.all_on(tx, PERIOD.day)["day-ahead"]


def test_a_bid_is_shown_approved_and_told_with_its_receipt(desk: Desk, anna: httpx.Client) -> None:
    page = anna.get(f"/markets?period={DAY}").text
    assert "would bid −16.000 MWh net; nothing is bid unless somebody approves it before the gate" in page
    fields = {"period": DAY, "plan": "1", "why": WHY, "csrf": csrf_token(anna), "back": "/markets"}
    assert anna.post("/do/bids", data=fields | {"plan": "9"}).status_code == 409
    assert anna.post("/do/bids", data=fields | {"why": "x"}).status_code == 422
    assert anna.post("/do/bids", data=fields).status_code == 303
    page = anna.get(f"/markets?period={DAY}").text
    assert "revision 1 of plan 1, leaves now" in page
    assert "was sent as revision 1" in page
    (told,) = anna.get(f"/api/v1/days/{DAY}/bids").json()
    assert (told["revision"], told["plan"], told["by"]) == (1, 1, "anna")
    assert told["volumes_kw"] == list(BID_KW)
    assert [(d["channel"], d["state"]) for d in told["deliveries"]] == [("trader", "queued")]
    assert ("anna", "approve bid", f"day-ahead {DAY}") in desk.done()


def test_only_those_who_may_act_approve_by_api(desk: Desk) -> None:
    ask = {"period": DAY, "why": WHY}
    assert desk.as_("analyst").post("/api/v1/bids", json=ask).status_code == 403
    answer = desk.as_("operator").post("/api/v1/bids", json=ask | {"plan": 1})
    assert answer.status_code == 200, answer.text
    assert desk.as_("operator").post("/api/v1/bids", json=ask).status_code == 409


def test_a_pasted_result_is_checked_seen_and_then_entered(desk: Desk, anna: httpx.Client) -> None:
    gate_closes(desk)
    path = f"/awards/{DAY}/day-ahead"
    assert "still free" in anna.get(path).text
    pasted = result((1, 0.25), (92, 0.0), price="55.5")
    look = anna.post(path, data={"csrf": csrf_token(anna), "pasted": pasted, "step": "look"})
    assert look.status_code == 200
    assert "Nothing is entered yet" in look.text
    assert "the auction's prices would be those of the result" in look.text
    seen = re.search(r'name="seen" value="([^"]*)"', look.text)[1]
    fields = {"csrf": csrf_token(anna), "pasted": pasted, "step": "enter", "seen": seen, "why": WHY}
    entered = anna.post(path, data=fields)
    assert (entered.status_code, entered.headers["location"]) == (303, f"/markets?period={DAY}")
    assert (position(desk)[0], position(desk)[1], position(desk)[91]) == (250.0, 1000.0, 0.0)
    page = anna.get(f"/markets?period={DAY}").text
    assert "2 of 92 ISPs differ from the bid; its prices of 92 ISPs are new" in page
    assert "award entered by anna" in page
    again = anna.post(path, data=fields | {"pasted": result()})
    assert again.status_code == 409
    assert "has changed meanwhile (award entered by anna)" in again.text
    assert position(desk)[0] == 250.0


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        ("", "paste the result first"),
        (result((3, 1.5)), "ISP 3 (00:30): 1.5 MW does not lie between 0 and the bid of 1 MW"),
        (result().rpartition("\n")[0], "1 of 92 starts is missing"),
        (result() + "\n" + result().rpartition("\n")[2], "stands already in line"),
        ("start,mw\n2026-03-30T00:00:00+02:00,1", "no ISP of 2026-03-29 starts at"),
        ("1,2,x", "write numbers separated by commas"),
        ("1,2", "2 values; day-ahead has 92 of 2026-03-29"),
        (result(price="inf"), "is not a finite number"),
    ],
)
def test_a_result_that_does_not_fit_is_refused_on_the_page_and_stays_in_the_field(unchanged, pasted, words) -> None:
    desk, anna = unchanged
    answer = anna.post(f"/awards/{DAY}/day-ahead", data={"csrf": csrf_token(anna), "pasted": pasted, "step": "look"})
    assert answer.status_code == 422
    assert words in answer.text
    assert pasted[-20:] in answer.text
    with desk.world.store.transaction() as tx:
        assert positions.all_on(tx, PERIOD.day) == {}


def test_an_unknown_market_has_no_page(unchanged) -> None:
    _, anna = unchanged
    assert anna.get(f"/awards/{DAY}/nowhere").status_code == 422


def test_an_award_by_api_is_refused_when_the_position_it_has_seen_is_another(desk: Desk) -> None:
    client = desk.as_("operator")
    ask = {"period": DAY, "market": "day-ahead", "why": WHY}
    assert client.post("/api/v1/awards", json=ask | {"mw": [0.0] * 92}).status_code == 409  # the gate is open
    gate_closes(desk)
    first = client.post("/api/v1/awards", json=ask | {"mw": [0.0] * 92, "seen": ""})
    assert first.status_code == 200, first.text
    assert client.post("/api/v1/awards", json=ask | {"mw": [0.0] * 92, "seen": ""}).status_code == 409
    (told,) = client.get(f"/api/v1/days/{DAY}/positions").json()
    assert (told["market"], told["awarded"], told["bid_origin"]) == ("day-ahead", True, "plan 1")
    mw = [kw / 1000 for kw in BID_KW]
    answer = client.post("/api/v1/awards", json=ask | {"mw": mw, "seen": told["seen"], "price_eur_per_mwh": [7.5] * 92})
    assert answer.status_code == 200, answer.text
    assert "replaces the award entered by operator, 92 of 92 ISPs differ from it" in answer.json()["text"]


def test_a_trade_is_entered_shown_and_cancelled_on_the_page(desk: Desk, anna: httpx.Client) -> None:
    start = PERIOD.starts()[72].astimezone(PERIOD.tz).isoformat()
    fields = {
        "csrf": csrf_token(anna), "trade": "T-7", "start": start, "minutes": "15", "mw": "-1.5",
        "price_eur_per_mwh": "91.5", "why": WHY, "back": f"/markets?period={DAY}",
    }  # fmt: skip
    assert f'value="{start}"' in anna.get(f"/markets?period={DAY}").text
    assert anna.post("/do/trades", data=fields).status_code == 303
    page = anna.get(f"/markets?period={DAY}").text
    assert "1 trade entered; a plan follows" in page
    assert "1 trade entered, −0.375 MWh net" in page
    assert anna.post("/do/trades", data=fields | {"mw": "1"}).status_code == 409
    assert anna.post("/do/trades", data=fields | {"mw": "much", "trade": "T-8"}).status_code == 422
    assert anna.post("/do/trades/T-7/cancel", data={"csrf": csrf_token(anna), "why": WHY}).status_code == 303
    page = anna.get(f"/markets?period={DAY}").text
    assert "no longer counts" in page
    assert "trade entered," not in page


def test_the_page_says_when_a_bid_no_longer_leaves_by_itself(tmp_path: Path) -> None:
    desk = opened(tmp_path, approval=False)
    anna = logged_in(desk)
    assert "it leaves by itself at its last safe moment" in anna.get(f"/markets?period={DAY}").text
    with desk.world.store.transaction() as tx:
        day.moment_done(tx, PERIOD.day, "bid_last_safe_start", desk.world.clock.now(), "")
    assert "it leaves only if somebody sends it" in anna.get(f"/markets?period={DAY}").text
    desk.close()


def test_a_capacity_bid_is_shown_approved_and_told_with_its_receipt(tmp_path: Path) -> None:
    fcr = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=9, gate=MarketTime(at="08:00"))
    world = World(tmp_path)
    files = (BidFiles(name="tso", folder=tmp_path / "tso", markets=("FCR",)),)
    changed = {"bids": Bids(approval=True, files=files), "markets": Markets(capacity=(fcr,))}
    world.settings = world.settings.model_copy(update=changed)
    desk = Desk(world)
    try:
        made = planned(world, BID_KW)
        offered = replace(made.positions, bids_mw={"FCR": (2.0,) * 6})
        with world.store.transaction() as tx:
            plan = plans.put(tx, replace(made, positions=offered), b"", b"")
        anna, viewer = logged_in(desk), desk.as_("viewer")
        page = anna.get(f"/markets?period={DAY}").text
        assert "not yet" in page
        assert "Approve and send…" in page
        form = {"csrf": csrf_token(anna), "period": DAY, "plan": plan.id, "market": "FCR", "why": WHY}
        sent = anna.post("/do/bids", data=form, follow_redirects=True)
        assert f"the FCR bid for {DAY}, revision 1 of plan {plan.id}, leaves now" in sent.text
        page = anna.get(f"/markets?period={DAY}").text
        assert "revision 1 through tso" in page
        assert "Approve and send…" not in page
        (told,) = viewer.get(f"/api/v1/days/{DAY}/bids?market=FCR").json()
        assert told["volumes_kw"] == [2000.0] * 6
        assert [(d["channel"], d["file_name"]) for d in told["deliveries"]] == [("tso", f"FCR-{DAY}-r1.csv")]
        assert viewer.get(f"/api/v1/days/{DAY}/bids").json() == []
        assert viewer.get(f"/api/v1/days/{DAY}/bids?market=FRC").status_code == 422
    finally:
        desk.close()
