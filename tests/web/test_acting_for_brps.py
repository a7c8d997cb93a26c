"""Accounts that act for some balance responsible parties only: every action, of which each is refused or theirs."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from agr.domain.e_program import EProgram
from agr.domain.errors import AccessError, InputError
from agr.domain.register import Connection
from agr.settings import Brp
from agr.store import access, day, nominations, outbox, register
from agr.web.action_routes import ACTIONS
from tests.builders.accounts import principal
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, NOW, OTHER_POINT, PERIOD, POINT, World

DAY = str(PERIOD.day)
OURS, THEIRS = "supplier", "sun"
OWN, OTHER = "ean.299000000000000091", "ean.299000000000000092"
ISPS = PERIOD.isp_count


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    world = World(tmp_path)
    world.settings = world.settings.model_copy(update={"brps": (Brp(name=OURS), Brp(name=THEIRS, balance="itself"))})
    opened = Desk(world)
    first = date(2026, 1, 1)
    world.know_register(
        connections=(
            Connection(address="ean.1", first_day=first, brp=OURS),
            Connection(address="ean.2", first_day=first, brp=THEIRS),
        )
    )  # fmt: skip
    opened.plan()
    with world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m-1", conversation_id="c", kind="D-Prognosis", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"<x/>", at=NOW, period=PERIOD.day, subject=POINT,
        )  # fmt: skip
        for brp in (OURS, THEIRS):
            content = EProgram(power_w=(0,) * ISPS, day_ahead_w=(0,) * ISPS, intraday_w=(0,) * ISPS,
                               imbalance_w=(0,) * ISPS)  # fmt: skip
            nominations.put(
                tx, PERIOD.day, brp, revision=1, plan=1, message_id=f"n-{brp}", content=content, at=NOW,
                answer_due_at=NOW,
            )  # fmt: skip
        day.raise_alarm(tx, "a test", f"{OURS} {DAY}", "look", NOW)
    yield opened
    opened.close()


def act(client: httpx.Client, path: str, **fields: object) -> httpx.Response:
    given = {"why": "a test"} | fields
    return client.post(f"/api/v1{path}", json={key: value for key, value in given.items() if value is not None})


START = PERIOD.starts()[60].isoformat()
OF_OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "reserve": ("/reservations", {"contract": CONTRACT, "period": DAY, "keep_share": 0.5}),
    "replan": ("/plans", {"period": DAY, "points": [POINT], "preview": False}),
    "trade": ("/trades", {"trade": "T-1", "start": START, "mw": 0.001, "price_eur_per_mwh": 50}),
    "cancel_trade": ("/trades/T-1/cancel", {}),
    "answer_nomination": (f"/nominations/n-{OURS}/answer", {"answer": "accepted"}),
    "make_unavailable": ("/unavailable", {"name": "battery", "first_day": DAY, "last_day": DAY}),
    "make_available": ("/unavailable/1/end", {}),
    "acknowledge": ("/alarms/{alarm}/acknowledge", {}),
    "enter_row": ("/register/enter", {"table": "batteries", "key": "battery", "cells": {"charge_kw": 9}}),
    "remove_row": ("/register/remove", {"table": "batteries", "key": "battery"}),
}
"""Action → what concerns one BRP: refused to who acts for the other, done by who acts for it."""
OF_ALL: dict[str, tuple[str, dict[str, Any]]] = {
    "hold": ("/hold", {}),
    "release": ("/release", {}),
    "send_waiting": ("/send-waiting", {"period": DAY}),
    "award": ("/awards", {"market": "day-ahead", "period": DAY, "mw": [0.0] * ISPS}),
    "approve_bid": ("/bids", {"period": DAY, "market": "day-ahead"}),
    "resend": ("/messages/m-1/resend", {}),
    "cancel": ("/messages/m-1/cancel", {}),
    "bar": ("/participants/bar", {"domain": "dso.example", "role": "DSO"}),
}
"""Action → what concerns the portfolio, since no BRP can be told: refused to who acts for some of them only."""
ELSEWHERE = {
    "send", "discard",  # as replan that is sent; below
    "send_offer", "discard_offer", "revoke_offer", "propose_offer",  # tests/operations/test_flex_offers.py
    "approve", "refuse",  # they do what was asked for, in the name of who asked and of who approves
}  # fmt: skip


def test_every_action_is_walked() -> None:
    assert {*OF_OURS, *OF_ALL, *ELSEWHERE} == set(ACTIONS)


def limited(desk: Desk, *brps: str) -> httpx.Client:
    client = desk.as_("operator", "read", "preview", "act", "answer", "register")
    desk.daemon.authentication.change_brps("test", "operator", brps, (OURS, THEIRS))
    return client


def test_what_concerns_another_brp_or_all_is_refused_and_changes_nothing(desk: Desk) -> None:
    client = limited(desk, OURS)
    with desk.world.store.transaction() as tx:
        alarm = next(one.id for one in day.open_alarms(tx) if one.kind == "a test")
    for action in ("trade", "make_unavailable"):  # so that there is something to cancel and to end
        path, fields = OF_OURS[action]
        assert act(client, path, **fields).status_code == 200, action
    client = limited(desk, THEIRS)
    before = len(desk.done())
    for path, fields in (*OF_OURS.values(), *OF_ALL.values()):
        answer = act(client, path.format(alarm=alarm), **fields)
        assert answer.status_code == 403, (path, answer.text)
        assert f"operator acts for {THEIRS} only" in answer.json()["error"], path
    assert len(desk.done()) == before
    client = limited(desk, OURS)
    for path, fields in OF_ALL.values():
        assert "concerns the whole portfolio" in act(client, path, **fields).json()["error"], path
    for action, (path, fields) in OF_OURS.items():
        if action not in ("trade", "make_unavailable"):
            answer = act(client, path.format(alarm=alarm), **fields)
            assert answer.status_code == 200, (path, answer.text)


def test_a_plan_that_changes_another_brp_s_points_is_for_others(desk: Desk) -> None:
    client = limited(desk, OURS)
    assert act(client, "/plans", period=DAY).status_code == 200, "a preview sends nothing"
    assert act(client, "/plans", period=DAY, points=[POINT, OTHER_POINT], preview=False).status_code == 403
    desk.daemon.planner.run_due()
    assert act(client, "/plans/2/discard").status_code == 403
    desk.daemon.authentication.change_brps("test", "operator", [], (OURS, THEIRS))
    assert act(client, "/plans/2/discard").status_code == 200


def test_a_connection_is_not_moved_to_or_from_another_brp(desk: Desk) -> None:
    limited(desk, OURS)
    found = desk.daemon.authentication.by_token(desk._tokens["operator"])
    assert found is not None
    edits = desk.daemon.operators.register_edits
    with desk.world.store.transaction() as tx:
        known = register.load(tx)
        both = tuple(
            Connection(address=a, first_day=date(2026, 1, 1), brp=b) for a, b in ((OWN, OURS), (OTHER, THEIRS))
        )
        register.replace(tx, known.with_table("connections", (*known.connections, *both)))
    for key, brp in ((OWN, THEIRS), (OTHER, OURS)):
        with pytest.raises(AccessError, match=f"acts for {OURS} only"):
            edits.enter(found, "connections", key, {"brp": brp}, "a test")
    assert OWN in edits.enter(found, "connections", OWN, {"last_day": "2027-01-01"}, "a test").text


def test_brps_are_checked_and_an_admin_acts_for_all(desk: Desk) -> None:
    authentication = desk.daemon.authentication
    client = limited(desk, OURS)
    assert client.get("/api/v1/me").json()["brps"] == [OURS]
    with pytest.raises(InputError, match=r"'moon' is not in \[\[brps\]\]"):
        authentication.change_brps("test", "operator", ["moon"], (OURS, THEIRS))
    with desk.world.store.transaction() as tx:
        access.set_role(tx, "operator", "admin")
    found = authentication.by_token(desk._tokens["operator"])
    assert found is not None
    assert found.brps == frozenset()
    with pytest.raises(InputError, match="is an admin"):
        authentication.change_brps("test", "operator", [OURS], (OURS, THEIRS))


def test_two_people_act_together_for_what_both_act_for() -> None:
    one, other = principal("one", "operator"), principal("other", "operator")
    both = one.acting_for(frozenset(), frozenset({OURS}))
    assert both.brps == frozenset({OURS})
    other.must_act_for((), "anything")
    with pytest.raises(AccessError, match=f"acts for {OURS} only, and a trade concerns {THEIRS}"):
        both.must_act_for((), "a trade", brps={THEIRS})
