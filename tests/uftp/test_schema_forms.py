"""Whatever the specification's schemas allow is read, and means what the schemas say."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from agr.domain.errors import MessageError
from agr.domain.program import IspRun
from agr.uftp.codec import decode
from agr.uftp.messages import TYPES, DPrognosisResponse, FlexReservationUpdate, Message
from agr.uftp.metadata import XmlElement
from agr.uftp.unsupported import OTHER_REQUESTS, OTHER_RESPONSES
from tests.uftp.schema_forms import Drawn, drawn
from tests.uftp.uftp_samples import REFERENCE, assert_valid, attributes, decoded, reservation_xml

FREE_TEXT = ("RejectionReason", "Reference", "OrderReference", "DisputeReason")


def assert_means(part: XmlElement, made: Drawn) -> None:
    """Check every value that we read in full against what was drawn."""
    for name, field in type(part).model_fields.items():
        alias, value = field.alias, getattr(part, name)
        if alias in made.meaning:
            meant = made.meaning[alias]
            if isinstance(meant, str) and alias not in FREE_TEXT:
                meant = meant.strip(" \t\r\n")
            assert value == meant, alias
        for item, child in zip(value, made.children[alias], strict=True) if alias in made.children else ():
            if isinstance(item, XmlElement):
                assert_means(item, child)
            elif isinstance(item, IspRun):
                run = {"Duration": 1, **child.meaning}
                assert (item.start, item.power_w, item.duration) == (run["Start"], run["Power"], run["Duration"])
            else:
                assert item == str(child.meaning["EntityAddress"]).strip(" \t\r\n")


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
@pytest.mark.parametrize("root", [*TYPES, *OTHER_REQUESTS, *OTHER_RESPONSES])
@given(data=st.data())
@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
def test_every_form_that_the_schema_allows_is_read_by_value(root, version, data):
    made = data.draw(drawn(version, root))
    assert_valid(etree.tostring(made.element), version, "UFTP-cro" if "DSOPortfolio" in root else "UFTP-agr")
    made.pad()
    message = decode(etree.tostring(made.element, encoding="UTF-8", xml_declaration=True))
    assert isinstance(message, Message)
    assert message.type_name == root
    if root == "AGRPortfolioQueryResponse" and made.meaning["Result"] == "Rejected":
        made.children["DSO-View"] = []  # the schema demands one, which means nothing in a rejection
    assert_means(message, made)


@pytest.mark.parametrize(
    "text",
    ["P0Y0M0DT0H15M0.000S", "PT0000000000015M", "PT900.0S", "P0DT15M", "PT0H0M900S", " PT15M ", "P0Y0M0DT15M",
     "P0YT15M", "PT15M0." + "0" * 100 + "S"],
)  # fmt: skip
def test_isp_durations_of_a_quarter_of_an_hour_are_equal_however_written(text):
    assert_valid(reservation_xml(**{"ISP-Duration": text.strip()}), "3.1.0")  # libxml2 forgets to trim
    read = decoded(reservation_xml(**{"ISP-Duration": text}), FlexReservationUpdate)
    assert read.isp_duration == timedelta(minutes=15)


@pytest.mark.parametrize("text", ["PT900.0000000000000001S", "PT899." + "9" * 30 + "S", "P1Y", "P0Y1M", "-PT15M"])
def test_isp_durations_that_are_nearly_right_or_of_no_fixed_length_are_refused(text):
    with pytest.raises(MessageError, match="FlexReservationUpdate/ISP-Duration"):
        decode(reservation_xml(**{"ISP-Duration": text}))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-28T24:00:00Z", datetime(2026, 11, 29, tzinfo=UTC)),
        ("2026-12-31T24:00:00.000+01:00", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-11-28T24:00:00", datetime(2026, 11, 29, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_day_is_the_midnight_after_it(text, meant):
    xml = reservation_xml(TimeStamp=text)
    assert_valid(xml, "3.1.0")
    assert decode(xml).time_stamp == meant


@pytest.mark.parametrize(
    "text", ["2026-11-28T24:00:01Z", "2026-11-28T24:00:00.1Z", "2026-11-28T24:01:00Z", "9999-12-31T24:00:00Z"]
)
def test_times_after_the_end_of_a_day_are_refused(text):
    with pytest.raises(MessageError, match="FlexReservationUpdate/TimeStamp"):
        decode(reservation_xml(TimeStamp=text))


@pytest.mark.parametrize("pad", [" ", "   ", "&#9;", "&#10;", "&#13;&#10;", "\n"])
@pytest.mark.parametrize("name", ["ContractID", "CongestionPoint", "MessageID", "SenderDomain", "TimeZone", "Version"])
def test_white_space_around_identifiers_is_no_part_of_them(name, pad):
    plain = reservation_xml()
    at = plain.index(f' {name}="'.encode()) + len(name) + 3
    end = plain.index(b'"', at)
    padded = plain[:at] + pad.encode() + plain[at:end] + pad.encode() + plain[end:]
    assert decode(padded) == decode(plain)


def test_free_text_stays_as_it_was_written():
    assert decoded(reservation_xml(Reference=" dso-1 "), FlexReservationUpdate).dso_reference == " dso-1 "


def test_references_that_differ_in_case_or_white_space_agree():
    more = {"Result": "Accepted", "D-PrognosisMessageID": REFERENCE.upper(), "ReferenceMessageID": f" {REFERENCE} "}
    answer = decoded(f"<D-PrognosisResponse {attributes(**more)}/>".encode(), DPrognosisResponse)
    assert answer.reference == REFERENCE.upper()


def test_addresses_of_any_alphabet_are_read():
    address = "ea1.2020-01.nl.eXample:Groß-Ümmeln 北"
    assert decoded(reservation_xml(CongestionPoint=address), FlexReservationUpdate).congestion_point == address


def test_an_element_that_names_its_own_type_is_read():
    hint = b" xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='FlexReservationUpdateType' Version="
    xml = reservation_xml().replace(b" Version=", hint, 1)
    assert_valid(xml, "3.1.0")
    assert decode(xml) == decode(reservation_xml())
