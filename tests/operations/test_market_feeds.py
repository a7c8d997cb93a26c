"""Awards told by feeds: entered once, judged once, waited for but not for ever; what cannot be is refused visibly."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agr.domain.plan import ReasonKind
from agr.operations.accounts.roles import ROLES, Principal
from agr.operations.auction_results import AuctionResults
from agr.operations.intraday_trades import IntradayTrades
from agr.operations.market_feeds import MarketFeeds
from agr.settings import CapacityProduct, HttpFeed, Markets, MarketTime
from agr.store import audit_log, day, market_reports, positions, register
from agr.store.audit_log import Chosen
from tests.builders.exchange import Exchange
from tests.builders.worlds import NOW, PERIOD, World

ANNA = Principal(name="anna", role="operator", allowed=ROLES["operator"], via="session")
FCR = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=9, gate=MarketTime(at="08:00"))
BID_KW = tuple(1000.0 if isp < 40 else -2000.0 for isp in range(92))
RESULTS = PERIOD.start - timedelta(hours=11)


class Feeding:
    """A world whose bids were fixed, and an exchange that tells awards with a side and a price."""

    def __init__(self, folder: Path, exchange: Exchange) -> None:
        self.exchange, self.world = exchange, World(folder)
        common = {"kind": "award", "value_field": "mw", "attempts": 1, "every_s": 60}
        feeds = (
            HttpFeed(
                name="exchange", url=f"{exchange.url}/results/{{period}}", side_field="side", price_field="price",
                **common,
            ),
            HttpFeed(name="tso", url=f"{exchange.url}/capacity/{{period}}", market="FCR", **common),
        )  # fmt: skip
        update = {"feeds": feeds, "markets": Markets(capacity=(FCR,))}
        self.settings = self.world.settings.model_copy(update=update)
        parts = (self.world.store, self.settings, self.world.clock)
        self.results = AuctionResults(*parts, lambda: None)
        self.feeds = MarketFeeds(*parts, self.results, IntradayTrades(*parts, lambda: None))
        with self.world.store.transaction() as tx:
            for market, values in (("day-ahead", BID_KW), ("FCR", (2.0, 2.0, 0.0, 1.0, 1.0, 1.0))):
                positions.fix(tx, PERIOD.day, market, values, NOW, "plan 7")
                positions.fix_bid(tx, PERIOD.day, market, values, NOW, "plan 7")
            day.moment_done(tx, PERIOD.day, "first_plan", NOW, "")
        self.world.clock.jump_to(RESULTS)

    def tell(self, mw: tuple[float, ...], start_day: str = "", price: float = 42.5) -> None:
        """Let the exchange tell a result."""
        shift = timedelta(days=1) if start_day else timedelta(0)
        rows = [
            {"start": (start + shift).isoformat(), "side": "buy" if v >= 0 else "sell", "mw": abs(v), "price": price}
            for start, v in zip(PERIOD.starts(), mw, strict=False)
        ]
        self.exchange.answers[f"/results/{PERIOD.day}"] = rows

    def look(self) -> None:
        self.world.clock.jump_to(self.world.clock.now() + timedelta(seconds=61))
        self.feeds.look()

    def position(self, market: str = "day-ahead") -> tuple[tuple[float, ...], str]:
        with self.world.store.transaction() as tx:
            fixed = positions.one_on(tx, PERIOD.day, market)
        assert fixed is not None
        return fixed.values, fixed.origin

    def asked(self) -> list[tuple[ReasonKind, str]]:
        with self.world.store.transaction() as tx:
            return [(t.reason.kind, t.reason.text) for t in day.open_triggers(tx)]

    def alarms(self) -> dict[str, str]:
        with self.world.store.transaction() as tx:
            return {f"{a.kind} [{a.subject}]": a.text for a in day.open_alarms(tx)}


@pytest.fixture
def feeding(tmp_path: Path) -> Iterator[Feeding]:
    exchange = Exchange()
    exchange.answers |= {f"/results/{PERIOD.day}": [], f"/capacity/{PERIOD.day}": []}
    made = Feeding(tmp_path, exchange)
    yield made
    made.world.store.close()
    exchange.close()


AWARDED = tuple(0.5 if isp < 4 else kw / 1000 for isp, kw in enumerate(BID_KW))


def test_a_result_is_entered_once_with_its_prices_and_leads_to_a_plan(feeding: Feeding) -> None:
    feeding.tell(AWARDED)
    for _ in range(3):
        feeding.look()
    values, origin = feeding.position()
    assert values == tuple(1000 * mw for mw in AWARDED)
    assert origin == "award entered by exchange"
    ((kind, text),) = feeding.asked()
    assert kind is ReasonKind.AWARD
    assert "4 of 92 ISPs differ from the bid; its prices of 92 ISPs are new" in text
    with feeding.world.store.transaction() as tx:
        prices = register.prices(tx, PERIOD.start, PERIOD.end)
        (line,) = audit_log.entries(tx)
        (report,) = market_reports.of_period(tx, PERIOD.day)
    assert {(p.series, p.value) for p in prices} == {("day_ahead", 42.5)}
    assert len(prices) == 92
    assert (line.who, line.action, line.why) == ("exchange (feed)", "award", "reported by feed exchange")
    assert (report.state, report.source) == ("accepted", "exchange")
    assert len(feeding.exchange.asked) > 2


def test_nothing_yet_changes_nothing_and_is_no_alarm(feeding: Feeding) -> None:
    feeding.look()
    assert feeding.position() == (BID_KW, "plan 7")
    assert feeding.asked() == []
    assert feeding.alarms() == {}


def test_a_correction_by_hand_is_not_undone_by_a_feed_that_repeats_itself(feeding: Feeding) -> None:
    feeding.tell(AWARDED)
    feeding.look()
    feeding.results.enter(ANNA, "day-ahead", PERIOD.day, (0.0,) * 92, "the exchange called")
    feeding.look()
    assert feeding.position()[1] == "award entered by anna"
    feeding.tell((0.25,) * 40 + (0.0,) * 52)
    feeding.look()
    assert feeding.position()[1] == "award entered by exchange"
    with feeding.world.store.transaction() as tx:
        newest = audit_log.entries(tx, chosen=Chosen(action="award"))[0]
    assert "replaces the award entered by anna, 40 of 92 ISPs differ from it" in newest.detail


@pytest.mark.parametrize(
    ("mw", "words"),
    [
        ((2.0, *AWARDED[1:]), "ISP 1 (00:00): 2 MW does not lie between 0 and the bid of 1 MW (plan 7)"),
        ((-1.0, *AWARDED[1:]), "-1 MW does not lie between 0 and the bid"),
    ],
)
def test_an_award_above_the_bid_is_refused_once_with_an_alarm_and_kept(feeding: Feeding, mw, words: str) -> None:
    feeding.tell(mw)
    feeding.look()
    feeding.look()
    assert feeding.position() == (BID_KW, "plan 7")
    (name,) = feeding.alarms()
    assert name == "award refused [2026-03-29 day-ahead exchange]"
    assert words in feeding.alarms()[name]
    with feeding.world.store.transaction() as tx:
        assert [(r.state, words in r.reason) for r in market_reports.of_period(tx, PERIOD.day)] == [("refused", True)]
    feeding.results.enter(ANNA, "day-ahead", PERIOD.day, mw, "the exchange confirms", beyond_bid=True)
    assert feeding.alarms() == {}


@pytest.mark.parametrize(
    ("count", "start_day", "words"),
    [(91, "", "1 of 92 ISPs of 2026-03-29 is missing"), (92, "next", "none of its 92 records is about 2026-03-29")],
)
def test_results_of_another_period_or_with_fewer_isps_are_refused(feeding: Feeding, count, start_day, words) -> None:
    feeding.tell(AWARDED[:count], start_day)
    feeding.look()
    assert feeding.position() == (BID_KW, "plan 7")
    assert words in feeding.alarms()["feed failed [exchange]"]
    feeding.tell(AWARDED)
    feeding.look()
    assert feeding.alarms() == {}


def test_a_volume_below_zero_with_a_side_and_an_unknown_side_are_refused(feeding: Feeding) -> None:
    for row in ({"side": "buy", "mw": -1}, {"side": "short", "mw": 1}):
        starts = [{"start": s.isoformat(), "price": 1} | row for s in PERIOD.starts()]
        feeding.exchange.answers[f"/results/{PERIOD.day}"] = starts
        feeding.look()
        assert "is not a side" in feeding.alarms()["feed failed [exchange]"]


def test_capacity_is_awarded_per_block(feeding: Feeding) -> None:
    blocks = PERIOD.blocks(4)
    rows = [{"start": s.isoformat(), "mw": float(b % 2)} for s, b in zip(PERIOD.starts(), blocks, strict=True)]
    feeding.exchange.answers[f"/capacity/{PERIOD.day}"] = rows
    feeding.look()
    assert feeding.alarms() == {}
    assert feeding.position("FCR")[0] == (0.0, 1.0, 0.0, 1.0, 0.0, 1.0)
    rows[1]["mw"] = 1.0
    feeding.look()
    assert "block 1 of FCR has several values, 0 and 1 MW" in str(feeding.alarms())


def test_feeds_are_asked_from_the_moment_of_the_results_on_and_not_more_often_than_set(feeding: Feeding) -> None:
    feeding.feeds.look()
    feeding.feeds.look()
    assert len(feeding.exchange.asked) == 2  # each feed once
    feeding.world.clock.jump_to(PERIOD.start + timedelta(seconds=1))
    feeding.feeds.look()
    assert [path for path in feeding.exchange.asked[2:] if str(PERIOD.day) in path] == []


def test_an_award_of_capacity_ends_no_alarm_of_another_auction(feeding: Feeding) -> None:
    open_ones = (
        ("bid not delivered", f"{PERIOD} exchange"), ("award late", str(PERIOD)),
        ("award refused", f"{PERIOD} day-ahead exchange"), ("award refused", f"{PERIOD} FCR up tso"),
    )  # fmt: skip
    with feeding.world.store.transaction() as tx:
        for kind, subject in (*open_ones, ("award refused", f"{PERIOD} FCR tso")):
            day.raise_alarm(tx, kind, subject, "", NOW)
    feeding.results.enter(ANNA, "FCR", PERIOD.day, (1.0, 1.0, 0.0, 1.0, 1.0, 1.0), "the TSO called")
    assert set(feeding.alarms()) == {f"{kind} [{subject}]" for kind, subject in open_ones}
    feeding.results.enter(ANNA, "day-ahead", PERIOD.day, (0.0,) * 92, "the exchange called")
    assert set(feeding.alarms()) == {f"award refused [{PERIOD} FCR up tso]"}
