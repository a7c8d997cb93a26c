"""Bids for balancing capacity leave like those day-ahead: at a last safe moment or approved; what arrived counts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agr.connectors.bids.layouts import render
from agr.domain.bid import Bid
from agr.domain.errors import ConflictError, InputError, SettingsError
from agr.domain.isp import Period
from agr.domain.plan import Plan
from agr.operations.auction_results import AuctionResults
from agr.schedule.bidding import gate_of
from agr.settings import BidFiles, Bids, CapacityProduct, Markets, MarketTime, load, write_example
from agr.store import bids, plans, positions
from tests.builders.exchange import Exchange
from tests.builders.plans import planned
from tests.builders.trading import ANNA, FIRST, WHY, Trading
from tests.builders.worlds import PERIOD

FCR = CapacityProduct(name="FCR", direction="symmetric", series="fcr", max_mw=9, gate=MarketTime(at="08:00"))
UP = CapacityProduct(name="aFRR up", direction="up", series="afrr", max_mw=9, gate=MarketTime(at="09:00"))
MW = (2.0, 2.0, 0.0, 1.0, 1.0, 3.0)


class CapacityTrading(Trading):
    """FCR leaves through a folder of its own; aFRR through none."""

    def __init__(self, folder: Path, exchange: Exchange, **more: Any) -> None:
        super().__init__(folder, exchange, **more)
        self.tso = folder / "tso"
        given = self.settings.bids
        files = (*given.files, BidFiles(name="tso", folder=self.tso, markets=("FCR",)))
        changed = {"bids": given.model_copy(update={"files": files}), "markets": Markets(capacity=(FCR, UP))}
        self.settings = self.settings.model_copy(update=changed)
        self.start()

    def plan(self, fcr_mw: tuple[float, ...] = MW) -> Plan:
        made = planned(self.world, FIRST)
        bid = replace(made.positions, bids_mw={"FCR": fcr_mw, "aFRR up": (1.0,) * 6})
        with self.world.store.transaction() as tx:
            return plans.put(tx, replace(made, positions=bid), b"", b"")

    def fixed(self, market: str = "FCR") -> tuple[tuple[float, ...], str]:
        with self.world.store.transaction() as tx:
            found = positions.one_on(tx, PERIOD.day, market)
        assert found is not None
        return found.values, found.origin


@pytest.fixture
def trading(tmp_path: Path, exchange: Exchange) -> Iterator[CapacityTrading]:
    made = CapacityTrading(tmp_path, exchange)
    yield made
    made.world.store.close()


@pytest.fixture
def approving(tmp_path: Path, exchange: Exchange) -> Iterator[CapacityTrading]:
    made = CapacityTrading(tmp_path, exchange, approval=True)
    yield made
    made.world.store.close()


def test_a_capacity_bid_leaves_at_its_last_safe_moment_and_is_the_position_at_its_gate(
    trading: CapacityTrading,
) -> None:
    plan = trading.plan()
    assert trading.at("capacity_bid FCR") == f"done: revision 1 of plan {plan.id} is sent"
    trading.deliver("tso", "trader")
    (path,) = trading.tso.iterdir()
    assert path.name == "FCR-2026-03-29-r1.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [(row["market"], row["direction"], float(row["mw"])) for row in rows] == [
        ("FCR", "symmetric", mw) for mw in MW
    ]
    assert (rows[0]["start"], rows[0]["end"]) == ("2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00"), "3 hours"
    assert trading.written() == [], "the trader's folder takes day-ahead bids only"
    trading.plan((0.0,) * 6)  # comes too late to change what was bid
    assert trading.at("capacity_gate FCR") == f"done: bid 2, 2, 0, 1, 1, 3 MW (bid revision 1 of plan {plan.id})"
    assert trading.fixed() == (MW, f"bid revision 1 of plan {plan.id}")


def test_a_product_without_a_channel_is_bid_by_hand_as_before(trading: CapacityTrading) -> None:
    plan = trading.plan()
    assert trading.at("capacity_gate aFRR up") == f"done: bid 1, 1, 1, 1, 1, 1 MW (bid of plan {plan.id})"
    with pytest.raises(ConflictError, match=r'markets = \["aFRR up"\]'):
        trading.approval.approve(ANNA, PERIOD.next().day, WHY, market="aFRR up")


def test_a_bid_that_no_channel_took_is_an_alarm_and_no_position(trading: CapacityTrading) -> None:
    trading.tso.write_text("no folder")
    trading.plan()
    trading.at("capacity_bid FCR")
    trading.deliver("tso")
    assert trading.alarms() == ["bid not delivered [2026-03-29 FCR tso]"]
    trading.at("capacity_gate FCR")
    trading.deliver("tso")
    assert trading.fixed() == ((0.0,) * 6, "no bid was delivered")
    assert "bid not delivered [2026-03-29 FCR]" in trading.alarms()
    results = AuctionResults(trading.world.store, trading.settings, trading.world.clock, lambda: None)
    results.enter(ANNA, "FCR", PERIOD.day, MW, WHY)  # it had arrived after all: what was bid is the measure
    assert trading.alarms() == []
    assert trading.fixed()[0] == MW


def test_an_award_of_day_ahead_ends_no_alarm_about_capacity(trading: CapacityTrading) -> None:
    trading.tso.write_text("no folder")
    trading.plan()
    trading.at("capacity_bid FCR")
    trading.deliver("tso")
    before = trading.alarms()
    trading.at("bid_last_safe_start")
    trading.deliver("trader", "exchange")
    trading.at("day_ahead_gate")
    results = AuctionResults(trading.world.store, trading.settings, trading.world.clock, lambda: None)
    results.enter(ANNA, "day-ahead", PERIOD.day, [1.0] * 92, WHY)
    assert before
    assert [alarm for alarm in trading.alarms() if "FCR" in alarm] == before


def test_a_bid_that_waits_for_approval_leaves_once_it_is_given(approving: CapacityTrading) -> None:
    plan = approving.plan()
    assert approving.at("capacity_bid FCR") == "late: the FCR bid waits for approval"
    assert approving.alarms() == ["bid not approved [2026-03-29 FCR]"]
    said = approving.approval.approve(ANNA, PERIOD.day, WHY, plan=plan.id, market="FCR").text
    assert said == f"the FCR bid for 2026-03-29, revision 1 of plan {plan.id}, leaves now"
    assert approving.alarms() == []
    approving.deliver("tso")
    with pytest.raises(ConflictError, match="the same volumes were sent already"):
        approving.approval.approve(ANNA, PERIOD.day, WHY, market="FCR")
    assert approving.at("capacity_gate FCR").startswith("done: bid 2, 2, 0, 1, 1, 3 MW")
    with pytest.raises(ConflictError, match=r"the FCR gate of 2026-03-29 has closed$"):
        approving.approval.approve(ANNA, PERIOD.day, WHY, market="FCR")
    with pytest.raises(InputError, match="did you mean FCR"):
        approving.approval.approve(ANNA, PERIOD.day, WHY, market="FRC")


def test_a_bid_that_nobody_approved_is_no_position(approving: CapacityTrading) -> None:
    approving.plan()
    approving.at("capacity_bid FCR")
    assert approving.at("capacity_gate FCR") == "missed: no bid was approved"
    assert approving.fixed()[0] == (0.0,) * 6


def test_a_product_that_left_the_settings_is_given_up(trading: CapacityTrading) -> None:
    trading.plan()
    trading.at("capacity_bid FCR")
    trading.settings = trading.settings.model_copy(update={"markets": Markets()})
    trading.start()
    trading.deliver("tso")
    with trading.world.store.transaction() as tx:
        assert [d.state for d in bids.deliveries(tx, PERIOD.day, "FCR")] == ["failed"]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 3), ("2026-06-01", 4), ("2026-10-25", 5)])
def test_blocks_fill_the_day_also_when_clocks_change(day: str, hours: int) -> None:
    period = Period(date.fromisoformat(day))
    bid = Bid(
        period=period, market="aFRR up", revision=2, plan=7, volumes_kw=(1000.0,) * 6, block_hours=4, direction="up"
    )
    products = bid.products(15)
    assert products[0].hours == hours
    assert (products[0].start, products[-1].end) == (period.start, period.end)
    assert all(a.end == b.start for a, b in pairwise(products))
    assert render(bid, BidFiles(name="x", folder=Path("x")), Bids(), 15).file_name == f"aFRR-up-{day}-r2.csv"


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ('markets = ["FRC"]', "not a market; did you mean FCR"),
        ('name = "FCR"', "has the name of a market"),
        (
            'markets = ["FCR"]\nlayout = "curve order"\nauction_id = "x"\ncontract_id = "{product}"',
            "use rows for capacity",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, channel: str, words: str) -> None:
    config = write_example(tmp_path, "agr.example")
    text = config.read_text(encoding="utf-8")
    name = "" if channel.startswith("name") else 'name = "tso"\n'
    text += (
        '\n[[markets.capacity]]\nname = "FCR"\ndirection = "symmetric"\nseries = "fcr"\nmax_mw = 5\n'
        'gate = { at = "08:00", days_before = 1 }\n'
        f'\n[[bids.files]]\n{name}folder = "tso"\n{channel}\n'
    )
    config.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load(config)


def test_the_gate_of_a_market_that_there_is_not_is_refused(trading: CapacityTrading) -> None:
    with pytest.raises(InputError, match="is not a capacity product, nor day-ahead"):
        gate_of(trading.settings, PERIOD, "mFRR")
