"""Actions that a second person must approve: asked for, approved, refused, withdrawn, expired, overtaken."""

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import tomli_w
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import ConflictError, StoreError
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.operations.approvals import expire, resume
from agr.settings.operators import FourEyes
from agr.store import approvals, audit_log, day
from agr.web.action_routes import ACTIONS
from tests.builders.accounts import principal
from tests.builders.approving import DAY, act, alarms, ask_to_reserve, client, reserved
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD


def test_the_settings_name_actions_that_there_are() -> None:
    assert set(get_args(FourEyes)) <= set(ACTIONS)
    assert not {"hold", "discard", "acknowledge", "approve", "refuse"} & set(get_args(FourEyes)), "never held up"


def test_an_action_waits_for_somebody_else_and_is_done_in_the_name_of_who_asked(desk: Desk, anna, bert) -> None:
    number = ask_to_reserve(anna)
    assert not reserved(desk)
    assert alarms(desk) == [f"approval {number}"]
    own = act(anna, f"/approvals/{number}/approve")
    assert own.status_code == 403
    assert "a second person must approve it" in own.json()["error"]
    done = act(bert, f"/approvals/{number}/approve")
    assert done.status_code == 200, done.text
    assert "the reservation of FO-1 is entered" in done.json()["text"]
    assert reserved(desk) == {CONTRACT}
    assert alarms(desk) == []
    with desk.world.store.transaction() as tx:
        lines = [(line.who, line.action) for line in audit_log.entries(tx, limit=3)][::-1]
    assert [action for _, action in lines] == ["ask for approval", "approve", "reserve"]
    assert lines[2][0] == "anna (approved by bert)"
    again = act(bert, f"/approvals/{number}/approve")
    assert again.status_code == 409
    assert f"approval {number} is done already" in again.json()["error"]


def test_what_waits_already_is_not_asked_for_once_more(desk: Desk, anna, bert) -> None:
    first = ask_to_reserve(anna)
    for who in (anna, bert):
        again = act(who, "/reservations", contract=CONTRACT, period=DAY, keep_share=0.5, why="another reason")
        assert again.json()["approval"] == first
        assert f"the same waits already as approval {first}, asked for by anna" in again.json()["text"]
    assert len(bert.get("/api/v1/approvals").json()) == 1
    assert ask_to_reserve(anna, 0.4) != first
    assert act(bert, f"/approvals/{first}/approve").status_code == 200
    assert ask_to_reserve(anna) not in (first, None), "what was done may be asked for anew"


def test_refused_and_withdrawn_actions_are_not_done(desk: Desk, anna, bert) -> None:
    one, other = ask_to_reserve(anna), ask_to_reserve(anna, 0.4)
    assert act(bert, f"/approvals/{one}/refuse").status_code == 200
    assert "is withdrawn" in act(anna, f"/approvals/{other}/refuse").json()["text"]
    assert not reserved(desk)
    assert alarms(desk) == []
    states = {row["id"]: (row["state"], row["decided_by"]) for row in bert.get("/api/v1/approvals").json()}
    assert states[one][0] == states[other][0] == "refused"
    for number in (one, other):
        assert act(bert, f"/approvals/{number}/approve").status_code == 409


def test_what_waits_too_long_expires(desk: Desk, anna, bert) -> None:
    number = ask_to_reserve(anna)
    desk.world.clock.jump_to(desk.world.clock.now() + timedelta(hours=2))
    late = act(bert, f"/approvals/{number}/approve")
    assert late.status_code == 409
    assert "expired at 2026-03-28 09:" in late.json()["error"]
    expire(desk.world.store, desk.world.clock.now())
    assert alarms(desk) == []
    assert bert.get("/api/v1/approvals").json()[0]["state"] == "expired"
    with desk.world.store.transaction() as tx:
        (line,) = audit_log.entries(tx, limit=1)
    assert (line.action, line.subject) == ("approval expired", f"approval {number}")
    assert not reserved(desk)


def test_who_may_not_do_it_may_not_approve_it(desk: Desk, anna) -> None:
    number = ask_to_reserve(anna)
    refused = act(client(desk, "vera", "viewer"), f"/approvals/{number}/approve")
    assert refused.status_code == 403
    assert "needs the permission 'act'" in refused.json()["error"]
    assert act(anna, "/approvals/77/approve").status_code == 404


def test_both_must_act_for_the_dso_and_who_asked_must_still_be_allowed_to(desk: Desk, anna, bert) -> None:
    number = ask_to_reserve(anna)
    authentication = desk.daemon.authentication
    authentication.change_dsos("test", "bert", ["other.example"])
    refused = act(bert, f"/approvals/{number}/approve")
    assert refused.status_code == 403
    assert "acts for other.example only" in refused.json()["error"]
    again = anna.get("/api/v1/approvals").json()[0]
    assert (again["state"], "acts for other.example only" in again["result"]) == ("waiting", True), "not used up"
    assert alarms(desk) == [f"approval {number}"]
    authentication.change_dsos("test", "anna", ["dso.example"])
    for decide in ("approve", "refuse"):
        assert "no DSO in common" in act(bert, f"/approvals/{number}/{decide}").json()["error"]
    assert anna.get("/api/v1/approvals").json()[0]["state"] == "waiting"
    authentication.change_dsos("test", "bert", [])
    root = client(desk, "root")
    authentication.set_disabled(principal("root", "admin"), "anna", disabled=True)
    gone = act(root, f"/approvals/{number}/approve")
    assert gone.status_code == 409
    assert "may no longer do this" in gone.json()["error"]
    assert not reserved(desk)


def test_what_the_situation_has_overtaken_fails_once_and_says_why(desk: Desk, anna, bert) -> None:
    number = ask_to_reserve(anna, seen="")
    with desk.world.store.transaction() as tx:
        day.put_reservation(tx, CONTRACT, PERIOD.day, (-50_000,) * 92, "m-9", desk.world.clock.now())
    late = act(bert, f"/approvals/{number}/approve")
    assert late.status_code == 409
    assert "has changed meanwhile" in late.json()["error"]
    (found, *_) = bert.get("/api/v1/approvals").json()
    assert (found["id"], found["state"]) == (number, "failed")
    assert "has changed meanwhile" in found["result"]


def test_a_preview_and_what_is_not_named_need_nobody_else(anna: httpx.Client, bert: httpx.Client) -> None:
    assert act(anna, "/plans", period=DAY).json()["trigger"] is not None
    waits = act(anna, "/plans", period=DAY, preview=False).json()
    assert (waits["trigger"], waits["approval"]) == (None, 1)
    assert act(bert, "/approvals/1/approve").json()["trigger"] is not None
    assert act(anna, "/hold").json()["approval"] is None
    assert act(anna, "/release").json()["approval"] == 2


def test_a_repeated_request_asks_once(desk: Desk, anna: httpx.Client) -> None:
    body = {"contract": CONTRACT, "period": DAY, "keep_share": 0.5, "why": "a test"}
    both = [anna.post("/api/v1/reservations", json=body, headers={"Idempotency-Key": "k"}).json() for _ in range(2)]
    assert both[0] == both[1]
    assert len(anna.get("/api/v1/approvals").json()) == 1


def test_the_command_line_asks_and_decides(desk: Desk, anna, bert, tmp_path: Path, monkeypatch) -> None:
    config = tmp_path / "agr.toml"
    config.write_text(tomli_w.dumps(desk.world.settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)))

    def agr(who: httpx.Client, *words: str, code: int = 0) -> str:
        monkeypatch.setenv("AGR_TOKEN", who.headers["Authorization"].removeprefix("Bearer "))
        found = CliRunner().invoke(app, [*words, "--config", str(config), "--url", desk.url])
        assert found.exit_code == code, found.output
        return " ".join(found.output.split())

    assert agr(anna, "approvals") == "nothing waits for approval"
    asked = agr(anna, "trigger", "--period", DAY, "--send", "--why", "new prices")
    assert "not done yet: it waits as approval 1" in asked
    listed = agr(bert, "approvals", code=2)
    assert listed.startswith("1 until 2026-03-28 09:")
    assert listed.endswith(" +0100 anna: replan: period 2026-03-29, preview no (new prices)")
    assert "a second person must approve it" in agr(anna, "approvals", "--approve", "1", "--why", "please", code=1)
    assert "give one of --approve and --refuse" in agr(
        bert, "approvals", "--approve", "1", "--refuse", "1", "--why", "both", code=1
    )
    assert "say why, with --why" in agr(bert, "approvals", "--approve", "1", code=1)
    assert "a plan was asked for" in agr(bert, "approvals", "--approve", "1", "--why", "I looked")


@pytest.mark.parametrize("error", [StoreError("the disk is full"), ZeroDivisionError()])
def test_what_breaks_off_waits_again(desk: Desk, anna, bert, error: Exception) -> None:
    number = ask_to_reserve(anna)

    def perform(_by: Principal, _one: approvals.Approval) -> Done:
        raise error

    with pytest.raises(type(error)):
        desk.daemon.operators.approvals.approve(
            principal("bert", "operator"), number, "I looked", Permission.ACT, perform
        )
    row = bert.get("/api/v1/approvals").json()[0]
    assert (row["state"], row["decided_by"], "bert approved it" in row["result"]) == ("waiting", None, True)
    assert alarms(desk) == [f"approval {number}"]
    assert act(bert, f"/approvals/{number}/approve").status_code == 200


def test_what_was_approved_when_the_daemon_stopped_waits_again_at_the_start(desk: Desk, anna, bert) -> None:
    number, now = ask_to_reserve(anna), desk.world.clock.now()
    with desk.world.store.transaction() as tx:
        approvals.decide(tx, number, approvals.APPROVED, "bert", now)
        day.recover(tx, "approval waits", f"approval {number}", now)
    desk.daemon._stages.resume()
    row = bert.get("/api/v1/approvals").json()[0]
    assert (row["state"], "look in the log whether it was done" in row["result"]) == ("waiting", True)
    assert alarms(desk) == [f"approval {number}"]
    with desk.world.store.transaction() as tx:
        assert [line.action for line in audit_log.entries(tx, limit=1)] == ["wait again"]


def test_who_refuses_too_late_is_told_so_and_changes_nothing(desk: Desk, anna, bert, monkeypatch) -> None:
    number = ask_to_reserve(anna)
    theirs = desk.daemon.operators.approvals
    before = theirs._may_decide

    def approved_meanwhile(*given: Any) -> None:
        before(*given)
        monkeypatch.setattr(theirs, "_may_decide", before)
        assert act(bert, f"/approvals/{number}/approve").status_code == 200

    monkeypatch.setattr(theirs, "_may_decide", approved_meanwhile)
    with pytest.raises(ConflictError, match="just been decided by somebody else"):
        theirs.refuse(principal("carl", "operator"), number, "not now", Permission.ACT)
    assert bert.get("/api/v1/approvals").json()[0]["state"] == "done"
    with desk.world.store.transaction() as tx:
        assert not approvals.ended(tx, number, "failed", "late")


def test_what_is_done_while_another_daemon_takes_over_waits_no_more(desk: Desk, anna, bert) -> None:
    number = ask_to_reserve(anna)

    def perform(_by: Principal, _one: approvals.Approval) -> Done:
        assert resume(desk.world.store, desk.world.settings, desk.world.clock.now()) == 1
        return Done(text="it is done")

    by = principal("bert", "operator")
    desk.daemon.operators.approvals.approve(by, number, "I looked", Permission.ACT, perform)
    row = bert.get("/api/v1/approvals").json()[0]
    assert (row["state"], row["result"]) == ("done", "it is done")
    assert alarms(desk) == []
