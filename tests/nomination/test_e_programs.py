"""E-programs: what is nominated, when it is news, how it leaves, and how it is answered."""

import csv
import json
from datetime import timedelta

import numpy as np
import pytest

from agr.domain.isp import Period
from agr.domain.moments import Handled, MomentState
from agr.domain.plan import ReasonKind
from agr.nomination.deliver import NominationDeliverer
from agr.planning.plan_loader import load_solved
from agr.store import day, overrides, plans, positions
from tests.builders.brp_parties import ONE, TWO, Parties
from tests.builders.worlds import NOW, PERIOD

DAY = str(PERIOD.day)


def test_what_brps_are_told_adds_up_to_the_plan(parties: Parties) -> None:
    assert parties.nominate() == 2
    one, two = parties.history()
    with parties.store.transaction() as tx:
        plan = plans.in_force(tx, PERIOD.day)
        assert plan is not None
        outcome = load_solved(tx, plan.id).outcome
    assert [(n.brp, n.revision, n.plan, n.state) for n in (one, two)] == [
        (ONE, 1, plan.id, "queued"),
        (TWO, 1, plan.id, "queued"),
    ]
    bought = (
        outcome.day_ahead_kw,
        outcome.intraday_buy_kw - outcome.intraday_sell_kw,
        outcome.short_kw - outcome.long_kw,
    )
    for part, kw in zip(("day_ahead_w", "intraday_w", "imbalance_w"), bought, strict=True):
        total = np.array(getattr(one.content, part)) + np.array(getattr(two.content, part))
        assert total == pytest.approx(kw * 1000, abs=2.0), part
    by_point = {point.address: point.power_w for point in plan.points}
    assert sorted(by_point.values()) == sorted((one.content.power_w, two.content.power_w))  # a point for each BRP
    for n in (one, two):
        c = n.content
        assert all(
            p == d + i + s for p, d, i, s in zip(c.power_w, c.day_ahead_w, c.intraday_w, c.imbalance_w, strict=True)
        )


def test_a_plan_that_changes_nothing_and_a_restart_nominate_nothing_again(parties: Parties) -> None:
    stays = parties.nominator()
    assert [stays.nominate(PERIOD), stays.nominate(PERIOD), parties.nominate()] == [2, 0, 0]
    parties.desk.plan(ReasonKind.OPERATOR)  # the first that balances one of them by itself, and may differ
    parties.nominate()
    parties.desk.plan(ReasonKind.OPERATOR)
    assert parties.nominate() == 0


def test_it_is_up_to_date_once_the_plan_in_force_was_looked_at(parties: Parties) -> None:
    one = parties.nominator()
    assert not one.up_to_date(PERIOD)
    one.nominate(PERIOD)
    assert one.up_to_date(PERIOD)
    assert one.up_to_date(PERIOD.next())  # no plan yet
    parties.name_brps(None, None)
    assert not one.up_to_date(PERIOD)
    with parties.store.transaction() as tx:
        overrides.turn(tx, overrides.HOLD, True, NOW, "anna", "wait")
    assert one.up_to_date(PERIOD)  # as far as it may be
    parties.clock.jump_to(PERIOD.end)
    assert parties.nominator().up_to_date(PERIOD)


def test_a_plan_that_changes_one_party_nominates_to_that_one(parties: Parties) -> None:
    parties.nominate()
    parties.deliverer.run_due()
    parties.name_brps(None, None)  # the second connection changes its BRP
    assert parties.nominate() == 2
    assert [(n.brp, n.revision) for n in parties.history()] == [(ONE, 1), (ONE, 2), (TWO, 1), (TWO, 2)]
    assert set(parties.history(TWO)[-1].content.power_w) == {0}


def test_what_was_fixed_day_ahead_stays_with_who_bought_it(parties: Parties) -> None:
    parties.nominate()
    before = {n.brp: n.content.day_ahead_w for n in parties.history()}
    total = tuple(sum(w) / 1000 for w in zip(*before.values(), strict=True))
    with parties.store.transaction() as tx:
        positions.fix(tx, PERIOD.day, "day-ahead", total, NOW, "plan 1")
    parties.name_brps(ONE, ONE)
    assert parties.nominate() == 2
    for n in (parties.history(ONE)[-1], parties.history(TWO)[-1]):
        assert n.content.day_ahead_w == before[n.brp]
    two = parties.history(TWO)[-1].content
    assert set(two.power_w) == {0}
    assert two.intraday_w == tuple(-w for w in two.day_ahead_w)  # it sells what it does not need any more


def test_the_file_and_the_post_say_the_same_as_the_api(parties: Parties) -> None:
    parties.nominate()
    assert parties.deliverer.run_due() == 2
    one, two = parties.history()
    (path,) = parties.drop.iterdir()
    assert path.name == f"e-program-{ONE}-{DAY}-r1.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["energy_mwh"]) for row in rows] == [w * 0.25 / 1e6 for w in one.content.power_w]
    assert [row["start"] for row in rows] == [s.astimezone(PERIOD.tz).isoformat() for s in PERIOD.starts()]
    (body,), (headers,) = parties.hook.bodies, parties.hook.headers
    assert headers["authorization"] == "Bearer secret"
    assert headers["idempotency-key"] == body["message_id"] == two.message_id
    assert (body["layout"], body["brp"], body["revision"], body["isp_minutes"]) == ("agr-e-program/1", TWO, 1, 15)
    assert [isp["energy_mwh"] for isp in body["isps"]] == [w * 0.25 / 1e6 for w in two.content.power_w]
    told = parties.desk.as_("viewer").get(f"/api/v1/nominations/{two.message_id}").json()
    assert told["isps"] == body["isps"]
    assert (
        parties.desk.as_("viewer").get(f"/api/v1/nominations/{one.message_id}/e-program.csv").text == path.read_text()
    )
    assert [n.state for n in parties.history()] == ["sent", "sent"]


def test_what_is_not_delivered_is_tried_again_as_the_same_message_and_becomes_an_alarm(parties: Parties) -> None:
    parties.nominate()
    parties.hook.status = 503
    parties.deliverer.run_due()
    parties.wait(timedelta(seconds=400))
    parties.deliverer.run_due()
    assert parties.alarms() == [("nomination not delivered", f"{TWO} {DAY}")]
    (two,) = parties.history(TWO)
    assert (two.state, two.attempts) == ("queued", 2)
    assert "answered HTTP 503" in (two.detail or "")
    parties.hook.status = 200
    parties.wait(timedelta(seconds=400))
    assert parties.deliverer.run_due() == 1
    assert {headers["idempotency-key"] for headers in parties.hook.headers} == {two.message_id}
    assert parties.alarms() == []


def test_a_newer_revision_takes_back_one_that_has_not_left(parties: Parties) -> None:
    parties.nominate()
    parties.name_brps(None, None)
    parties.nominate()
    assert [n.state for n in parties.history(TWO)] == ["superseded", "queued"]
    parties.deliverer.run_due()
    assert [body["revision"] for body in parties.hook.bodies] == [2]


def test_a_folder_that_cannot_be_written_holds_the_revision_back(parties: Parties) -> None:
    parties.drop.write_text("a file where a folder should be")
    parties.nominate()
    parties.deliverer.run_due()
    (one,) = parties.history(ONE)
    assert one.state == "queued"
    assert "cannot be written" in (one.detail or "")
    parties.drop.unlink()
    parties.wait(timedelta(seconds=400))
    parties.deliverer.run_due()
    assert parties.history(ONE)[0].state == "sent"


def test_a_missing_secret_is_said_and_nothing_is_posted(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_BRP_TOKEN")
    parties.nominate()
    parties.deliverer.run_due()
    assert parties.hook.headers == []
    assert "environment variable TEST_BRP_TOKEN" in (parties.history(TWO)[0].detail or "")


def test_a_gate_before_the_first_start_is_nobody_s_fault_and_a_later_one_is(parties: Parties) -> None:
    late = Handled(f"there is no e-program of {PERIOD}", MomentState.MISSED)
    gate = parties.settings.brps[0].gate.gate(ONE).instant(PERIOD)
    missed = [("nomination not accepted", f"{ONE} {DAY}")]
    for first, alarms in ((gate + timedelta(hours=1), []), (gate - timedelta(hours=1), missed)):
        with parties.store.transaction() as tx:
            tx.exec_driver_sql("DELETE FROM moments")
            day.moment_done(tx, PERIOD.day, "portfolio_query", first, "asked")
        assert parties.nominator().gate(PERIOD, ONE) == late
        assert parties.alarms() == alarms


def test_alarms_end_the_night_after_their_period_and_not_before(parties: Parties) -> None:
    parties.name_brps(None, "three")
    parties.nominate()
    parties.deliverer.run_due()
    parties.answer(parties.history(TWO)[0], "rejected", "unknown portfolio")
    parties.nominator().gate(PERIOD, ONE)
    kinds = ["brp unknown", "nomination not accepted", "nomination rejected"]
    for period, left in ((PERIOD.previous(), kinds), (PERIOD, [])):
        with parties.store.transaction() as tx:
            parties.nominator().end_alarms(tx, period, parties.clock.now())
        assert sorted(kind for kind, _ in parties.alarms()) == left


def test_a_hold_stops_e_programs_too(parties: Parties) -> None:
    with parties.store.transaction() as tx:
        overrides.turn(tx, overrides.HOLD, True, NOW, "anna", "wait")
    assert parties.nominate() == 0
    assert parties.nominate(by_hand=True) == 2


def test_energy_of_a_brp_that_nobody_knows_is_an_alarm_and_goes_to_no_other(parties: Parties) -> None:
    parties.nominate()
    parties.name_brps(None, "three")
    parties.nominate()
    assert parties.alarms() == [("brp unknown", DAY)]
    assert set(parties.history(TWO)[-1].content.power_w) == {0}
    assert parties.history(ONE)[-1].content.power_w == parties.history(ONE)[0].content.power_w
    parties.name_brps(None, TWO)
    parties.nominate()
    assert parties.alarms() == []


def test_a_period_that_is_over_is_not_nominated_and_its_e_programs_are_given_up(parties: Parties) -> None:
    parties.nominate()
    parties.hook.status = 500
    parties.deliverer.run_due()
    parties.clock.jump_to(PERIOD.end)
    parties.deliverer.run_due()
    (two,) = parties.history(TWO)
    assert (two.state, "is over" in (two.detail or "")) == ("failed", True)
    assert parties.nominator().nominate(PERIOD) == 0


def test_a_day_of_another_length_has_its_isps(parties: Parties) -> None:
    assert PERIOD.isp_count == 92
    parties.nominate()
    parties.deliverer.run_due()
    assert [isp["isp"] for isp in parties.hook.bodies[0]["isps"]] == list(range(1, 93))
    assert json.dumps(parties.hook.bodies[0])
    assert (
        Period(PERIOD.day).starts()[8].astimezone(PERIOD.tz).isoformat() == parties.hook.bodies[0]["isps"][8]["start"]
    )


def test_a_brp_that_left_the_settings_and_is_back_is_nominated_again(parties: Parties) -> None:
    parties.nominate()
    brps = parties.settings.brps
    without = parties.settings.model_copy(update={"brps": brps[:1]})
    gone = NominationDeliverer(parties.store, without, parties.clock)
    gone.give_up()
    gone.close()
    assert [(n.brp, n.state) for n in parties.history()] == [(ONE, "queued"), (TWO, "failed")]
    assert parties.nominate() == 1
    assert [(n.revision, n.state) for n in parties.history(TWO)] == [(1, "failed"), (2, "queued")]
    assert parties.nominate() == 0


def test_each_brp_has_a_duty_that_delivers_to_it_alone(parties: Parties) -> None:
    parties.nominate()
    duties = parties.deliverer.duties()
    assert list(duties) == [ONE, TWO]
    assert duties[ONE]() == 1
    assert [n.state for n in parties.history()] == ["sent", "queued"]
    assert duties[TWO]() == 1
    assert len(parties.hook.bodies) == 1


def test_a_file_that_was_fetched_is_not_written_again_while_the_post_is_tried(parties: Parties) -> None:
    one, two = parties.settings.brps
    both = (one, two.model_copy(update={"folder": parties.drop}))
    parties.settings = parties.settings.model_copy(update={"brps": both})
    deliverer = NominationDeliverer(parties.store, parties.settings, parties.clock)
    parties.nominate()
    parties.hook.status = 503
    deliverer.run_due(TWO)
    (path,) = parties.drop.iterdir()
    path.unlink()
    parties.hook.status = 204
    parties.wait(timedelta(seconds=400))
    assert deliverer.run_due(TWO) == 1
    assert list(parties.drop.iterdir()) == []
    assert f"written to {path}, HTTP 204" in str(parties.history(TWO)[0].detail)
    deliverer.close()
