"""An action is served twice, as a form and as JSON: with the same fields, rights and refusals."""

import httpx
import pytest
from fastapi.routing import APIRoute

from agr.web import actions
from tests.builders.accounts import PASSWORD, account
from tests.builders.operators_side import Desk
from tests.builders.pages import csrf_token
from tests.builders.worlds import CONTRACT, PERIOD, World

WHY = "because of a test"
DAY = str(PERIOD.day)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    opened = Desk(World(tmp_path_factory.mktemp("actions")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def person(desk):
    """Return people who have logged in, by role."""
    known: dict[str, httpx.Client] = {}

    def of(role: str) -> httpx.Client:
        if role not in known:
            account(desk.accounts, f"{role}-person", role)
            known[role] = desk.anybody()
            known[role].post("/login", data={"name": f"{role}-person", "password": PASSWORD})
        return known[role]

    return of


def send(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    return client.post(f"/do{path}", data={"csrf": csrf_token(client), **fields})


def test_every_action_is_a_form_and_an_endpoint():
    forms, endpoints = (
        {route.path for route in router.routes if isinstance(route, APIRoute)}
        for router in (actions.form_router, actions.api_router)
    )
    forms = {path.removeprefix("/do") for path in forms}
    assert forms == endpoints - {"/register/enter", "/register/remove"}, "those have forms on pages of their own"
    assert "/plans/{plan}/send" in forms


def test_a_form_comes_back_with_what_was_done(desk, person):
    operator = person("operator")
    answer = send(operator, "/hold", why=WHY, back="/outbox")
    assert (answer.status_code, answer.headers["location"]) == (303, "/outbox")
    assert "sending is on hold" in operator.get("/alarms").text
    assert send(operator, "/release", why=WHY, back="//elsewhere.example").headers["location"] == "/"
    assert [d[1] for d in desk.done()[:2]] == ["release", "hold"]


def test_what_is_sent_at_once_takes_more_than_a_preview(person):
    analyst = person("analyst")
    assert send(analyst, "/plans", period=DAY, why=WHY, preview="no").status_code == 403
    asked = send(analyst, "/plans", period=DAY, why=WHY)
    assert asked.status_code == 303
    assert asked.headers["location"].startswith("/asked/")


@pytest.mark.parametrize(
    ("path", "fields", "status", "words"),
    [
        (
            "/unavailable",
            {"name": "nothing", "first_day": DAY, "last_day": DAY, "why": WHY},
            422,
            "no resource or conn",
        ),
        ("/hold", {"why": "x"}, 422, "why: String should have at least 3 characters"),
        ("/hold", {"why": WHY, "colour": "red"}, 422, "colour: Extra inputs are not permitted"),
        ("/hold", {"why": "nothing\0more"}, 422, "a text holds the character NUL; leave it out"),
        ("/plans/7/send", {"why": WHY}, 404, "there is no plan 7"),
        ("/alarms/7/acknowledge", {}, 409, "alarm 7 is not open"),
        ("/messages/none/resend", {"why": WHY}, 404, "there is no message &#39;none&#39; in the outbox"),
        (
            "/participants/bar",
            {"domain": "x.example", "role": "DSO", "why": WHY},
            422,
            "x.example is not a participant",
        ),
        (
            "/reservations",
            {"contract": CONTRACT, "period": DAY, "keep_share": "0.5", "why": WHY, "seen": "an older word"},
            409,
            "the reservation under",
        ),
        (
            "/reservations",
            {"contract": CONTRACT, "period": DAY, "why": WHY},
            422,
            "give exactly one of keep_share and power_w",
        ),
    ],
)
def test_a_form_is_refused_like_its_endpoint(desk, person, path, fields, status, words):
    form, endpoint = send(person("operator"), path, **fields), desk.as_("operator").post(f"/api/v1{path}", json=fields)
    assert (form.status_code, endpoint.status_code) == (status, status)
    assert words in form.text
    assert words.replace("&#39;", "'") in endpoint.json()["error"]


def test_a_form_without_the_log_in_s_token_does_nothing(desk, person):
    before = desk.done()
    assert person("operator").post("/do/hold", data={"why": WHY, "csrf": "x"}).status_code == 403
    assert desk.anybody().post("/do/hold", data={"why": WHY}).headers["location"].startswith("/login")
    assert desk.done() == before
