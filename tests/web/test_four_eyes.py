"""Actions that a second person must approve: asked for, approved, refused, withdrawn, expired, overtaken."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import httpx
import pytest
import tomli_w
from typer.testing import CliRunner

from agr.cli.main import app
from agr.domain.errors import ConflictError, StoreError
from agr.domain.register import Connection
from agr.operations.accounts.roles import Permission, Principal
from agr.operations.action_base import Done
from agr.operations.approvals import expire, in_words, resume
from agr.settings.operators import FourEyes, Operators
from agr.store import approvals, audit_log, day, register, register_rows
from agr.web.action_routes import ACTIONS
from tests.builders.accounts import account, principal, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD, World
from tests.web.test_register import BATTERY, ONE, Person, battery

DAY = str(PERIOD.day)
HELD = ("replan", "reserve", "release", "bar", "enter_row", "remove_row")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World(tmp_path)
    four_eyes = Operators(four_eyes=HELD, four_eyes_hours=2)
    world.settings = world.settings.model_copy(update={"operators": four_eyes})
    opened = Desk(world)
    opened.plan()
    yield opened
    opened.close()


def client(desk: Desk, name: str, role: str = "operator") -> httpx.Client:
    account(desk.daemon.authentication, name, role)
    scopes = {"operator": ["read", "preview", "act", "register"], "viewer": ["read"]}[role]
    secret = token(desk.daemon.authentication, name, role, scopes)
    return desk.anybody(Authorization=f"Bearer {secret}")


@pytest.fixture
def anna(desk: Desk) -> httpx.Client:
    return client(desk, "anna")


@pytest.fixture
def bert(desk: Desk) -> httpx.Client:
    return client(desk, "bert")


def act(who: httpx.Client, path: str, **fields: object) -> httpx.Response:
    return who.post(f"/api/v1{path}", json={"why": "a test", **fields})


def ask_to_reserve(who: httpx.Client, keep_share: float = 0.5, **more: object) -> int:
    answer = act(who, "/reservations", contract=CONTRACT, period=DAY, keep_share=keep_share, **more)
    assert answer.status_code == 200, answer.text
    assert "waits as approval" in answer.json()["text"]
    return answer.json()["approval"]


def reserved(desk: Desk) -> set[str]:
    with desk.world.store.transaction() as tx:
        return set(day.reservations_on(tx, PERIOD.day))


def alarms(desk: Desk) -> list[str]:
    with desk.world.store.transaction() as tx:
        return [alarm.subject for alarm in day.open_alarms(tx) if alarm.kind == "approval waits"]


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


def test_rows_of_the_register_wait_too_and_the_page_decides(desk: Desk) -> None:
    desk.world.know_register()
    carl, dora = Person(desk, "carl", "operator"), Person(desk, "dora", "operator")
    with desk.world.store.transaction() as tx:
        register_rows.add(tx, "connections", Connection(address=ONE, first_day=PERIOD.day))
    asked = carl.enter("batteries", BATTERY | {"resource": "battery-9"})
    assert asked.url.path == "/approvals"
    assert "not done yet: it waits as approval 1" in asked.text
    assert "resource battery-9" in asked.text
    assert "Approve…" not in asked.text, "who asked may only withdraw"
    assert "Withdraw…" in asked.text
    page = dora.get("/approvals").text
    assert "Approve…" in page
    assert "Approvals</a>" in page
    done = dora.post("/do/approvals/1/approve", {"why": "I looked"})
    assert "battery-9 was added to batteries" in done.text
    with desk.world.store.transaction() as tx:
        assert register_rows.get(tx, "batteries", "battery-9") is not None
    gone = carl.post("/register/batteries/remove", {"why": "sold"}, key="battery-9")
    assert "waits as approval 2" in gone.text
    assert dora.post("/do/approvals/2/refuse", {"why": "not sold"}).status_code == 200
    with desk.world.store.transaction() as tx:
        assert register_rows.get(tx, "batteries", "battery-9") is not None


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


OF_FORMS = {
    "replan": ("/do/plans", {"period": DAY, "preview": "false"}),
    "send": ("/do/plans/7/send", {}),
    "send_waiting": ("/do/send-waiting", {"period": DAY}),
    "release": ("/do/release", {}),
    "reserve": ("/do/reservations", {"contract": CONTRACT, "period": DAY, "keep_share": "0"}),
    "award": ("/do/awards", {"market": "day-ahead", "period": DAY, "mw": "1.5"}),
    "approve_bid": ("/do/bids", {"period": DAY}),
    "trade": ("/do/trades", {"trade": "t-1", "start": "2026-03-29T12:00+02:00", "mw": "1", "price_eur_per_mwh": "70"}),
    "cancel_trade": ("/do/trades/t-1/cancel", {}),
    "send_offer": ("/do/offers/o-1/send", {}),
    "revoke_offer": ("/do/offers/o-1/revoke", {}),
    "make_unavailable": ("/do/unavailable", {"name": "battery-1", "first_day": DAY, "last_day": DAY}),
    "make_available": ("/do/unavailable/1/end", {}),
    "resend": ("/do/messages/m-1/resend", {}),
    "cancel": ("/do/messages/m-1/cancel", {}),
    "bar": ("/do/participants/bar", {"domain": "dso.example", "role": "DSO", "barred": "false"}),
}
"""Of each action that a form without a page of its own asks for: where it goes, and its fields."""


@pytest.fixture
def all_held(tmp_path: Path) -> Iterator[Desk]:
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"operators": Operators(four_eyes=get_args(FourEyes))})
    opened = Desk(world)
    yield opened
    opened.close()


def test_every_form_asks_for_its_fields_alone_and_the_page_shows_them(all_held: Desk) -> None:
    assert set(OF_FORMS) == set(get_args(FourEyes)) - {"enter_row", "remove_row"}, "those have forms of their own"
    carl, dora = Person(all_held, "carl", "operator"), Person(all_held, "dora", "operator")
    for number, (path, form) in enumerate(OF_FORMS.values(), start=1):
        asked = carl.post(path, {"why": "a test", "back": "/alarms", **form})
        assert f"it waits as approval {number} " in asked.text, path
    page = dora.get("/approvals")
    assert page.status_code == 200
    assert page.text.count("Approve…") == len(OF_FORMS)
    with all_held.world.store.transaction() as tx:
        kept = approvals.waiting(tx)
        told = [line.detail for line in audit_log.entries(tx)] + [alarm.text for alarm in day.open_alarms(tx)]
    assert [one.action for one in kept] == list(OF_FORMS)
    assert not [one for one in kept if {"csrf", "back"} & set(one.given)]
    assert not [text for text in told if "csrf" in text]
    for number in range(1, len(OF_FORMS) + 1):  # done, or refused as it would have been at once
        assert dora.post(f"/do/approvals/{number}/approve", {"why": "I looked"}).status_code in (200, 404, 409, 422)
    states = {row["state"] for row in dora.get("/api/v1/approvals").json()}
    assert states == {"done", "failed"}


def test_what_another_version_kept_is_shown_and_can_only_be_refused(desk: Desk, anna, bert) -> None:
    now = desk.world.clock.now()
    with desk.world.store.transaction() as tx:
        for action in ("bar", "an_old_action"):
            approvals.put(tx, action, {"colour": "red", "why": "x"}, {}, "anna", now, now + timedelta(hours=1))
    number = ask_to_reserve(anna)
    page = Person(desk, "carl", "operator").get("/approvals")
    assert page.status_code == 200
    assert page.text.count("was kept by another version and cannot be read") == 2
    assert f"approval {number}" in page.text
    for old in (1, 2):
        refused = act(bert, f"/approvals/{old}/approve")
        assert (refused.status_code, "refuse it, then ask" in refused.json()["error"]) == (409, True)
        assert act(bert, f"/approvals/{old}/refuse").status_code == 200


@pytest.mark.parametrize(
    ("action", "given", "words"),
    [
        ("bar", {"domain": "x", "role": "DSO", "barred": False, "why": "w"}, "bar: domain x, role DSO, barred no"),
        ("reserve", {"keep_share": 0, "power_w": None, "seen": ""}, "reserve: keep_share 0"),
        (
            "reserve",
            {"power_w": [0] * 70 + [-5, -6] + [0] * 24},
            "reserve: power_w (1–70: 0, 71: -5, 72: -6, 73–96: 0)",
        ),
        ("replan", {"points": ["a", "b"], "preview": False}, "replan: points a b, preview no"),
        ("hold", {"why": "w"}, "hold"),
    ],
)
def test_every_value_is_told_whole(action: str, given: dict[str, object], words: str) -> None:
    assert in_words(action, given, {}) == words
    different = list(range(1000, 1096))
    assert "96: 1095)" in in_words("reserve", {"power_w": different}, {})


def test_what_is_approved_is_bound_to_what_was_seen(desk: Desk, anna, bert) -> None:
    first = ask_to_reserve(anna)
    said = bert.get("/api/v1/approvals").json()[0]["words"]
    with desk.world.store.transaction() as tx:
        found = register.contract(tx, CONTRACT)
        given = approvals.get(tx, first).given
    power = [round(w / 2) for w in found.contracted_w(PERIOD)]
    assert (given["keep_share"], given["power_w"], given["seen"]) == (None, power, "")
    assert f"{power[-1]}" in said
    second = ask_to_reserve(anna, 0.4)
    assert act(bert, f"/approvals/{first}/approve").status_code == 200
    late = act(bert, f"/approvals/{second}/approve")
    assert (late.status_code, "has changed meanwhile" in late.json()["error"]) == (409, True)


def test_rows_are_bound_to_what_they_hold_and_told_as_old_and_new(desk: Desk, anna, bert) -> None:
    desk.world.know_register()
    with desk.world.store.transaction() as tx:
        register_rows.add(tx, "connections", Connection(address=ONE, first_day=PERIOD.day))
        old = register_rows.add(tx, "batteries", battery("battery-8"))
    edit = {"table": "batteries", "key": "battery-8"}
    edit["cells"] = BATTERY | {"resource": "battery-8", "charge_kw": "90"}
    first = act(anna, "/register/enter", **edit).json()["approval"]
    second = act(anna, "/register/remove", table="batteries", key="battery-8").json()["approval"]
    nowhere = BATTERY | {"connection": "nowhere"}
    third = act(anna, "/register/enter", table="batteries", cells=nowhere).json()["approval"]
    told = {row["id"]: row["words"] for row in bert.get("/api/v1/approvals").json()}
    assert told[first] == "edit row of batteries battery-8: charge_kw: 100.0 → 90.0"
    assert "remove row from batteries battery-8: resource battery-8; " in told[second]
    assert "charge_kw 100" in told[second]
    assert "as things are, this is refused" in told[third]
    with desk.world.store.transaction() as tx:
        assert approvals.get(tx, first).given["seen"] == approvals.get(tx, second).given["seen"] == old.seen
    assert act(bert, f"/approvals/{first}/approve").status_code == 200
    late = act(bert, f"/approvals/{second}/approve")
    assert (late.status_code, "has changed meanwhile" in late.json()["error"]) == (409, True)
    with desk.world.store.transaction() as tx:
        lines = [line.action for line in audit_log.entries(tx, limit=2)]
    assert lines == ["approved action failed", "approve"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (BATTERY | {"charge_kv": "90"}, "charge_kv"),
        (BATTERY | {"charge_kw": "ninety"}, "charge_kw: 'ninety'"),
        ({"resource": "battery-9"}, "connection"),
        (BATTERY | {"capacity_kwh": "-1"}, "capacity_kwh: '-1'"),
    ],
)
def test_a_row_that_nothing_could_make_right_does_not_wait(desk: Desk, anna, cells: dict[str, str], words: str) -> None:
    answer = act(anna, "/register/enter", table="batteries", cells=cells)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert anna.get("/api/v1/approvals").json() == []


def test_a_change_of_what_has_changed_meanwhile_does_not_wait(desk: Desk, anna) -> None:
    desk.world.know_register()
    with desk.world.store.transaction() as tx:
        register_rows.add(tx, "connections", Connection(address=ONE, first_day=PERIOD.day))
        register_rows.add(tx, "batteries", battery("battery-8"))
    stale = {"table": "batteries", "key": "battery-8", "seen": "0" * 32}
    for path, more in (("/register/enter", {"cells": {"charge_kw": "90"}}), ("/register/remove", {})):
        answer = act(anna, path, **stale, **more)
        assert (answer.status_code, "has changed meanwhile" in answer.json()["error"]) == (409, True)
    same = act(anna, "/register/enter", table="batteries", key="battery-8", cells={"charge_kw": "100"})
    assert (same.status_code, "nothing differs" in same.json()["error"]) == (422, True)
    assert anna.get("/api/v1/approvals").json() == []


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

    def approved_meanwhile(*given: object) -> None:
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
