"""Messages that we send satisfy the specification's schemas, and round-trip unchanged."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agr.domain.program import IspRun, compress, expand
from agr.uftp import messages as m
from agr.uftp.codec import decode, encode, respond
from agr.uftp.unsupported import OTHER_REQUESTS
from tests.builders.schemas import schema
from tests.uftp.uftp_samples import EAN, ISPS, MESSAGE_ID, META, NOW, POINT, REFERENCE, assert_valid, decoded
from tests.uftp.uftp_strategies import every_message, traded

PROGRAM = (IspRun(1, -50_000, 12), IspRun(13, 0), IspRun(14, 120_000, 79))
OUTGOING = {
    "test": m.TestMessage(**META),
    "test answer": m.TestMessageResponse(**META),
    "query": m.AGRPortfolioQuery(**META, time_zone="Europe/Amsterdam", period=date(2026, 3, 29)),
    "update": m.AGRPortfolioUpdate(
        **META,
        time_zone="Europe/Amsterdam",
        connections=(
            m.ConnectionUpdate(address=EAN, start_period=date(2026, 1, 1), end_period=date(2026, 12, 31)),
            m.ConnectionUpdate(address=POINT, start_period=date(2026, 1, 1)),
        ),
    ),
    "prognosis": m.DPrognosis(**META, **ISPS, revision=7, isps=PROGRAM),
    "reservation accepted": m.FlexReservationUpdateResponse(**META, result="Accepted", reference=REFERENCE),
    "reservation rejected": m.FlexReservationUpdateResponse(
        **META, result="Rejected", rejection_reason='ISP conflict; "a" < b', reference=REFERENCE
    ),
}


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
@pytest.mark.parametrize("name", OUTGOING)
def test_outgoing_message_satisfies_the_schema(name, version):
    message = OUTGOING[name].model_copy(update={"version": version})
    assert_valid(encode(message), version)
    assert decode(encode(message)) == message


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
@pytest.mark.parametrize("result", ["Accepted", "Rejected"])
@pytest.mark.parametrize("root", OTHER_REQUESTS)
def test_answer_to_any_other_request_satisfies_the_schema(root, result, version):
    more = {"time_zone": "Europe/Amsterdam", "period": date(2026, 3, 29)} if root == "DSOPortfolioQuery" else {}
    request = m.OtherMessage(**{**META, "version": version}, root_name=root, **more)
    answer = respond(
        request, result=result, reason="not yet", sender_domain="agr.example.com", now=NOW, message_id=REFERENCE
    )
    assert answer is not None
    xml = encode(answer)
    assert_valid(xml, version, "UFTP-cro" if root.startswith("DSO") else "UFTP-agr")
    assert MESSAGE_ID.encode() in xml
    read = decode(xml)
    assert isinstance(read, m.OtherMessage)
    assert (read.type_name, read.reference, read.is_response) == (f"{root}Response", MESSAGE_ID, True)


def settlement(*orders):
    items = tuple(
        m.OrderSettlement(
            order_reference=order, period=date(2026, 3, 29), congestion_point=POINT, price="10.5", net_settlement="10.5"
        )
        for order in orders
    )
    days = {"period_start": date(2026, 3, 29), "period_end": date(2026, 3, 29)}
    return m.FlexSettlement(**META, **days, currency="EUR", orders=items)


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
@given(message=traded, runs=st.lists(st.integers(-3, 3), min_size=1, max_size=100))
@settings(deadline=None, max_examples=40)
def test_messages_of_trading_satisfy_the_schema(version, message, runs):
    new = {"version": version}
    if version == "3.0.0" and isinstance(message, m.FlexOffer | m.FlexOrder):
        new |= {"unsolicited": None, "flex_offer": REFERENCE, "service_type": None}
    if isinstance(message, m.FlexOrder):
        new["isps"] = compress(runs)  # ISPs may be any number in what we read, not in what is written
    if isinstance(message, m.FlexOffer):
        new["options"] = tuple(option.model_copy(update={"isps": compress(runs)}) for option in message.options)
    known = {name: value for name, value in new.items() if name in type(message).model_fields}
    assert_valid(encode(message.model_copy(update=known)), version)


def test_settlement_answer_disputes_every_order():
    request = settlement("o-1", None)
    answer = respond(request, result="Rejected", reason="no", sender_domain="a.nl", now=NOW, message_id=REFERENCE)
    assert isinstance(answer, m.FlexSettlementResponse)
    assert [(s.order_reference, s.disposition, s.dispute_reason) for s in answer.order_statuses] == [
        ("o-1", "Disputed", "no"),
        (None, "Disputed", "no"),
    ]


@given(every_message)
@settings(deadline=None)
def test_decoding_undoes_encoding(message):
    assert decode(encode(message)) == message


@given(st.lists(st.integers(-3, 3), min_size=92, max_size=100))
@settings(deadline=None, max_examples=50)
def test_program_survives_compression_and_the_wire(powers):
    message = m.DPrognosis(**META, **ISPS, revision=1, isps=compress(powers))
    assert expand(decoded(encode(message), m.DPrognosis).isps, len(powers)) == tuple(powers)


def test_longest_possible_address_satisfies_the_schema():
    address = "ea1.2020-01." + "a" * 120 + ":" + "b" * 122
    assert len(address) == 255
    message = m.DPrognosis(**META, **{**ISPS, "congestion_point": address}, revision=1, isps=PROGRAM)
    assert_valid(encode(message), "3.1.0")


def test_schema_in_use_refuses_nonsense():
    assert not schema("3.1.0").validate(_element(encode(OUTGOING["prognosis"]).replace(b"Revision", b"Edition")))


def _element(xml):
    from lxml import etree

    return etree.fromstring(xml)


def test_prognosis_writes_attributes_the_specification_names():
    xml = encode(OUTGOING["prognosis"])
    for expected in (
        b'ISP-Duration="PT15M"',
        b'TimeStamp="2026-03-28T05:30:15.250000Z"',
        b'<ISP Power="0" Start="13"/>',
        b'<ISP Power="-50000" Start="1" Duration="12"/>',
    ):
        assert expected in xml


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender_domain": "UPPER.nl"},
        {"sender_domain": "nodot"},
        {"message_id": "1"},
        {"message_id": MESSAGE_ID + "\n"},
        {"time_stamp": NOW.replace(tzinfo=None)},
        {"time_stamp": 12345},
        {"isp_duration": timedelta(0)},
        {"isp_duration": timedelta(days=2)},
        {"isp_duration": 900},
        {"period": NOW},
        {"period": date(9999, 12, 31)},
        {"period": 20260329},
        {"congestion_point": "ean.123"},
        {"revision": True},
        {"revision": 2**63},
        {"revision": 1.5},
        {"isps": ()},
        {"isps": "ISP"},
        {"isps": (IspRun(1, 10**13),)},
        {"isps": tuple(IspRun(1, 1) for _ in range(10_001))},
        {"unknown": 1},
    ],
)
def test_message_with_wrong_value_cannot_be_built(wrong):
    with pytest.raises(ValidationError):
        m.DPrognosis(**{**META, **ISPS, "revision": 1, "isps": PROGRAM, **wrong})


def test_messages_are_frozen_and_hashable():
    message = OUTGOING["prognosis"]
    assert isinstance(message, m.DPrognosis)
    with pytest.raises(ValidationError):
        message.revision = 8
    assert len({message, message.model_copy()}) == 1


def test_portfolio_answer_is_flattened():
    point = {"mutex_offers": True, "day_ahead_redispatch_by": "AGR"}
    answer = m.AGRPortfolioQueryResponse(
        **META,
        result="Accepted",
        reference=REFERENCE,
        time_zone="Europe/Amsterdam",
        period=date(2026, 3, 29),
        dso_views=(
            m.DsoView(
                portfolios=(
                    m.DsoPortfolio(
                        dso_domain="dso.nl",
                        congestion_points=(
                            m.CongestionPointView(address=POINT, connections=(EAN, "ean.100000000000"), **point),
                        ),
                        connections=("ean.200000000000",),
                    ),
                ),
                connections=("ean.300000000000", EAN),
            ),
        ),
        connections=("ean.300000000000", "ean.400000000000"),
    )
    assert answer.points == (
        m.PointView(
            dso_domain="dso.nl",
            address=POINT,
            mutex_offers=True,
            day_ahead_redispatch_by="AGR",
            intraday_redispatch_by=None,
            connections=(EAN, "ean.100000000000"),
        ),
    )
    assert set(answer.free_connections) == {"ean.200000000000", "ean.300000000000", "ean.400000000000"}
    assert len(answer.free_connections) == 3
