"""The page of execution and its JSON: figures as by hand, kept up to date, readable on every screen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agr.domain.dispatch import SessionState
from agr.domain.register import Price
from agr.operations.dispatching import wishes
from agr.operations.execution.deviations import worst_verdict
from agr.operations.execution.kept import Overviews
from agr.operations.execution.sessions import BEHIND, MISSING, ON_TRACK, READY, SHORT, TO_COME, session_lines
from agr.operations.plan_cache import PlanCache
from agr.operations.resource_programs import ProgramCache
from agr.store import charge_sessions, dispatch_facts, register
from agr.store.charge_sessions import ChargeSession, Told
from agr.web import execution_page
from tests.builders.accounts import account
from tests.builders.executed_day import ARRIVAL, DEPARTURE, ISP, ExecutedDay, planned_day
from tests.builders.operators_side import Desk
from tests.builders.tools import lacking
from tests.builders.worlds import PERIOD, POINT
from tests.web.operators_page import Look

URL = f"/api/v1/days/{PERIOD}/execution"
SHORTAGE, SURPLUS = 200.0, 50.0
LOOKS = (
    Look(name="phone", colours="light", width=390, rules={}),
    Look(name="light", colours="light", width=1400, rules={}),
    Look(name="dark", colours="dark", width=1400, rules={}),
)
SAID = {
    f"{PERIOD}": ("left short", "unplanned", "−1.0", "absent", POINT),
    f"{PERIOD}&q=battery": ("1 of 4",),
    "2026-01-01": ("There is no plan of 2026-01-01 yet",),
}
"""What the page says of a day, by its query."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with planned_day(tmp_path_factory.mktemp("executed")) as planned:
        yield planned


@pytest.fixture(scope="module")
def executed(desk: Desk) -> ExecutedDay:
    """Load 1 took 2 kWh more in ISP 10 and 3 kWh less in ISP 20; the car left after 6 ISPs with 5 kWh."""
    day = ExecutedDay(desk)
    load = day.kwh("load-1").copy()
    load[10] += 2
    load[20] -= 3
    day.report("load-1", load)
    day.report("battery", day.kwh("battery"))
    day.accepted(11.0, ARRIVAL)
    left = ARRIVAL + 6 * ISP
    with day.store.transaction() as tx:
        charge_sessions.put(tx, ChargeSession(
            road="r", station="CP1", transaction="t", charge_point="cp-1", resource="car", began_at=ARRIVAL,
            ended_at=left, seen_at=left, state=SessionState.ENDED, first_register_wh=1000, last_register_wh=6000,
        ))  # fmt: skip
        stranger = ChargeSession(
            road="r", station="CP1", transaction="u", charge_point="cp-1", resource=None, began_at=DEPARTURE,
            ended_at=None, seen_at=DEPARTURE, state=SessionState.CHARGING, first_register_wh=0,
            last_register_wh=9000,
        )  # fmt: skip
        charge_sessions.put(tx, stranger)
        for isps, wh in ((0, 0), (2, 4000), (4, 9000)):
            charge_sessions.put_told(
                tx, stranger, Told(at=DEPARTURE + isps * ISP, state=None, offered_w=None, register_wh=wh)
            )
        register.put_prices(tx, [
            Price(series=series, start=start, minutes=15, value=value)
            for series, value in (("imbalance_shortage", SHORTAGE), ("imbalance_surplus", SURPLUS))
            for start in PERIOD.starts()
        ])  # fmt: skip
    day.judge()
    return day


def test_deviations_are_settled_at_imbalance_prices(desk: Desk, executed: ExecutedDay) -> None:
    found = desk.as_("viewer").get(URL, params={"search": "load-1"}).json()
    assert found["matching"] == 1
    [line] = found["resources"]
    assert line["congestion_point"] == POINT
    assert line["sums"]["deviation_kwh"] == pytest.approx(-1)
    assert line["sums"]["settled_eur"] == pytest.approx(-2 * SHORTAGE / 1000 + 3 * SURPLUS / 1000)
    assert line["sums"]["verdicts"] == {"executed": PERIOD.isp_count - 2, "deviated": 2}
    assert not found["day_ahead_prices"]
    [point] = [one for one in found["points"] if one["congestion_point"] == POINT]
    assert (point["judged_resources"], point["resources"]) == (2, 2)
    assert point["sums"]["deviation_kwh"] == pytest.approx(-1)
    off = [a - b for a, b in zip(point["measured_kw"], point["planned_of_judged_kw"], strict=True)]
    assert {isp: kw for isp, kw in enumerate(off) if abs(kw) > 1e-6} == pytest.approx({10: 8.0, 20: -12.0})
    assert point["planned_of_judged_kw"] == pytest.approx(point["planned_kw"])


def test_a_silent_back_end_is_named_at_the_top_of_the_page(desk: Desk, executed: ExecutedDay) -> None:
    with desk.world.store.transaction() as tx:
        dispatch_facts.set_silent(tx, "citrine", DEPARTURE, "Channel closed")
    words = "citrine has not answered since"
    reader = desk.anybody()
    reader.cookies.set("agr_session", account(desk.accounts, "rita", "viewer"))
    page = reader.get("/execution", params={"period": str(PERIOD)}).text
    assert words in page
    now = desk.world.clock.now()
    share = (PERIOD.end - DEPARTURE) / (now - DEPARTURE)  # it is still there an hour after the day
    assert f"Cars that came unplanned took {9 * share:.1f} kWh" in page.replace("\n", " ")
    with desk.world.store.transaction() as tx:
        dispatch_facts.set_silent(tx, "citrine", None)
    assert words not in reader.get("/execution", params={"period": str(PERIOD)}).text


def test_sessions_and_points_are_shown_a_page_at_a_time(
    desk: Desk, executed: ExecutedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_page, "ROWS", 1)
    reader = desk.anybody()
    reader.cookies.set("agr_session", account(desk.daemon.authentication, "paula", "viewer"))

    def page(**more: Any) -> str:
        return reader.get("/execution", params={"period": str(PERIOD)} | more).text

    first, second = page(), page(cars=2)
    assert "2 sessions, those that are not as planned first: page 1 of 2" in first
    assert "cars=2" in first
    assert first.count(">left short</span>") + second.count(">left short</span>") == 1
    assert first.count(">unplanned</th>") + second.count(">unplanned</th>") == 1
    assert "None at charge points." in page(q="load-1")


def test_every_charge_point_is_listed_with_its_last_answer_those_that_need_a_look_first(
    desk: Desk, executed: ExecutedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.world.store.transaction() as tx:
        known = register.load(tx)
        free = replace(known.charge_points[0], charge_point="a-free", station="CP2")
        register.replace(tx, known.with_table("charge_points", (*known.charge_points, free)))
        wishes.wish(tx, wishes.STOP, "cp-1", True, desk.world.clock.now(), "anna", "smoke")
    found = desk.as_("viewer").get(URL).json()
    shown = [(one["charge_point"], one["command"], one["stopped"], one["session"]) for one in found["charge_points"]]
    assert shown == [("cp-1", "accepted", True, "charging"), ("a-free", None, False, None)]
    second = desk.as_("viewer").get(URL, params={"limit": 1, "offset": 1}).json()
    assert [one["charge_point"] for one in second["charge_points"]] == ["a-free"]
    assert (second["charge_points_in_all"], second["sessions_in_all"], len(second["sessions"])) == (2, 2, 1)
    monkeypatch.setattr(execution_page, "ROWS", 1)
    reader = desk.anybody()
    reader.cookies.set("agr_session", account(desk.accounts, "paul", "viewer"))
    page = reader.get("/execution", params={"period": str(PERIOD)}).text
    assert "2 charge points, those that need a look first: page 1 of 2" in page
    assert "stopped" in page
    assert ">a-free<" in reader.get("/execution", params={"period": str(PERIOD), "poles": 2}).text
    with desk.world.store.transaction() as tx:
        wishes.wish(tx, wishes.STOP, "cp-1", False, desk.world.clock.now(), "anna", "it was dust")
        register.replace(tx, known)


def test_an_overview_that_took_long_is_shared_for_a_while(desk: Desk, executed: ExecutedDay) -> None:
    passed = [0.0]

    def passed_s() -> float:
        passed[0] += step[0]
        return passed[0]

    step = [2.0]  # each look at the clock: an overview takes 2 s
    programs = ProgramCache(desk.world.store, PlanCache(desk.world.store))
    kept = Overviews(desk.world.store, desk.world.settings, desk.world.clock, programs, passed_s)
    first = kept.of(PERIOD)
    assert kept.of(PERIOD) is first
    passed[0] += 40.0
    assert kept.of(PERIOD) is not first  # it may be worked on for a twentieth of the time
    step[0] = 0.1
    passed[0] += 400.0
    quick = kept.of(PERIOD)
    assert kept.of(PERIOD) is not quick


def test_every_isp_of_a_resource_is_told(desk: Desk, executed: ExecutedDay) -> None:
    rows = desk.as_("viewer").get(f"{URL}/load-1").json()
    assert [row["isp"] for row in rows] == list(range(1, PERIOD.isp_count + 1))
    assert rows[10]["measured_kwh"] == pytest.approx(rows[10]["planned_kwh"] + 2)
    assert desk.as_("viewer").get(f"{URL}/load-2").json() == []
    assert desk.as_("viewer").get("/api/v1/days/2026-01-01/execution").status_code == 404


def test_sessions_say_whether_they_got_what_they_need(desk: Desk, executed: ExecutedDay) -> None:
    car, stranger = desk.as_("viewer").get(URL).json()["sessions"]
    assert (car["resource"], car["standing"], car["delivered_kwh"], car["needed_kwh"]) == ("car", SHORT, 5, 30)
    assert (stranger["resource"], stranger["standing"], stranger["state"]) == (None, "unplanned", "charging")
    assert (stranger["deviation_kwh"], stranger["causes"]) == (pytest.approx(9), {"unplanned": 4})
    assert stranger["settled_eur"] == pytest.approx(-9 * SHORTAGE / 1000)
    assert set(car["causes"]) == {"absent"} or set(car["causes"]) == {"absent", "car"}
    assert car["deviation_kwh"] < 0 < car["settled_eur"]


def test_what_an_unplanned_car_took_is_in_the_curve_of_its_congestion_point(desk: Desk, executed: ExecutedDay) -> None:
    found = desk.as_("viewer").get(URL, params={"search": "cp-1"}).json()
    names = [line["resource"] for line in found["resources"]]
    assert sorted(names) == ["car", f"unplanned cp-1 {DEPARTURE:%Y-%m-%dT%H:%M:%SZ}"]
    address = {line["congestion_point"] for line in found["resources"]}
    assert len(address) == 1  # both at the connection of the charge point
    [point] = [one for one in found["points"] if one["congestion_point"] in address]
    measured, planned = point["measured_kw"], point["planned_of_judged_kw"]
    first = PERIOD.isp_of(DEPARTURE) - 1
    off = [a - b for a, b in zip(measured[first : first + 4], planned[first : first + 4], strict=True)]
    assert off == pytest.approx([8, 8, 10, 10])


def test_the_standing_of_a_session_follows_what_it_got(desk: Desk, executed: ExecutedDay) -> None:
    with executed.store.transaction() as tx:
        tables = register.load_tables(tx, "connections", "ev_sessions", "charge_points")

    def standing(minutes: float, delivered: float | None, planned_share: float = 1.0) -> str:
        now = ARRIVAL + timedelta(minutes=minutes)
        seen = [] if delivered is None else [ChargeSession(
            road="r", station="CP1", transaction="t", charge_point="cp-1", resource="car", began_at=ARRIVAL,
            ended_at=None, seen_at=now, state=SessionState.CHARGING, first_register_wh=0,
            last_register_wh=delivered * 1000,
        )]  # fmt: skip
        [line] = session_lines(tables, seen, executed.programs, now)
        return line.standing

    assert standing(-30, None) == TO_COME
    assert standing(16, None) == MISSING
    assert standing(10, 30) == READY
    half = executed.kwh("car")[:16].sum()
    assert standing(180, half) == ON_TRACK
    assert standing(180, half - 3) == BEHIND
    assert standing(355, 20.0) == BEHIND  # 5 minutes give no 10 kWh
    assert standing(361, 20.0) == SHORT
    assert worst_verdict({"executed": 9, "deviated": 1}) == "deviated"


def test_the_page_shows_it_on_every_screen(browser: Any, desk: Desk, executed: ExecutedDay, axe: str | None) -> None:
    context = browser.new_context(bypass_csp=True, locale="en-GB")
    context.add_cookies([{"name": "agr_session", "value": account(desk.accounts, "anna", "viewer"), "url": desk.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    for query, said in SAID.items():
        LOOKS[0].take(page)
        page.goto(f"{desk.url}/execution?period={query}")
        in_full = query == f"{PERIOD}"
        if in_full and axe is not None:
            page.evaluate(axe)
        for look in LOOKS:
            look.take(page)
            assert look.fits(page), f"{query} scrolls sideways, {look.name}"
            text = page.inner_text("main")
            for words in said:
                assert words in text, (look.name, words)
            if in_full:
                page.locator("#executed canvas, #executed svg").first.wait_for()
                assert axe is None or look.barriers(page) == []
    context.close()
    assert faults == []
    if axe is None:
        lacking("drawn, but axe-core, which checks accessibility,", "npm install --prefix .ci axe-core")
