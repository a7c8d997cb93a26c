"""Bids as they leave: every product once, whatever the day; nothing is lost by writing, files are never replaced."""

import csv
import io
import json
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agr.connectors.bids.folder import open_carrier
from agr.connectors.bids.layouts import render
from agr.connectors.ports import BidPost
from agr.domain.bid import Bid, rounded_kw
from agr.domain.errors import DeliveryError
from agr.domain.isp import Period
from agr.settings import BidFiles, Bids, BidWebhook

DAYS = {"2026-03-29": 92, "2026-06-10": 96, "2026-10-25": 100}
CURVES: dict[str, Any] = {
    "layout": "curve order", "auction_id": "NL_DA-{day:%Y%m%d}", "contract_id": "NL_QH_DA-{day:%Y%m%d}-{product:02d}",
}  # fmt: skip


def files(folder: Path = Path("bids"), **more: Any) -> BidFiles:
    return BidFiles(name="trader", folder=folder, **more)


def bid(text: str, volumes_kw: tuple[float, ...], revision: int = 1) -> Bid:
    period = Period(date.fromisoformat(text), "Europe/Amsterdam", 15)
    return Bid(period=period, market="day-ahead", revision=revision, plan=7, volumes_kw=volumes_kw)


@st.composite
def volumes(draw: st.DrawFn) -> tuple[str, int, tuple[float, ...]]:
    """A day, the minutes of its products, and kW per ISP that are the same within each."""
    day, longer = draw(st.sampled_from(sorted(DAYS))), draw(st.sampled_from([1, 2, 4]))
    count = DAYS[day] // longer
    kw = draw(st.lists(st.integers(-90_000_000, 90_000_000), min_size=count, max_size=count))
    return day, 15 * longer, tuple(watts / 1000 for watts in kw for _ in range(longer))


@given(volumes(), st.sampled_from([(",", "."), (";", ","), ("\t", ",")]))
def test_rows_can_be_read_back_to_the_watt_by_another_reader(given_volumes, marks) -> None:
    day, minutes, kw = given_volumes
    delimiter, decimal = marks
    channel = files(
        delimiter=delimiter, decimal_mark=decimal,
        columns={"from": "start_utc", "to": "end_utc", "MW": "mw", "buy": "buy_mw", "sell": "sell_mw", "MWh": "mwh"},
    )  # fmt: skip
    out = render(bid(day, kw), channel, Bids(), minutes)
    rows = list(csv.DictReader(io.StringIO(out.content.decode()), delimiter=delimiter))
    expected = kw[:: minutes // 15]
    assert len(rows) == len(expected)

    def number(text: str) -> float:
        return float(text.replace(decimal, "."))

    for row, value in zip(rows, expected, strict=True):
        assert number(row["MW"]) * 1000 == pytest.approx(value, abs=1e-6)
        assert (number(row["buy"]) - number(row["sell"])) * 1000 == pytest.approx(value, abs=1e-6)
        assert number(row["MWh"]) * 60_000 / minutes == pytest.approx(value, abs=1e-4)
        assert not row["MW"].startswith("-0") or number(row["MW"]) < 0
    instants = [datetime.fromisoformat(row["from"]) for row in rows] + [datetime.fromisoformat(rows[-1]["to"])]
    assert {(b - a).total_seconds() for a, b in pairwise(instants)} == {60.0 * minutes}
    midnight = instants[0].astimezone(bid(day, kw).period.tz)
    assert (midnight.date().isoformat(), midnight.hour, midnight.minute) == (day, 0, 0)


def test_standard_rows_name_period_plan_and_revision_and_local_times() -> None:
    text = render(bid("2026-10-25", (1250.0,) * 100, revision=3), files(), Bids(), 15).content.decode()
    lines = text.splitlines()
    assert lines[0] == "period,start,end,mw,plan,revision"
    assert lines[1] == "2026-10-25,2026-10-25T00:00:00+02:00,2026-10-25T00:15:00+02:00,1.25,7,3"
    assert sum("T02:00:00+0" in line.split(",")[1] for line in lines[1:]) == 2  # the hour that comes twice


@given(volumes())
def test_a_curve_order_has_each_contract_once_with_one_volume_at_every_price(given_volumes) -> None:
    day, minutes, kw = given_volumes
    settings = Bids(area="NL", portfolio="AGR-1")
    out = render(bid(day, kw), files(**CURVES), settings, minutes)
    order = json.loads(out.content)
    assert (order["auctionId"], order["areaCode"], order["portfolio"]) == (
        f"NL_DA-{day.replace('-', '')}",
        "NL",
        "AGR-1",
    )
    contracts = [curve["contractId"] for curve in order["curves"]]
    assert len(set(contracts)) == len(contracts) == DAYS[day] * 15 // minutes
    for curve, value in zip(order["curves"], kw[:: minutes // 15], strict=True):
        low, high = curve["curvePoints"]
        assert (low["price"], high["price"]) == (-500, 4000)
        assert low["volume"] == high["volume"] == pytest.approx(value / 1000, abs=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), max_size=20), st.sampled_from([0.001, 0.01, 0.1, 1.0]))
def test_rounding_moves_no_volume_by_more_than_half_a_step_and_keeps_the_step(kw, step_mw) -> None:
    for value, rounded in zip(kw, rounded_kw(tuple(kw), step_mw), strict=True):
        assert abs(rounded - value) <= step_mw * 500 + 1e-5
        steps = rounded / (step_mw * 1000)
        assert steps == pytest.approx(round(steps), abs=1e-5)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"layout": "curve order"}, "layout curve order needs auction_id; layout curve order needs contract_id"),
        (CURVES | {"contract_id": "NL"}, "contract_id is the same for every product"),
        (CURVES | {"auction_id": "{nothing}"}, "cannot be filled in"),
        (CURVES | {"columns": {"a": "mw"}}, "columns has no meaning in the layout curve order"),
        ({"decimal_mark": ","}, "delimiter and decimal_mark are both a comma"),
        ({"columns": {"a": "euros"}}, "Input should be"),
    ],
)
def test_a_layout_that_cannot_be_written_is_refused_with_the_settings(given_, words) -> None:
    with pytest.raises(ValidationError, match=words):
        files(**given_)


def test_channels_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValidationError, match="several channels are called trader"):
        Bids(files=(files(),), webhooks=(BidWebhook(name="trader", url="https://x.example/"),))
    with pytest.raises(ValidationError, match="two channels write into one folder"):
        Bids(files=(files(), BidFiles(name="other", folder=Path("bids"))))
    with pytest.raises(ValidationError, match="there is no channel"):
        Bids(approval=True)


def post(content: bytes) -> BidPost:
    return BidPost(
        id="x", period="2026-03-29", plan=7, revision=1, file_name="day-ahead-2026-03-29-r1.csv", content=content,
        content_type="text/csv", sent_at=datetime.fromisoformat("2026-03-28T11:55:00+01:00"),
    )  # fmt: skip


def test_the_same_file_twice_is_one_and_another_one_never_takes_its_place(tmp_path: Path) -> None:
    carrier = open_carrier(files(tmp_path / "out"))
    first = carrier.deliver(post(b"one"))
    assert carrier.deliver(post(b"one")) == first
    with pytest.raises(DeliveryError, match="exists with other content and is not replaced"):
        carrier.deliver(post(b"two"))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["day-ahead-2026-03-29-r1.csv"]
    assert (tmp_path / "out" / "day-ahead-2026-03-29-r1.csv").read_bytes() == b"one"


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(DeliveryError, match="cannot be written"):
        open_carrier(files(tmp_path / "out")).deliver(post(b"one"))
