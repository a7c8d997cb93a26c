"""Commands to charge points and sessions there, as the store keeps them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agr.domain.dispatch import Action, DispatchState, Learned, LimitStep, Profile, Purpose, SessionState, StationFact
from agr.domain.execution import DeviationCause, Execution, Verdict
from agr.store import charge_sessions, dispatch_facts, dispatches, executions
from agr.store.charge_sessions import ChargeSession, Told

NOW = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
PROFILE = Profile(
    start=NOW, unit="A", steps=(LimitStep(after_s=0, limit=16), LimitStep(after_s=900, limit=8)), duration_s=1800
)


def queued(tx, point="p", slot=1, at=NOW, profile=PROFILE):
    return dispatches.queue(
        tx, charge_point=point, road="r", station="CP1", action=Action.SET, purpose=Purpose.PLAN, slot=slot, at=at,
        profile=profile, plan=7,
    )  # fmt: skip


def test_a_command_comes_back_as_it_went(store):
    with store.transaction() as tx:
        number = queued(tx)
        found = dispatches.get(tx, number)
    assert (found.profile, found.state, found.attempt, found.plan) == (PROFILE, DispatchState.QUEUED, 0, 7)
    assert found.digest == PROFILE.digest


def test_a_newer_command_takes_the_place_of_one_that_was_not_sent(store):
    with store.transaction() as tx:
        first, second = queued(tx), queued(tx)
        elsewhere = queued(tx, slot=2)
        states = [dispatches.get(tx, number).state for number in (first, second, elsewhere)]
    assert states == ["superseded", "queued", "queued"]


def test_a_command_is_sent_once(store):
    with store.transaction() as tx:
        number = queued(tx)
        assert dispatches.sending(tx, number, NOW)
        assert not dispatches.sending(tx, number, NOW)
        assert dispatches.get(tx, number).attempt == 1


@pytest.mark.parametrize("first", [DispatchState.ACCEPTED, DispatchState.REJECTED])
def test_an_answer_that_comes_again_changes_nothing(store, first):
    with store.transaction() as tx:
        number = queued(tx)
        assert not dispatches.answered(tx, number, first, "before it was sent", NOW)
        dispatches.sending(tx, number, NOW)
        assert dispatches.answered(tx, number, first, "said so", NOW)
        assert not dispatches.answered(tx, number, DispatchState.REJECTED, "again", NOW)
        assert not dispatches.answered(tx, number, DispatchState.ACCEPTED, "again", NOW)
        assert dispatches.get(tx, number).reason == "said so"


def test_a_late_answer_settles_what_was_unknown(store):
    with store.transaction() as tx:
        number = queued(tx)
        dispatches.sending(tx, number, NOW)
        assert dispatches.answered(tx, number, DispatchState.UNKNOWN, "no answer", NOW)
        assert dispatches.answered(tx, number, DispatchState.ACCEPTED, "late", NOW)


def test_what_may_be_in_force_is_found_by_charge_point(store):
    with store.transaction() as tx:
        one, other, gone = queued(tx), queued(tx, point="q"), queued(tx, slot=2)
        dispatches.supersede(tx, [gone], "cleared")
        found = dispatches.firm(tx)
        assert {name: [row.id for row in rows] for name, rows in found.items()} == {"p": [one], "q": [other]}
        assert dispatches.firm(tx, "another road") == {}
        states = {number: row.state for number in (one, other, gone) if (row := dispatches.get(tx, number))}
        assert states == {one: DispatchState.QUEUED, other: DispatchState.QUEUED, gone: DispatchState.SUPERSEDED}
        assert dispatches.delete_before(tx, NOW + timedelta(days=1)) == 1  # what may be in force stays


def test_how_a_session_went_is_kept_by_its_changes(store):
    session = ChargeSession(
        road="r", station="CP1", transaction="t", charge_point="p", resource=None, began_at=NOW, ended_at=None,
        seen_at=NOW, state=SessionState.CHARGING,
    )  # fmt: skip
    minutes = [NOW + timedelta(minutes=n) for n in range(5)]
    said = [
        Told(at=minutes[0], state=SessionState.CHARGING, offered_w=None),
        Told(at=minutes[0], state=None, offered_w=7000.0),  # at the same instant: one row
        Told(at=minutes[1], state=SessionState.CHARGING, offered_w=7000.0),  # nothing new
        Told(at=minutes[2], state=SessionState.CAR_PAUSES, offered_w=None),
        Told(at=minutes[3], state=None, offered_w=4000.0),
    ]
    with store.transaction() as tx:
        for one in said:
            charge_sessions.put_told(tx, session, one)
        found = charge_sessions.told_of(tx, session)
        assert found == [
            Told(at=minutes[0], state=SessionState.CHARGING, offered_w=7000.0),
            Told(at=minutes[2], state=SessionState.CAR_PAUSES, offered_w=None),
            Told(at=minutes[3], state=None, offered_w=4000.0),
        ]
        charge_sessions.delete_before(tx, minutes[3])
        assert charge_sessions.told_of(tx, session) == found[2:]


def test_what_was_judged_is_kept_and_replaced_where_it_is_known_better(store):
    row = Execution(
        resource="car", start=NOW, planned_kwh=2.0, measured_kwh=None, quality="missing", verdict=Verdict.UNMEASURED,
        cause=DeviationCause.UNKNOWN, plan=1,
    )  # fmt: skip
    better = replace(row, measured_kwh=1.0, quality="measured", verdict=Verdict.DEVIATED, cause=DeviationCause.CAR)
    with store.transaction() as tx:
        assert [executions.put(tx, [one]) for one in (row, row, better)] == [1, 0, 1]
        assert executions.between(tx, NOW, NOW) == [better]
        assert executions.counts(tx, NOW, NOW + timedelta(hours=1)) == {"deviated": 1}
        assert executions.delete_before(tx, NOW + timedelta(seconds=1)) == 1


def test_facts_of_stations_are_replaced_and_forgotten(store):
    one = Learned(road="r", station="CP1", charge_point="", fact=StationFact.UNIT, value="A", at=NOW)
    with store.transaction() as tx:
        for value in ("W", "A"):
            dispatch_facts.put(tx, replace(one, value=value))
        assert dispatch_facts.of_road(tx, "r") == [one]
        assert dispatch_facts.of_road(tx, "s") == []
        dispatch_facts.forget(tx, "r", "CP1", "", StationFact.UNIT)
        assert dispatch_facts.of_road(tx) == []
        dispatch_facts.set_silent(tx, "r", NOW, "no answer")
        assert dispatch_facts.silent(tx)["r"].why == "no answer"
        dispatch_facts.set_silent(tx, "r", None)
        assert dispatch_facts.silent(tx) == {}


def test_sessions_run_until_they_end_and_are_forgotten_later(store):
    session = ChargeSession(
        road="r", station="CP1", transaction="t", charge_point="p", resource=None, began_at=NOW, ended_at=None,
        seen_at=NOW, state=SessionState.CHARGING, first_register_wh=1000.0, last_register_wh=3500.0,
    )  # fmt: skip
    over = NOW + timedelta(hours=2)
    with store.transaction() as tx:
        charge_sessions.put(tx, session)
        assert charge_sessions.running(tx) == {"p": session}
        assert session.delivered_kwh == 2.5
        ended = ChargeSession(**{**vars(session), "ended_at": over, "state": SessionState.ENDED})
        charge_sessions.put(tx, ended)
        assert charge_sessions.running(tx) == {}
        assert charge_sessions.get(tx, "r", "CP1", "t") == ended
        assert charge_sessions.overlapping(tx, NOW, over) == [ended]
        assert charge_sessions.overlapping(tx, over, over + timedelta(hours=1)) == []
        assert charge_sessions.delete_before(tx, over) == 0
        assert charge_sessions.delete_before(tx, over + timedelta(seconds=1)) == 1
