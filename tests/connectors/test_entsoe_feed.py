"""Forecasts of load, wind and sun from ENTSO-E's interface; the answers are written by hand from its documentation."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agr.connectors.entsoe import read_document
from agr.connectors.ports import open_source
from agr.domain.errors import FeedError
from agr.domain.isp import Period
from agr.settings import EntsoeFeed, load
from tests.builders.http_server import Told, serving

AREA = "10YNL----------L"
FEED = EntsoeFeed(name="e", area=AREA, token_env="ENTSOE_TOKEN")
DAY = Period(date(2026, 6, 2))
KNOWN = datetime(2026, 6, 1, 8, tzinfo=UTC)


def series(*points, kind="", curve="A01", unit="MAW", end="2026-06-02T01:00Z", step="PT15M"):
    told = "".join(f"<Point><position>{p}</position><quantity>{q}</quantity></Point>" for p, q in points)
    produced = f"<MktPSRType><psrType>{kind}</psrType></MktPSRType>" if kind else ""
    return f"""<TimeSeries><mRID>1</mRID><quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name>
<curveType>{curve}</curveType>{produced}<Period><timeInterval><start>2026-06-02T00:00Z</start><end>{end}</end>
</timeInterval><resolution>{step}</resolution>{told}</Period></TimeSeries>"""


def document(*parts, name="GL_MarketDocument", head=""):
    space = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
    return f'<?xml version="1.0"?>{head}<{name} xmlns="{space}">{"".join(parts)}</{name}>'.encode()


def refusal(code, text):
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return document(reason, name="Acknowledgement_MarketDocument")


def values(outlook):
    return [one.value for one in outlook.rows]


def test_load_is_read_with_the_moment_it_had_to_be_known():
    (found,) = read_document(FEED, document(series((1, 9000), (2, 9100.5), (4, 9300))), KNOWN, "load_mw")
    assert (found.series, found.published) == (f"entsoe load_mw {AREA}", KNOWN)
    assert values(found) == [9000, 9100.5, 9300]  # of curves A01 nothing stands in for a missing point
    assert found.rows[-1].start == datetime(2026, 6, 2, 0, 45, tzinfo=UTC)


def test_wind_and_sun_are_told_apart_and_stepped_curves_are_filled():
    text = document(
        series((1, 0), (3, 50), kind="B16", curve="A03"), series((1, 700), kind="B19", step="PT60M"),
        series((1, 1200), kind="B18", step="PT60M"), series((1, 3), kind="B14"),
    )  # fmt: skip
    sun, land, sea = read_document(FEED, text, KNOWN)
    assert (sun.series, values(sun)) == (f"entsoe solar_mw {AREA}", [0, 0, 50, 50])
    assert (land.series.split()[1], sea.series.split()[1]) == ("wind_onshore_mw", "wind_offshore_mw")
    assert sea.rows[0].minutes == 60


def test_bad_points_are_refused_one_by_one():
    text = document(series((1, 9000), (1, 9000), (5, 1), ("x", 1), (2, "much"), (3, 9200)), series((1, 1), unit="KWT"))
    (found,) = read_document(FEED, text, KNOWN, "load_mw")
    assert values(found) == [9000, 9200]
    assert len(found.refused) == 5
    assert found.refused[0] == "position '1', '9000': position comes twice or lies outside 1..4"
    assert found.refused[-1] == "a series is in KWT; expected MAW"


def test_no_data_yet_is_nothing():
    assert read_document(FEED, refusal("999", "No matching data found"), KNOWN) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"busy", "is not an XML document"),
        (refusal("401", "Unauthorized"), "ENTSO-E refuses: Unauthorized"),
        (document(name="Publication_MarketDocument"), "is a Publication_MarketDocument"),
        (document(head="<!DOCTYPE a [<!ENTITY b 'c'>]>"), "declares a document type"),
    ],
)
def test_answers_that_are_no_forecasts_are_refused(content, words):
    with pytest.raises(FeedError, match=f"feed e: .*{words}"):
        read_document(FEED, content, KNOWN)


def test_the_interface_is_asked_by_token_and_a_refused_token_is_not_shown(tmp_path, monkeypatch):
    asked, status = [], [200]

    def answer(request):
        asked.append(request.target)
        load_mw = document(series((1, 9000), step="PT60M"))
        body = load_mw if "A65" in request.target else document(series((1, 5), kind="B16", step="PT60M"))
        return Told(status=status[0], body=body)

    monkeypatch.setenv("ENTSOE_TOKEN", "very-secret")
    with serving(answer) as url:
        (tmp_path / "agr.toml").write_text(
            f'domain = "agr.example.com"\n[[feeds]]\napi = "entsoe"\nname = "e"\narea = "{AREA}"\n'
            f'token_env = "ENTSOE_TOKEN"\nurl = "{url}/api"\n'
        )
        (feed,) = load(tmp_path / "agr.toml").feeds
        found = open_source(feed).fetch(DAY).outlooks
        status[0] = 401
        with pytest.raises(FeedError, match="answered 401") as refused:
            open_source(feed).fetch(DAY)
        monkeypatch.delenv("ENTSOE_TOKEN")
        with pytest.raises(FeedError, match="ENTSOE_TOKEN is not set; it holds the token"):
            open_source(feed).fetch(DAY)
    assert "very-secret" not in str(refused.value)
    assert "documentType=A65" in asked[0]
    assert f"outBiddingZone_Domain={AREA}" in asked[0]
    assert "periodStart=202606012200&periodEnd=202606022200" in asked[0]
    assert "documentType=A69" in asked[1]
    load_mw, sun = found
    assert load_mw.published == DAY.start - timedelta(hours=14)
    assert sun.published == DAY.start - timedelta(hours=6)
