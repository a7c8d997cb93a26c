"""What BRPs answer to E-programs, and what follows when they do not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agr.domain.errors import AccessError
from agr.domain.moments import Handled, MomentState
from agr.operations.nomination_answers import NominationAnswers
from agr.store import audit_log, nominations
from tests.builders.accounts import principal
from tests.builders.brp_parties import ONE, TWO, Parties
from tests.builders.worlds import NOW, PERIOD

DAY = str(PERIOD.day)


def test_an_acceptance_is_recorded_once(parties: Parties) -> None:
    parties.nominate()
    parties.deliverer.run_due()
    two = parties.history(TWO)[0]
    assert "is accepted" in parties.answer(two, "accepted").json()["text"]
    assert "was accepted already" in parties.answer(two, "accepted").json()["text"]
    assert parties.history(TWO)[0].shown_state == "accepted"
    with parties.store.transaction() as tx:
        assert [e.action for e in audit_log.entries(tx)].count("nomination accepted") == 1


def test_a_rejection_needs_a_reason_is_an_alarm_and_is_nominated_again_only_when_told(parties: Parties) -> None:
    parties.nominate()
    parties.deliverer.run_due()
    two = parties.history(TWO)[0]
    assert parties.answer(two, "rejected").status_code == 422
    assert parties.history(TWO)[0].answer is None
    assert parties.answer(two, "rejected", "unknown portfolio").status_code == 200
    assert parties.alarms() == [("nomination rejected", f"{TWO} {DAY}")]
    assert parties.nominate() == 0
    assert parties.nominate(by_hand=True) == 1
    again = parties.history(TWO)[-1]
    assert (again.revision, again.content) == (2, two.content)
    parties.answer(again, "accepted")
    assert parties.alarms() == []


def test_an_answer_to_an_older_revision_raises_no_alarm(parties: Parties) -> None:
    parties.nominate()
    parties.deliverer.run_due()
    parties.name_brps(None, None)
    parties.nominate()
    old, new = parties.history(TWO)
    parties.answer(old, "rejected", "too late")
    assert parties.alarms() == []
    assert [n.shown_state for n in parties.history(TWO)] == ["rejected", "queued"]
    parties.answer(new, "accepted")  # whoever answers has it
    assert parties.history(TWO)[-1].state == "sent"


def test_answers_nobody_can_give_are_refused(parties: Parties) -> None:
    parties.nominate()
    two = parties.history(TWO)[0]
    stranger = replace(two, message_id="11111111-2222-3333-4444-555555555555")
    assert parties.answer(stranger, "accepted").status_code == 404
    assert parties.answer(two, "perhaps").status_code == 422
    reader = parties.desk.as_("viewer").post(
        f"/api/v1/nominations/{two.message_id}/answer", json={"answer": "accepted"}
    )
    assert reader.status_code == 403
    parties.clock.jump_to(PERIOD.end)
    assert parties.answer(two, "accepted").status_code == 409
    assert parties.history(TWO)[0].answer is None


def test_the_gate_says_who_has_not_accepted(parties: Parties) -> None:
    assert parties.nominator().gate(PERIOD, ONE) == Handled(f"there is no e-program of {PERIOD}", MomentState.MISSED)
    parties.nominate()
    parties.deliverer.run_due()
    parties.answer(parties.history(ONE)[0], "accepted")
    assert parties.nominator().gate(PERIOD, ONE) == Handled("revision 1 accepted")
    assert parties.nominator().gate(PERIOD, TWO) == Handled("it has not answered revision 1", MomentState.MISSED)
    assert parties.alarms() == [("nomination not accepted", f"{TWO} {DAY}")]
    parties.answer(parties.history(TWO)[0], "accepted")
    assert parties.alarms() == []


def test_silence_after_the_gate_is_an_alarm_once(parties: Parties) -> None:
    gate = parties.settings.brps[1].gate.gate(TWO).instant(PERIOD)
    parties.clock.jump_to(gate + timedelta(hours=1))
    parties.nominate()
    parties.deliverer.run_due()
    assert parties.nominator().watch() == 0
    parties.wait(timedelta(seconds=parties.settings.delivery.answer_due_s + 1))
    assert parties.nominator().watch() == 2
    assert parties.nominator().watch() == 0
    assert sorted(parties.alarms()) == [("nomination not accepted", f"{brp} {DAY}") for brp in (ONE, TWO)]


def test_who_acts_for_some_dsos_only_cannot_answer(parties: Parties) -> None:
    parties.nominate()
    answers = NominationAnswers(parties.store, parties.settings, parties.clock, lambda: None)
    narrow = replace(principal("north", "operator"), dsos=frozenset({"dso.example"}))
    with pytest.raises(AccessError, match="concerns the whole portfolio"):
        answers.answer(narrow, parties.history(TWO)[0].message_id, "accepted")
    assert parties.history(TWO)[0].answer is None


def test_what_a_brp_answered_although_its_delivery_was_given_up_is_not_nominated_again(parties: Parties) -> None:
    parties.nominate()
    two = parties.history(TWO)[0]
    with parties.store.transaction() as tx:
        nominations.failed(tx, two.id, "it is not in [[brps]] any more")
        nominations.answered(tx, two.id, NOW, "accepted", None)
    assert parties.nominate() == 0


def test_a_rejection_with_what_cannot_be_printed_is_refused_in_words(parties: Parties) -> None:
    parties.nominate()
    two = parties.history(TWO)[0]
    refused = parties.answer(two, "rejected", "unknown\x00 portfolio")
    assert refused.status_code == 422
    assert "NUL" in refused.text
    assert parties.answer(two, "rejected", "unknown portfolio").status_code == 200
    assert parties.history(TWO)[0].answer_reason == "unknown portfolio"
