"""The independent DSO requests, accepts offers, orders and settles, in messages that satisfy the schemas."""

from lxml import etree

from agr.demo.counterparties import Counterparty
from tests.demo.conftest import TinyAgr

POINT = "ea1.2024-01.example.dso-one:point-1"
PLACE = {"TimeZone": "Europe/Amsterdam", "Period": "2026-03-29", "ISP_Duration": "PT15M", "CongestionPoint": POINT}
OPTION = (
    '<OfferOption OptionReference="1" Price="10.00" MinActivationFactor="0.01">'
    '<ISP Power="-3001" Start="70" Duration="2"/></OfferOption>'
)


def told(agr: TinyAgr) -> "etree._Element":
    return agr.inbox.get(timeout=60)


def test_a_dso_requests_orders_a_part_and_finds_it_in_the_prognosis_then_settles(
    agr: TinyAgr, dso: Counterparty, schema: "dict[str, etree.XMLSchema]"
) -> None:
    dso.send(
        "request", domain=agr.domain, congestion_point=POINT, period="2026-03-29", expires="2026-03-28T16:00:00Z",
        isps=[{"start": 70, "duration": 2, "min": -5000, "max": 0},
              {"start": 72, "duration": 4, "min": 0, "max": 5000, "available": True}],
    )  # fmt: skip
    request = told(agr)
    schema["agr-dso"].assertValid(request)
    assert (request.tag, [isp.get("Disposition") for isp in request]) == ("FlexRequest", ["Requested", "Available"])

    agr.post(agr.message("D-Prognosis", dso, '<ISP Power="1000" Start="1" Duration="92"/>', Revision="1", **PLACE), dso)
    assert told(agr).get("Result") == "Accepted"
    offer = agr.message(
        "FlexOffer", dso, OPTION, ExpirationDateTime="2026-03-28T18:00:00Z", Currency="EUR",
        FlexRequestMessageID=str(request.get("MessageID")), **PLACE,
    )  # fmt: skip
    agr.post(offer, dso)
    assert told(agr).tag == "FlexOfferResponse"

    dso.send("order", domain=agr.domain, factor="0.50", reference="o-7")
    order = told(agr)
    schema["agr-dso"].assertValid(order)
    assert (order.get("OrderReference"), order.get("Price"), order.get("ActivationFactor")) == (
        "o-7", "5.0000", "0.50",
    )  # fmt: skip
    assert order.get("ConversationID") not in offer
    assert [isp.get("Power") for isp in order] == ["-1500"]

    runs = '<ISP Power="1000" Start="1" Duration="69"/><ISP Power="{}" Start="70" Duration="2"/>'
    for power, shown in ((-400, "false"), (-500, "true")):
        prognosis = runs.format(power) + '<ISP Power="1000" Start="72" Duration="21"/>'
        agr.post(agr.message("D-Prognosis", dso, prognosis, Revision="2", **PLACE), dso)
        (status,) = told(agr)
        assert (status.get("FlexOrderMessageID"), status.get("IsValidated")) == (order.get("MessageID"), shown)

    dso.send("settle", domain=agr.domain, period="2026-03-29", short_w=100, penalty="0.34")
    settlement = told(agr)
    schema["agr-dso"].assertValid(settlement)
    (item,) = settlement.findall("FlexOrderSettlement")
    assert (item.get("Price"), item.get("Penalty"), item.get("NetSettlement")) == (
        "5.0000", "0.3400", "4.6600",
    )  # fmt: skip
    assert [(i.get("ActualPower"), i.get("PowerDeficiency")) for i in item] == [("-400", "100")] * 2


def test_a_dso_accepts_a_revocation_once_it_has_the_offer_and_not_after_its_order(
    agr: TinyAgr, dso: Counterparty
) -> None:
    unknown = agr.message("FlexOfferRevocation", dso, FlexOfferMessageID="22222222-2222-4222-8222-222222222222")
    agr.post(unknown, dso)
    assert told(agr).get("RejectionReason") == "Unknown FlexOfferMessageID reference"
    offer = agr.message(
        "FlexOffer", dso, OPTION, ExpirationDateTime="2026-03-28T18:00:00Z", Currency="EUR",
        FlexRequestMessageID="22222222-2222-4222-8222-222222222222", **PLACE,
    )  # fmt: skip
    assert agr.post(offer, dso) == 200
    told(agr)
    number = str(etree.fromstring(offer).get("MessageID"))
    agr.post(agr.message("FlexOfferRevocation", dso, FlexOfferMessageID=number), dso)
    assert told(agr).get("Result") == "Accepted"
    dso.send("order", domain=agr.domain, offer=number)
    told(agr)
    agr.post(agr.message("FlexOfferRevocation", dso, FlexOfferMessageID=number), dso)
    assert told(agr).get("RejectionReason") == "Flexibility procured"
