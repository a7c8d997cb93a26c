"""Hostile and mistaken senders at the real endpoint: the right refusal, and nothing changes."""

import base64
import uuid
from collections.abc import Iterator
from datetime import date

import pytest

from agr.domain.isp import Period
from agr.messaging.publish import OPEN
from tests.day.market import OURS, Market
from tests.day.parties import Parties
from tests.day.tiny import FO_A, NORTH, A, C

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))


@pytest.fixture(scope="module")
def calm(parties: Parties, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market whose prognoses are accepted."""
    with Market(parties, tmp_path_factory.mktemp("hostile"), PERIOD) as driven:
        driven.reach(OPEN)
        yield driven


@pytest.fixture
def unmoved(calm: Market) -> Iterator[Market]:
    """Check that whatever a test does changes neither reservations nor plans nor prognoses."""
    before = (calm.reserved(), calm.plans(), calm.sent(), calm.fixed(), calm.points(), _alarms(calm))
    yield calm
    calm.settle()
    assert (calm.reserved(), calm.plans(), calm.sent(), calm.fixed(), calm.points(), _alarms(calm)) == before


def _alarms(calm: Market) -> dict[tuple[str, str], str]:
    """Return all alarms but those that say which message was rejected."""
    return {key: text for key, text in calm.alarms().items() if key[0] != "message rejected"}


def update(*, sender: str = NORTH, to: str = OURS, isps: str = "", **more: str) -> str:
    values = {
        "Version": "3.1.0", "SenderDomain": sender, "RecipientDomain": to, "TimeStamp": "2026-06-09T10:54:00Z",
        "MessageID": str(uuid.uuid4()), "ConversationID": str(uuid.uuid4()), "ISP-Duration": "PT15M",
        "TimeZone": "Europe/Amsterdam", "Period": str(PERIOD), "CongestionPoint": A, "ContractID": FO_A,
        "Reference": "hostile",
    } | {name.replace("_", "-"): value for name, value in more.items()}  # fmt: skip
    text = " ".join(f'{name}="{value}"' for name, value in values.items())
    isps = isps or '<ISP Start="73" Duration="16" Power="-50000"/>'
    return f"<FlexReservationUpdate {text}>{isps}</FlexReservationUpdate>"


def envelope(body: bytes, *, sender: str = NORTH, role: str = "DSO") -> bytes:
    text = base64.b64encode(body).decode()
    return f'<SignedMessage SenderDomain="{sender}" SenderRole="{role}" Body="{text}"/>'.encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (envelope(update().encode()), 401),
        (envelope(bytes(64) + update().encode()), 401),
        (update().encode(), 400),
        (b"", 400),
        (b"not xml", 400),
        (envelope(bytes(64), sender="stranger.example"), 419),
        (envelope(bytes(64), role="CRO"), 419),
        (envelope(bytes(64), role="King"), 400),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><SignedMessage>&e;</SignedMessage>', 400),
    ],
    ids=["unsigned", "made-up signature", "no envelope", "empty", "no XML", "stranger", "other role", "no role", "XXE"],
)
def test_what_nobody_we_know_has_signed_is_refused(unmoved, body, status):
    assert unmoved.post(body) == status


@pytest.mark.parametrize(
    ("lie", "status"),
    [
        ({"tamper": True}, 401),
        ({"envelope_domain": "south-grid.example"}, 401),
        ({"envelope_domain": "stranger.example"}, 419),
        ({"envelope_role": "CRO"}, 419),
        ({"xml": "<FlexReservationUpdate/>"}, 400),
        ({"xml": "<Nonsense"}, 400),
        ({"xml": update(sender="south-grid.example")}, 400),
    ],
    ids=["tampered", "another's name", "stranger", "another role", "empty message", "broken message", "two names"],
)
def test_an_envelope_that_lies_is_refused_with_its_status(unmoved, lie, status):
    done = unmoved.parties.north.send("send_raw", **({"domain": OURS, "xml": update()} | lie))
    assert done.fields["status"] == status


def last_answer(market, party, before: int):
    market.until(lambda: len(market.received(party, "FlexReservationUpdateResponse")) > before, "a rejection")
    return market.received(party, "FlexReservationUpdateResponse")[-1]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"to": "somebody-else.example"}, "Unknown RecipientDomain"),
        ({"ContractID": "FO-unknown"}, "Unknown ContractID"),
        ({"ContractID": "FO-C"}, "ContractID of another party"),
        ({"CongestionPoint": C}, "Invalid CongestionPoint"),
        ({"isps": '<ISP Start="90" Duration="16" Power="-50000"/>'}, "ISPs out of bounds"),
        ({"isps": '<ISP Start="73" Duration="16" Power="-100001"/>'}, "Power value rejection"),
        ({"isps": '<ISP Start="73" Duration="2" Power="-1"/><ISP Start="74" Power="-1"/>'}, "ISP conflict"),
        ({"Period": "2026-06-08"}, "Period out of bounds"),
        ({"TimeZone": "America/New_York"}, "TimeZone rejected"),
        ({"ISP_Duration": "PT30M"}, "ISP duration rejected"),
    ],
)
def test_a_signed_update_that_is_wrong_is_rejected_with_the_reason_to_the_dso(unmoved, wrong, reason):
    north = unmoved.parties.north
    before = len(unmoved.received(north, "FlexReservationUpdateResponse"))
    assert north.send("send_raw", domain=OURS, xml=update(**wrong)).fields["status"] == 200
    answer = last_answer(unmoved, north, before)
    assert answer.fields["result"] == "Rejected"
    assert reason in answer.text("rejection_reason").split("; ")


def test_a_cro_may_not_reserve_flexibility(unmoved):
    cro = unmoved.parties.cro
    before = len(unmoved.received(cro, "FlexReservationUpdateResponse"))
    assert cro.send("send_raw", domain=OURS, xml=update(sender="cro.example")).fields["status"] == 200
    answer = last_answer(unmoved, cro, before)
    assert "Invalid SenderRole" in answer.text("rejection_reason")
