"""The endpoint over real HTTP: raw sockets against uvicorn, without a client library in between."""

import asyncio
import socket
import threading
import time

import pytest
import uvicorn

from agr.settings import Tls
from agr.web.endpoint import PATH, REASONS, uftp_app
from agr.web.serving import served

LIMIT = 1000


class Server:
    """uvicorn on a free port; `status` is what receive answers, `bodies` what it was given."""

    def __init__(self, body_timeout_s=60.0):
        self.bodies, self.threads, self.status = [], set(), 200
        app = uftp_app(self.receive, max_bytes=LIMIT, body_timeout_s=body_timeout_s)
        self.server = uvicorn.Server(served(app, host="127.0.0.1", port=0, tls=Tls()))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def receive(self, body):
        self.bodies.append(body)
        self.threads.add(threading.current_thread())
        if self.status is None:
            raise RuntimeError("a bug")
        return self.status

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(60)
        assert not self.thread.is_alive()

    def send(self, raw, *, half_close=False):
        """Send bytes and return the whole answer as text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(raw)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass
        return received.decode()


@pytest.fixture
def server():
    with Server() as running:
        yield running


def request(body=b"<x/>", *, method="POST", path=PATH, **headers):
    """Return a request; a header of None is left out, underscores stand for dashes."""
    every = {
        "Host": "agr.nl",
        "Connection": "close",
        "Content_Type": "text/xml; charset=utf-8",
        "Content_Length": str(len(body)),
        **headers,
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in every.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def status(answer):
    return int(answer.split()[1])


def test_body_is_handed_over_outside_the_event_loop(server):
    answer = server.send(request(b"<x>\xc3\xa9</x>"))
    assert (status(answer), answer.split("\r\n\r\n")[1]) == (200, "OK")
    assert server.bodies == [b"<x>\xc3\xa9</x>"]
    assert server.thread not in server.threads


@pytest.mark.parametrize("code", sorted(set(REASONS) - {200}))
def test_status_of_receive_is_answered_in_few_words(server, code):
    server.status = code
    answer = server.send(request(b"<secret/>"))
    assert status(answer) == code
    assert answer.split("\r\n\r\n")[1] == REASONS[code]
    assert "secret" not in answer
    assert "content-type: text/plain; charset=utf-8" in answer.lower()


def test_unforeseen_status_is_answered_too(server):
    server.status = 418
    assert status(server.send(request())) == 418


def test_bug_in_receive_is_500_and_tells_nothing(server):
    server.status = None
    answer = server.send(request())
    assert status(answer) == 500
    assert "bug" not in answer


def test_length_is_required(server):
    chunked = request(b"4\r\n<x/>\r\n0\r\n\r\n", Content_Length=None, Transfer_Encoding="chunked")
    assert status(server.send(request(b"", Content_Length=None))) == 411
    assert status(server.send(chunked)) == 411
    assert server.bodies == []


@pytest.mark.parametrize("length", ["abc", "-1", "+4", "4.0", "0x4", ""])
def test_length_must_be_a_number(server, length):
    assert status(server.send(request(Content_Length=length))) in (400, 411)
    assert server.bodies == []


@pytest.mark.parametrize(
    "content_type",
    [
        "text/xml",
        "TEXT/XML",
        "application/xml",
        "text/xml;charset=UTF-8",
        'text/xml; charset="utf-8"',
        "application/xml; boundary=x; charset=utf8",
    ],
)
def test_xml_in_utf8_is_accepted(server, content_type):
    assert status(server.send(request(Content_Type=content_type))) == 200


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/json", "text/xml; charset=iso-8859-1", "text/xml; charset=", "text/xmlx",
     "multipart/form-data", "text/xml; charset=utf-8; charset=utf-16"],
)  # fmt: skip
def test_other_content_types_are_400(server, content_type):
    answer = server.send(request(Content_Type=content_type))
    assert status(answer) == 400
    assert "text/xml" in answer
    assert server.bodies == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_encoded_bodies_are_400(server, encoding):
    assert status(server.send(request(Content_Encoding=encoding))) == 400
    assert status(server.send(request(Content_Encoding="identity"))) == 200


def test_large_body_is_refused_before_it_is_sent(server):
    head = request(b"", Content_Length=str(LIMIT + 1))
    assert status(server.send(head)) == 413
    assert status(server.send(request(b"", Content_Length="9" * 19))) == 413
    assert server.bodies == []


def test_body_of_exactly_the_limit_is_taken(server):
    assert status(server.send(request(b"x" * LIMIT))) == 200
    assert [len(body) for body in server.bodies] == [LIMIT]


def test_bytes_beyond_the_length_are_not_part_of_the_body(server):
    server.send(request(b"<x/>and more", Content_Length="4"))
    assert server.bodies == [b"<x/>"]


def test_short_body_that_breaks_off_never_reaches_receive(server):
    server.send(request(b"<x", Content_Length="100"), half_close=True)
    server.send(request(b"", Content_Length="100"), half_close=True)
    assert status(server.send(request())) == 200
    assert server.bodies == [b"<x/>"]


def test_short_body_that_stalls_is_408():
    with Server(body_timeout_s=0.2) as server:
        assert status(server.send(request(b"<x", Content_Length="100"))) == 408
        assert server.bodies == []


def test_slow_body_is_bounded_as_a_whole():
    with Server(body_timeout_s=0.5) as server, socket.create_connection(("127.0.0.1", server.port), 60) as connection:
        connection.sendall(request(b"", Content_Length="500"))
        started = time.monotonic()
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() - started < 60:
            connection.sendall(b"x")
            try:
                answer = connection.recv(1000)
            except TimeoutError:
                continue
        assert b" 408 " in answer
        assert server.bodies == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(server, method):
    answer = server.send(request(method=method))
    assert status(answer) == 405
    assert "allow: POST" in answer
    assert server.bodies == []


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", PATH + "//", PATH + "/x", PATH[:-1], "/shapeshifter/api/v2/message"]
)
def test_nothing_else_is_served(server, path):
    assert status(server.send(request(path=path))) == 404
    assert server.bodies == []


def test_a_slash_at_the_end_is_served_and_never_redirected_to_what_the_host_header_says(server):
    answer = server.send(request(path=PATH + "/", Host="evil.example"))
    assert status(answer) == 200
    assert "evil.example" not in answer
    assert server.bodies == [b"<x/>"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_other_methods_with_a_slash_at_the_end_are_405(server, method):
    assert status(server.send(request(method=method, path=PATH + "/"))) == 405


@pytest.mark.parametrize(
    "origin", ["http://agr.nl", "HTTP://AGR.NL:8080", "https://agr.nl", "http://[::1]:80", "http://agr%2Fx%3A%2F%2F.nl"]
)
def test_a_target_that_is_a_whole_address_is_understood(server, origin):
    assert status(server.send(request(path=origin + PATH))) == 200
    assert server.bodies == [b"<x/>"]


@pytest.mark.parametrize("target", ["http://agr.nl", "http://agr.nl/", "ftp://agr.nl" + PATH, "http://" + PATH, "*"])
def test_other_whole_addresses_are_404(server, target):
    assert status(server.send(request(path=target))) == 404
    assert server.bodies == []


def test_refused_connection_is_closed(server):
    head = request(b"", Content_Length=str(LIMIT + 1), Connection="keep-alive")
    assert "connection: close" in server.send(head).lower()


def ask_directly(*chunks, length="4"):
    """Call the app as a careless server would, which passes on what the client announced wrongly."""
    sent, bodies = [], []
    events = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    events.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return events.pop(0)

    async def send(event):
        sent.append(event)

    headers = [(b"content-type", b"text/xml"), (b"content-length", length.encode())]
    scope = {
        "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "root_path": "",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
    }  # fmt: skip

    def take(body):
        bodies.append(body)
        return 200

    asyncio.run(uftp_app(take, max_bytes=LIMIT)(scope, receive, send))
    return sent[0]["status"], bodies


@pytest.mark.parametrize(
    ("chunks", "length", "expected"),
    [
        ([b"<x", b"/>"], "4", (200, [b"<x/>"])),
        ([b"<x/>", b"more"], "4", (413, [])),
        ([b"<x"], "4", (400, [])),
        ([b"<x/>"], "four", (400, [])),
        ([b"<x/>"], "\u0664", (400, [])),
        ([b"<x/>"], "9" * 30, (413, [])),
    ],
)
def test_announced_length_is_checked_whatever_the_server_does(chunks, length, expected):
    assert ask_directly(*chunks, length=length) == expected
