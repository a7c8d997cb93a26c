"""Floods: too many, too large or too slow requests; each is refused early and does not disturb others."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from agr.settings import MessageLimits, Tls
from agr.uftp.rate_limit import RateLimit
from agr.web import serving
from agr.web.endpoint import PATH, uftp_app
from tests.builders.worlds import Party, World


class Served:
    """The endpoint of a world on a real server."""

    def __init__(self, app: Starlette) -> None:
        self.server = uvicorn.Server(serving.served(app, host="127.0.0.1", port=0, tls=Tls()))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        self.client = httpx.Client(timeout=60)
        until = time.monotonic() + 60
        while not self.server.started:
            assert time.monotonic() < until
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{PATH}"

    def post(self, body: bytes) -> int:
        return self.client.post(self.url, content=body, headers={"Content-Type": "text/xml"}).status_code

    def send(self, data: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(data)
        return connection

    def stop(self) -> None:
        self.client.close()
        self.server.should_exit = True
        self.thread.join()


def head(length: int) -> bytes:
    return f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.know_register()
    made.know_points()
    yield made
    made.store.close()


@pytest.fixture
def serve(world: World) -> Iterator["object"]:
    started: list[Served] = []

    def start(**limits: int) -> Served:
        settings = MessageLimits(**limits)  # type: ignore[arg-type]
        world.settings = world.settings.model_copy(update={"limits": settings})
        world.receiver = type(world.receiver)(
            world.store, world.settings, world.clock, world.participants, lambda: None
        )
        app = uftp_app(
            world.receiver.receive, max_bytes=max(settings.max_bytes_cro, settings.max_bytes_dso),
            expects=world.receiver.expects, max_under_way=settings.max_bytes_under_way,
            refused_per_minute=settings.refused_per_minute, body_timeout_s=30,
        )  # fmt: skip
        started.append(Served(app))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_a_stranger_is_refused_by_the_first_bytes_of_a_huge_body_and_nothing_is_written(world, serve):
    server = serve()
    files = {p.name: p.stat().st_mtime_ns for p in world.folder.iterdir()}
    stranger = Party("stranger.example", "CRO")
    with server.send(head(150_000_000) + stranger.seal("x" * 2000)[:2000]) as connection:
        assert b" 419 " in connection.recv(4096)
    assert {p.name: p.stat().st_mtime_ns for p in world.folder.iterdir()} == files


def test_a_dso_that_claims_a_cro_s_size_is_refused_before_it_is_read(world, serve):
    with serve().send(head(50_000_000) + world.dso.seal("x" * 2000)[:2000]) as connection:
        assert b" 413 " in connection.recv(4096)


def test_a_gigabyte_is_refused_by_its_length_alone(world, serve):
    with serve().send(head(1_000_000_000)) as connection:
        assert b" 413 " in connection.recv(4096)


def test_a_gigabyte_without_a_length_is_refused_before_it_is_read(world, serve):
    chunked = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with serve().send(chunked + b"3b9aca00\r\n" + b"A" * 1000) as connection:
        assert b" 411 " in connection.recv(4096)


def test_an_envelope_that_hides_its_sender_behind_a_large_body_is_refused(world, serve):
    with serve().send(head(50_000_000) + b'<SignedMessage Body="' + b"A" * 2000) as connection:
        assert b" 413 " in connection.recv(4096)


def test_a_sender_beyond_its_messages_a_minute_waits_and_others_do_not(world, serve):
    server = serve(messages_per_minute=3)
    statuses = [server.post(world.dso.seal(world.dso.message("TestMessage"))) for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert server.post(world.cro.seal(world.cro.message("TestMessage"))) == 200


def test_a_sender_beyond_its_bytes_an_hour_waits(world, serve):
    server = serve(bytes_per_hour=1500)
    statuses = [server.post(world.dso.seal(world.dso.message("TestMessage"))) for _ in range(4)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_nobody_can_use_up_another_ones_quota_with_forged_messages(world, serve):
    server = serve(messages_per_minute=3)
    impostor = Party("dso.example", "DSO")
    assert {server.post(impostor.seal(impostor.message("TestMessage"))) for _ in range(10)} == {401}
    assert server.post(world.dso.seal(world.dso.message("TestMessage"))) == 200


def test_an_address_whose_messages_are_refused_too_often_is_turned_away_unread(world, serve):
    server = serve(refused_per_minute=5)
    assert [server.post(b"<nonsense/>") for _ in range(8)] == [400] * 5 + [429] * 3


def test_bodies_under_way_are_bounded_and_room_comes_back(world, serve):
    server = serve(max_bytes_under_way=100_000)
    with server.send(head(90_000)):
        body = world.dso.seal(world.dso.message("TestMessage") + " " * 20_000)
        until = time.monotonic() + 60
        while server.post(body) != 503:  # its headers are not there yet
            assert time.monotonic() < until
            time.sleep(0.05)
    while server.post(body) != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_headers_that_never_end_are_cut_off(world, serve, monkeypatch):
    server = serve()
    monkeypatch.setattr(serving, "HEADERS_S", 0.1)
    with server.send(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ") as slow, server.send(b"") as mute:
        assert slow.recv(100) == b""
        assert mute.recv(100) == b""
    monkeypatch.undo()
    assert server.post(world.dso.seal(world.dso.message("TestMessage"))) == 200


def test_a_flood_of_headers_is_refused(world, serve):
    flood = b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000))
    connection = serve().send(b"")
    with connection:
        try:
            connection.sendall(flood)
            answer = connection.recv(4096)
        except OSError:
            answer = b""  # reset while we were still sending
        assert answer in (b"",) or b" 400 " in answer or b" 431 " in answer


def test_a_bucket_refills_evenly_and_forgets_whom_it_has_not_seen_for_longest():
    now = [0.0]
    buckets = RateLimit(60, 60.0, lambda: now[0], kept=2)
    assert [buckets.take("a") for _ in range(61)] == [True] * 60 + [False]
    now[0] = 1.5
    assert [buckets.take("a"), buckets.take("a")] == [True, False]
    assert buckets.take("large", 1000)  # more than a bucket holds: a full one is enough
    assert buckets.empty("large")
    buckets.take("b")
    assert not buckets.empty("a")
