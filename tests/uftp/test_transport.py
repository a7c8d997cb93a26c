"""One delivery attempt, against a small real server with any answer."""

import inspect
import random
import socket
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agr.uftp import transport
from agr.uftp.transport import DeliveryAttempt, DeliveryOutcome, Sender, next_delay, outcome_of

NOW = datetime(2026, 3, 28, 5, 30, tzinfo=UTC)
BODY = b"<SignedMessage/>"


class Peer(ThreadingHTTPServer):
    """Answers /STATUS with that status; `headers` and `text` are sent along; keeps what it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.headers, self.text, self.seen, self.announced = {}, b"", [], None
        Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # whoever has heard enough hangs up
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Peer

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/reset":
            self.connection.close()
            self.close_connection = True
            return
        if self.path == "/garbage":
            self.wfile.write(b"this is not http\r\n\r\n")
            self.close_connection = True
            return
        self.send_response_only(int(self.path.strip("/").split("?")[0]), "x")
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(self.server.announced or len(self.server.text)))
        self.end_headers()
        self.wfile.write(self.server.text)
        self.close_connection = self.server.announced is not None

    def do_GET(self):
        self.server.seen.append((self.command, self.path, {}, b""))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def peer():
    with Peer() as server:
        yield server
        server.shutdown()


@pytest.fixture
def sender():
    with httpx.Client(timeout=60) as client:
        yield Sender(client, now=lambda: NOW)


def test_message_is_posted_as_xml_with_its_length(peer, sender):
    assert sender.post(peer.url("200"), BODY) == DeliveryAttempt(DeliveryOutcome.DELIVERED, 200, "HTTP 200", None)
    ((method, _, headers, body),) = peer.seen
    assert (method, body) == ("POST", BODY)
    assert headers["Content-Type"] == "text/xml; charset=utf-8"
    assert headers["Content-Length"] == str(len(BODY))
    assert "Transfer-Encoding" not in headers


FINAL_4XX = [400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431]


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        (range(200, 300), DeliveryOutcome.DELIVERED),
        ((301, 302, 303), DeliveryOutcome.FAILED),
        ((300, 304, 305, 306, 307, 308, 399), DeliveryOutcome.RETRY),
        (FINAL_4XX, DeliveryOutcome.FAILED),
        (sorted(set(range(400, 500)) - set(FINAL_4XX)), DeliveryOutcome.RETRY),
        ((500, 501, 502, 503, 504, 599, 600, 799), DeliveryOutcome.RETRY),
    ],
)
def test_status_decides(peer, sender, statuses, outcome):
    for status in statuses:
        delivery = sender.post(peer.url(str(status)), b"" if status == 204 else BODY)
        assert (delivery.outcome, delivery.status) == (outcome, status)


@pytest.mark.parametrize("text", [b"Duplicate message", b"duplicate identifier", b"<p>DUPLICATE</p>"])
def test_400_duplicate_after_a_retry_means_delivered(peer, sender, text):
    peer.text = text
    assert sender.post(peer.url("400"), BODY, attempt=1).outcome is DeliveryOutcome.FAILED
    assert sender.post(peer.url("400"), BODY, attempt=2).outcome is DeliveryOutcome.DELIVERED
    assert sender.post(peer.url("401"), BODY, attempt=2).outcome is DeliveryOutcome.RETRY
    peer.text = b"bad signature"
    assert sender.post(peer.url("400"), BODY, attempt=2).outcome is DeliveryOutcome.FAILED


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirects_that_become_a_get_are_not_followed(peer, sender, status):
    peer.headers = {"Location": "/200"}
    assert sender.post(peer.url(str(status)), BODY).outcome is DeliveryOutcome.FAILED
    assert [method for method, *_ in peer.seen] == ["POST"]


@pytest.mark.parametrize("status", [307, 308])
def test_redirects_that_keep_the_post_are_followed(peer, sender, status):
    with Peer() as other:
        peer.headers = {"Location": other.url("202")}
        assert sender.post(peer.url(str(status)), BODY) == DeliveryAttempt(
            DeliveryOutcome.DELIVERED, 202, "HTTP 202", None
        )
        assert [(method, body) for method, _, _, body in other.seen] == [("POST", BODY)]
        other.shutdown()


def test_redirects_are_followed_a_few_times_only(peer, sender):
    peer.headers = {"Location": "/307"}
    delivery = sender.post(peer.url("307"), BODY)
    assert (delivery.outcome, delivery.status) == (DeliveryOutcome.RETRY, None)
    assert len(peer.seen) == 4


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://x.nl/"])
def test_redirects_to_other_schemes_are_refused(peer, sender, place):
    peer.headers = {"Location": place}
    assert sender.post(peer.url("308"), BODY).outcome is DeliveryOutcome.FAILED
    assert len(peer.seen) == 1


def test_redirect_never_leaves_https():
    asked = []

    def answer(request):
        asked.append(str(request.url))
        return httpx.Response(308, headers={"Location": "http://dso.nl/x"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        assert Sender(client).post("https://dso.nl/x", BODY).outcome is DeliveryOutcome.FAILED
    assert asked == ["https://dso.nl/x"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sat, 28 Mar 2026 05:31:30 GMT", 90.0),
        ("Sat, 28 Mar 2026 05:31:30 -0000", 90.0),
        ("Sat, 28 Mar 2026 05:00:00 GMT", 0.0),
        ("999999999999999", 86400.0),
        ("Sat, 28 Mar 2099 05:00:00 GMT", 86400.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_honoured(peer, sender, value, seconds):
    peer.headers = {"Retry-After": value}
    assert sender.post(peer.url("503"), BODY).retry_after_s == seconds
    assert sender.post(peer.url("429"), BODY).retry_after_s == seconds
    assert sender.post(peer.url("400"), BODY).retry_after_s is None


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,9} [A-Z][a-z]{2} [0-9]{1,9} [0-9:]{1,20} .*"))
def test_no_retry_after_breaks_out(value):
    seconds = transport._retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 86400


def test_no_listener_is_retried(sender):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        delivery = sender.post(url, BODY)
    assert (delivery.outcome, delivery.status) == (DeliveryOutcome.RETRY, None)
    assert delivery.detail.startswith("ConnectError")


@pytest.mark.parametrize("path", ["reset", "garbage"])
def test_broken_answer_is_retried(peer, sender, path):
    assert sender.post(peer.url(path), BODY).outcome is DeliveryOutcome.RETRY


def test_silence_is_retried():
    with socket.create_server(("127.0.0.1", 0)) as silent, httpx.Client(timeout=0.2) as client:
        delivery = Sender(client).post(f"http://127.0.0.1:{silent.getsockname()[1]}/", BODY)
    assert (delivery.outcome, delivery.detail.split(":")[0]) == (DeliveryOutcome.RETRY, "ReadTimeout")


def test_status_counts_even_if_the_answers_body_breaks_off(peer, sender):
    peer.announced = 100
    assert sender.post(peer.url("200"), BODY).outcome is DeliveryOutcome.DELIVERED
    assert sender.post(peer.url("401"), BODY).outcome is DeliveryOutcome.RETRY


def test_endless_answer_is_not_read_whole(peer, sender):
    peer.text = b"a" * 10_000_000
    delivery = sender.post(peer.url("500"), BODY)
    assert delivery.outcome is DeliveryOutcome.RETRY
    assert len(delivery.detail) < 300


def test_detail_is_one_printable_line(peer, sender):
    peer.text = "bad\r\n\x1b[31msignature\x00 é".encode()
    assert sender.post(peer.url("401"), BODY).detail == "HTTP 401 bad [31msignature é"


@pytest.mark.parametrize("endpoint", ["", "dso.nl", "ftp://dso.nl/", "http://", "http://[::1", "http://dso.nl:x/"])
def test_unusable_endpoint_fails_for_good(sender, endpoint):
    assert sender.post(endpoint, BODY).outcome is DeliveryOutcome.FAILED


def concrete_exceptions():
    kinds = [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]
    return [kind for kind in kinds if not any(issubclass(other, kind) and other is not kind for other in kinds)]


def make(kind):
    return Exception.__new__(kind)


@pytest.mark.parametrize("kind", concrete_exceptions())
def test_every_exception_of_httpx_is_decided_upon(kind):
    decided = [kind in transport.RETRIED, kind in transport.FINAL]
    assert decided.count(True) == 1
    assert outcome_of(make(kind)) is (DeliveryOutcome.RETRY if decided[0] else DeliveryOutcome.FAILED)


@pytest.mark.parametrize("kind", concrete_exceptions())
def test_every_exception_of_httpx_is_caught(kind):
    def fail(request):
        raise make(kind)

    with httpx.Client(transport=httpx.MockTransport(fail)) as client:
        assert Sender(client).post("https://dso.nl/", BODY).outcome is outcome_of(make(kind))


def test_bug_of_ours_is_not_hidden():
    def fail(request):
        raise ZeroDivisionError

    with httpx.Client(transport=httpx.MockTransport(fail)) as client, pytest.raises(ZeroDivisionError):
        Sender(client).post("https://dso.nl/", BODY)


@given(st.integers(-5, 10_000), st.integers())
def test_delays_grow_double_and_stay_bounded(attempt, seed):
    full = min(5.0 * 2.0 ** min(max(attempt, 1) - 1, 30), 600.0)
    assert full / 2 <= next_delay(attempt, random.Random(seed)) <= full
    assert next_delay(attempt, random.Random(seed), first_s=1.0, max_s=2.0) <= 2.0


def test_delays_are_spread():
    rng = random.Random(1)
    assert len({next_delay(3, rng) for _ in range(20)}) == 20


def test_an_hour_of_retries_is_not_many():
    rng, waited, attempts = random.Random(1), 0.0, 0
    while waited < 3600:
        attempts += 1
        waited += next_delay(attempts, rng)
    assert 6 <= attempts <= 25


def test_senders_own_clock_is_the_machines(peer):
    peer.headers = {"Retry-After": "Sat, 28 Mar 2099 05:00:00 GMT"}
    with httpx.Client(timeout=60) as client:
        assert Sender(client).post(peer.url("503"), BODY).retry_after_s == 86400.0
