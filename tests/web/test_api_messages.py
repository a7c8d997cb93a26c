"""Messages, participants and alarms by the API."""

from collections.abc import Iterator

import pytest

from agr.store import day, outbox, overrides
from tests.builders.operators_side import Desk
from tests.builders.worlds import World

WHY = "because of a test"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    opened = Desk(World(tmp_path_factory.mktemp("desk")))
    opened.plan()
    yield opened
    opened.close()


def queued(desk: Desk, message_id: str) -> None:
    with desk.world.store.transaction() as tx:
        outbox.put(
            tx, message_id=message_id, conversation_id="c", kind="TestMessage", recipient_domain="dso.example",
            recipient_role="DSO", xml=b"<TestMessage/>", at=desk.world.clock.now(),
        )  # fmt: skip


def test_messages_are_cancelled_and_sent_again(desk):
    client = desk.as_("operator")
    queued(desk, "m-1")
    assert client.post("/api/v1/messages/m-1/cancel", json={"why": WHY}).status_code == 200
    assert client.post("/api/v1/messages/m-1/resend", json={"why": WHY}).status_code == 409
    queued(desk, "m-2")
    with desk.world.store.transaction() as tx:
        row = next(m for m in outbox.due(tx, desk.world.clock.now()) if m.message_id == "m-2")
        outbox.failed(tx, row.id, "HTTP 400")
        assert [m.message_id for m in outbox.due(tx, desk.world.clock.now())] == []
    assert client.post("/api/v1/messages/m-2/resend", json={"why": WHY}).status_code == 200
    with desk.world.store.transaction() as tx:
        assert [m.message_id for m in outbox.due(tx, desk.world.clock.now())] == ["m-2"]
    found = client.get("/api/v1/messages", params={"search": "m-2", "state": "queued"}).json()
    assert [m["message_id"] for m in found["messages"]] == ["m-2"]
    assert client.get("/api/v1/messages", params={"search": "%"}).json()["matching"] == 0, "a search is no pattern"


def test_a_barred_participant_stays_barred_after_a_restart(desk):
    client = desk.as_("operator")
    given = {"domain": "dso.example", "role": "DSO", "why": "key stolen"}
    assert client.post("/api/v1/participants/bar", json=given).status_code == 200
    assert desk.daemon.operators.participants.find("dso.example", "DSO").barred
    with desk.world.store.transaction() as tx:
        assert [s.on for s in overrides.barred(tx).values()] == [True]
    assert client.post("/api/v1/participants/bar", json=given).status_code == 409
    assert client.post("/api/v1/participants/bar", json=given | {"barred": False}).status_code == 200
    assert not desk.daemon.operators.participants.find("dso.example", "DSO").barred


def test_an_alarm_is_acknowledged_once(desk):
    with desk.world.store.transaction() as tx:
        day.raise_alarm(tx, "feed failed", "weather", "no answer", desk.world.clock.now())
    client = desk.as_("operator")
    number = next(a["id"] for a in client.get("/api/v1/alarms").json() if a["subject"] == "weather")
    assert client.post(f"/api/v1/alarms/{number}/acknowledge", json={}).status_code == 200
    assert client.post(f"/api/v1/alarms/{number}/acknowledge", json={}).status_code == 409
    (alarm,) = (a for a in client.get("/api/v1/alarms").json() if a["id"] == number)
    assert alarm["acknowledged_by"] == "operator"
