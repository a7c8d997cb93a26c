"""The adapter beside everything that was recorded on CitrineOS 1.8.3: what it sends, and what it makes of answers."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.connectors.citrineos.replies import at_once, needs_report, receipt_of, verified_of
from agr.connectors.citrineos.requests import composite_of, request_of
from agr.domain.charge_point import ChargePoint
from agr.domain.dispatch import Action, Command, DispatchState, LimitStep, Profile, Purpose
from agr.domain.errors import InputError

RECORDED = json.loads((Path(__file__).parents[1] / "demo" / "citrineos_1_8_3.json").read_text())
COMMANDS = [one for one in RECORDED if one["path"].startswith("/ocpp/")]
SETTING = [one for one in COMMANDS if one["path"].endswith("ChargingProfile")]
COMPOSITES = [
    one for one in COMMANDS if one["path"].endswith("getCompositeSchedule") and isinstance(one["callback"], dict)
]


def point(**more):
    given: dict[str, Any] = {
        "charge_point": "p", "connection": "c", "road": "r", "station": "CP201", "protocol": "2.0.1", "max_kw": 11.0,
    }  # fmt: skip
    return ChargePoint(**(given | more))


def command(action=Action.SET, purpose=Purpose.PLAN, slot=1, profile=None, transaction=None, **more):
    return Command(
        id=7, point=point(**more), action=action, purpose=purpose, slot=slot, profile=profile, transaction=transaction
    )


def named(one):
    return one["name"]


@pytest.mark.parametrize("one", COMMANDS, ids=named)
def test_every_recorded_answer_is_read_as_what_it_was(one):
    text = json.dumps(one["answer"])
    found = at_once(7, one["status"], text)
    answers = one["answer"]
    if one["status"] == 200 and len(answers) == 1:
        expected = DispatchState.SENT if answers[0]["success"] else DispatchState.REJECTED
    elif one["status"] == 400:
        expected = DispatchState.REJECTED
    else:
        expected = DispatchState.UNKNOWN  # 500, or of two stations at once: nobody can say
    assert found.state is expected
    assert bool(found.words) is (expected is not DispatchState.SENT)
    assert found.occupied is ("already exists" in text or "same stack level" in text)
    assert found.unit == ("A" if "SHALL be one of" in text else None)
    assert found.most_periods == (24 if "exceed 24" in text else 5 if "exceed 5" in text else None)
    assert needs_report(found) is ("evse 1 not found" in text.lower())


@pytest.mark.parametrize("one", [one for one in SETTING if isinstance(one["callback"], dict)], ids=named)
def test_every_recorded_callback_is_a_receipt(one):
    action = Action.CLEAR if "clear" in one["path"] else Action.SET
    found = receipt_of(command(action=action), json.dumps(one["callback"]).encode())
    said = one["callback"].get("status")
    accepted = said == "Accepted" or (said == "Unknown" and action is Action.CLEAR)
    assert found.state is (DispatchState.ACCEPTED if accepted else DispatchState.REJECTED)


@pytest.mark.parametrize("one", COMPOSITES, ids=named)
def test_every_recorded_composite_schedule_is_a_profile_or_says_why_not(one):
    found = verified_of(point(), json.dumps(one["callback"]).encode())
    if "_errorCode" in one["callback"]:
        assert found.profile is None
        assert found.words == "the station answered with an error: NotImplemented"
        return
    schedule = one["callback"].get("schedule", one["callback"].get("chargingSchedule"))
    assert [step.limit for step in found.profile.steps] == [p["limit"] for p in schedule["chargingSchedulePeriod"]]
    assert found.profile.unit == schedule["chargingRateUnit"]


def like(recorded, path):
    """Return the recorded requests to a path, by the shape of their bodies."""
    return [one["body"] for one in COMMANDS if one["path"] == path and shape(one["body"]) == shape(recorded)]


def shape(value):
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


PROFILE = Profile(
    start=datetime(2026, 11, 29, 22, 27, tzinfo=UTC), unit="W", duration_s=3600,
    steps=(LimitStep(after_s=0, limit=7400), LimitStep(after_s=900, limit=4200)),
)  # fmt: skip


@pytest.mark.parametrize(
    "made",
    [
        command(profile=PROFILE),
        command(profile=PROFILE, carrier="tx", transaction="7d9a"),
        command(profile=PROFILE, protocol="1.6"),
        command(profile=PROFILE, protocol="1.6", carrier="tx", transaction="1"),
        command(action=Action.CLEAR),
        command(action=Action.CLEAR, protocol="1.6"),
        command(action=Action.CLEAR, purpose=Purpose.FOREIGN),
        command(profile=Profile(start=PROFILE.start, unit="A", steps=PROFILE.steps), purpose=Purpose.FALLBACK, slot=0),
    ],
    ids=lambda made: f"{made.point.protocol} {made.point.carrier} {made.action} {made.purpose}",
)
def test_what_is_sent_has_the_shape_of_what_was_accepted(made):
    request = request_of(made)
    assert like(request.body, request.path)


def test_what_is_asked_has_the_shape_of_what_was_answered():
    for protocol in ("1.6", "2.0.1"):
        request = composite_of(point(protocol=protocol, unit="W"))
        assert like(request.body, request.path)


def test_phases_are_told_where_a_station_would_take_three_for_granted():
    period = request_of(command(profile=PROFILE, phases=1)).body["chargingProfile"]["chargingSchedule"][0]
    assert [one["numberPhases"] for one in period["chargingSchedulePeriod"]] == [1, 1]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"Accepted"', b"{}", b'{"status": 1}', b'{"status": "accepted"}', b"[" * 9999]
)
def test_what_is_no_answer_is_refused(body):
    with pytest.raises(InputError):
        receipt_of(command(), body)


@pytest.mark.parametrize(
    "schedule",
    [
        {"chargingRateUnit": "kW", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1}], "duration": 9},
        {"chargingRateUnit": "W", "chargingSchedulePeriod": [], "duration": 9},
        {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0}], "duration": 9},
        {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": "x"}], "duration": 9},
    ],
)
def test_a_composite_schedule_that_cannot_be_read_is_refused(schedule):
    body = {"status": "Accepted", "schedule": {"scheduleStart": "2026-11-29T22:27:00Z", **schedule}}
    with pytest.raises(InputError, match="cannot be read"):
        verified_of(point(), json.dumps(body).encode())


@given(status=st.integers(100, 599), text=st.text(max_size=60))
def test_whatever_is_answered_at_once_is_never_taken_for_accepted(status, text):
    found = at_once(7, status, text)
    assert found.state in (DispatchState.REJECTED, DispatchState.UNKNOWN)
    assert found.words
