"""Commands to charge points and sessions there, as the store keeps them."""

from datetime import UTC, datetime, timedelta

import pytest

from agr.domain.dispatch import Action, DispatchState, Profile, Purpose, SessionState, Step
from agr.store import charge_sessions, dispatches
from agr.store.charge_sessions import ChargeSession

NOW = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
PROFILE = Profile(start=NOW, unit="A", steps=(Step(after_s=0, limit=16), Step(after_s=900, limit=8)), duration_s=1800)


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
