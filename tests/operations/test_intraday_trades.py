"""Intraday trades: each is fixed once, none is lost; they change the position and lead to a plan."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.domain.award import Trade
from agr.domain.errors import ConflictError, InputError, MissingError
from agr.domain.plan import ReasonKind
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.auction_results import AuctionResults
from agr.operations.intraday_trades import IntradayTrades, in_words
from agr.operations.market_feeds import MarketFeeds
from agr.settings import HttpFeed
from agr.store import audit_log, day, trades
from tests.builders.exchange import Exchange
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
WHY = "the trader called"
ONE = Trade(trade="T-1", start=PERIOD.starts()[40], minutes=15, mw=1.5, price_eur_per_mwh=80.0)
HOUR = Trade(trade="T-2", start=PERIOD.starts()[40], minutes=60, mw=-0.5, price_eur_per_mwh=120.0)


class Desktop:
    """A world whose first plan was asked for, and the entry of trades."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.parts = (self.world.store, self.world.settings, self.world.clock)
        self.woken = 0
        self.trades = IntradayTrades(*self.parts, self.wake)
        with self.world.store.transaction() as tx:
            day.moment_done(tx, PERIOD.day, "first_plan", NOW, "")

    def wake(self) -> None:
        self.woken += 1

    def enter(self, *given_: Trade) -> str:
        return self.trades.enter(ANNA, given_, WHY).text

    def counting(self) -> tuple[Trade, ...]:
        with self.world.store.transaction() as tx:
            return trades.counting(tx, PERIOD.day)

    def asked(self) -> list[tuple[ReasonKind, str]]:
        with self.world.store.transaction() as tx:
            return [(t.reason.kind, t.reason.text) for t in day.open_triggers(tx)]

    def alarms(self) -> dict[str, str]:
        with self.world.store.transaction() as tx:
            return {f"{a.kind} [{a.subject}]": a.text for a in day.open_alarms(tx)}


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    made = Desktop(tmp_path)
    yield made
    made.world.store.close()


def test_a_trade_is_entered_recorded_and_leads_to_a_plan(desktop: Desktop) -> None:
    assert desktop.enter(ONE) == "1 trade entered; a plan follows"
    assert desktop.counting() == (ONE,)
    ((kind, text),) = desktop.asked()
    assert kind is ReasonKind.TRADE
    assert "anna entered trade T-1 buys 1.5 MW at 80 EUR/MWh" in text
    assert desktop.woken == 1
    with desktop.world.store.transaction() as tx:
        (line,) = audit_log.entries(tx)
    assert (line.who, line.action, line.subject, line.why) == ("anna", "trade", f"intraday {PERIOD}", WHY)


def test_the_same_trade_again_changes_nothing_and_is_said(desktop: Desktop) -> None:
    desktop.enter(ONE)
    assert desktop.enter(ONE) == "nothing is new; 1 trade known already"
    assert desktop.enter(ONE, HOUR, HOUR) == "1 trade entered; 2 trades known already; a plan follows"
    assert len(desktop.asked()) == 2
    assert len(desktop.counting()) == 2


@pytest.mark.parametrize("change", [{"mw": 1.4}, {"price_eur_per_mwh": 81.0}, {"minutes": 30}, {"start": HOUR.start}])
def test_an_identifier_with_other_contents_is_refused_and_nothing_of_the_batch_is_entered(desktop, change) -> None:
    first = replace(ONE, start=PERIOD.starts()[4])
    desktop.enter(first)
    with pytest.raises(ConflictError, match=r"trade 'T-1' is known with other contents: trade T-1 buys 1\.5 MW"):
        desktop.enter(HOUR, replace(first, **change))
    assert desktop.counting() == (first,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mw": 0.0}, "0 MW at 80 EUR/MWh is not a trade"),
        ({"mw": float("nan")}, "nan MW"),
        ({"price_eur_per_mwh": float("inf")}, "inf EUR/MWh is not a trade"),
        ({"minutes": 20}, "does not begin and end with an ISP of 15 minutes"),
        ({"start": ONE.start + timedelta(minutes=5)}, "does not begin and end with an ISP"),
        ({"start": PERIOD.starts()[-1], "minutes": 30}, "goes beyond the end of 2026-03-29"),
        ({"trade": ""}, "needs an identifier"),
        ({"trade": "x" * 256}, "needs an identifier"),
    ],
)
def test_what_is_no_trade_is_refused_with_its_identifier(desktop: Desktop, change, words: str) -> None:
    with pytest.raises(InputError, match="nothing was entered") as refused:
        desktop.enter(HOUR, replace(ONE, **change))
    assert words in str(refused.value)
    assert desktop.counting() == ()


def test_a_trade_of_a_period_that_is_over_is_refused(desktop: Desktop) -> None:
    desktop.world.clock.jump_to(PERIOD.end)
    with pytest.raises(ConflictError, match="of a Period that is over"):
        desktop.enter(ONE)


def test_a_cancelled_trade_counts_no_longer_and_its_identifier_is_not_used_again(desktop: Desktop) -> None:
    desktop.enter(ONE, HOUR)
    assert "no longer counts" in desktop.trades.cancel(ANNA, "T-1", "the exchange cancelled it").text
    assert desktop.counting() == (HOUR,)
    assert "cancelled trade T-1" in desktop.asked()[-1][1]
    with pytest.raises(ConflictError, match="was cancelled already, by anna"):
        desktop.trades.cancel(ANNA, "T-1", WHY)
    with pytest.raises(ConflictError, match="'T-1' was cancelled; one that was made after all needs another"):
        desktop.enter(ONE)
    with pytest.raises(MissingError, match="there is no trade 'T-9'"):
        desktop.trades.cancel(ANNA, "T-9", WHY)


@given(st.lists(st.sampled_from(range(4)), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_however_reports_repeat_each_trade_counts_once(tmp_path_factory, order: list[int]) -> None:
    desktop = Desktop(tmp_path_factory.mktemp("repeated"))
    try:
        kinds = [replace(ONE, trade=f"T-{n}", mw=float(n + 1)) for n in range(4)]
        for number in order:
            desktop.enter(kinds[number])
        assert sorted(t.mw for t in desktop.counting()) == sorted({n + 1.0 for n in order})
        assert len(desktop.asked()) == len(set(order))
    finally:
        desktop.world.store.close()


def test_a_feed_s_trades_are_entered_once_and_its_contradictions_are_alarms(desktop: Desktop) -> None:
    exchange = Exchange()
    try:
        feed = HttpFeed(
            name="exchange", kind="trade", url=f"{exchange.url}/trades?from={{start}}", trade_field="id",
            value_field="mw",
            price_field="price", side_field="side", minutes_field="minutes", attempts=1,
        )  # fmt: skip
        given_ = desktop.world.settings.model_copy(update={"feeds": (feed,)})
        parts = (desktop.world.store, given_, desktop.world.clock)
        results = AuctionResults(*parts, desktop.wake)
        feeds = MarketFeeds(*parts, results, IntradayTrades(*parts, desktop.wake))
        row = {"id": "T-1", "start": ONE.start.isoformat(), "minutes": 15, "side": "BUY", "mw": 1.5, "price": 80}
        other = {"id": "T-2", "start": HOUR.start.isoformat(), "minutes": 60, "side": "sell", "mw": 0.5, "price": 120}

        def look(*rows: dict[str, object]) -> None:
            exchange.answers["/trades"] = list(rows)
            desktop.world.clock.jump_to(desktop.world.clock.now() + timedelta(seconds=61))
            feeds.look()

        look(row)
        look(row, other)
        look(row, other)
        assert desktop.counting() == (ONE, HOUR)
        assert desktop.asked()[0][1].startswith("exchange entered trade T-1")
        assert len(desktop.asked()) == 2
        look(row | {"mw": 2}, other, row | {"id": "T-3", "minutes": 20})
        assert set(desktop.alarms()) == {"trade refused [exchange T-1]", "trade refused [exchange T-3]"}
        assert "known with other contents" in desktop.alarms()["trade refused [exchange T-1]"]
        assert desktop.counting() == (ONE, HOUR)
        look(row, other)
        assert desktop.alarms() == {}
        desktop.trades.cancel(ANNA, "T-1", "busted")
        look(row, other)
        assert desktop.counting() == (HOUR,)
        assert desktop.alarms() == {}
    finally:
        exchange.close()


def feed_of(name: str, url: str) -> HttpFeed:
    return HttpFeed(
        name=name, url=f"{url}/{name.replace(' ', '-')}/{{period}}", kind="trade", value_field="mw",
        price_field="price", trade_field="id", attempts=1, every_s=60,
    )  # fmt: skip


def record(of: Trade, mw: float | None = None) -> dict[str, object]:
    return {"id": of.trade, "start": of.start.isoformat(), "mw": mw or of.mw, "price": of.price_eur_per_mwh}


def test_a_failing_answer_about_tomorrow_does_not_keep_today_s_trades(desktop: Desktop) -> None:
    desktop.world.clock.jump_to(PERIOD.start)
    exchange = Exchange()
    exchange.answers[f"/exchange/{PERIOD.day}"] = [record(ONE)]
    given_ = desktop.world.settings.model_copy(update={"feeds": (feed_of("exchange", exchange.url),)})
    parts = (desktop.world.store, given_, desktop.world.clock)
    feeds = MarketFeeds(*parts, AuctionResults(*parts, desktop.wake), IntradayTrades(*parts, desktop.wake))
    feeds.look()
    assert desktop.counting() == (ONE,)
    assert "answered 404" in desktop.alarms()["feed failed [exchange]"]
    exchange.answers[f"/exchange/{PERIOD.next().day}"] = []
    desktop.world.clock.jump_to(desktop.world.clock.now() + timedelta(seconds=61))
    feeds.look()
    assert desktop.alarms() == {}
    exchange.close()


def test_feeds_whose_names_begin_alike_do_not_end_each_other_s_alarms(desktop: Desktop) -> None:
    desktop.world.clock.jump_to(PERIOD.start)
    desktop.enter(ONE)
    exchange = Exchange()
    for name, told in (("power", []), ("power-two", [record(ONE, mw=9.0)])):
        exchange.answers |= {f"/{name}/{PERIOD.day}": told, f"/{name}/{PERIOD.next().day}": []}
    several = (feed_of("power two", exchange.url), feed_of("power", exchange.url))
    given_ = desktop.world.settings.model_copy(update={"feeds": several})
    parts = (desktop.world.store, given_, desktop.world.clock)
    feeds = MarketFeeds(*parts, AuctionResults(*parts, desktop.wake), IntradayTrades(*parts, desktop.wake))
    feeds.look()
    assert list(desktop.alarms()) == ["trade refused [power two T-1]"]
    exchange.answers[f"/power-two/{PERIOD.day}"] = []
    desktop.world.clock.jump_to(desktop.world.clock.now() + timedelta(seconds=61))
    feeds.look()
    assert desktop.alarms() == {}
    exchange.close()


def test_a_trade_s_start_is_told_in_the_market_s_time() -> None:
    local = replace(ONE, start=datetime(2026, 3, 29, 10, tzinfo=UTC))
    assert "2026-03-29T12:00+02:00 for 15 min" in in_words(local, "Europe/Amsterdam")


def test_a_trade_by_api_changes_the_position_of_the_next_plan(tmp_path: Path) -> None:
    desk = Desk(World(tmp_path))
    try:
        desk.plan()
        client, ask = desk.as_("operator"), {"trade": "T/1", "start": ONE.start.isoformat(), "why": WHY}
        given_ = ask | {"minutes": 60, "mw": 0.02, "price_eur_per_mwh": 75.0}
        assert desk.as_("viewer").post("/api/v1/trades", json=given_).status_code == 403
        assert client.post("/api/v1/trades", json=given_ | {"start": "2026-03-29T10:00"}).status_code == 422
        assert client.post("/api/v1/trades", json=given_ | {"mw": 0}).status_code == 422
        assert client.post("/api/v1/trades", json=given_).json()["text"] == "1 trade entered; a plan follows"
        assert client.post("/api/v1/trades", json=given_ | {"mw": 1}).status_code == 409
        desk.daemon.planner.run_due()
        number = client.get(f"/api/v1/days/{PERIOD.day}").json()["plan_in_force"]
        plan, solved = desk.daemon.operators.plan_cache.plan(number), desk.daemon.operators.plan_cache.solved(number)
        assert plan is not None
        assert solved is not None
        assert ReasonKind.TRADE in {reason.kind for reason in plan.reasons}
        assert plan.result.audit == ()
        case, outcome = solved.named.case, solved.outcome
        assert case.intraday.known_kw[39:46].tolist() == [0, 20, 20, 20, 20, 0, 0]
        assert case.intraday.traded_eur == pytest.approx(-0.02 * 75)
        assert plan.positions.intraday_kw == pytest.approx(
            (case.intraday.known_kw + outcome.intraday_buy_kw - outcome.intraday_sell_kw).tolist()
        )
        (told,) = client.get(f"/api/v1/days/{PERIOD.day}/trades").json()
        assert (told["trade"], told["mw"], told["by"], told["cancelled_at"]) == (
            "T/1",
            0.02,
            "operator (token 1)",
            None,
        )
        assert client.post("/api/v1/trades/T/1/cancel", json={"why": WHY}).status_code == 200
        assert client.get(f"/api/v1/days/{PERIOD.day}/trades").json()[0]["cancelled_by"] == "operator (token 1)"
    finally:
        desk.close()
