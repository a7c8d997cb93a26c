"""What waits for a second person is told whole, bound to what was seen, and not kept where it could never be done."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from agr.domain.register import Connection
from agr.operations.approvals import in_words
from agr.settings.operators import FourEyes, Operators
from agr.store import approvals, audit_log, day, register, register_rows
from tests.builders.approving import OF_FORMS, act, ask_to_reserve
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD, World
from tests.web.register_desk import BATTERY, ONE, Person, battery


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
    cells = BATTERY | {"resource": "battery-8", "charge_kw": "90"}
    edit = act(anna, "/register/enter", table="batteries", key="battery-8", cells=cells)
    first = edit.json()["approval"]
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
