"""Messages from peers: known deviations are tolerated, others are refused with their place and what was expected."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agr.domain.errors import MessageError
from agr.domain.program import IspRun
from agr.uftp import messages as m
from agr.uftp.codec import decode, encode
from agr.uftp.unsupported import OTHER_REQUESTS, OTHER_RESPONSES, OtherMessage
from tests.uftp.uftp_samples import EAN, MESSAGE_ID, REFERENCE, assert_valid, attributes, decoded, reservation_xml


def test_reservation_is_read():
    xml = reservation_xml()
    assert_valid(xml, "3.1.0")
    message = decode(xml)
    assert isinstance(message, m.FlexReservationUpdate)
    assert (message.contract_id, message.dso_reference, message.period) == ("flex-7", "dso-1", date(2026, 3, 29))
    assert message.isps == (IspRun(1, -50_000, 4),)
    assert message.type_name == "FlexReservationUpdate"


@pytest.mark.parametrize("text", ["PT15M", "PT0.25H", "PT900S", "PT14M60S"])
def test_isp_duration_is_read_by_value(text):
    assert decoded(reservation_xml(**{"ISP-Duration": text}), m.FlexReservationUpdate).isp_duration == timedelta(
        minutes=15
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "P1Y",
        "P1M",
        "-PT15M",
        "PT0M",
        "PT0.5S",
        "P2D",
        "P999999999D",
        "PT15M" + " " * 80 + "x",
        "PT" + "9" * 60,
    ],
)
def test_other_isp_durations_are_refused(text):
    with pytest.raises(MessageError, match="FlexReservationUpdate/ISP-Duration"):
        decode(reservation_xml(**{"ISP-Duration": text}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-28T05:30:15Z", datetime(2026, 3, 28, 5, 30, 15, tzinfo=UTC)),
        ("2026-03-28T05:30:15", datetime(2026, 3, 28, 5, 30, 15, tzinfo=UTC)),
        ("2026-03-28T05:30:15.1", datetime(2026, 3, 28, 5, 30, 15, 100_000, tzinfo=UTC)),
        ("2026-03-28T05:30:15.123456789+01:00", datetime(2026, 3, 28, 4, 30, 15, 123_456, tzinfo=UTC)),
        (" 2026-03-28T05:30:15-05:30 ", datetime(2026, 3, 28, 5, 30, 15, tzinfo=timezone(-timedelta(hours=5.5)))),
    ],
)
def test_time_stamps_of_any_precision_are_read(text, expected):
    assert decode(reservation_xml(TimeStamp=text)).time_stamp == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-28",
        "2026-03-28T05:30",
        "2026-13-28T05:30:15Z",
        "0001-01-01T00:00:00+14:00",
        "2026-W13-6T05:30:15",
        "20260328T053015Z",
        "now",
        "",
        "2026-03-28T05:30:15+99:00",
    ],
)
def test_other_time_stamps_are_refused(text):
    with pytest.raises(MessageError, match="FlexReservationUpdate/TimeStamp"):
        decode(reservation_xml(TimeStamp=text))


@pytest.mark.parametrize("text", ["2026-03-29", "2026-03-29Z", "2026-03-29+02:00", " 2026-03-29 "])
def test_period_is_a_local_day_whatever_its_offset(text):
    assert decoded(reservation_xml(Period=text), m.FlexReservationUpdate).period == date(2026, 3, 29)


@pytest.mark.parametrize("text", ["2026-02-30", "20260329", "2026-03-29T00:00:00Z", "9999-12-31", "1899-12-31", "x"])
def test_other_periods_are_refused(text):
    with pytest.raises(MessageError, match="FlexReservationUpdate/Period"):
        decode(reservation_xml(Period=text))


@pytest.mark.parametrize("name", ["D-PrognosisMessageID", "ReferenceMessageID"])
def test_reference_is_read_by_either_name(name):
    xml = f"<D-PrognosisResponse {attributes(Result='Accepted', **{name: REFERENCE})}/>".encode()
    assert decoded(xml, m.DPrognosisResponse).reference == REFERENCE


def test_two_references_must_agree():
    def both(other: str) -> bytes:
        more = {"Result": "Accepted", "D-PrognosisMessageID": REFERENCE, "ReferenceMessageID": other}
        return f"<D-PrognosisResponse {attributes(**more)}/>".encode()

    assert decoded(both(REFERENCE), m.DPrognosisResponse).reference == REFERENCE
    with pytest.raises(MessageError, match="differ"):
        decode(both(MESSAGE_ID))


def test_flex_order_statuses_are_read():
    child = f'<FlexOrderStatus FlexOrderMessageID="{REFERENCE}" IsValidated="1"/>'
    more = {"Result": "Accepted", "D-PrognosisMessageID": MESSAGE_ID}
    xml = f"<D-PrognosisResponse {attributes(**more)}>{child}</D-PrognosisResponse>".encode()
    assert_valid(xml, "3.1.0")
    (status,) = decoded(xml, m.DPrognosisResponse).flex_order_statuses
    assert (status.flex_order_message_id, status.is_validated) == (REFERENCE, True)


def test_test_message_answer_is_bare_in_3_x_and_may_carry_a_verdict_later():
    bare = decoded(f"<TestMessageResponse {attributes()}/>".encode(), m.TestMessageResponse)
    later = {"Result": "Rejected", "RejectionReason": "no", "ReferenceMessageID": REFERENCE}
    full = decoded(f"<TestMessageResponse {attributes(**later)}/>".encode(), m.TestMessageResponse)
    assert (bare.result, bare.reference) == (None, None)
    assert (full.result, full.rejection_reason, full.reference) == ("Rejected", "no", REFERENCE)


def test_schema_hints_comments_and_white_space_say_nothing():
    xml = reservation_xml().replace(
        b"<FlexReservationUpdate ",
        b"<!-- hello --><FlexReservationUpdate xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
        b"xsi:noNamespaceSchemaLocation='http://evil.example/x.xsd' ",
    )
    assert decode(b"\xef\xbb\xbf" + xml.replace(b"<ISP", b"\n\t <?pi x?><ISP")) == decode(reservation_xml())


@pytest.mark.parametrize("digits", ["0" * 12, "8" * 18, "9" * 34])
def test_ean_of_any_length_the_schema_has_is_read(digits):
    read = decoded(reservation_xml(CongestionPoint=f"ean.{digits}"), m.FlexReservationUpdate)
    assert read.congestion_point == f"ean.{digits}"


@pytest.mark.parametrize(
    "address",
    ["ean." + "1" * 11, "ean." + "1" * 35, "ean.", "EAN." + "1" * 18, "ean. " + EAN[4:], "ea1.2020-1.nl.x:1",
     "ea1.2020-01.nl.x", "ea1.2020-01.nl.x:" + "y" * 240, "ea1.2020-01.nl.x:y&#10;y", "ea1.2020-01.nl.x: "],
)  # fmt: skip
def test_other_addresses_are_refused(address):
    with pytest.raises(MessageError, match="FlexReservationUpdate/CongestionPoint"):
        decode(reservation_xml(CongestionPoint=address))


def test_isps_of_any_sense_are_read_so_that_rules_can_answer():
    xml = reservation_xml('<ISP Power="+1" Start="0"/><ISP Power="0" Start="999" Duration="-1"/>')
    message = decoded(xml, m.FlexReservationUpdate)
    assert message.isps == (IspRun(0, 1), IspRun(999, 0, -1))


@pytest.mark.parametrize(
    ("isps", "expected"),
    [
        ("", "ISP"),
        ('<ISP Start="1"/>', "ISP element 1: expected Power, Start"),
        ('<ISP Power="1"/>', "ISP element 1: expected Power, Start"),
        ('<ISP Power="1" Start="1"/><ISP Power="1.0" Start="2"/>', "ISP element 2: expected a whole number"),
        ('<ISP Power="1e3" Start="1"/>', "whole number"),
        ('<ISP Power="1_0" Start="1"/>', "whole number"),
        ('<ISP Power="&#1633;" Start="1"/>', "whole number"),
        ('<ISP Power="" Start="1"/>', "whole number"),
        ('<ISP Power="1" Start="1000001"/>', "whole number"),
        (f'<ISP Power="{"9" * 5000}" Start="1"/>', "whole number"),
        ('<ISP Power="1" Start="1" Price="2"/>', "expected Power, Start"),
        ('<ISP Power="1" Start="1"><ISP Power="1" Start="1"/></ISP>', "expected Power, Start"),
        ('<Isp Power="1" Start="1"/>', "unknown attribute or element"),
        ("<ISP/>text", "text between elements"),
    ],
)
def test_malformed_isps_are_refused_with_their_place(isps, expected):
    with pytest.raises(MessageError, match=expected):
        decode(reservation_xml(isps))


@pytest.mark.parametrize("missing", ["MessageID", "Version", "TimeZone", "ContractID", "Reference"])
def test_missing_attribute_is_named(missing):
    xml = reservation_xml().replace(f" {missing}=".encode(), b" Other=")
    with pytest.raises(MessageError, match=f"FlexReservationUpdate/{missing}: Field required"):
        decode(xml)


def test_python_names_are_not_xml_names():
    with pytest.raises(MessageError, match="Field required"):
        decode(reservation_xml().replace(b" ContractID=", b" contract_id="))


def test_error_never_repeats_what_the_peer_wrote():
    with pytest.raises(MessageError) as caught:
        decode(reservation_xml(SecretAttribute="x", CongestionPoint="secret-871685900012636543"))
    assert "secret" not in str(caught.value).lower()
    assert "8716859" not in str(caught.value)


def test_many_faults_are_counted_not_listed():
    with pytest.raises(MessageError, match="and 3 more"):
        decode(b"<AGRPortfolioUpdate Version='x'/>".replace(b"/>", b" SenderDomain='-' TimeZone='!'/>"))


OTHERS = [*OTHER_REQUESTS, *OTHER_RESPONSES]


@pytest.mark.parametrize("root", OTHERS)
def test_other_messages_are_read_for_their_metadata(root):
    child = '<ISP/><X a="1"/>'
    message = decoded(f"<{root} {attributes(Whatever='1')}>{child}</{root}>".encode(), OtherMessage)
    assert (message.type_name, message.message_id, message.is_response) == (root, MESSAGE_ID, root in OTHER_RESPONSES)


def test_other_message_without_metadata_is_refused():
    with pytest.raises(MessageError, match="DSOPortfolioQuery/SenderDomain"):
        decode(b"<DSOPortfolioQuery/>")


@pytest.mark.parametrize("xml", [b"<Nonsense/>", b"<TestMessage xmlns='http://x'/>", b"<a:TestMessage xmlns:a='b'/>"])
def test_foreign_documents_are_refused(xml):
    with pytest.raises(MessageError, match="not a message of UFTP"):
        decode(xml)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_noise_is_refused_and_nothing_else(noise):
    with pytest.raises(MessageError):
        decode(noise)


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_damaged_message_is_read_or_refused_and_nothing_else(data):
    xml = bytearray(reservation_xml())
    for _ in range(data.draw(st.integers(1, 4))):
        xml[data.draw(st.integers(0, len(xml) - 1))] = data.draw(st.integers(0, 255))
    try:
        message = decode(bytes(xml))
    except MessageError:
        return
    assert decode(encode(message)) == message or isinstance(message, m.OtherMessage)


def test_settlement_whose_orders_are_an_attribute_is_refused():
    with pytest.raises(MessageError, match="FlexSettlement/FlexOrderSettlement"):
        decode(f"<FlexSettlement {attributes(FlexOrderSettlement='abc')}/>".encode())
