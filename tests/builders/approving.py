"""Operators who ask each other for approval, over real HTTP."""

import httpx

from agr.store import day
from tests.builders.accounts import account, token
from tests.builders.operators_side import Desk
from tests.builders.worlds import CONTRACT, PERIOD, POINT

DAY = str(PERIOD.day)
HELD = ("replan", "reserve", "release", "bar", "enter_row", "remove_row")
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
    "propose_offer": (
        "/do/offers",
        {"congestion_point": POINT, "period": DAY, "first": "40", "count": "4", "power_kw": "-10"},
    ),
    "send_offer": ("/do/offers/o-1/send", {}),
    "revoke_offer": ("/do/offers/o-1/revoke", {}),
    "make_unavailable": ("/do/unavailable", {"name": "battery-1", "first_day": DAY, "last_day": DAY}),
    "make_available": ("/do/unavailable/1/end", {}),
    "resend": ("/do/messages/m-1/resend", {}),
    "cancel": ("/do/messages/m-1/cancel", {}),
    "bar": ("/do/participants/bar", {"domain": "dso.example", "role": "DSO", "barred": "false"}),
}
"""Of each action that a form without a page of its own asks for: where it goes, and its fields."""


def client(desk: Desk, name: str, role: str = "operator") -> httpx.Client:
    account(desk.accounts, name, role)
    scopes = {"operator": ["read", "preview", "act", "register"], "viewer": ["read"]}[role]
    secret = token(desk.daemon.authentication, name, role, scopes)
    return desk.anybody(Authorization=f"Bearer {secret}")


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
