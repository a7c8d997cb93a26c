"""What one charge point is sent next: two slots that take turns, in OCPP 1.6 one that is replaced."""

from datetime import timedelta

import pytest

from agr.dispatch.orders import Order, PointCommands, held, held_after, is_late, next_order
from agr.dispatch.profiles import constant, fallback_profile, wanted_profile
from agr.domain.dispatch import Action, Dispatch, DispatchState, Purpose
from tests.dispatch.test_profiles import ISP, START, plan, point

ACCEPTED, UNKNOWN, SENT = DispatchState.ACCEPTED, DispatchState.UNKNOWN, DispatchState.SENT
NEW = wanted_profile(plan(7.0, 7.0, 6.0, 6.0), point(), "W", START)
OLD = wanted_profile(plan(5.0, 5.0, 5.0, 5.0), point(), "W", START)


def row(number, slot, profile, state=ACCEPTED, action=Action.SET, purpose=Purpose.PLAN, transaction=None):
    return Dispatch(
        id=number, charge_point="p", road="r", station="s", action=action, purpose=purpose, slot=slot,
        transaction=transaction, plan=1, profile=profile, state=state, attempt=1, reason="", at=START, sent_at=START,
        answered_at=START, next_attempt_at=START,
    )  # fmt: skip


FALLBACK = row(1, 0, fallback_profile(point(), "W", START), purpose=Purpose.FALLBACK)


def order(*rows, wanted=NEW, now=START, **more):
    view = {"point": point(), "rows": (FALLBACK, *rows), "wanted": wanted, "unit": "W"}
    return next_order(PointCommands(**(view | more)), now)


def what(found):
    return None if found is None else (found.action, found.slot, found.purpose)


def test_the_fallback_comes_before_everything_else():
    found = order(rows=())
    assert what(found) == (Action.SET, 0, Purpose.FALLBACK)
    assert found.profile.duration_s is None


def test_under_2_0_1_the_free_slot_is_set_then_the_other_one_cleared():
    assert what(order()) == (Action.SET, 1, Purpose.PLAN)
    assert what(order(row(2, 1, OLD))) == (Action.SET, 2, Purpose.PLAN)
    assert what(order(row(2, 1, OLD), row(3, 2, NEW))) == (Action.CLEAR, 1, Purpose.PLAN)
    assert order(row(3, 2, NEW)) is None
    assert what(order(row(3, 2, OLD))) == (Action.SET, 1, Purpose.PLAN)


def test_under_1_6_the_profile_is_replaced_in_its_place():
    old = point(protocol="1.6")
    assert what(order(row(2, 1, OLD), point=old)) == (Action.SET, 1, Purpose.PLAN)


def test_nothing_is_sent_while_an_answer_is_out_or_doubtful():
    assert order(row(2, 1, OLD, SENT)) is None
    assert order(row(2, 1, OLD, UNKNOWN)) is None


def test_where_a_station_cannot_say_what_it_follows_the_same_slot_is_set_again():
    assert what(order(row(2, 1, OLD, UNKNOWN), verifiable=False)) == (Action.SET, 1, Purpose.PLAN)
    gone = row(3, 1, None, UNKNOWN, Action.CLEAR)
    assert what(order(gone, verifiable=False)) == (Action.CLEAR, 1, Purpose.PLAN)


def test_a_plan_that_is_gone_is_cleared():
    assert what(order(row(2, 1, OLD), wanted=None)) == (Action.CLEAR, 1, Purpose.PLAN)
    assert order(wanted=None) is None


def test_a_stop_is_sent_at_once_and_taken_back():
    found = order(row(2, 1, NEW), stopped=True)
    assert (what(found), found.profile.steps[0].limit) == ((Action.SET, 2, Purpose.STOP), 0)
    stopped = row(3, 2, constant(0, "W", START), purpose=Purpose.STOP)
    assert order(stopped, stopped=True) is None
    assert order(stopped, stopped=True, now=START + timedelta(hours=3)) is None
    assert what(order(stopped)) == (Action.SET, 1, Purpose.PLAN)


def test_a_session_that_begins_gets_its_own_profile_where_the_carrier_needs_it():
    carried = point(carrier="tx")
    assert what(order(row(2, 1, NEW), point=carried, transaction="t1")) == (Action.SET, 2, Purpose.PLAN)
    assert order(row(2, 1, NEW, transaction="t1"), point=carried, transaction="t1") is None


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (29, False), (30, True)])
def test_a_change_that_comes_too_late_is_known_to_be(minutes, late):
    old = wanted_profile(plan(7.0, 7.0, 5.0), point(), "W", START)
    new = wanted_profile(plan(7.0, 7.0, 6.0), point(), "W", START)
    now = START + timedelta(minutes=minutes)
    found = order(row(2, 1, old), wanted=new, now=now)
    assert isinstance(found, Order)
    assert found.since == max(START + 2 * ISP, now)
    assert is_late(found, now) is late


def test_what_a_change_leaves_in_force_is_the_new_profile_over_the_fallback():
    rows = (FALLBACK, row(2, 1, OLD))
    found = order(row(2, 1, OLD))
    assert [(one.slot, one.sure) for one in held_after(rows, found)] == [(0, True), (2, True)]
    doubtful = held((*rows, row(3, 1, NEW, SENT)))
    assert [(one.slot, one.sure) for one in doubtful] == [(0, True), (1, False), (1, False)]


def test_a_first_plan_that_begins_like_the_fallback_is_not_late():
    kw = wanted_profile(plan(0.0, 0.0, 6.0, 6.0), point(), "W", START)  # the fallback here is 0
    found = order(wanted=kw)
    assert found.since == START + 2 * ISP
    assert not is_late(found, START)
    assert is_late(order(), START)
