"""What happens at each moment: positions are fixed once, results are awaited, sources may fail, old data is deleted."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.moments import Handled, MomentState
from agr.domain.plan import ReasonKind
from agr.history.days import DayHistory
from agr.messaging.portfolio_requests import PortfolioRequests
from agr.messaging.publish import Publisher
from agr.nomination.nominate import Nominator
from agr.schedule.bidding import Bidding
from agr.schedule.market_day import MarketDay
from agr.settings import CapacityProduct, EntsoeImbalanceFeed, HttpFeed, Markets, MarketTime, Timetable
from agr.store import day, inbox, outbox, positions, register
from tests.builders.http_server import Asked, Told, serving
from tests.builders.worlds import NOW, PERIOD, World, prices
from tests.connectors.test_entsoe_imbalance_feed import document, series

MISSED = MomentState.MISSED
FCR = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=1, gate=MarketTime(at="08:00"))


class Diary:
    """A calendar over a world without plans."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.world = World(folder)
        self.world.settings = self.world.settings.model_copy(update=settings)
        self.world.know_register()
        parts = (self.world.store, self.world.settings, self.world.clock)
        enquirer = PortfolioRequests(*parts, self.world.participants)
        publisher = Publisher(*parts, self.world.participants)
        self.calendar = MarketDay(
            *parts, enquirer, publisher, Bidding(*parts[1:]), Nominator(*parts), DayHistory(*parts[:2])
        )

    def do(self, name: str) -> Handled | None:
        return self.calendar.handlers()[name.split(" ")[0]](PERIOD, name)

    def alarms(self) -> list[str]:
        with self.world.store.transaction() as tx:
            return [f"{a.kind} [{a.subject}]" for a in day.open_alarms(tx)]


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    made = Diary(tmp_path, markets=Markets(capacity=(FCR,)))
    yield made
    made.world.store.close()


def test_without_a_plan_the_gates_fix_nothing_bought_and_no_bid(diary: Diary) -> None:
    assert diary.do("day_ahead_gate") == Handled("+0.000 MWh net (no plan before the gate)", MISSED)
    assert diary.do("capacity_gate FCR") == Handled("bid 0, 0, 0, 0, 0, 0 MW (no plan before the gate)", MISSED)
    with diary.world.store.transaction() as tx:
        assert positions.all_on(tx, PERIOD.day) == {"day-ahead": (0.0,) * 92, "FCR": (0.0,) * 6}


def test_the_first_plan_is_asked_for_once_forecasts_are_made(diary: Diary) -> None:
    world, answers = diary.world, iter([False, False, True])
    parts = (world.store, world.settings, world.clock)
    calendar = MarketDay(
        *parts, PortfolioRequests(*parts, world.participants), Publisher(*parts, world.participants),
        Bidding(*parts[1:]), Nominator(*parts), DayHistory(*parts[:2]), forecasts_ready=lambda _: next(answers),
    )  # fmt: skip
    first_plan = calendar.handlers()["first_plan"]
    assert [first_plan(PERIOD, "first_plan"), first_plan(PERIOD, "first_plan")] == [None, None]
    with world.store.transaction() as tx:
        assert day.open_triggers(tx) == []
    assert first_plan(PERIOD, "first_plan") == Handled("plan asked for")
    with world.store.transaction() as tx:
        assert [one.period for one in day.open_triggers(tx)] == [PERIOD.day]


def test_an_award_entered_before_the_gate_stays(diary: Diary) -> None:
    with diary.world.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, "FCR", (1.0, 0, 0, 0, 0, 0), NOW, "award entered by hand")
    assert diary.do("capacity_gate FCR") == Handled("already fixed")
    with diary.world.store.transaction() as tx:
        assert positions.all_on(tx, PERIOD.day)["FCR"][0] == 1


def test_results_are_waited_for_until_every_isp_has_a_price(diary: Diary) -> None:
    assert diary.do("day_ahead_results") is None
    results = prices("day_ahead", PERIOD)
    with diary.world.store.transaction() as tx:
        register.put_prices(tx, results[:-1])
    assert diary.do("day_ahead_results") is None
    with diary.world.store.transaction() as tx:
        register.put_prices(tx, results)
    assert diary.do("day_ahead_results") == Handled("results known, plan asked for")
    with diary.world.store.transaction() as tx:
        assert [t.reason.kind for t in day.open_triggers(tx)] == [ReasonKind.RESULTS]


def test_an_award_that_a_feed_tells_is_waited_for_but_not_for_long(tmp_path: Path) -> None:
    feed = HttpFeed(name="exchange", kind="award", market="day-ahead", url="http://127.0.0.1:9/x", attempts=1)
    diary = Diary(tmp_path, feeds=(feed,))
    try:
        gate, expected = (dict(Timetable().moments(PERIOD))[name] for name in ("day_ahead_gate", "day_ahead_results"))
        diary.world.clock.jump_to(gate)
        with diary.world.store.transaction() as tx:
            positions.fix(tx, PERIOD.day, "day-ahead", (10.0,) * 92, gate, "plan 7")
            positions.fix_bid(tx, PERIOD.day, "day-ahead", (10.0,) * 92, gate, "plan 7")
        with diary.world.store.transaction() as tx:
            register.put_prices(tx, prices("day_ahead", PERIOD))
        diary.world.clock.jump_to(expected)
        assert diary.do("day_ahead_results") is None
        assert diary.alarms() == []
        with diary.world.store.transaction() as tx:
            was = positions.one_on(tx, PERIOD.day, "day-ahead")
            positions.confirm(tx, PERIOD.day, "day-ahead", NOW, "award entered by exchange")
        assert diary.do("day_ahead_results") == Handled("results known, plan asked for")
        assert was is not None
        with diary.world.store.transaction() as tx:
            positions.confirm(tx, PERIOD.day, "day-ahead", NOW, was.origin)
        diary.world.clock.jump_to(expected + timedelta(minutes=15))
        assert diary.do("day_ahead_results") == Handled("results known, plan asked for")
        assert diary.alarms() == [f"award late [{PERIOD}]"]
    finally:
        diary.world.store.close()


def test_where_nothing_was_bid_no_award_is_waited_for(tmp_path: Path) -> None:
    feed = HttpFeed(name="exchange", kind="award", url="http://127.0.0.1:9/x", attempts=1)
    diary = Diary(tmp_path, feeds=(feed,))
    try:
        diary.do("day_ahead_gate")
        with diary.world.store.transaction() as tx:
            register.put_prices(tx, prices("day_ahead", PERIOD))
        assert diary.do("day_ahead_results") == Handled("results known, plan asked for")
    finally:
        diary.world.store.close()


def test_a_cro_that_is_late_at_the_last_call_is_an_alarm(diary: Diary) -> None:
    assert diary.do("portfolio_query") == Handled("asked 1 CRO")
    assert diary.do("portfolio_query") == Handled("asked 0 CROs")  # the question is still open
    assert diary.do("portfolio_last_call") == Handled("1 CRO late", MomentState.LATE)
    assert diary.alarms() == [f"portfolio late [cro.example {PERIOD}]"]


def test_at_the_gate_every_congestion_point_without_an_accepted_prognosis_is_an_alarm(diary: Diary) -> None:
    diary.world.know_points()
    assert diary.do("prognosis_gate") == Handled("0 congestion points accepted, 2 not", MISSED)
    assert len(diary.alarms()) == 2


def test_a_gate_without_congestion_points_has_missed_none(diary: Diary) -> None:
    assert diary.do("prognosis_gate") == Handled("0 congestion points accepted, 0 not")
    assert diary.alarms() == []


def test_the_last_safe_start_without_a_plan_is_an_alarm(diary: Diary) -> None:
    assert diary.do("prognosis_last_safe_start") == Handled("missed; there is no plan to send", MISSED)
    assert diary.alarms() == [f"no plan [{PERIOD}]"]


def test_retention_deletes_old_messages_and_forecasts_and_keeps_new_ones(diary: Diary) -> None:
    with diary.world.store.transaction() as tx:
        for at, name in ((NOW - timedelta(days=500), "old"), (NOW, "new")):
            inbox.put(
                tx, sender_domain="dso.example", sender_role="DSO", message_id=name, conversation_id="c",
                kind="TestMessage", xml=name.encode(), at=at,
            )  # fmt: skip
            outbox.put(
                tx, message_id=name, conversation_id="c", kind="TestMessage", recipient_domain="d",
                recipient_role="DSO", xml=b"", at=at,
            )  # fmt: skip
        while row := inbox.next_received(tx):
            inbox.finish(tx, row.id, "accepted")
        for message in outbox.due(tx, NOW):
            outbox.delivered(tx, message.id, NOW, "")
    diary.do("retention_job")
    with diary.world.store.transaction() as tx:
        assert [m["message_id"] for m in inbox.messages(tx)] == ["new"]
        assert outbox.asked(tx, "old") is None
        assert register.forecasts_on(tx, PERIOD)
    diary.world.clock.jump_to(NOW + timedelta(days=500))
    diary.do("retention_job")
    with diary.world.store.transaction() as tx:
        assert register.forecasts_on(tx, PERIOD) == {}


def of_the_day(asked: Asked) -> Told:
    """Tell the Period's prices as JSON at /good, and nothing elsewhere."""
    rows = [{"start": p.start.isoformat(), "value": p.value} for p in prices("day_ahead", PERIOD)]
    return Told(body=json.dumps(rows).encode()) if asked.path == "/good" else Told(status=404, body=b"no")


@pytest.fixture
def source() -> Iterator[str]:
    with serving(of_the_day) as url:
        yield url


def test_results_come_by_http_and_a_source_that_fails_is_an_alarm_that_stops_nothing(
    tmp_path: Path, source: str
) -> None:
    feeds = tuple(
        HttpFeed(
            name=name, url=f"{source}/{name}?day={{period}}", kind="price", format="json", series="day_ahead",
            minutes=60, attempts=1,
        )
        for name in ("bad", "good")
    )  # fmt: skip
    diary = Diary(tmp_path, feeds=feeds)
    assert diary.do("day_ahead_results") == Handled("results known, plan asked for")
    assert diary.alarms() == ["feed failed [bad]"]
    diary.world.store.close()


def test_of_prices_from_entsoe_a_bad_one_is_an_alarm_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = PERIOD.start.strftime("%Y-%m-%dT%H:%MZ")
    end = PERIOD.isp_start(5).strftime("%Y-%m-%dT%H:%MZ")

    def answer(_request: Asked) -> Told:
        points = ((1, 90, "A05"), (2, "much", "A05"), (1, 40, "A04"))
        return Told(body=document(series(*points, start=at, end=end)))

    monkeypatch.setenv("ENTSOE_TOKEN", "t")
    with serving(answer) as url:
        feed = EntsoeImbalanceFeed(name="i", area="10YNL----------L", token_env="ENTSOE_TOKEN", url=f"{url}/api")
        diary = Diary(tmp_path, feeds=(feed,))
        diary.do("day_ahead_results")
    assert "feed failed [i]" in diary.alarms()
    with diary.world.store.transaction() as tx:
        kept = {p.series: p.value for p in register.prices(tx, PERIOD.start, PERIOD.end) if "imbalance" in p.series}
    assert kept == {"imbalance_shortage": 90, "imbalance_surplus": 40}
