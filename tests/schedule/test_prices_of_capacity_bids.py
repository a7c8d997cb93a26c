"""What bids for balancing capacity ask: by hand, and as they leave."""

import csv
import io
from datetime import date

import pytest

from agr.connectors.bids.layouts import render
from agr.domain.bid import Bid, asked_prices
from agr.domain.isp import Period
from agr.settings import BidFiles, Bids

PERIOD = Period(date(2026, 1, 15))
HOURS = (4.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("as_bid", "floor", "asked"),
    [
        (False, 0.0, (2.5, 0.01, 10.0)),
        (True, 0.0, (5.0, 3.0, 10.0)),
        (False, 3.0, (3.0, 3.0, 10.0)),
    ],
)
def test_what_holding_costs_is_asked_or_what_is_expected(as_bid: bool, floor: float, asked: tuple[float, ...]) -> None:
    """Costs above the expected price are rounding of whole bids: the plan sells at what it expects."""
    found = asked_prices((10.0, 0.02, 44.0), (20.0, 12.0, 40.0), HOURS, as_bid=as_bid, floor=floor)
    assert found == asked


def test_a_cent_is_rounded_up_and_a_cost_below_zero_is_none() -> None:
    assert asked_prices((10.001, -5.0), (20.0, 20.0), (1.0, 1.0), as_bid=False, floor=0.0) == (10.01, 0.0)


def test_a_block_leaves_with_its_price_and_unit_and_none_without_a_volume() -> None:
    bid = Bid(
        period=PERIOD, market="FCR", revision=1, plan=7, volumes_kw=(2000.0, 0.0, 1000.0, 0.0, 0.0, 0.0), block_hours=4,
        direction="symmetric", prices=(2.5, 9.0, 10.25, 0.0, 0.0, 0.0), price_unit="EUR/MW/h",
    )  # fmt: skip
    channel = BidFiles(name="tso", folder="x", markets=("FCR",), delimiter=";", decimal_mark=",")
    rows = list(csv.DictReader(io.StringIO(render(bid, channel, Bids(), 15).content.decode()), delimiter=";"))
    assert [(row["mw"], row["price"]) for row in rows][:3] == [("2", "2,50"), ("0", ""), ("1", "10,25")]
    assert {row["price_unit"] for row in rows} == {"EUR/MW/h"}
