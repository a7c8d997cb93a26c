"""Reservation updates: several at once, after the day-ahead gate, during the day itself, and too small to matter."""

from datetime import date, time

import pytest

from agr.domain.isp import Period, local_instant
from agr.domain.plan import PlanState, ReasonKind
from agr.messaging.publish import OPEN
from agr.settings import Planning, Publication
from tests.day.tiny import FO_A, FO_C, A, B, C, evening

pytestmark = pytest.mark.day

PERIOD = Period(date(2026, 6, 10))
JOIN_S = 30


def answers(market):
    return [
        event.fields["result"]
        for dso in (market.parties.north, market.parties.south)
        for event in market.received(dso, "FlexReservationUpdateResponse")
    ]


def test_updates_within_the_join_window_lead_to_one_plan(market):
    driven = market(PERIOD, planning=Planning(join_triggers_s=JOIN_S, threads=1, method="reference"))
    driven.reach(OPEN, join_s=JOIN_S + 1)
    assert len(driven.plans()) == 2
    driven.release(FO_A, -80_000)
    driven.wait(JOIN_S / 3)
    driven.release(FO_A, -50_000)
    driven.wait(JOIN_S / 3)
    driven.release(FO_C, -20_000)
    driven.until(lambda: answers(driven) == ["Accepted"] * 3, "the answers to three updates")
    assert driven.daemon.planner.run_due() == 0, "planned before the join window was over"
    assert len(driven.plans()) == 2
    driven.wait(JOIN_S)
    driven.until(lambda: len(driven.plans()) == 3, "the plan")
    driven.settle()
    plan = driven.plans()[-1]
    assert [r.kind for r in plan.reasons] == [ReasonKind.RESERVATION] * 3
    window = evening(PERIOD)
    newest = {p.point: p for p in driven.prognoses()}
    assert {newest[A].power_w[i] for i in window} == {-30_000}  # 20 − 50: the last word on FO-A counts
    assert {newest[C].power_w[i] for i in window} == {-20_000}  # 10 − 30
    assert sorted((p.point, p.revision) for p in driven.prognoses()) == [(A, 1), (A, 2), (B, 1), (C, 1), (C, 2)]


def test_after_the_gate_the_day_ahead_position_stays_and_during_the_day_what_is_closed_stays(market):
    driven = market(PERIOD)
    driven.reach("prognosis_gate")
    fixed = driven.fixed()["day-ahead"]
    assert len(fixed) == 96

    driven.release(FO_A, -50_000)
    driven.settle()
    plan = driven.in_force()
    assert [r.kind for r in plan.reasons] == [ReasonKind.RESERVATION]
    assert driven.fixed()["day-ahead"] == fixed
    assert plan.positions.day_ahead_kw == pytest.approx(fixed)
    window = evening(PERIOD)
    # 50 kW more can be discharged than were sold day-ahead: they are sold intraday.
    assert [plan.positions.intraday_kw[i] for i in window] == pytest.approx([-50.0] * 16, abs=1e-3)

    sold = plan.positions.intraday_kw
    driven.jump(local_instant(PERIOD.day, time(12), PERIOD.tz))
    driven.settle(unanswered=True)
    before = {p.point: p for p in sorted(driven.prognoses(), key=lambda p: p.revision)}
    driven.release(FO_A, 0)
    driven.release(FO_C, 0)
    driven.until(lambda: len(driven.reserved()) == 2 and driven.reserved()[FO_C] == (0,) * 96, "both updates")
    driven.until(lambda: driven.in_force().id > plan.id, "a plan")
    driven.settle(unanswered=True)
    driven.until(lambda: {s.state for s in driven.sent()} == {"accepted"}, "the DSO's yes")

    after = {p.point: p for p in sorted(driven.prognoses(), key=lambda p: p.revision)}
    closed = 13 * 4  # intraday closes an hour before an ISP: at 12:00 everything that starts before 13:00
    assert after[A].revision > before[A].revision
    assert after[A].power_w[:closed] == before[A].power_w[:closed]
    assert {after[A].power_w[i] for i in window} == {-80_000}  # 20 − 100: nothing is reserved any more
    assert after[C] == before[C], "we may not re-dispatch C during the day"
    assert after[B] == before[B]
    now = driven.in_force()
    assert now.positions.day_ahead_kw == pytest.approx(fixed)
    assert now.positions.intraday_kw[:closed] == pytest.approx(sold[:closed], abs=1e-6)
    # 110 kWh more must be in the battery by 18:00. Charging at night would have been cheaper, but the night is over.
    assert {p.address: p.power_w for p in now.points} == {point: p.power_w for point, p in after.items()}
    assert sum(after[A].power_w[closed : window.start]) > sum(before[A].power_w[closed : window.start])


def test_a_plan_that_gains_too_little_is_held_back_with_a_note_and_nothing_is_sent(market):
    driven = market(PERIOD, publication=Publication(minimum_gain_eur_per_prognosis=1e6))
    driven.reach(OPEN)
    sent = driven.prognoses()
    in_force = driven.in_force()
    driven.release(FO_A, -50_000)
    driven.settle()
    held = driven.plans()[-1]
    assert held.state is PlanState.HELD_BACK
    assert any("held back" in note and "1e+06" in note for note in held.result.notes)
    assert driven.in_force().id == in_force.id
    assert driven.prognoses() == sent
    assert len(sent) == 3
    assert answers(driven) == ["Accepted"]
