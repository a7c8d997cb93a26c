"""ENTSO-E's A44 documents: curves, resolutions, areas, sequences and currencies; others are refused in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agr.domain.errors import TableError
from agr.scenario import downloads
from agr.scenario.downloads import ImportOptions

TZ = ZoneInfo("Europe/Amsterdam")
START = datetime(2025, 9, 30, 22, tzinfo=UTC)


def points(values):
    return "".join(
        f"<Point><position>{n}</position><price.amount>{value}</price.amount></Point>" for n, value in values
    )


def series(
    values, *, minutes=60, hours=4, curve="A03", area="10YNL----------L", currency="EUR", unit="MWH", sequence=""
):
    end = START + timedelta(hours=hours)
    name = "classificationSequence_AttributeInstanceComponent.position"
    return (
        f"<TimeSeries><in_Domain.mRID codingScheme='A01'>{area}</in_Domain.mRID>"
        f"<currency_Unit.name>{currency}</currency_Unit.name><price_Measure_Unit.name>{unit}</price_Measure_Unit.name>"
        + (f"<{name}>{sequence}</{name}>" if sequence else "")
        + f"<curveType>{curve}</curveType><Period><timeInterval><start>{START:%Y-%m-%dT%H:%MZ}</start>"
        f"<end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval><resolution>PT{minutes}M</resolution>{points(values)}</Period>"
        "</TimeSeries>"
    )


def read(tmp_path, *parts, **asked):
    path = tmp_path / "a44.xml"
    head = (
        '<?xml version="1.0" encoding="UTF-16"?>\n<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3">'
    )
    path.write_text(head + "\n".join(parts) + "</Publication_MarketDocument>", encoding="utf-16")
    reading = downloads.day_ahead(path, ImportOptions(tz=TZ, **asked))
    return [((p.start - START) // timedelta(minutes=1), p.minutes, p.value) for p in reading.values]


def test_a_stepped_curve_repeats_prices_and_another_one_does_not(tmp_path):
    values = [(1, 10), (3, 30)]
    assert read(tmp_path, series(values)) == [(0, 60, 10), (60, 60, 10), (120, 60, 30), (180, 60, 30)]
    assert read(tmp_path, series(values, curve="A01")) == [(0, 60, 10), (120, 60, 30)]
    with pytest.raises(TableError, match="its first point is not position 1"):
        read(tmp_path, series(values[1:]))


def test_the_common_auction_and_the_area_that_is_meant_are_read(tmp_path):
    two = series([(1, 10)], sequence="1"), series([(1, 20)], sequence="2", minutes=15)
    assert {p[1:] for p in read(tmp_path, *two)} == {(60, 10)}
    areas = series([(1, 10)]), series([(1, 20)], area="10Y1001A1001A82H")
    with pytest.raises(TableError, match=r"holds prices of DE-LU \('10Y.*'\), NL .*; choose one of them with"):
        read(tmp_path, *areas)
    assert {p[2] for p in read(tmp_path, *areas, area="DE-LU")} == {20}


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (series([(1, 10)], currency="PLN"), "column currency: 'PLN' is not EUR/MWh"),
        (series([(1, 10)], unit="KWH"), "column unit: 'KWH' is not EUR/MWh"),
        (series([(1, 10), (1, 11)]), "position 1 comes twice or lies outside 1..4"),
        (series([(1, 10), (9, 11)]), "position 9 comes twice or lies outside 1..4"),
        (series([(1, 10)], minutes=7), "is not a whole number of 0:07:00"),
        (series([(1, 10)]) + series([(1, 11)]), "has 11 here and 10 in line 2"),
        ("", "holds no usable values"),
    ],
)
def test_contradictions_are_refused(tmp_path, part, words):
    with pytest.raises(TableError, match=words.replace("(", r"\(")):
        read(tmp_path, part)


def test_series_of_other_contracts_than_day_ahead_ones_are_left_out_or_refused(tmp_path):
    intraday = series([(1, 20)]).replace(
        "<curveType>", "<contract_MarketAgreement.type>A07</contract_MarketAgreement.type><curveType>"
    )
    assert {p[2] for p in read(tmp_path, series([(1, 10)]), intraday)} == {10}
    with pytest.raises(TableError, match="holds no prices of day-ahead auctions"):
        read(tmp_path, intraday)


def test_other_documents_are_refused_with_their_reason(tmp_path):
    path = tmp_path / "answer.xml"
    path.write_text("<Acknowledgement_MarketDocument><Reason><text>No matching data found</text></Reason>"
                    "</Acknowledgement_MarketDocument>")  # fmt: skip
    with pytest.raises(
        TableError, match=r"is of type Acknowledgement_MarketDocument.*\(A44\)\. No matching data found"
    ):
        downloads.day_ahead(path, ImportOptions(tz=TZ))
    path.write_text("<Publication_MarketDocument><TimeSeries>")
    with pytest.raises(TableError, match="is not an XML document"):
        downloads.day_ahead(path, ImportOptions(tz=TZ))
