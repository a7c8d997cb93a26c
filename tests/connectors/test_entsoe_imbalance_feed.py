"""Imbalance prices from ENTSO-E's interface; the answers are written by hand from its documentation."""

import io
import zipfile
from datetime import UTC, date, datetime

import pytest

from agr.connectors.entsoe_imbalance import read_prices
from agr.connectors.ports import open_source
from agr.domain.errors import FeedError
from agr.domain.isp import Period
from agr.settings import EntsoeImbalanceFeed, load
from tests.builders.http_server import Told, serving

AREA = "10YNL----------L"
FEED = EntsoeImbalanceFeed(name="i", area=AREA, token_env="ENTSOE_TOKEN")
SHORTAGE, SURPLUS = "imbalance_shortage", "imbalance_surplus"


def series(*points, curve="A01", currency="EUR", unit="MWH", start="2026-06-02T00:00Z", end="2026-06-02T01:00Z"):
    told = "".join(
        f"<Point><position>{position}</position><imbalance_Price.amount>{amount}</imbalance_Price.amount>"
        + (f"<imbalance_Price.category>{category}</imbalance_Price.category>" if category else "")
        + "</Point>"
        for position, amount, category in points
    )
    return f"""<TimeSeries><mRID>1</mRID><businessType>A19</businessType>
<currency_Unit.name>{currency}</currency_Unit.name><price_Measure_Unit.name>{unit}</price_Measure_Unit.name>
<curveType>{curve}</curveType><Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>
<resolution>PT15M</resolution>{told}</Period></TimeSeries>"""


def document(*parts, name="Balancing_MarketDocument", head=""):
    space = "urn:iec62325.351:tc57wg16:451-6:balancingdocument:4:0"
    return f'<?xml version="1.0"?>{head}<{name} xmlns="{space}">{"".join(parts)}</{name}>'.encode()


def zipped(*documents):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number, content in enumerate(documents):
            archive.writestr(zipfile.ZipInfo(f"{number}.xml"), content)  # without the time: its bytes name tests
    return made.getvalue()


def values(found, side):
    return [(one.start.hour * 60 + one.start.minute, one.value) for one in found.prices if one.series == side]


def test_excess_is_the_price_of_a_surplus_and_insufficient_that_of_a_shortage():
    found = read_prices(FEED, document(series((1, 40.5, "A04"), (1, 90, "A05"), (2, -30, "A04"), (2, -30, "A05"))))
    assert values(found, SURPLUS) == [(0, 40.5), (15, -30)]
    assert values(found, SHORTAGE) == [(0, 90), (15, -30)]
    assert (found.prices[0].minutes, found.refused) == (15, ())


def test_a_single_price_counts_for_both_and_stepped_curves_are_filled():
    found = read_prices(FEED, document(series((1, 80, ""), (3, 55, ""), curve="A03")))
    assert values(found, SHORTAGE) == values(found, SURPLUS) == [(0, 80), (15, 80), (30, 55), (45, 55)]


def test_a_zip_of_documents_is_read_and_series_of_one_side_each():
    long = document(series((1, 10, "A04")))
    short = document(series((1, 20, "A05"), start="2026-06-02T01:00Z", end="2026-06-02T02:00Z"))
    found = read_prices(FEED, zipped(long, short))
    assert (values(found, SURPLUS), values(found, SHORTAGE)) == ([(0, 10)], [(60, 20)])


def test_bad_points_are_refused_one_by_one_and_the_others_kept():
    found = read_prices(FEED, document(
        series((1, 90, "A05"), (1, 91, "A05"), (9, 1, "A05"), ("x", 1, "A05"), (2, "much", "A05"), (3, 1e9, "A05"),
               (4, 70, "A05")),
        series((4, 71, "A05")), series((1, 5, "A04"), currency="CHF"), series((1, 5, "A04"), end="2026-06-01T00:00Z"),
    ))  # fmt: skip
    assert values(found, SHORTAGE) == [(0, 90), (45, 70)]
    assert values(found, SURPLUS) == []
    words = "\n".join(found.refused)
    for one in (
        "position comes twice", "outside 1..4", "'much'", "1e+09 EUR/MWh is beyond 100000", "has two prices, 70 and 71",
        "a series is in CHF per MWH; expected EUR per MWH", "cannot be read: it lasts from",
    ):  # fmt: skip
        assert one in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"busy", "is not an XML document"),
        (document("<Reason><code>401</code><text>Unauthorized</text></Reason>", name="Acknowledgement_MarketDocument"),
         "ENTSO-E refuses: Unauthorized"),
        (document(name="GL_MarketDocument"), "expected a Balancing_MarketDocument"),
        (document(head="<!DOCTYPE a [<!ENTITY b 'c'>]>"), "declares a document type"),
        (zipped(document())[:60], "the zip cannot be unpacked"),
        (zipped(), "holds 0 files"),
        (zipped(*[document()] * 51), "holds 51 files; expected 1 to 50"),
        (zipped(b" " * ((16 << 20) + 1)), "larger than 16 MiB"),
    ],
)  # fmt: skip
def test_answers_that_are_no_prices_are_refused(content, words):
    with pytest.raises(FeedError, match=f"feed i: .*{words}"):
        read_prices(FEED, content)


def test_no_data_yet_is_nothing():
    nothing = document("<Reason><code>999</code><text>No data</text></Reason>", name="Acknowledgement_MarketDocument")
    assert read_prices(FEED, nothing).prices == ()


def test_the_interface_is_asked_for_the_area_by_token(tmp_path, monkeypatch):
    asked = []

    def answer(request):
        asked.append(request.target)
        return Told(status=200, body=zipped(document(series((1, 33, "A05"), (1, 30, "A04")))))

    monkeypatch.setenv("ENTSOE_TOKEN", "very-secret")
    with serving(answer) as url:
        (tmp_path / "agr.toml").write_text(
            f'domain = "agr.example.com"\n[[feeds]]\napi = "entsoe-imbalance"\nname = "i"\narea = "{AREA}"\n'
            f'token_env = "ENTSOE_TOKEN"\nurl = "{url}/api"\nshortage_series = "short"\n'
        )
        (feed,) = load(tmp_path / "agr.toml").feeds
        found = open_source(feed).fetch(Period(date(2026, 6, 2)))
    assert feed.brings_series
    assert [(one.series, one.value) for one in found.prices] == [(SURPLUS, 30), ("short", 33)]
    assert found.prices[0].start == datetime(2026, 6, 2, tzinfo=UTC)
    assert "documentType=A85" in asked[0]
    assert f"controlArea_Domain={AREA}" in asked[0]
    assert "periodStart=202606012200&periodEnd=202606022200" in asked[0]
