"""Messages from attackers are refused with MessageError, quickly, and nothing is fetched or expanded."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from agr.domain.errors import MessageError
from agr.uftp import xml_parser
from agr.uftp.codec import decode
from agr.uftp.messages import AGRPortfolioQueryResponse, FlexReservationUpdate
from tests.uftp.uftp_samples import EAN, REFERENCE, attributes, decoded, reservation_xml

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    ("prologue", "value"),
    [
        ("<!DOCTYPE FlexReservationUpdate>", "x"),
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>', "&l11;"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "&e;"),
        ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">', "x"),
        ('<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>', "x"),
    ],
)
def test_document_type_is_refused(prologue, value):
    with pytest.raises(MessageError, match="document type"):
        decode(prologue.encode() + reservation_xml(ContractID=value))


def test_lower_case_doctype_is_no_doctype():
    with pytest.raises(MessageError, match="not well-formed"):
        decode(b"<!doctype x>" + reservation_xml())


@pytest.mark.parametrize("place", ["ContractID", "text"])
def test_undefined_entity_is_refused(place):
    xml = reservation_xml(ContractID="&nope;") if place == "ContractID" else reservation_xml("&nope;")
    with pytest.raises(MessageError):
        decode(xml)


def test_predefined_entities_and_characters_are_read():
    message = decoded(reservation_xml(ContractID="&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;"), FlexReservationUpdate)
    assert message.contract_id == "<&>\"'A\U0001f600"


def test_nothing_is_fetched():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/x.xsd"
        hint = f"xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='{url} {url}'"
        include = f"<?xml-stylesheet href='{url}'?>"
        decode(include.encode() + reservation_xml().replace(b"Version=", hint.encode() + b" Version=", 1))
        server.shutdown()
    assert asked == []


def test_deep_nesting_is_refused_quickly():
    started = time.thread_time()
    with pytest.raises(MessageError, match="nested deeper"):
        decode(b"<TestMessage>" + b"<a>" * 1_000_000)
    assert time.thread_time() - started < 60


def test_many_attributes_are_refused_quickly():
    many = " ".join(f'a{n}="1"' for n in range(50_000))
    started = time.thread_time()
    with pytest.raises(MessageError, match="and 50001 more"):
        decode(f"<TestMessage {many}/>".encode())
    assert time.thread_time() - started < 60


def test_long_attribute_is_refused():
    with pytest.raises(MessageError, match="longer than 65536"):
        decode(reservation_xml(ContractID="x" * 65_537))
    longest = decoded(reservation_xml(ContractID="x" * 65_536), FlexReservationUpdate)
    assert len(longest.contract_id) == 65_536


def test_size_limit_holds_before_parsing():
    with pytest.raises(MessageError, match="larger than 10 bytes"):
        decode(b"<" * 11, max_bytes=10)


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (reservation_xml(ContractID="a\x00b"), "NUL"),
        (reservation_xml(ContractID="a&#0;b"), "not well-formed"),
        (reservation_xml(ContractID="a&#1;b"), "not well-formed"),
        (reservation_xml().decode().encode("utf-16"), "NUL"),
        (reservation_xml().decode().encode("utf-16-le"), "NUL"),
        (reservation_xml(ContractID="\u4f60\u597d").decode().encode("gbk"), "not UTF-8"),
        (reservation_xml(ContractID="é").decode().encode("latin-1"), "not UTF-8"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + reservation_xml(), "encoding other than UTF-8"),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-7'?>" + reservation_xml(), "encoding other than UTF-8"),
        (reservation_xml(ContractID="HALF").replace(b"HALF", b"\xed\xa0\x80"), "not UTF-8"),
        (b"", "not well-formed"),
        (b"   ", "not well-formed"),
        (b"<", "not well-formed"),
        (b"text", "not well-formed"),
        (reservation_xml() + b"<x/>", "not well-formed"),
        (b"x" + reservation_xml(), "not well-formed"),
        (reservation_xml().replace(b"Version", b"Version='1' Version", 1), "not well-formed"),
    ],
)  # fmt: skip
def test_broken_bytes_are_refused(xml, expected):
    with pytest.raises(MessageError, match=expected):
        decode(xml)


def test_declared_utf8_is_read():
    assert decode(b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>" + reservation_xml())


def test_every_truncation_is_refused():
    xml = reservation_xml()
    for length in range(len(xml)):
        with pytest.raises(MessageError):
            decode(xml[:length])


def test_attribute_and_element_of_one_name_are_refused():
    with pytest.raises(MessageError, match="same name"):
        decode(reservation_xml(ISP="1"))


def test_element_in_place_of_an_attribute_is_refused():
    xml = reservation_xml('<ISP Power="1" Start="1"/><Period/>').replace(b' Period="2026-03-29"', b"")
    with pytest.raises(MessageError, match="FlexReservationUpdate/Period"):
        decode(xml)


def test_connection_with_anything_else_is_refused():
    more = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "AGRPortfolioQueryMessageID": REFERENCE}
    head = f"<AGRPortfolioQueryResponse {attributes(Result='Accepted', **more)}><DSO-View>"
    tail = "</DSO-View></AGRPortfolioQueryResponse>"
    good = f'<Connection EntityAddress="{EAN}"/>'
    assert decoded((head + good + tail).encode(), AGRPortfolioQueryResponse).free_connections == (EAN,)
    for bad in ("<Connection/>", good.replace("/>", ' More="1"/>'), f"<Connection>{good}</Connection>"):
        with pytest.raises(MessageError, match="Connection element 2: expected EntityAddress"):
            decode((head + good + bad + tail).encode())


def test_a_hundred_thousand_connections_are_read_in_a_second_or_two():
    points = "".join(
        f'<CongestionPoint EntityAddress="ean.{p:018d}" MutexOffersSupported="true" DayAheadRedispatchBy="AGR">'
        + "".join(f'<Connection EntityAddress="ean.{p * 1000 + c:018d}"/>' for c in range(100))
        + "</CongestionPoint>"
        for p in range(1000)
    )
    more = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "AGRPortfolioQueryMessageID": REFERENCE}
    xml = (
        f"<AGRPortfolioQueryResponse {attributes(Result='Accepted', **more)}><DSO-View>"
        f'<DSO-Portfolio DSO-Domain="dso.nl">{points}</DSO-Portfolio></DSO-View></AGRPortfolioQueryResponse>'
    ).encode()
    started = time.thread_time()
    message = decoded(xml, AGRPortfolioQueryResponse)
    assert time.thread_time() - started < 60  # seconds of our own work; 0.2 are usual
    assert (len(message.points), sum(len(point.connections) for point in message.points)) == (1000, 100_000)


def test_limits_are_explicit():
    assert (xml_parser.MAX_DEPTH, xml_parser.MAX_ATTRIBUTE, xml_parser.MAX_BYTES) == (8, 65_536, 256 * 1024**2)


def test_made_up_names_leave_nothing_behind_in_memory():
    def refuse(number: int) -> None:
        names = " ".join(f'n{number:08d}{k:08d}{"x" * 80}="1"' for k in range(10_000))
        with pytest.raises(MessageError):
            decode(f"<TestMessage {names}/>".encode(), max_bytes=2_000_000)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    for number in range(5):
        refuse(number)
    before = resident()
    for number in range(5, 45):
        refuse(number)
    assert resident() - before < 20_000_000  # a parser that keeps names: 40 MB and more


def test_a_tag_that_never_ends_is_refused_before_it_is_read_again_and_again():
    with pytest.raises(MessageError, match="longer than 1048576"):
        decode(b"<TestMessage a='" + b"x" * 50_000_000)
