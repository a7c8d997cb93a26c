"""Delivery over real HTTP: retries, alarms on giving up, order per recipient, no recipient blocks another."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from agr.messaging.deliver import Deliverer
from agr.messaging.publish import last_per_point
from agr.store import day, outbox, outbox_rows, plans, tables
from agr.store.engine import Tx
from agr.store.plans import Sent
from agr.uftp.participants import Participant, Participants
from agr.uftp.signing import KeyPair
from agr.uftp.transport import Sender
from tests.builders.http_server import Asked, HttpServer, Told
from tests.builders.worlds import NOW, PERIOD, World


class Server:
    """Answers each POST with the next status of its list, 200 when the list is empty."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []
        self.hold = threading.Event()
        self.hold.set()
        self.http = HttpServer(self.answer)
        self.url = f"{self.http.url}/shapeshifter/api/v3/message"

    def answer(self, asked: Asked) -> Told:
        self.hold.wait(60)
        self.bodies.append(asked.body)
        return Told(status=self.statuses.pop(0) if self.statuses else 200)

    def stop(self) -> None:
        self.hold.set()
        self.http.close()


class Keys:
    """Our key, whose file can be unreadable."""

    def __init__(self) -> None:
        self.key, self.readable, self.reads = KeyPair.generate(), True, 0

    def __call__(self) -> KeyPair:
        self.reads += 1
        if not self.readable:
            raise PermissionError("keys/agr.key: permission denied")
        return self.key


class Post:
    """A deliverer with two recipients."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.one, self.two = Server(), Server()
        self.keys = Keys()
        directory = Participants(
            Participant(domain=domain, role="DSO", endpoint=server.url, public_keys=(self.keys.key.public,))
            for domain, server in (("one.example", self.one), ("two.example", self.two))
        )
        self.http = httpx.Client(timeout=60)
        self.deliverer = Deliverer(
            self.world.store,
            self.world.settings,
            self.world.clock,
            directory,
            self.keys,
            lambda _to: Sender(self.http),
        )  # fmt: skip

    def queue(self, recipient: str, message_id: str) -> None:
        with self.world.store.transaction() as tx:
            outbox.put(
                tx, message_id=message_id, conversation_id="c", kind="D-Prognosis", recipient_domain=recipient,
                recipient_role="DSO", xml=f"<x id='{message_id}'/>".encode(), at=NOW, period=PERIOD.day,
            )  # fmt: skip

    def states(self) -> dict[str, str]:
        c = tables.outbox.c
        with self.world.store.transaction() as tx:
            return {row.message_id: row.state for row in tx.execute(sa.select(c.message_id, c.state).order_by(c.id))}

    def run_until(self, expected: dict[str, str]) -> None:
        until = time.monotonic() + 60
        while self.states() != expected:
            self.deliverer.run_due()
            time.sleep(0.02)
            assert time.monotonic() < until, self.states()

    def close(self) -> None:
        for server in (self.one, self.two):
            server.stop()
        self.deliverer.close()
        self.http.close()
        self.world.store.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.close()


def test_messages_to_one_recipient_arrive_in_order(post: Post) -> None:
    for number in range(4):
        post.queue("one.example", f"m{number}")
    post.run_until({f"m{n}": "delivered" for n in range(4)})
    assert len(post.one.bodies) == 4


def test_a_server_error_is_retried_after_a_pause(post: Post) -> None:
    post.one.statuses = [503]
    post.queue("one.example", "m")
    post.deliverer.run_due()
    post.deliverer.close()  # waits for what is under way
    assert len(post.one.bodies) == 1
    assert post.states() == {"m": "queued"}
    assert post.deliverer.run_due() == 0  # not due yet
    post.world.clock.jump_to(post.world.clock.now() + timedelta(minutes=10))
    post.run_until({"m": "delivered"})


@pytest.mark.parametrize("status", [503, 400])
def test_an_attempt_that_fails_after_the_answer_has_come_is_no_alarm_and_takes_nothing_back(
    post: Post, status: int
) -> None:
    post.one.statuses = [status]
    post.one.hold.clear()
    post.queue("one.example", "m")
    post.world.clock.jump_to(post.world.clock.now() + timedelta(minutes=30))  # old enough for an alarm
    post.deliverer.run_due()
    with post.world.store.transaction() as tx:
        outbox.answered(tx, "m", post.world.clock.now(), "Accepted", None)
    post.one.hold.set()
    post.deliverer.close()  # waits for what is under way
    assert post.states() == {"m": "delivered"}
    with post.world.store.transaction() as tx:
        assert day.open_alarms(tx) == []


def test_a_client_error_is_final_and_raises_an_alarm(post: Post) -> None:
    post.one.statuses = [400]
    post.queue("one.example", "m")
    post.run_until({"m": "failed"})
    with post.world.store.transaction() as tx:
        (alarm,) = day.open_alarms(tx)
    assert alarm.kind == "delivery"
    assert "400" in alarm.text


def test_a_message_is_given_up_after_the_agreed_time_and_the_alarm_recovers_with_the_next_success(post: Post) -> None:
    post.one.statuses = [503, 503]
    post.queue("one.example", "m")
    post.deliverer.run_due()
    post.deliverer.close()  # waits for what is under way
    post.world.clock.jump_to(NOW + timedelta(hours=9))  # after the gate: before, nothing is given up
    post.run_until({"m": "failed"})
    post.queue("one.example", "n")
    post.run_until({"m": "failed", "n": "delivered"})
    with post.world.store.transaction() as tx:
        assert day.open_alarms(tx) == []


def test_a_recipient_that_hangs_does_not_delay_another(post: Post) -> None:
    post.one.hold.clear()
    post.queue("one.example", "slow")
    post.queue("two.example", "fast")
    post.run_until({"slow": "queued", "fast": "delivered"})
    post.one.hold.set()
    post.run_until({"slow": "delivered", "fast": "delivered"})


def test_an_unknown_recipient_fails_in_words(post: Post) -> None:
    post.queue("nobody.example", "m")
    post.run_until({"m": "failed"})
    with post.world.store.transaction() as tx:
        assert "not among our participants" in day.open_alarms(tx)[0].text


def test_a_prognosis_that_was_given_up_counts_as_not_sent(post: Post) -> None:
    post.one.statuses = [400]
    post.queue("one.example", "m")
    with post.world.store.transaction() as tx:
        sent = Sent(
            congestion_point="p", dso="one.example", revision=1, plan=1, message_id="m", power_w=(1,), at=NOW,
            state="sent", reason=None,
        )  # fmt: skip
        plans.put_prognosis(tx, PERIOD.day, sent)
    post.run_until({"m": "failed"})
    with post.world.store.transaction() as tx:
        (known,) = plans.prognoses(tx, PERIOD.day)
    assert known.state == "failed"
    assert last_per_point([known], "sent", "accepted", "rejected") == {}


def test_a_refused_prognosis_raises_an_alarm_at_once_that_names_every_congestion_point_that_waits(post: Post) -> None:
    post.one.statuses = [401, 401]
    with post.world.store.transaction() as tx:
        for message_id, point in (("m", "point-1"), ("n", "point-2")):
            outbox.put(
                tx, message_id=message_id, conversation_id="c", kind="D-Prognosis", recipient_domain="one.example",
                recipient_role="DSO", xml=b"<x/>", at=NOW, period=PERIOD.day, subject=point,
            )  # fmt: skip
    until = time.monotonic() + 60
    while len(post.one.bodies) < 2:
        post.deliverer.run_due()
        time.sleep(0.02)
        assert time.monotonic() < until
    post.deliverer.close()
    assert post.states() == {"m": "queued", "n": "queued"}
    with post.world.store.transaction() as tx:
        (alarm,) = day.open_alarms(tx)
    assert "HTTP 401" in alarm.text
    assert "public key" in alarm.text
    assert "point-1" in alarm.text
    assert "point-2" in alarm.text


def test_the_nearer_the_gate_the_sooner_a_prognosis_is_tried_again_and_it_is_never_given_up_before(post: Post) -> None:
    gate = PERIOD.start - timedelta(hours=9)
    post.one.statuses = [503] * 100
    post.world.clock.jump_to(gate - timedelta(minutes=10))  # queued at NOW: older than delivery.give_up_after_s
    with post.world.store.transaction() as tx:
        outbox.put(
            tx, message_id="m", conversation_id="c", kind="D-Prognosis", recipient_domain="one.example",
            recipient_role="DSO", xml=b"<x/>", at=NOW, period=PERIOD.day, subject="point-1",
        )  # fmt: skip
        tx.execute(tables.outbox.update().values(attempts=20))  # the pause has grown to its longest
    post.deliverer.run_due()
    post.deliverer.close()
    with post.world.store.transaction() as tx:
        row = outbox_rows.row(tx, "m")
    assert row is not None
    assert row.state == "queued"
    assert row.next_attempt_at - post.world.clock.now() <= timedelta(minutes=10) / 8


def test_a_message_that_cannot_be_signed_is_retried_after_a_pause_with_an_alarm_that_says_why(post: Post) -> None:
    post.keys.readable = False
    post.queue("one.example", "m")
    post.queue("two.example", "n")
    post.world.clock.jump_to(NOW + timedelta(minutes=30))  # old enough for an alarm
    assert post.deliverer.run_due() == 2
    post.deliverer.close()
    assert (post.states(), post.keys.reads) == ({"m": "queued", "n": "queued"}, 2)
    assert post.deliverer.run_due() == 0  # not due yet
    with post.world.store.transaction() as tx:
        alarms = {alarm.subject: alarm.text for alarm in day.open_alarms(tx)}
    assert set(alarms) == {"one.example", "two.example"}
    assert "could not be sent from here: PermissionError: keys/agr.key: permission denied" in alarms["one.example"]
    post.keys.readable = True
    post.world.clock.jump_to(post.world.clock.now() + timedelta(minutes=10))
    post.run_until({"m": "delivered", "n": "delivered"})


def test_a_result_that_cannot_be_recorded_makes_one_recipient_wait_and_no_other(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = outbox.delivered

    def broken(tx: Tx, row_id: int, at: datetime, detail: str) -> None:
        if row_id == 1:
            raise ZeroDivisionError
        delivered(tx, row_id, at, detail)

    monkeypatch.setattr(outbox, "delivered", broken)
    post.queue("one.example", "m")
    assert post.deliverer.run_due() == 1
    post.deliverer.close()
    post.queue("two.example", "n")
    assert post.deliverer.run_due() == 1  # "m" is due, but not at once
    post.deliverer.close()
    assert post.states() == {"m": "queued", "n": "delivered"}
    assert len(post.one.bodies) == 1


def test_a_recipient_whose_delivery_could_not_be_started_is_tried_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as system:
        system.setattr(threading.Thread, "start", refuse)
        post.queue("one.example", "m")
        assert post.deliverer.run_due() == 0
    post.run_until({"m": "delivered"})
