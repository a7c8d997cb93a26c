"""What CitrineOS tells of stations by itself: messages as they were recorded, and what is no message."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.connectors.citrineos.news import NewsReader
from agr.domain.dispatch import ClockSeen, Metered, NeedsSeen, SessionSeen, SessionState, StationSeen
from agr.domain.errors import InputError

AT = datetime(2026, 11, 29, 22, 40, tzinfo=UTC)
WHEN = datetime(2026, 11, 29, 22, 36, 18, 383_000, tzinfo=UTC)


def told(message, station="CP16", origin="cs", **more):
    whole = {"stationId": station, "event": "message", "origin": origin, "message": json.dumps(message), "info": {}}
    return json.dumps(whole | more).encode()


def read(*bodies, station="CP16"):
    """Return what is told apart from the times of messages."""
    return [one for one in read_all(*bodies, station=station) if not isinstance(one, ClockSeen)]


def read_all(*bodies, station="CP16"):
    reader = NewsReader()
    return [one for body in bodies for one in reader.read(station, body, AT)]


METER_16 = [2, "bcb28aff", "MeterValues", {
    "connectorId": 1, "transactionId": 1, "meterValue": [{
        "timestamp": "2026-11-29T22:36:18.383Z", "sampledValue": [
            {"value": "100069", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "4.14", "measurand": "Power.Active.Import", "unit": "kW", "context": "Sample.Periodic"},
            {"value": "18", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
        ],
    }],
}]  # fmt: skip


def test_meter_values_of_1_6_are_text_and_default_to_energy_in_wh():
    assert read(told(METER_16)) == [
        Metered(station="CP16", evse=1, at=WHEN, transaction="1", register_wh=100_069.0, power_w=4140.0)
    ]
    bare = [2, "x", "MeterValues", {"connectorId": 1, "meterValue": [
        {"timestamp": "2026-11-29T22:36:18.383Z", "sampledValue": [{"value": "7"}]}
    ]}]  # fmt: skip
    assert read(told(bare)) == [Metered(station="CP16", evse=1, at=WHEN, register_wh=7.0)]


def test_a_start_that_is_never_answered_is_forgotten_and_its_session_begins_with_its_meter_values():
    start: list[Any] = [2, "m1", "StartTransaction", {
        "connectorId": 1, "idTag": "TAG", "meterStart": 52, "timestamp": "2026-11-29T22:36:18.383Z",
    }]  # fmt: skip
    answer = [3, "m1", {"idTagInfo": {"status": "Accepted"}, "transactionId": 1}]
    other = [2, "m2", "StartTransaction", {**start[3], "connectorId": 2}]
    reader = NewsReader()
    assert reader.read("CP16", told(start), AT) == [ClockSeen(station="CP16", at=WHEN, heard=AT)]
    late = AT + timedelta(minutes=6)
    assert len(reader.read("CP16", told(other), late)) == 1
    assert reader.read("CP16", told(answer, origin="csms"), late) == []
    assert [getattr(one, "transaction", None) for one in reader.read("CP16", told(METER_16), late)[1:]] == ["1"]


def test_a_transaction_of_1_6_has_its_number_from_the_answer():
    start = [2, "m1", "StartTransaction", {
        "connectorId": 2, "idTag": "TAG", "meterStart": 52, "timestamp": "2026-11-29T22:36:18.383Z",
    }]  # fmt: skip
    answer = [3, "m1", {"idTagInfo": {"status": "Accepted"}, "transactionId": 9}]
    seen = read(told(start), told(answer, origin="csms"))
    assert seen == [
        SessionSeen(
            station="CP16", evse=2, transaction="9", at=WHEN, state=SessionState.WAITING, began=True
        ),
        Metered(station="CP16", evse=2, at=WHEN, transaction="9", register_wh=52.0),
    ]  # fmt: skip
    refused = [3, "m1", {"idTagInfo": {"status": "ConcurrentTx"}, "transactionId": 0}]
    assert read(told(start), told(refused, origin="csms")) == []
    assert read(told(answer, origin="csms")) == []


EVENT = {
    "eventType": "Updated", "timestamp": "2026-11-29T22:36:18.383Z", "triggerReason": "MeterValuePeriodic", "seqNo": 8,
    "offline": False, "transactionInfo": {"transactionId": "t-1", "chargingState": "SuspendedEV"},
    "evse": {"id": 1, "connectorId": 1},
    "meterValue": [{"timestamp": "2026-11-29T22:36:18.383Z", "sampledValue": [
        {"value": 430, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh", "multiplier": 1}},
        {"value": 21.4, "measurand": "SoC", "unitOfMeasure": {"unit": "Percent"}},
        {"value": 7400, "measurand": "Power.Offered", "unitOfMeasure": {"unit": "W"}},
    ]}],
}  # fmt: skip


def test_transaction_events_of_2_0_1_tell_session_and_meter():
    meter, session = read(told([2, "e", "TransactionEvent", EVENT], "CP201"), station="CP201")
    assert meter == Metered(
        station="CP201", evse=1, at=WHEN, transaction="t-1", register_wh=4300.0, soc_percent=21.4, offered_w=7400.0
    )
    assert session == SessionSeen(
        station="CP201", evse=1, transaction="t-1", at=WHEN, state=SessionState.CAR_PAUSES
    )  # fmt: skip
    ended = EVENT | {"eventType": "Ended", "meterValue": []}
    (over,) = read(told([2, "e", "TransactionEvent", ended], "CP201"), station="CP201")
    assert over.state is SessionState.ENDED


@pytest.mark.parametrize(
    ("message", "at"),
    [
        (METER_16, WHEN),
        ([2, "e", "TransactionEvent", EVENT], WHEN),
        ([2, "e", "TransactionEvent", EVENT | {"offline": True}], None),  # it waited, and says so
        ([2, "n", "NotifyReport", {"requestId": 1, "generatedAt": "2026-11-29T22:36:18.383Z"}], WHEN),
        ([2, "s", "StatusNotification", {"connectorId": 1, "status": "Available"}], None),
        ([2, "h", "Heartbeat", {}], None),
    ],
)  # fmt: skip
def test_messages_that_bear_a_time_tell_it_before_anything_else(message, at):
    found = read_all(told(message))
    clocks = [one for one in found if isinstance(one, ClockSeen)]
    assert clocks == ([] if at is None else [ClockSeen(station="CP16", at=at, heard=AT)])
    assert found[: len(clocks)] == clocks


def test_needs_and_connections_are_told():
    needs = {"evseId": 1, "chargingNeeds": {
        "requestedEnergyTransfer": "DC", "departureTime": "2026-11-30T04:34:22.000Z",
        "dcChargingParameters": {"energyAmount": 30000, "stateOfCharge": 41, "evEnergyCapacity": 60000},
    }}  # fmt: skip
    assert read(told([2, "n", "NotifyEVChargingNeeds", needs])) == [
        NeedsSeen(
            station="CP16", evse=1, at=AT, departure=datetime(2026, 11, 30, 4, 34, 22, tzinfo=UTC), energy_wh=30_000.0,
            soc_percent=41.0, capacity_wh=60_000.0,
        )
    ]  # fmt: skip
    closed = json.dumps({"stationId": "CP16", "event": "closed"}).encode()
    assert read(closed) == [StationSeen(station="CP16", at=AT, connected=False)]


def test_the_name_of_a_station_in_2_0_is_understood():
    body = json.dumps({"ocppConnectionName": "CP16", "event": "connected"}).encode()
    assert read(body) == [StationSeen(station="CP16", at=AT, connected=True)]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", told(METER_16, station="CP17"), told("no list"), told([2]),
        told([2, "x", "MeterValues", {"connectorId": 1, "meterValue": [
            {"timestamp": "now", "sampledValue": [{"value": "7"}]}
        ]}]),
        told([2, "x", "TransactionEvent", EVENT | {"timestamp": "2026-11-29T22:36:18"}]),
        told([2, "x", "StopTransaction", {}]), b"[" * 50_000,
    ],
)  # fmt: skip
def test_what_is_no_news_is_refused_with_a_reason(body):
    with pytest.raises(InputError, match="CP16"):
        read(body)


@pytest.mark.parametrize("value", ["nan", "inf", "1e999"])
def test_values_that_are_no_numbers_are_left_out(value):
    body = [2, "x", "MeterValues", {"connectorId": 1, "meterValue": [
        {"timestamp": "2026-11-29T22:36:18.383Z", "sampledValue": [{"value": value}]}
    ]}]  # fmt: skip
    assert read(told(body)) == []


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(
    inner, max_size=4) | st.dictionaries(st.sampled_from(["timestamp", "evse", "meterValue", "transactionInfo"]), inner,
    max_size=4), max_leaves=8)  # fmt: skip


@given(
    action=st.sampled_from(["TransactionEvent", "MeterValues", "StatusNotification", "StopTransaction"]), payload=_JSON
)
def test_whatever_a_station_says_is_read_or_refused(action, payload):
    with suppress(InputError):
        assert isinstance(read(told([2, "x", action, payload])), list)
