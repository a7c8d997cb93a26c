"""Positions beyond what resources can do: entered as they are, and doubted, by numbers that are known by hand."""

from collections.abc import Iterator
from datetime import date

import pytest

from agr.domain.award import Trade
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.auction_results import AuctionResults
from agr.operations.intraday_trades import IntradayTrades
from agr.operations.reach import Reaches
from agr.settings import CapacityProduct, DayAhead, Markets, MarketTime
from agr.store import positions
from tests.builders.operators_side import Desk
from tests.builders.worlds import NOW, PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
FEED = Principal(name="feed", role="operator", allowed=ROLES["operator"], via="feed")
FCR = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=9, gate=MarketTime(at="06:00"))
UP = CapacityProduct(name="aFRR up", direction="up", series="afrr", max_mw=9, gate=MarketTime(at="06:00"))
COUNT = PERIOD.isp_count


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A battery of 100 kW and loads of 40 kW, planned: they take −60 to 140 kW."""
    world = World(tmp_path_factory.mktemp("reach"))
    markets = Markets(day_ahead=DayAhead(max_buy_kw=300, max_sell_kw=300), capacity=(FCR, UP))
    world.settings = world.settings.model_copy(update={"markets": markets})
    opened = Desk(world)
    opened.plan()
    yield opened
    opened.close()


@pytest.fixture
def reaches(desk: Desk) -> Reaches:
    return Reaches(desk.world.store)


def _trade(mw: float, name: str) -> Trade:
    return Trade(trade=name, start=PERIOD.starts()[40], minutes=30, mw=mw, price_eur_per_mwh=80.0)


def test_a_position_is_doubted_from_the_first_kilowatt_beyond_what_resources_can_do(reaches: Reaches) -> None:
    within = [0.14, -0.06, *([0.0] * (COUNT - 2))]
    assert reaches.doubts_about_position(PERIOD, within) == ()
    (words,) = reaches.doubts_about_position(PERIOD, [0.142, *within[1:]])
    assert "ISP 1 (00:00): +0.142 MW are bought, net" in words
    assert "-0.060 to +0.140 MW" in words
    (words,) = reaches.doubts_about_position(PERIOD, [0.142, -0.08, *within[2:]])
    assert words.startswith("ISP 2 (00:15) and 1 more: -0.080 MW")


def test_capacity_is_doubted_beyond_the_width_of_what_resources_can_do(reaches: Reaches) -> None:
    """They span 200 kW: 0.2 MW one way, 0.1 MW both ways."""
    assert reaches.doubts_about_capacity(PERIOD, "FCR", 4, [0.1] * 6) == ()
    assert reaches.doubts_about_capacity(PERIOD, "aFRR up", 4, [0.2] * 6) == ()
    (words,) = reaches.doubts_about_capacity(PERIOD, "FCR", 4, [0.1, 0.2, 0.1, 3.0, 0.0, 0.0])
    assert words.startswith("block 2 and 1 more: 0.2 MW of FCR is more than resources can hold (0.100 MW)")
    assert len(reaches.doubts_about_capacity(PERIOD, "aFRR up", 4, [0.0, 0.21, 0, 0, 0, 0])) == 1


def test_a_day_without_a_plan_is_not_doubted(reaches: Reaches) -> None:
    assert reaches.doubts_about_position(PERIOD.next(), [9.0] * 96) == ()


def test_trades_count_together_and_what_day_ahead_may_still_make_up_for_is_no_doubt(desk: Desk) -> None:
    entries = IntradayTrades(desk.world.store, desk.world.settings, desk.world.clock, lambda: None)
    free = entries.enter(ANNA, [_trade(0.4, "T-1")], "a test")
    assert free.warnings == (), "day-ahead could still sell 0.3 MW"
    (words,) = entries.enter(ANNA, [_trade(0.1, "T-2")], "a test").warnings
    assert "ISP 41" in words
    assert "+0.500 MW" in words
    entries.cancel(ANNA, "T-1", "a test")
    with desk.world.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, "day-ahead", (100.0,) * COUNT, NOW, "plan 1")
    (words,) = entries.enter(ANNA, [_trade(0.05, "T-3")], "a test").warnings
    assert "ISP 41 (11:00) and 1 more" in words
    assert "+0.250 MW" in words


def test_an_award_by_hand_is_doubted_and_one_of_a_feed_is_not(desk: Desk) -> None:
    desk.world.clock.jump_to(PERIOD.start - (PERIOD.start - NOW) / 4)
    results = AuctionResults(desk.world.store, desk.world.settings, desk.world.clock, lambda: None)

    def enter(by: Principal, mw: float, day: date = PERIOD.day) -> tuple[str, ...]:
        return results.enter(by, "FCR", day, [mw] * 6, "a test", beyond_bid=True).warnings

    assert enter(ANNA, 0.0) == ()
    assert len(enter(ANNA, 0.15)) == 1
    assert enter(FEED, 0.16) == ()
